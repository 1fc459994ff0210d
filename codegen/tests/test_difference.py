"""What changed: each kind of change is one line, and what did not change is none."""

import json
from typing import Any

import pytest

from codegen.avro.json_text import Json
from codegen.avro.parsing import parse_json
from codegen.avro.schema_text import collect_definitions
from codegen.avro.spelling import spelled
from codegen.checks.difference import Change, Sign, changes, render
from codegen.checks.history import Types
from codegen.checks.listing import Listing

DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}


def record(*fields: dict[str, Any], name: str = "n.R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, type_: Any = "int", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **more}


def fields(names: str) -> dict[str, Any]:
    return record(*(field(name) for name in names))


def enum(symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "n.E", "symbols": list(symbols), **more}


def fixed(size: int, **more: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": "n.F", "size": size, **more}


def types(*schemas: Any) -> Types:
    written: dict[str, Json] = {}
    for schema in schemas:
        collect_definitions(schema, written)
    return Types({name: each for schema in schemas for name, each in parse_json(schema).types.items()}, written)


def lines(previous: Any, current: Any) -> list[str]:
    return [str(change) for change in changes(types(previous), types(current))]


@pytest.mark.parametrize(
    ("previous", "current", "expected"),
    [
        (fields("ab"), fields("ab"), []),
        (fields("ab"), fields("abc"), ["+ field c: int"]),
        (fields("ab"), record(field("a"), field("b"), field("c", default=0)), ["+ field c: int = 0"]),
        (fields("ab"), fields("b"), ["- field a: int"]),
        (fields("a"), fields("b"), ["- field a: int", "+ field b: int"]),
        (fields("a"), record(field("b", aliases=["a"])), ["~ field b: name a -> b", "~ field b: aliases none -> a"]),
        (fields("ab"), fields("ba"), ["~ field b: place 2 -> 1"]),
        (fields("abcd"), fields("bcda"), ["~ field a: place 1 -> 4"]),
        (fields("abcd"), fields("dabc"), ["~ field d: place 4 -> 1"]),
        (fields("abc"), fields("cxb"), ["- field a: int", "~ field c: place 3 -> 1", "+ field x: int"]),
        (record(field("a")), record(field("a", "long")), ["~ field a: type int -> long"]),
        (
            record(field("a", ["null", DECIMAL])),
            record(field("a", ["null", {**DECIMAL, "scale": 3}])),
            ["~ field a: type null | decimal(4, 2) on bytes -> null | decimal(4, 3) on bytes"],
        ),
        (record(field("a", default=0)), record(field("a", default=1)), ["~ field a: default 0 -> 1"]),
        (record(field("a", ["null"], default=None)), record(field("a", ["null"])), ["~ field a: default null -> none"]),
        (record(field("a", doc="x")), record(field("a", doc='"ÿ"')), ['~ field a: doc "x" -> "\\"ÿ\\""']),
        (record(field("a", aliases=["x"])), record(field("a", aliases=["x", "y"])), ["~ field a: aliases x -> x, y"]),
        (record(doc="x"), record(), ['~ doc "x" -> none']),
        (record(aliases=["x"]), record(aliases=["y"]), ["~ aliases n.x -> n.y"]),
        (record(name="n.R"), record(name="m.R"), ["~ name n.R -> m.R"]),
        (record(name="n.R"), record(name="n.S"), ["- record", "+ record"]),
        (
            record(name="n.R"),
            record(name="n.S", aliases=["R"]),
            ["~ name n.R -> n.S", "~ aliases none -> n.R"],
        ),
        (record(name="n.E"), enum("A"), ["~ kind record -> enum"]),
        (enum("AB"), enum("ABC"), ["+ symbol C"]),
        (enum("AB"), enum("B"), ["- symbol A"]),
        (enum("ABC"), enum("CAB"), ["~ symbol C: place 3 -> 1"]),
        (enum("AB"), enum("AB", default="A"), ["~ default none -> A"]),
        (fixed(8), fixed(16), ["~ size 8 -> 16"]),
        (fixed(16), fixed(16, logicalType="uuid"), ["~ logical type none -> uuid"]),
        (fixed(8), fixed(8, logicalType="uuid"), ['~ logicalType none -> "uuid"']),
        (record(), record(owner="orders"), ['~ owner none -> "orders"']),
        (record(field("a", pii=True)), record(field("a")), ["~ field a: pii true -> none"]),
        (
            record(field("a", {"type": "int", "values": {"pii": 1}})),
            record(field("a", {"type": "int", "values": {"pii": 2}})),
            ['~ field a: type.values {"pii": 1} -> {"pii": 2}'],
        ),
        (
            record(field("a", ["null", {"type": "array", "items": {"type": "string"}}])),
            record(field("a", ["null", {"type": "array", "items": {"type": "string", "pii": True}}])),
            ["~ field a: type.1.items.pii none -> true"],
        ),
        (
            record(field("a", "long")),
            record(field("a", {"type": "long", "logicalType": "timestamp-milis"})),
            ['~ field a: type.logicalType none -> "timestamp-milis"'],
        ),
        (record(field("a", "long")), record(field("a", {"type": "long"})), []),
    ],
)
def test_each_change_is_a_line(previous: Any, current: Any, expected: list[str]) -> None:
    assert sorted(lines(previous, current)) == sorted(expected)


def test_a_renamed_type_is_no_change_of_the_fields_that_use_it() -> None:
    previous = record(field("a", {"type": "array", "items": fixed(4)}), field("b", ["null", "n.F"]))
    current = record(field("a", {"type": "array", "items": {**fixed(4), "name": "m.F"}}), field("b", ["null", "m.F"]))

    assert lines(previous, current) == ["~ name n.F -> m.F"]


def test_of_two_types_that_could_have_become_one_the_other_is_gone() -> None:
    previous = types(fixed(4), {**fixed(4), "name": "n.G"})
    current = types({**fixed(4), "name": "n.H", "aliases": ["F", "G"]})

    assert [str(change) for change in changes(previous, current)] == [
        "- fixed",
        "~ name n.F -> n.H",
        "~ aliases none -> n.F, n.G",
    ]


def test_another_type_of_a_field_is_one() -> None:
    previous, current = record(field("a", fixed(4))), record(field("a", {**fixed(4), "name": "n.G"}))

    assert lines(previous, current) == ["- fixed", "+ fixed", "~ field a: type n.F -> n.G"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("string", "string"),
        ({"type": "long", "logicalType": "timestamp-millis"}, "timestamp-millis"),
        ({"type": "long", "logicalType": "local-timestamp-nanos"}, "local-timestamp-nanos"),
        ({"type": "int", "logicalType": "date"}, "date"),
        ({"type": "string", "logicalType": "uuid"}, "uuid on string"),
        (
            {"type": "array", "items": {"type": "map", "values": ["null", DECIMAL]}},
            "array<map<null | decimal(4, 2) on bytes>>",
        ),
        ({"type": "array", "items": record()}, "array<n.R>"),
        (["null", "string"], "null | string"),
        (["string"], "union<string>"),
    ],
)
def test_types_are_spelled_as_people_read_them(schema: Any, expected: str) -> None:
    assert spelled(parse_json(schema).root) == expected


def test_changes_are_grouped_by_type() -> None:
    previous, current = (
        types(fields("a"), enum("AB")),
        types(enum("A"), record(field("a", "long"), field("b")), fixed(3)),
    )

    found = changes(previous, current)

    assert render(found, Listing.TEXT) == (
        "n.E\n  - symbol B\nn.F\n  + fixed\nn.R\n  + field b: int\n  ~ field a: type int -> long\n"
    )
    assert render(found, Listing.MARKDOWN) == (
        "**n.E**\n\n```diff\n- symbol B\n```\n\n**n.F**\n\n```diff\n+ fixed\n```\n\n"
        "**n.R**\n\n```diff\n+ field b: int\n! field a: type int -> long\n```\n"
    )


def test_json_has_every_part_of_a_change() -> None:
    found = changes(types(record(field("a", doc="x"))), types(record(field("a"))))

    assert found == (Change("n.R", Sign.CHANGED, "field", "a", "doc", '"x"', None),)
    assert json.loads(render(found, Listing.JSON)) == {
        "changes": [
            {"type": "n.R", "sign": "~", "kind": "field", "name": "a", "of": "doc", "previous": '"x"', "current": None}
        ]
    }


@pytest.mark.parametrize("form", [Listing.TEXT, Listing.MARKDOWN])
def test_no_change_is_said(form: Listing) -> None:
    assert render((), form) == "No change.\n"
