"""What encode says of a value that does not fit: the path, what is needed, what was given."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from codegen.errors import EncodeError
from codegen.tests.golden.cycles.library import Genre
from codegen.tests.golden.invoice.billing import Amount, InvoiceIssued, Line, Percentage, Terms
from codegen.tests.golden.kinds.sample import Kinds, Names, Tree
from codegen.tests.golden.kinds.sample.part import Point, Vector

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
VALID = Kinds(
    time_millis=time(1),
    time_micros=time(1),
    instant_millis=NOW,
    local_millis=NOW.replace(tzinfo=None),
    local_micros=NOW.replace(tzinfo=None),
    misspelt=1,
    when=NOW,
    only=1,
    either=Point(x=1),
)


@dataclass(frozen=True)
class Shown:
    """An object that is shown by a text, if it is one."""

    text: Any

    def __repr__(self) -> str:
        return self.text  # type: ignore[no-any-return]


FAULTS: list[tuple[str, Any, str]] = [
    ("nothing", 0, r"nothing: None is needed, not 0 \(int\)"),
    ("yes", 1, r"yes: a bool is needed, not 1 \(int\)"),
    ("small", "1", r"small: an int is needed, not '1' \(str\)"),
    ("small", 1.0, r"small: an int is needed, not 1.0 \(float\)"),
    ("small", True, r"small: True \(bool\) does not fit int"),
    ("small", 2**31, r"small: 2147483648 \(int\) does not fit int"),
    ("small", -(2**31) - 1, r"small: -2147483649 \(int\) does not fit int"),
    ("large", 2**63, r"large: 9223372036854775808 \(int\) does not fit long"),
    ("large", -(2**63) - 1, r"large: -9223372036854775809 \(int\) does not fit long"),
    ("large", None, r"large: an int is needed, not None"),
    ("single", 1e300, r"single: 1e\+300 \(float\) does not fit float"),
    ("single", "x", r"single: a float is needed"),
    ("double", True, r"double: True \(bool\) does not fit double"),
    ("raw", "text", r"raw: a bytes is needed, not 'text' \(str\)"),
    ("text", b"bytes", r"text: a str is needed, not b'bytes' \(bytes\)"),
    ("text", "\ud800", r"text: .* does not fit string: .*surrogates not allowed"),
    ("identity", str(UUID(int=1)), r"identity: a UUID is needed"),
    ("digest", b"123", r"digest: 4 bytes are needed, not b'123'"),
    ("date", NOW, r"date: .* does not fit date: a datetime is not a date"),
    ("time_micros", time(1, tzinfo=UTC), r"time_micros: .* a time of day has no zone"),
    ("instant_micros", NOW.replace(tzinfo=None), r"instant_micros: .* does not fit timestamp-micros: .*offset-naive"),
    ("instant_micros", date(2026, 1, 1), r"instant_micros: a datetime is needed"),
    ("local_micros", NOW, r"local_micros: .* does not fit local-timestamp-micros"),
    ("colour", "BLUE", r"colour: a symbol of sample.Colour is needed, not 'BLUE'"),
    ("colour", 1, r"colour: a symbol of sample.Colour is needed"),
    ("numbers", "12", r"numbers: a list is needed, not '12'"),
    ("numbers", [1, 2, "3"], r"numbers\[2\]: an int is needed, not '3'"),
    ("grid", [[1], [None, 2.5]], r"grid\[1\]\[1\]: an int is needed, not 2.5"),
    ("weights", {"a": 1.0, "b": "x"}, r'weights\["b"\]: a float is needed'),
    ("weights", {"two\nlines": "x"}, r"weights\['two\\nlines'\]: a float is needed"),
    ("weights", {'"': "x"}, r"weights\['\"'\]: a float is needed"),
    ("weights", {"a\\b": "x"}, r"weights\['a\\\\b'\]: a float is needed"),
    ("weights", {"\u00e9 \u5b57'": "x"}, 'weights\\["\u00e9 \u5b57\'"\\]: a float is needed'),
    ("weights", {"\u2028\x1b[0m": "x"}, r"weights\['\\u2028\\x1b\[0m'\]: a float is needed"),
    ("weights", {"\ud800": 1.0}, r"weights\['\\ud800'\]: .* does not fit string"),
    ("weights", {Shown("two\nlines"): 1.0}, r"weights\[two\\nlines\]: a str is needed, not two\\nlines \(Shown\)"),
    ("weights", {1: 1.0}, r"weights\[1\]: a str is needed"),
    ("weights", [], r"weights: a dict is needed"),
    ("points", {"p": Point(x=None)}, r'points\["p"\]\.x: an int is needed'),  # type: ignore[arg-type]
    ("point", {"x": 1, "y": 2}, r"point: a sample.part.Point is needed, not \{'x': 1, 'y': 2\} \(dict\)"),
    ("maybe_point", Tree(label="x"), r"maybe_point: a sample.part.Point is needed"),
    ("maybe_point", Point(x=2**40), r"maybe_point\.x: 1099511627776 \(int\) does not fit int"),
    ("anything", object(), r"anything: <object object at .*> \(object\) fits no branch of the union"),
    ("anything", Point(x="1"), r"anything\.x: an int is needed"),  # type: ignore[arg-type]
    ("anything", 2**70, r"anything: .* fits no branch"),
    ("text_or_null", 1, r"text_or_null: a str is needed"),
    ("either", None, r"either: None fits no branch"),
    ("only", "x", r"only: an int is needed"),
    ("text", Point(x=1), r"text: a str is needed, not Point\(x=1, y=0\) \(Point\)"),
    ("text_or_null", Point(x=1), r"text_or_null: a str is needed, not Point"),
    ("raw", Point(x=1), r"raw: a bytes is needed, not Point"),
    ("identity", Point(x=1), r"identity: a UUID is needed, not Point"),
    ("weights", {Point(x=1): 1.0}, r"weights\[Point\(x=1, y=0\)\]: a str is needed"),
    ("point", Point, r"point: a sample.part.Point is needed, not <class"),
    ("point", Vector(x=1), r"point: a sample.part.Point is needed, not Vector"),
    ("either", Tree(label=""), r"either: Tree\(.*\) \(Tree\) fits no branch of the union"),
    ("either", Point(x="1"), r"either\.x: an int is needed"),  # type: ignore[arg-type]
    ("points", [Point(x=1)], r"points: a dict is needed"),
    ("colour", Genre.NOVEL, r"colour: a symbol of sample.Colour is needed, not <Genre.NOVEL: 'NOVEL'> \(Genre\)"),
    ("anything", Genre.NOVEL.name.encode, r"anything: .* fits no branch of the union"),
    ("anything", [1], r"anything: \[1\] \(list\) fits no branch of the union"),
    ("anything", {"a": None}, r"anything: .* fits no branch of the union"),
    ("time_millis", NOW, r"time_millis: a time is needed, not datetime"),
    ("instant_millis", NOW.date(), r"instant_millis: a datetime is needed, not datetime.date"),
    ("local_millis", NOW.date(), r"local_millis: a datetime is needed, not datetime.date"),
    ("when", time(1), r"when: .* fits no branch of the union"),
    ("grid", [[2**63]], r"grid\[0\]\[0\]: 9223372036854775808 \(int\) does not fit long"),
    ("grid", [None], r"grid\[0\]: a list is needed, not None"),
]


@pytest.mark.parametrize(("field", "value", "message"), FAULTS, ids=[f"{f[0]}={f[1]!r:.20}" for f in FAULTS])
def test_a_value_that_does_not_fit_is_refused_with_its_path(field: str, value: Any, message: str) -> None:
    event = replace(VALID, **{field: value})

    with pytest.raises(EncodeError, match=f"^{message}") as caught:
        event.encode()

    assert len(str(caught.value).splitlines()) == 1


LINE: Any = Line(sku="tea", unit_price=Decimal(1))
INVOICE: Any = InvoiceIssued(invoice_id=UUID(int=1), issued_at=NOW, lines=[LINE], total=Decimal(1))
PLACES: list[tuple[Any, str]] = [
    (replace(INVOICE, total=Decimal("1.999")), r"total: .* does not fit decimal\(14, 2\): 3 digits after the point"),
    (replace(INVOICE, total=1.5), r"total: a Decimal is needed, not 1.5 \(float\)"),
    (replace(INVOICE, total=2), r"total: a Decimal is needed, not 2 \(int\)"),
    (replace(INVOICE, total=Decimal("NaN")), r"total: .* it has no digits"),
    (replace(INVOICE, lines=[LINE, replace(LINE, unit_price=Decimal("1E+10"))]), r"lines\[1\]\.unit_price: .* 11 digits before"),
    (replace(INVOICE, lines=[replace(LINE, parts=[replace(LINE, quantity="2")])]), r"lines\[0\]\.parts\[0\]\.quantity: an int"),
    (replace(INVOICE, lines=[replace(LINE, discount=Decimal(1))]), r"lines\[0\]\.discount: .* fits no branch of the union"),
    (replace(INVOICE, lines=[replace(LINE, discount=Amount(value=1))]), r"lines\[0\]\.discount\.value: a Decimal"),  # type: ignore[arg-type]
    (replace(INVOICE, lines=[replace(LINE, discount=Percentage(value=Decimal("0.00001")))]), r"lines\[0\]\.discount\.value: .* 5 digits after"),
    (replace(INVOICE, lines=[LINE, Amount(value=Decimal(1))]), r"lines\[1\]: a billing.Line is needed, not Amount"),
    (replace(INVOICE, paid_with=LINE), r"paid_with: .* fits no branch of the union"),
    (replace(INVOICE, replaces=str(UUID(int=1))), r"replaces: a UUID is needed"),
    (replace(INVOICE, reminded=[NOW, NOW.date()]), r"reminded\[1\]: a datetime is needed"),
    (replace(INVOICE, reminded=[NOW.replace(tzinfo=None)]), r"reminded\[0\]: .* does not fit timestamp-millis"),
    (replace(INVOICE, notes={"en": "thanks", "de": b"danke"}), r'notes\["de"\]: a str is needed'),
    (Terms(rate=Decimal("Infinity")), r"rate: .* does not fit big-decimal"),
    (Terms(interest=Decimal(100)), r"interest: .* does not fit decimal\(5, 3\): 3 digits before the point, 2 at most"),
    (Terms(notice=b"123456789012"), r"notice: a Duration is needed"),  # type: ignore[arg-type]
    (Terms(stamped=NOW), r"stamped: an int is needed"),  # type: ignore[arg-type]
    (Terms(stamped=2**63), r"stamped: .* does not fit long"),
    (Terms(mark=b"abc"), r"mark: 2 bytes are needed, not b'abc'"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "message"), PLACES, ids=[message[:30] for _, message in PLACES])
def test_a_fault_is_found_wherever_it_is(value: Any, message: str) -> None:
    with pytest.raises(EncodeError, match=f"^{message}"):
        value.encode()


def test_the_valid_value_is_valid() -> None:
    assert Kinds.decode(VALID.encode()).only == 1
    assert InvoiceIssued.decode(INVOICE.encode()) == INVOICE


def test_a_fault_deep_in_a_recursion_is_found() -> None:
    tree = Tree(label="a", children=[Tree(label="b"), Tree(label="c", parent=Tree(label=5))])  # type: ignore[arg-type]

    with pytest.raises(EncodeError, match=r"^children\[1\]\.parent\.label: a str is needed, not 5"):
        tree.encode()


def test_a_path_has_the_fields_name_as_in_the_schema() -> None:
    numbers = dict.fromkeys(("self", "encode_", "decode_", "SCHEMA_", "read_long"), 1)
    texts = dict.fromkeys(("data", "at", "value", "str"), "")
    names: Any = Names
    value = names(class_="x", count=[], UUID=UUID(int=1), Point=Point(x=1), **numbers, **texts)

    with pytest.raises(EncodeError, match=r"^class: an int is needed"):
        value.encode()


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(EncodeError) as caught:
        replace(VALID, small="x" * 10_000).encode()  # type: ignore[arg-type]

    assert len(str(caught.value)) < 200


def test_a_value_that_contains_itself_is_refused() -> None:
    tree = Tree(label="a")
    tree.children.append(tree)

    with pytest.raises(EncodeError):
        tree.encode()


def test_a_key_that_cannot_be_shown_is_told_by_its_class() -> None:
    with pytest.raises(EncodeError, match=r"^weights\[a Shown\]: a str is needed, not a value of type Shown$"):
        replace(VALID, weights={Shown(None): 1.0}).encode()  # type: ignore[dict-item]
