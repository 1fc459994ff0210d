"""Other versions: what another schema's class wrote, read as fastavro reads it, by code that is made once for each pair."""

import json
from datetime import UTC, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings

from codegen.errors import DecodeError
from codegen.tests.building import as_datum, build, fastavro_datum, logical, record, without_type_names
from codegen.tests.golden.invoice.billing import InvoiceIssued, Line, Percentage
from codegen.tests.golden.kinds.sample import Kinds, Tree
from codegen.tests.round_trips import TRIAL, calls
from codegen.tests.values import instances


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def mapping(values: Any) -> dict[str, Any]:
    return {"type": "map", "values": values}


def enum(*symbols: str, **attributes: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **attributes}


def fixed(size: int, **attributes: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": "F", "size": size, **attributes}


def aliased(schema: dict[str, Any], **aliases: str) -> dict[str, Any]:
    """Return a record whose fields were once called otherwise."""
    fields = [
        {**each, **({"aliases": [aliases[each["name"]]]} if each["name"] in aliases else {})}
        for each in schema["fields"]
    ]
    return {**schema, "fields": fields}


DECIMAL = logical("decimal", "bytes", precision=4, scale=2)
WIDER = logical("decimal", "bytes", precision=9, scale=2)
TREE = record("n.T", x="int", left=["null", "T"], more=array("T"))
LARGER_TREE = record("n.T", {"y": "new"}, y="string", more=array("T"), x="long", left=["null", "T"])

Pair = tuple[Any, Any]
CHANGES: dict[str, Pair] = {
    "nothing": (record("n.R", x="int", y="string"), record("n.R", x="int", y="string")),
    "a field added": (record("n.R", x="int"), record("n.R", {"y": "new"}, x="int", y="string")),
    "fields added everywhere": (
        record("n.R", x="int"),
        record("n.R", {"a": None, "b": [1], "c": {"k": 2}}, a=["null", "int"], b=array("int"), x="int", c=mapping("int")),
    ),
    "all fields new": (record("n.R", x="int"), record("n.R", {"y": 5}, y="int")),
    "all fields gone": (record("n.R", x="int", y="string", z=["null", array("bytes")]), record("n.R")),
    "fields in another order": (record("n.R", x="int", y="string", z="bytes"), record("n.R", z="bytes", x="int", y="string")),
    "a field renamed": (record("n.R", x="int", y="string"), aliased(record("n.R", x="int", z="string"), z="y")),
    "fields that swap names": (record("n.R", x="int", y="int"), aliased(record("n.R", a="int", b="int"), a="y", b="x")),
    "the record renamed": (record("n.Old", x="int"), {**record("n.R", x="int"), "aliases": ["Old"]}),
    "the record moved": (record("m.R", x="int"), record("n.R", x="int")),
    "a record within renamed": (
        record("n.R", i=record("n.Old", x="int")),
        record("n.R", i={**record("n.New", x="long"), "aliases": ["n.Old"]}),
    ),
    "numbers promoted": (record("n.R", a="int", b="int", c="long", d="float"), record("n.R", a="long", b="double", c="double", d="double")),
    "text and bytes": (record("n.R", a="string"), record("n.R", a="bytes")),
    "numbers promoted within": (
        record("n.R", a=array("int"), b=mapping(array("float")), c=["null", "int"], d=array(["int", "null"])),
        record("n.R", a=array("long"), b=mapping(array("double")), c=["null", "double"], d=array(["long", "null"])),
    ),
    "a type made nullable": (record("n.R", a="int", b="string"), record("n.R", a=["null", "int"], b=["string", "null"])),
    "more branches": (record("n.R", a=["null", "int"]), record("n.R", a=["string", "null", "int", "bytes"])),
    "branches in another order": (record("n.R", a=["int", "string", "null"]), record("n.R", a=["null", "string", "int"])),
    "records in another order": (
        record("n.R", a=[record("n.A", x="int"), record("n.B", x="int")]),
        record("n.R", a=[record("n.B", x="int"), record("n.A", x="int")]),
    ),
    "a symbol added": (record("n.R", e=enum("A", "B")), record("n.R", e=enum("C", "B", "A"))),
    "a symbol gone": (record("n.R", e=enum("A", "B", "C")), record("n.R", e=enum("C", "OTHER", default="OTHER"))),
    "symbols gone within": (
        record("n.R", a=array(enum("A", "B")), m=mapping(["null", "E"])),
        record("n.R", a=array(enum("B", default="B")), m=mapping(["null", "E"])),
    ),
    "a tree grown": (TREE, LARGER_TREE),
    "a tree shrunk": (TREE, record("n.T", more=array("T"))),
    "a tree pruned": (TREE, record("n.T", x="int")),
    "a decimal of more digits": (record("n.R", a=DECIMAL, b=["null", DECIMAL]), record("n.R", a=WIDER, b=["null", WIDER])),
    "fields of logical types moved": (
        record("n.R", a=logical("date", "int"), b=logical("uuid", "string"), c=logical("timestamp-micros", "long"), d=DECIMAL),
        record("n.R", d=DECIMAL, c=logical("timestamp-micros", "long"), b=logical("uuid", "string"), a=logical("date", "int")),
    ),
}  # fmt: skip
SKIPPED: dict[str, Any] = {
    **{kind: kind for kind in ("null", "boolean", "int", "long", "float", "double", "bytes", "string")},
    "fixed": fixed(5),
    "fixed of no bytes": fixed(0),
    "enum": enum("A", "B"),
    "enum of many symbols": enum(*(f"S{number}" for number in range(200))),
    "array": array("string"),
    "array of arrays": array(array(array("double"))),
    "array of nulls": array("null"),
    "map": mapping("bytes"),
    "map of maps": mapping(mapping("float")),
    "nullable": ["null", "string"],
    "nullable, the other way": [array("int"), "null"],
    "union": ["boolean", "string", fixed(2), enum("A"), array("int"), mapping("null")],
    "union of many branches": ["null", *(record(f"n.B{number}", x="int") for number in range(100))],
    "array of unions": array(["null", "int", "string", array("boolean")]),
    "record": record("n.I", x="int", y=record("n.J", z="string"), w="J"),
    "record of nothing": record("n.I"),
    "recursive record": record("n.I", x="string", next=["null", "I"], more=array("I"), by_key=mapping("I")),
    "date": logical("date", "int"),
    "time": logical("time-micros", "long"),
    "timestamp": logical("timestamp-micros", "long"),
    "decimal": DECIMAL,
    "decimal on a fixed": fixed(4, logicalType="decimal", precision=9, scale=2),
    "big-decimal": logical("big-decimal", "bytes"),
    "uuid": logical("uuid", "string"),
    "uuid on a fixed": fixed(16, logicalType="uuid"),
    "duration": fixed(12, logicalType="duration"),
}


def try_pair(folder: Path, writer: Any, reader: Any) -> None:
    """Let the class of one schema read what that of the other has written, and fastavro do the same."""
    written = build(folder, writer)
    source = written[f"{writer['namespace']}.{writer['name']}"]
    target = build(folder, reader)[f"{reader['namespace']}.{reader['name']}"]

    @given(instances(source, written))
    @settings(TRIAL, max_examples=30)
    def read_as_fastavro_does(value: Any) -> None:
        data = value.encode()

        read = target.decode(data, source.SCHEMA)

        assert without_type_names(as_datum(read)) == fastavro_datum(source.SCHEMA, data, target.SCHEMA)
        assert target.decode(read.encode()) == read

    read_as_fastavro_does()


@pytest.mark.parametrize(("writer", "reader"), CHANGES.values(), ids=CHANGES.keys())
def test_another_version_is_read_as_fastavro_reads_it(tmp_path: Path, writer: Any, reader: Any) -> None:
    try_pair(tmp_path, writer, reader)


@pytest.mark.parametrize("type_", SKIPPED.values(), ids=SKIPPED.keys())
def test_a_field_that_is_gone_is_passed_over(tmp_path: Path, type_: Any) -> None:
    try_pair(tmp_path, record("n.R", gone=type_, x="int"), record("n.R", x="int"))


@pytest.mark.parametrize("type_", SKIPPED.values(), ids=SKIPPED.keys())
def test_a_field_that_is_new_takes_its_default(tmp_path: Path, type_: Any) -> None:
    nullable = ["null", *(type_ if isinstance(type_, list) else [type_])]
    nullable = [branch for index, branch in enumerate(nullable) if branch not in nullable[:index]]

    try_pair(tmp_path, record("n.R", x="int"), record("n.R", {"new": None}, new=nullable, x="int"))


@pytest.mark.parametrize("type_", SKIPPED.values(), ids=SKIPPED.keys())
def test_a_field_that_is_passed_over_is_checked_as_it_is(tmp_path: Path, type_: Any) -> None:
    writer, reader = record("n.R", x="int", gone=type_), record("n.R", x="int")
    written = build(tmp_path, writer)
    source, target = written["n.R"], build(tmp_path, reader)["n.R"]

    @given(instances(source, written))
    @settings(TRIAL, max_examples=10)
    def truncate(value: Any) -> None:
        data = value.encode()
        for end in range(1, len(data)):
            with pytest.raises(DecodeError, match=r"(?s)^(gone|x).*: "):
                target.decode(data[:end], source.SCHEMA)
        with pytest.raises(DecodeError, match=r"^1 bytes are left after the end of n\.R"):
            target.decode(data + b"\x00", source.SCHEMA)

    truncate()


def test_blocks_that_are_passed_over_may_say_how_long_they_are(tmp_path: Path) -> None:
    writer = json.dumps(record("n.R", gone=array("int"), x="int"))
    cls = build(tmp_path, record("n.R", x="int"))["n.R"]

    assert cls.decode(bytes.fromhex("03 04 02 04 02 06 00 0e"), writer).x == 7


# Compiled once, as fast as the current version


def older(cls: Any) -> str:
    """Return the schema of a version without a doc and with one field more, which comes first."""
    schema = json.loads(cls.SCHEMA)
    return json.dumps(
        {**schema, "fields": [{"name": "gone", "type": "null"}, *schema["fields"]], "doc": "Another version."}
    )


def test_a_pair_is_compiled_when_it_is_first_met_and_kept() -> None:
    data, writer = Tree(label="a", children=[Tree(label="b")]).encode(), older(Tree)

    first, second = calls(Tree.decode, data, writer), calls(Tree.decode, data, writer)

    assert "exec" in first
    assert "parse" in first
    assert not {"exec", "parse", "resolve", "loads"} & {*second}
    assert len(second) < len(first) / 10


def test_another_version_is_read_with_as_many_calls_as_the_current_one() -> None:
    line = Line(sku="tea", unit_price=Decimal(1), discount=Percentage(value=Decimal(3)))
    value = InvoiceIssued(
        invoice_id=UUID(int=1), issued_at=datetime(2026, 1, 2, tzinfo=UTC), total=Decimal(9), lines=[line] * 100
    )
    current, other = value.encode(), older(InvoiceIssued)
    assert InvoiceIssued.decode(current, other) == value

    counts = [len(calls(InvoiceIssued.decode, current, writer)) for writer in (None, other)]

    assert counts[0] > 1000
    assert counts[1] <= counts[0] + 10  # to look the pair up


def test_the_classs_own_schema_needs_no_pair() -> None:
    data = Tree(label="a").encode()

    assert calls(Tree.decode, data, Tree.SCHEMA) == calls(Tree.decode, data)


def test_pairs_of_the_same_writer_and_other_readers_are_kept_apart(tmp_path: Path) -> None:
    one = build(tmp_path, record("n.R", x="int"))["n.R"]
    other = build(tmp_path, record("n.R", {"y": 1}, y="int", x="long"))["n.R"]
    writer = json.dumps(record("n.R", gone="int", x="int"))

    assert repr(one.decode(b"\x02\x04", writer)) == "R(x=2)"
    assert repr(other.decode(b"\x02\x04", writer)) == "R(y=1, x=2)"


def test_a_plain_number_is_read_as_what_it_stands_for_now(tmp_path: Path) -> None:
    plain = record("n.R", a="int", b="string", c="long", d="bytes")
    logical_ones = record(
        "n.R",
        a=logical("time-millis", "int"),
        b=logical("uuid", "string"),
        c=logical("timestamp-millis", "long"),
        d=DECIMAL,
    )
    old, new = build(tmp_path, plain)["n.R"], build(tmp_path, logical_ones)["n.R"]
    value = new(a=time(1), b=UUID(int=1), c=datetime(2026, 1, 2, tzinfo=UTC), d=Decimal("19.99"))

    assert new.decode(old.decode(value.encode(), new.SCHEMA).encode(), old.SCHEMA) == value


def test_what_has_another_name_is_another_type() -> None:
    with pytest.raises(DecodeError, match=r"^billing\.Line was written, sample\.Kinds is wanted"):
        Kinds.decode(b"", Line.SCHEMA)


@pytest.mark.parametrize("count", [3_000, 6_000])
def test_a_writers_union_that_python_cannot_compile_is_refused(count: int, tmp_path: Path) -> None:
    reader = build(tmp_path, record("n.R", x="int"))["n.R"]
    writer = json.dumps(record("n.R", gone=[{**fixed(1), "name": f"F{number}"} for number in range(count)], x="int"))

    with pytest.raises(DecodeError, match="union of too many branches"):
        reader.decode(b"\x00a\x02", writer)
