"""Names: whatever Avro allows as a name of a field, symbol, type or namespace works in Python, by a name to be expected.

Avro's names are `[A-Za-z_][A-Za-z0-9_]*`. Each list is tried as a whole and in each place where a name may stand.
"""

import builtins
import enum
import keyword
from dataclasses import fields
from datetime import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from codegen import runtime
from codegen.avro.schema import PRIMITIVES, Record
from codegen.python.names import PackageNames, attribute_names, member_names, snake_case
from codegen.tests.building import build, logical, record, record_of
from codegen.tests.golden.names.names import AVRO_TYPES, Builtins, Keywords, Symbols
from codegen.tests.round_trips import round_trip, try_instances

KEYWORDS = [*keyword.kwlist, *keyword.softkwlist]
PYTHONS = sorted({name for name in dir(builtins) if name.isidentifier()} | {"self", "cls", "mro", "_", "__", "___"})
IMPORTED = ["ClassVar", "Decimal", "Duration", "Final", "StrEnum", "UTC", "UUID", "annotations", "dataclass", "dataclasses",
            "date", "datetime", "decimal", "decode_error", "encode_error", "enum", "field", "reader_for", "time", "typing",
            "uuid", "codegen"]  # fmt: skip
GENERATED = ["AVRO_TYPES", "FINGERPRINT", "NAME", "SCHEMA", "at", "branch", "count", "data", "decode", "encode", "end", "fault",
             "item", "items", "items_2", "key", "mapping", "position", "raw", "read", "read_x", "size", "text", "value",
             "value_2", "write_x", "writer"]  # fmt: skip
ENUMS = sorted({*dir(enum.StrEnum), *dir(Symbols.PLAIN), "_value_", "_name_", "_order_", "_ignore_"})
DUNDERS = ["__init__", "__slots__", "__dict__", "__doc__", "__class__", "__x", "__x__", "__x___", "_x_", "_x", "x_"]
NAMES = sorted({*KEYWORDS, *PYTHONS, *IMPORTED, *GENERATED, *ENUMS, *DUNDERS, *runtime.__all__})
TYPE_NAMES = [name for name in NAMES if name not in PRIMITIVES]


def everything(name: str, other: str) -> dict[str, Any]:
    """Return a record that needs every part of the generated code, with `other` wherever a type may stand."""
    return record(
        name,
        {"several": None, "day": 0, "number": 1},
        many={"type": "array", "items": other},
        by_key={"type": "map", "values": other},
        maybe=["null", other],
        grid={"type": "array", "items": {"type": "array", "items": ["null", "string"]}},
        several=["null", "int", "string", "bytes", other, {"type": "map", "values": "double"}],
        day=logical("date", "int"),
        number="long",
        price=logical("decimal", "bytes", precision=4, scale=2),
        identity=["null", logical("uuid", "string")],
        moment=[logical("timestamp-micros", "long"), logical("time-millis", "int"), "boolean"],
        kind={"type": "enum", "name": "Kind", "symbols": ["A", "B"]},
    )


def example(cls: Any, kind: Any, other: Any) -> Any:
    """Return an instance of such a record, with `other` wherever one may stand."""
    some = [other] if other else []
    return cls(
        many=some,
        by_key={"key": other} if other else {},
        maybe=other,
        grid=[[None, "text"], []],
        several=other,
        price=Decimal("1.5"),
        identity=UUID(int=1),
        moment=time(1),
        kind=kind.B,
    )


# All of them


def test_fields_may_have_any_name(tmp_path: Path) -> None:
    classes = build(tmp_path, record_of("n.R", dict.fromkeys(NAMES, "int"), {}))

    assert try_instances(classes, 2) == 1
    assert len(fields(classes["n.R"])) == len(NAMES)


def test_fields_hide_nothing_that_others_need(tmp_path: Path) -> None:
    schema = everything("n.R", "n.R")
    taken = [field["name"] for field in schema["fields"]]
    more = [{"name": name, "type": ["null", "string"], "default": None} for name in NAMES if name not in taken]

    classes = build(tmp_path, {**schema, "fields": [*schema["fields"], *more]})

    assert try_instances(classes, 2) == 1


def test_symbols_may_have_any_name(tmp_path: Path) -> None:
    classes = build(tmp_path, record("n.R", e={"type": "enum", "name": "E", "symbols": NAMES}))
    symbols = classes["n.E"]

    assert [member.value for member in symbols] == NAMES
    assert [classes["n.R"].decode(round_trip(classes["n.R"](e=member))).e for member in symbols] == list(symbols)
    assert {member.name.rstrip("_") for member in symbols} == {name.rstrip("_") for name in NAMES}


