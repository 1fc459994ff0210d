"""Records: recursion, references over files and namespaces, namespaces that refer to each other."""

import copy
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from codegen.tests.building import build, record, write_package
from codegen.tests.golden.cycles import library, people
from codegen.tests.golden.cycles.library import Book, Genre
from codegen.tests.golden.cycles.people import Author, Reader
from codegen.tests.golden.invoice import billing
from codegen.tests.golden.kinds import Empty
from codegen.tests.golden.kinds.sample import AVRO_TYPES, Compact, Tree
from codegen.tests.golden.kinds.sample.part import Point, Vector
from codegen.tests.golden.same_names import crm, logistics, sales
from codegen.tests.importing import imported_first
from codegen.tests.round_trips import calls, round_trip, try_instances

Schemas = tuple[Mapping[str, Any], ...]


def maybe(type_: Any) -> list[Any]:
    return ["null", type_]


def many(type_: Any) -> dict[str, Any]:
    return {"type": "array", "items": type_}


def by_key(type_: Any) -> dict[str, Any]:
    return {"type": "map", "values": type_}


KINDS: dict[str, Schemas] = {
    "without fields": (record("n.R"),),
    "of nothing but null": (record("n.R", x="null"),),
    "called an error": ({**record("n.R", x="int"), "type": "error"},),
    "of many fields": (record("n.R", **{f"f{number}": "int" for number in range(300)}),),
    "of empty records": (record("n.R", one="n.Empty", more=many("n.Empty")), record("n.Empty")),
    "defined within one another": (record("n.R", a=record("n.A", b=record("n.B", c=record("n.C", x="int")))),),
    "defined within a union of an array of a map": (record("n.R", a=["null", many(by_key(record("n.A", x="int")))]),),
}
RECURSIONS: dict[str, Schemas] = {
    "by a union": (record("n.R", x="int", next=maybe("R")),),
    "by an array": (record("n.R", x="int", next=many("R")),),
    "by a map": (record("n.R", x="int", next=by_key("R")),),
    "by every way": (record("n.R", a=maybe("R"), b=many("R"), c=by_key("R"), d=many(maybe("R"))),),
    "without anything else": (record("n.R", next=maybe("R")),),
    "of two": (record("n.A", b=maybe("n.B")), record("n.B", a=many("n.A"))),
    "of two, one of which is needed": (record("n.A", b="n.B"), record("n.B", a=maybe("n.A"))),
    "of three": (record("n.A", b=maybe("n.B")), record("n.B", c=many("n.C")), record("n.C", a=by_key("n.A"))),
    "within a definition": (record("n.A", b=record("n.B", a=maybe("n.A"), b=many("n.B"))),),
}
REFERENCES: dict[str, Schemas] = {
    "over files": (record("n.A", b="n.B", c="n.C"), record("n.B", c="n.C"), record("n.C", x="int")),
    "over namespaces": (record("a.A", b="b.B", c="c.d.C"), record("b.B", c="c.d.C"), record("c.d.C", x="int")),
    "to a type within another file's": (record("n.A", b="n.B"), record("n.C", b=maybe(record("n.B", x="int")))),
    "to no namespace": (record("a.A", b=["null", "a.B"]), record("a.B", c=record("C", x="int"))),
    "to enums and fixeds": (
        record("a.A", e="b.E", f="b.F", both=["b.E", "b.F"]),
        record("b.B", e={"type": "enum", "name": "E", "symbols": ["X"]}, f={"type": "fixed", "name": "F", "size": 2}),
    ),
    "to two types of one name": (
        record("c.P", one="a.P", other="b.P", either=["a.P", "c.P", "b.P", "null"]),
        record("a.P", x="int"),
        record("b.P", x="int"),
    ),
}
CYCLES: dict[str, Schemas] = {
    "two namespaces": (record("a.A", b=maybe("b.B")), record("b.B", a=maybe("a.A"))),
    "three namespaces": (record("a.A", b=many("b.B")), record("b.B", c=many("c.C")), record("c.C", a=many("a.A"))),
    "two cycles in one": (
        record("a.A", b=maybe("b.B"), c=maybe("c.C")),
        record("b.B", a=maybe("a.A")),
        record("c.C", a=maybe("a.A")),
    ),
    "a cycle and who uses it": (record("a.A", b=maybe("b.B")), record("b.B", a=maybe("a.A")), record("c.C", a="a.A")),
    "namespaces, not types": (record("a.A", b="b.B"), record("a.C", x="int"), record("b.B", x="int"), record("b.D", c="a.C")),
    "a package and one below it": (record("a.A", b=maybe("a.b.B")), record("a.b.B", a=maybe("a.A"))),
    "a package and one far below it": (record("a.A", b=maybe("a.b.c.B")), record("a.b.c.B", a=maybe("a.A"))),
    "two packages below one": (record("a.b.B", c=maybe("a.c.C")), record("a.c.C", b=maybe("a.b.B")), record("a.A", b="a.b.B")),
    "packages below two others": (
        record("a.A", d=maybe("b.d.D")),
        record("b.d.D", c=maybe("a.c.C")),
        record("a.c.C", b=maybe("b.B")),
        record("b.B", a=maybe("a.A")),
    ),
    "an enum's default across": (
        record("a.A", {"e": "X", "more": ["X"], "maybe": None}, e="b.E", more=many("b.E"), maybe=["null", "b.E"]),
        record("b.B", a=maybe("a.A"), e={"type": "enum", "name": "E", "symbols": ["X", "Y"]}),
    ),
    "a record's default across": (
        record("a.A", {"b": {"x": 1}}, b="b.B"),
        record("b.B", {"a": None}, x="int", a=maybe("a.A")),
    ),
}  # fmt: skip


