"""What type checkers know of generated classes. Nothing here runs: mypy reads it, and so does `make check`.

Each `type: ignore` stands for an error that there must be: strict checkers complain of one that is not needed.
"""

import dataclasses
from datetime import date, datetime, time
from decimal import Decimal
from typing import assert_type
from uuid import UUID

from codegen.runtime import Duration
from codegen.tests.golden.invoice.billing import Amount, Currency, InvoiceIssued, Line, Percentage, Terms
from codegen.tests.golden.invoice.billing.payment import Card, Transfer
from codegen.tests.golden.kinds import Empty
from codegen.tests.golden.kinds.sample import Colour, Kinds, Tree
from codegen.tests.golden.kinds.sample.part import Point, Vector


def attributes_have_the_types_of_their_fields(terms: Terms, invoice: InvoiceIssued) -> None:
    assert_type(terms.nothing_else, None)
    assert_type(terms.in_advance, bool)
    assert_type(terms.days, int)
    assert_type(terms.limit, int)
    assert_type(terms.weight, float)
    assert_type(terms.risk, float)
    assert_type(terms.seal, bytes)
    assert_type(terms.title, str)
    assert_type(terms.currency, Currency)
    assert_type(terms.mark, bytes)
    assert_type(terms.languages, list[str])
    assert_type(terms.fees, dict[str, int])
    assert_type(terms.reply, str | None)
    assert_type(terms.first, Line)
    assert_type(terms.first.parts, list[Line])
    assert_type(terms.first.discount, Percentage | Amount | None)
    assert_type(invoice.paid_with, Card | Transfer | None)
    assert_type(invoice.reminded, list[datetime])
    assert_type(invoice.notes, dict[str, str | None])


def logical_types_are_pythons_own(terms: Terms, invoice: InvoiceIssued) -> None:
    assert_type(terms.vat, Decimal)
    assert_type(terms.interest, Decimal)
    assert_type(terms.rate, Decimal)
    assert_type(terms.issuer, UUID)
    assert_type(terms.since, date)
    assert_type(terms.opens, time)
    assert_type(terms.closes, time)
    assert_type(terms.agreed, datetime)
    assert_type(terms.signed, datetime)
    assert_type(terms.printed, datetime)
    assert_type(terms.posted, datetime)
    assert_type(terms.stamped, int)
    assert_type(terms.notice, Duration)
    assert_type(invoice.replaces, UUID | None)


def unions_are_of_all_their_branches(kinds: Kinds) -> None:
    assert_type(kinds.anything, bool | int | float | Colour | str | bytes | Point | list[str] | dict[str, int] | None)
    assert_type(kinds.when, datetime | date | UUID)
    assert_type(kinds.only, int)
    assert_type(kinds.grid, list[list[int | None]])
    if isinstance(kinds.either, Vector):
        assert_type(kinds.either, Vector)
    else:
        assert_type(kinds.either, Point)


def methods_and_constants(tree: Tree) -> None:
    assert_type(tree.encode(), bytes)
    assert_type(Tree.decode(b""), Tree)
    assert_type(Tree.decode(b"", Tree.SCHEMA), Tree)
    assert_type(tree.decode(b"", writer=None), Tree)
    assert_type(Tree.SCHEMA, str)
    assert_type(Tree.FINGERPRINT, str)
    assert_type(Tree.NAME, str)
    assert_type(dataclasses.replace(tree, label="other"), Tree)
    Tree.decode("text")  # type: ignore[arg-type]
    Tree.decode(b"", writer=b"{}")  # type: ignore[arg-type]
    tree.encode(b"")  # type: ignore[call-arg]


def enums_are_strings_with_members() -> None:
    assert_type(Colour("RED"), Colour)
    text: str = Colour.class_
    named: str = Colour(text).value
    assert_type(list(Colour), list[Colour])
    assert_used(Colour.BLUE)  # type: ignore[attr-defined]
    Colour.RED = Colour.GREEN  # type: ignore[misc]
    colour: Colour = named  # type: ignore[assignment]
    Terms(currency=colour)  # type: ignore[arg-type]
    Terms(currency="EUR")  # type: ignore[arg-type]


def a_constructor_wants_keywords_and_what_has_no_default() -> None:
    Empty()
    Point(x=1)
    Point(1)  # type: ignore[call-arg]
    Point()  # type: ignore[call-arg]
    Point(x=1, z=2)  # type: ignore[call-arg]
    Line(sku="tea", unit_price=Decimal(1))
    Line(sku="tea")  # type: ignore[call-arg]
    Empty(x=1)  # type: ignore[call-arg]


def a_constructor_refuses_other_types(point: Point, vector: Vector) -> None:
    Point(x="1")  # type: ignore[arg-type]
    Point(x=1.0)  # type: ignore[arg-type]
    Point(x=None)  # type: ignore[arg-type]
    Terms(title=b"")  # type: ignore[arg-type]
    Terms(seal="")  # type: ignore[arg-type]
    Terms(vat=19.0)  # type: ignore[arg-type]
    Terms(issuer="6f1c1e0e-6a63-4d4f-9d6b-3c7b6f8a9b10")  # type: ignore[arg-type]
    Terms(agreed=date(2026, 1, 1))  # type: ignore[arg-type]
    Terms(opens=datetime(2026, 1, 1))  # type: ignore[arg-type]  # noqa: DTZ001
    Terms(fees={"reminder": "5"})  # type: ignore[dict-item]
    Terms(languages=[1])  # type: ignore[list-item]
    Terms(languages=("en",))  # type: ignore[arg-type]
    Tree(label="", parent=point)  # type: ignore[arg-type]
    Tree(label="", children=[vector])  # type: ignore[list-item]
    Terms(first={"sku": "tea"})  # type: ignore[arg-type]


def instances_do_not_change(point: Point, tree: Tree) -> None:
    point.x = 2  # type: ignore[misc]
    tree.children = []  # type: ignore[misc]
    assert_used(point.z)  # type: ignore[attr-defined]
    point.z = 3  # type: ignore[attr-defined]
    assert_used({point: "a frozen value can be a key"})
    assert_used(point == vector_of(point))  # type: ignore[comparison-overlap]


def assert_used(value: object) -> None:
    assert value


def vector_of(point: Point) -> Vector:
    return Vector(x=point.x, y=point.y)