def test_records_may_have_any_name(tmp_path: Path) -> None:
    records = [record(f"n.{name}", x="int", next=["null", f"n.{name}"]) for name in TYPE_NAMES]
    classes = build(tmp_path, *records, everything("n.R", "n.str"))

    for name in TYPE_NAMES:
        cls = classes[f"n.{name}"]
        assert len(round_trip(cls(x=1, next=cls(x=2, next=None)))) == 4
    value = classes["n.str"](x=1, next=None)
    assert round_trip(example(classes["n.R"], classes["n.Kind"], value))


@pytest.mark.parametrize("name", [*GENERATED, *IMPORTED, "_", "str", "object", "list"])
def test_records_may_be_called_like_what_their_code_needs(name: str, tmp_path: Path) -> None:
    classes = build(tmp_path, everything(f"n.{name}", f"n.{name}"))
    cls, kind = classes[f"n.{name}"], classes["n.Kind"]

    assert round_trip(example(cls, kind, example(cls, kind, None)))


def test_enums_and_fixeds_may_have_any_name(tmp_path: Path) -> None:
    enums = [{"type": "enum", "name": name, "symbols": ["A", "B"], "namespace": "n"} for name in TYPE_NAMES]
    fixeds = [{"type": "fixed", "name": name, "size": 2, "namespace": "m"} for name in TYPE_NAMES]
    user = record_of("n.R", {f"e_{name}": f"n.{name}" for name in TYPE_NAMES}, {})
    other = record_of("o.R", {f"f_{name}": f"m.{name}" for name in TYPE_NAMES}, {})

    assert try_instances(build(tmp_path, *enums, *fixeds, user, other), 2) == 2


def test_namespaces_may_have_any_name(tmp_path: Path) -> None:
    parts = [record(f"{parent}{name}.Part", x="int") for name in NAMES for parent in ("", "n.")]
    user = everything("n.R", "n.date.Part")
    user["fields"] += [{"name": f"f_{name}", "type": ["null", f"n.{name}.Part", f"{name}.Part"]} for name in NAMES]

    classes = build(tmp_path, user, *parts)

    values = {f"f_{name}": classes[f"n.{name}.Part"](x=1) for name in NAMES}
    assert round_trip(example(partial(classes["n.R"], **values), classes["n.Kind"], classes["n.date.Part"](x=1)))


@pytest.mark.parametrize("name", ["class", "date", "dataclass", "read_r", "value", "field", "str", "AVRO_TYPES"])
def test_namespaces_that_refer_to_each_other_may_have_any_name(name: str, tmp_path: Path) -> None:
    part = record(f"n.{name}.Part", x="int", whole=["null", "n.R"])

    classes = build(tmp_path, everything("n.R", f"n.{name}.Part"), part)

    value = classes[f"n.{name}.Part"](x=1, whole=None)
    assert round_trip(classes[f"n.{name}.Part"](x=2, whole=example(classes["n.R"], classes["n.Kind"], value)))


def test_golden_names_are_written_as_fastavro_does() -> None:
    assert try_instances(AVRO_TYPES) == 10


# What they are called instead

ATTRIBUTES: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    ("a name that is free", ("name", "type", "match", "self", "cls"), ("name", "type", "match", "self", "cls")),
    ("a keyword", ("class", "None", "async"), ("class_", "None_", "async_")),
    ("what a class has", ("encode", "decode", "SCHEMA", "NAME", "FINGERPRINT"), ("encode_", "decode_", "SCHEMA_", "NAME_", "FINGERPRINT_")),
    ("what Python keeps to itself", ("__x", "__init__", "__"), ("__x___", "__init___", "___")),
    ("what Python does not mind", ("_x", "_x_", "x__", "___"), ("_x", "_x_", "x__", "___")),
    ("one that is taken", ("class_", "class"), ("class_", "class__")),
    ("one that is taken later", ("class", "class_"), ("class__", "class_")),
    ("one that is taken twice", ("class", "class_", "class__"), ("class___", "class_", "class__")),
]  # fmt: skip