def ring(count: int) -> Schemas:
    """Return schemas of so many namespaces, of which each refers to the next, and the last to the first."""
    return tuple(record(f"n{number}.R", next=maybe(f"n{(number + 1) % count}.R")) for number in range(count))


ALL = KINDS | RECURSIONS | REFERENCES | CYCLES
SEVERAL_MODULES = REFERENCES | CYCLES
CLASSES: dict[str, dict[str, Any]] = {
    "kinds": AVRO_TYPES | {"Empty": Empty},
    "cycles": library.AVRO_TYPES | people.AVRO_TYPES,
    "same_names": sales.AVRO_TYPES,
    "invoice": billing.AVRO_TYPES,
}


@pytest.mark.parametrize("schemas", ALL.values(), ids=ALL.keys())
def test_bytes_equal_fastavros_and_are_read_back(schemas: Schemas, tmp_path: Path) -> None:
    assert try_instances(build(tmp_path, *schemas)) >= len(schemas)


@pytest.mark.parametrize("schemas", SEVERAL_MODULES.values(), ids=SEVERAL_MODULES.keys())
def test_any_module_may_be_imported_first(schemas: Schemas, tmp_path: Path) -> None:
    modules = write_package(tmp_path, "package", *schemas)

    assert imported_first("package", modules, tmp_path) == modules


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES.keys())
def test_golden_classes_are_written_as_fastavro_does(classes: dict[str, Any]) -> None:
    assert try_instances(classes, 60) >= 3


def test_a_record_of_one_short_name_is_not_the_other() -> None:
    work = crm.Address(mail="a@b.c", kind=crm.Kind.WORK)
    home = logistics.Address(street="Main Street", kind=logistics.Kind.HOME, contact=work)

    order = sales.Order(customer=work, parcels=[home], receipt=sales.Address(phone="1"))

    assert round_trip(order)[-4:] == b"\x04\x021\x00"
    assert type(sales.Order.decode(order.encode()).parcels[0].contact) is crm.Address


def test_namespaces_may_refer_to_each_other() -> None:
    author = Author(name="Ada")
    book = Book(title="Notes", author=author, lent_to={"Bob": Reader(favourite=Genre.SCIENCE)})

    assert round_trip(book)
    assert author.writes is Genre.POETRY
    assert author.first == Book(title="Untitled", genre=Genre.NOVEL)


def test_many_namespaces_may_refer_to_each_other_in_a_ring(tmp_path: Path) -> None:
    few = calls(write_package, tmp_path, "few", *ring(10))
    many = calls(write_package, tmp_path, "many", *ring(30))

    assert len(many) < len(few) * 3**2.7  # each of the classes has the schemas of all


def test_an_empty_record_has_no_bytes() -> None:
    assert Empty().encode() == b""
    assert Empty.decode(b"") == Empty()


def test_a_long_chain_is_written_and_read() -> None:
    tree = Tree(label="end")
    for number in range(200):
        tree = Tree(label=str(number), parent=tree)

    assert Tree.decode(tree.encode()) == tree


def test_a_wide_tree_is_written_and_read() -> None:
    tree = Tree(label="root", children=[Tree(label=str(number)) for number in range(10_000)])

    assert Tree.decode(tree.encode()) == tree


def test_values_are_immutable_and_comparable() -> None:
    point = Point(x=1)

    assert point == Point(x=1, y=0)
    assert point != Vector(x=1)  # type: ignore[comparison-overlap]
    assert hash(point) == hash(Point.decode(point.encode()))
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]


def test_what_was_read_is_immutable_too() -> None:
    point = Point.decode(Point(x=1).encode())

    assert type(point) is Point
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]


def test_an_instance_has_no_room_for_other_attributes() -> None:
    assert not hasattr(Point.decode(Point(x=1).encode()), "__dict__")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_what_was_read_can_be_copied_and_pickled(copied: Any) -> None:
    tree = Tree.decode(Tree(label="a", children=[Tree(label="b")]).encode())

    assert copied(tree) == tree
    assert copied(tree).encode() == tree.encode()


def test_classes_say_which_schema_they_are_of() -> None:
    assert Compact.NAME == "sample.Compact"
    assert Compact.SCHEMA.startswith('{"type":"record","name":"Compact","namespace":"sample"')
    assert len(Compact.FINGERPRINT) == 64
