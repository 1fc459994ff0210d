"""Reading what another version wrote (Avro 1.12, "Schema Resolution"): writer, reader, datum, what comes out."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from codegen.avro.parsing import parse
from codegen.avro.resolution import Fail, ReadRecord, resolve
from codegen.errors import DecodeError
from codegen.python.pair_reader import reader_for
from codegen.tests.building import build, fastavro_bytes

FRUIT = {"type": "enum", "name": "Fruit", "symbols": ["APPLE", "PEAR", "PLUM"]}
FRUIT_WITH_DEFAULT = {"type": "enum", "name": "Fruit", "symbols": ["UNKNOWN", "APPLE"], "default": "UNKNOWN"}
INNER = {"type": "record", "name": "Inner", "fields": [{"name": "a", "type": "int"}]}
INNER_WIDER = {
    "type": "record",
    "name": "Inner",
    "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": "string", "default": "b"}],
}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
TEXT_UUID = {"type": "string", "logicalType": "uuid"}
IDENTITY = "6f1c1e0e-6a63-4d4f-9d6b-3c7b6f8a9b10"


def one_field(type_: Any, **others: Any) -> dict[str, Any]:
    """A record with the single field `value`."""
    return {
        "type": "record",
        "name": "Holder",
        "namespace": "n",
        "fields": [{"name": "value", "type": type_, **others}],
    }


def read(folder: Path, writer: Any, reader: Any, datum: Any) -> Any:
    """Write with fastavro by one schema, read with the class of another."""
    cls = build(folder, reader)[f"n.{reader['name']}"]
    text = json.dumps(writer)
    return cls.decode(fastavro_bytes(text, datum), text)


READABLE: list[tuple[str, Any, Any, Any, Any]] = [
    ("int to long", "int", "long", -5, -5),
    ("int to float", "int", "float", 16_777_217, 16_777_216.0),
    ("int to double", "int", "double", 7, 7.0),
    ("long to float", "long", "float", 1, 1.0),
    ("long to double", "long", "double", 2**40, float(2**40)),
    ("float to double", "float", "double", 1.5, 1.5),
    ("string to bytes", "string", "bytes", "ü", "ü".encode()),
    ("bytes to string", "bytes", "string", "ü".encode(), "ü"),
    ("string to uuid", "string", TEXT_UUID, IDENTITY, UUID(IDENTITY)),
    ("bytes to uuid", "bytes", TEXT_UUID, IDENTITY.encode(), UUID(IDENTITY)),
    ("uuid to string", TEXT_UUID, "string", UUID(IDENTITY), IDENTITY),
    ("int to timestamp", "int", MICROS, 1, datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    ("type to nullable", "string", ["null", "string"], "x", "x"),
    ("nullable to nullable, other order", ["null", "int"], ["long", "null"], None, None),
    ("nullable to nullable, promoted", ["null", "int"], ["long", "null"], 3, 3),
    ("nullable to type", ["null", "int"], "int", 3, 3),
    ("one branch to a wider union", ["int"], ["null", "string", "double"], 3, 3.0),
    ("same type before promotion", "string", ["null", "bytes", "string"], "x", "x"),
    ("items promoted", {"type": "array", "items": "int"}, {"type": "array", "items": "long"}, [1, 2], [1, 2]),
    ("values promoted", {"type": "map", "values": "int"}, {"type": "map", "values": "double"}, {"k": 1}, {"k": 1.0}),
    (
        "empty array of what cannot be read",
        {"type": "array", "items": "int"},
        {"type": "array", "items": "string"},
        [],
        [],
    ),
    ("enum, symbols in another order", FRUIT, {**FRUIT, "symbols": ["PLUM", "PEAR", "APPLE"]}, "PEAR", "PEAR"),
    ("enum, unknown symbol", FRUIT, FRUIT_WITH_DEFAULT, "PLUM", "UNKNOWN"),
    ("enum, known symbol", FRUIT, FRUIT_WITH_DEFAULT, "APPLE", "APPLE"),
    ("enum, one symbol", {**FRUIT, "symbols": ["PEAR"]}, FRUIT, "PEAR", "PEAR"),
    ("enum renamed with alias", FRUIT, {**FRUIT, "name": "Obst", "aliases": ["Fruit"]}, "PEAR", "PEAR"),
    (
        "fixed in another namespace",
        {"type": "fixed", "name": "F", "size": 2},
        {"type": "fixed", "name": "m.F", "size": 2},
        b"ab",
        b"ab",
    ),
]


@pytest.mark.parametrize(
    ("writer", "reader", "datum", "expected"), [case[1:] for case in READABLE], ids=[c[0] for c in READABLE]
)
def test_readable(tmp_path: Path, writer: Any, reader: Any, datum: Any, expected: Any) -> None:
    value = read(tmp_path, one_field(writer), one_field(reader), {"value": datum}).value

    assert value == expected
    assert type(value) is type(expected) or isinstance(value, str)


UNREADABLE: list[tuple[str, Any, Any, Any, str]] = [
    ("long to int", "long", "int", 1, "value: long was written, int is wanted"),
    ("double to float", "double", "float", 1.0, "value: double was written, float is wanted"),
    ("string to long", "string", "long", "1", "value: string was written, long is wanted"),
    ("null to type", ["null", "int"], "int", None, "value: null was written, int is wanted"),
    (
        "branch that is gone",
        ["int", "string"],
        ["null", "int"],
        "x",
        "value: string was written, the reader's union has no branch",
    ),
    (
        "items",
        {"type": "array", "items": "string"},
        {"type": "array", "items": "int"},
        ["x"],
        r"value\[0\]: string was written",
    ),
    (
        "values",
        {"type": "map", "values": "string"},
        {"type": "map", "values": "int"},
        {"k": "x"},
        r'value\["k"\]: string was written',
    ),
    (
        "symbol without default",
        FRUIT,
        {**FRUIT, "symbols": ["APPLE"]},
        "PLUM",
        "value: n.Fruit has no symbol 'PLUM' and no default",
    ),
    ("enum renamed", FRUIT, {**FRUIT, "name": "Obst"}, "PEAR", "value: n.Fruit was written, n.Obst is wanted"),
    ("record renamed", INNER, {**INNER, "name": "Other"}, {"a": 1}, "value: n.Inner was written, n.Other is wanted"),
    (
        "fixed of another size",
        {"type": "fixed", "name": "F", "size": 2},
        {"type": "fixed", "name": "F", "size": 3},
        b"ab",
        "value: 2 bytes were written, 3 are wanted",
    ),
    (
        "record to enum",
        INNER,
        {**FRUIT, "name": "Inner"},
        {"a": 1},
        "value: record n.Inner was written, enum n.Inner is wanted",
    ),
    ("bytes that are no UTF-8", "bytes", "string", b"\xff", "value: no UTF-8"),
    ("text that is no uuid", "string", TEXT_UUID, "x", "value: 'x' .*is no uuid"),
]


@pytest.mark.parametrize(
    ("writer", "reader", "datum", "message"), [case[1:] for case in UNREADABLE], ids=[c[0] for c in UNREADABLE]
)
def test_unreadable(tmp_path: Path, writer: Any, reader: Any, datum: Any, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        read(tmp_path, one_field(writer), one_field(reader), {"value": datum})


def record(*fields: Any, name: str = "Event", **others: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "namespace": "n", "fields": list(fields), **others}


def test_an_added_field_takes_its_default_and_a_removed_one_is_passed_over(tmp_path: Path) -> None:
    everything = [
        {"name": "s", "type": "string"},
        {"name": "e", "type": FRUIT},
        {"name": "f", "type": {"type": "fixed", "name": "F", "size": 3}},
        {"name": "r", "type": INNER},
        {"name": "l", "type": {"type": "array", "items": ["null", "n.Inner", "double"]}},
        {"name": "m", "type": {"type": "map", "values": {"type": "array", "items": "bytes"}}},
        {"name": "z", "type": {"type": "array", "items": "null"}},
        {"name": "d", "type": "boolean"},
    ]
    writer = record({"name": "a", "type": "int"}, *everything, {"name": "b", "type": "int"})
    reader = record(
        {"name": "b", "type": "int"},
        {"name": "new", "type": {"type": "array", "items": "int"}, "default": [1, 2]},
        {"name": "when", "type": MICROS, "default": 0},
        {"name": "kind", "type": FRUIT_WITH_DEFAULT, "default": "APPLE"},
        {"name": "inner", "type": INNER_WIDER, "default": {"a": 5}},
        {"name": "a", "type": "long"},
    )
    datum = {
        "a": 1, "b": 2, "s": "text", "e": "PLUM", "f": b"abc", "r": {"a": 3}, "l": [None, {"a": 1}, 0.5],
        "m": {"k": [b"1", b"22"]}, "z": [None, None], "d": True,
    }  # fmt: skip

    value = read(tmp_path, writer, reader, datum)

    assert (value.a, value.b, value.new, value.kind) == (1, 2, [1, 2], "APPLE")
    assert value.when == datetime(1970, 1, 1, tzinfo=UTC)
    assert (value.inner.a, value.inner.b) == (5, "b")


def test_a_default_is_made_anew_for_every_value(tmp_path: Path) -> None:
    reader = record({"name": "list", "type": {"type": "array", "items": "int"}, "default": []})

    first = read(tmp_path, record(), reader, {})
    first.list.append(1)

    assert read(tmp_path, record(), reader, {}).list == []


def test_a_field_is_found_by_its_alias(tmp_path: Path) -> None:
    writer = record({"name": "old", "type": "int"}, {"name": "same", "type": "int"})
    reader = record(
        {"name": "same", "type": "int", "aliases": ["old"]}, {"name": "new", "type": "long", "aliases": ["gone", "old"]}
    )

    value = read(tmp_path, writer, reader, {"old": 1, "same": 2})

    assert (value.new, value.same) == (1, 2)


def test_a_record_is_found_by_its_alias_in_another_namespace(tmp_path: Path) -> None:
    writer = record({"name": "r", "type": {**INNER, "namespace": "old.place", "name": "Before"}})
    reader = record({"name": "r", "type": {**INNER_WIDER, "name": "Inner", "aliases": ["old.place.Before"]}})

    assert read(tmp_path, writer, reader, {"r": {"a": 1}}).r.a == 1


def test_a_branch_of_the_same_name_is_preferred(tmp_path: Path) -> None:
    other = {**INNER, "name": "Other"}
    writer = record({"name": "r", "type": [INNER, other]})
    reader = record({"name": "r", "type": ["null", {**other, "aliases": ["Inner"]}, INNER]})

    value = read(tmp_path, writer, reader, {"r": {"-type": "n.Inner", "a": 1}})

    assert type(value.r).__name__ == "Inner"


def test_recursion_is_resolved(tmp_path: Path) -> None:
    def tree(kind: str, *more: Any) -> dict[str, Any]:
        return record(
            {"name": "v", "type": kind}, {"name": "next", "type": ["null", "n.Event"], "default": None}, *more
        )

    wider = tree("long", {"name": "added", "type": "string", "default": "x"})
    value = read(tmp_path, tree("int"), wider, {"v": 1, "next": {"v": 2, "next": None}})

    assert (value.v, value.next.v, value.next.added, value.next.next) == (1, 2, "x", None)


def test_a_skipped_recursion_is_passed_over(tmp_path: Path) -> None:
    tree = {
        "type": "record",
        "name": "Tree",
        "fields": [{"name": "children", "type": {"type": "array", "items": "Tree"}}],
    }
    writer = record({"name": "tree", "type": tree}, {"name": "a", "type": "int"})

    value = read(
        tmp_path, writer, record({"name": "a", "type": "int"}), {"tree": {"children": [{"children": []}]}, "a": 3}
    )

    assert value.a == 3


def test_a_missing_field_without_default_is_named(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match="field 'needed' was not written and has no default"):
        read(tmp_path, record(), record({"name": "needed", "type": "int"}), {})


def test_a_record_of_another_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DecodeError, match=r"n\.Other was written, n\.Event is wanted"):
        read(tmp_path, record(name="Other"), record(), {})


def test_a_writer_that_is_no_schema_is_refused(tmp_path: Path) -> None:
    cls = build(tmp_path, record())["n.Event"]

    with pytest.raises(DecodeError, match="the writer's schema is not valid: not JSON"):
        cls.decode(b"", "{")


def test_truncated_and_trailing_bytes_of_another_version_are_refused(tmp_path: Path) -> None:
    cls = build(tmp_path, record({"name": "a", "type": "long"}))["n.Event"]
    writer = json.dumps(record({"name": "gone", "type": "string"}, {"name": "a", "type": "int"}))
    data = fastavro_bytes(writer, {"gone": "text", "a": 300})

    for end in range(len(data)):
        with pytest.raises(DecodeError):
            cls.decode(data[:end], writer)
    with pytest.raises(DecodeError, match="1 bytes are left"):
        cls.decode(data + b"\x00", writer)


def test_a_pair_is_compiled_once(tmp_path: Path) -> None:
    cls = build(tmp_path, record())["n.Event"]
    writer = json.dumps(record({"name": "gone", "type": "int"}))

    assert reader_for(cls, writer) is reader_for(cls, writer)


def test_the_plan_of_a_schema_with_itself_has_no_faults() -> None:
    schema = parse(json.dumps(record({"name": "a", "type": "int"})))

    resolution = resolve(schema, schema)

    assert resolution.root == ReadRecord(("n.Event", "n.Event"))
    assert not any(isinstance(step.plan, Fail) for plan in resolution.records.values() for step in plan.steps)