@pytest.mark.parametrize(("names", "expected"), [case[1:] for case in ATTRIBUTES], ids=[case[0] for case in ATTRIBUTES])
def test_an_attribute_is_called_as_its_field_if_it_can_be(names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert tuple(attribute_names(names)[name] for name in names) == expected


MEMBERS: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    ("a name that is free", ("RED", "red", "self", "x_", "_x"), ("RED", "red", "self", "x_", "_x")),
    ("a keyword", ("class", "None"), ("class_", "None_")),
    ("what an enum has", ("mro", "name", "value"), ("mro_", "name_", "value_")),
    ("what a string has", ("upper", "count", "encode"), ("upper_", "count_", "encode_")),
    ("what Python keeps to itself", ("_x_", "__x", "__y__", "_Colour__x"), ("_x__", "__x___", "__y___", "_Colour__x__")),
    ("one that is taken", ("name_", "name"), ("name_", "name__")),
]  # fmt: skip


@pytest.mark.parametrize(("names", "expected"), [case[1:] for case in MEMBERS], ids=[case[0] for case in MEMBERS])
def test_a_member_is_called_as_its_symbol_if_it_can_be(names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert tuple(member_names("n.Colour", names)[name] for name in names) == expected


CLASSES: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
    ("a name that is free", ("n.Point", "n.point", "n.str", "n.date"), ("Point", "point", "str", "date")),
    ("a keyword", ("n.class", "n.True"), ("class_", "True_")),
    ("a module below", ("n.part", "n.part.Whole"), ("part_", "Whole")),
    ("a module far below", ("n.part", "n.part.of.Whole"), ("part_", "Whole")),
    ("a top-level module", ("n", "n.Point"), ("n_", "Point")),
    ("a variable", ("n.value", "n.data", "n._", "n.AVRO_TYPES"), ("value_", "data_", "___", "AVRO_TYPES_")),
    ("one that is taken", ("n.value", "n.value_"), ("value__", "value_")),
    ("of two namespaces", ("a.Point", "b.Point"), ("Point", "Point")),
]


@pytest.mark.parametrize(("names", "expected"), [case[1:] for case in CLASSES], ids=[case[0] for case in CLASSES])
def test_a_class_is_called_as_its_type_if_it_can_be(names: tuple[str, ...], expected: tuple[str, ...]) -> None:
    package = PackageNames("package", [Record(name, ()) for name in names])

    assert tuple(package.class_name(name) for name in names) == expected


@pytest.mark.parametrize(
    ("namespace", "module"),
    [
        ("", "package"),
        ("a.b", "package.a.b"),
        ("a.class", "package.a.class_"),
        ("class.a", "package.class_.a"),
        ("__init__", "package.__init___"),
    ],
)
def test_a_module_is_called_as_its_namespace_if_it_can_be(namespace: str, module: str) -> None:
    package = PackageNames("package", [Record(f"{namespace}.R".lstrip("."), ())])

    assert package.module(namespace) == module


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("n.FooBar", "foo_bar"),
        ("n.foo_bar", "foo_bar"),
        ("n.HTTPHeader", "http_header"),
        ("n.V2Point", "v2_point"),
        ("X", "x"),
    ],
)
def test_functions_are_called_by_the_words_of_a_name(name: str, words: str) -> None:
    assert snake_case(name) == words


def test_functions_of_two_types_are_never_called_the_same() -> None:
    names = ("n.FooBar", "n.foo_bar", "n.Foo_bar", "n.write_x", "n.X")
    package = PackageNames("package", [Record(name, ()) for name in names])

    functions = {f"{verb}_{package.stem(name)}" for name in names for verb in ("read", "write")}
    assert len(functions) == 2 * len(names)
    assert not functions & {package.class_name(name) for name in names}


# As one sees them


def test_a_name_in_the_schema_is_the_one_of_the_data() -> None:
    value = Keywords.decode(Keywords(class__=1).encode(), Keywords.SCHEMA.replace('"name":"class_"', '"name":"other"'))

    assert (value.class__, value.class_) == (1, 0)


def test_a_symbol_is_its_text_whatever_its_member_is_called() -> None:
    assert str(Symbols.class_) == "class"
    assert Symbols("upper") is Symbols.upper_
    assert Symbols.PLAIN.upper() == "PLAIN"
    assert [Symbols.name_.value, Symbols.name__.value] == ["name_", "name"]


def test_builtins_are_hidden_in_the_class_alone() -> None:
    value = Builtins()

    assert (value.str, value.list, value.bytes, value.date.year) == ("text", [], b"", 1970)
    assert isinstance(value.encode(), bytes)
