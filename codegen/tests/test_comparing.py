"""One pair of schemas: the verdict, and where each fault stands and how it is reached."""

from typing import Any

import pytest

from codegen.checks.comparing import Source, judge
from codegen.checks.findings import Severity

MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
FINE_MONEY = {**MONEY, "scale": 4}


def record(*fields: Any, name: str = "R", **others: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": n, "type": t} for n, t in fields], **others}


def paths(writer: Any, reader: Any) -> list[tuple[str, str]]:
    return [(finding.rule, finding.path) for finding in judge(Source(writer), Source(reader)).findings]


def test_a_type_that_is_used_twice_gives_a_finding_at_each_use() -> None:
    def order(price: Any) -> Any:
        line = record(("unit_price", price), name="Line")
        return record(
            ("lines", {"type": "array", "items": line}), ("gifts", {"type": "map", "values": ["null", "Line"]})
        )

    assert paths(order(MONEY), order(FINE_MONEY)) == [
        ("DECIMAL_CHANGED", "lines[].unit_price"),
        ("DECIMAL_CHANGED", "gifts{}.unit_price"),
    ]


def test_a_fault_far_inside_recursion_is_found_once() -> None:
    def tree(leaf: str) -> Any:
        inner = record(("up", ["null", "A"]), ("leaf", leaf), name="B")
        return record(("down", {"type": "array", "items": inner}), ("next", ["null", "A"]), name="A")

    assert paths(tree("int"), tree("int")) == []
    assert paths(tree("int"), tree("string")) == [("TYPE_CHANGED", "down[].leaf")]


def test_a_type_that_is_used_in_very_many_places_does_not_take_for_ever() -> None:
    def nested(leaf: str) -> Any:
        schema = record(("leaf", leaf), name="L0")
        for level in range(1, 30):  # 3 to the power of 29 ways to the leaf
            schema = record(("a", schema), ("b", f"L{level - 1}"), ("c", f"L{level - 1}"), name=f"L{level}")
        return schema

    found = paths(nested("int"), nested("string"))

    assert found[0] == ("TYPE_CHANGED", ".".join("a" * 29) + ".leaf")
    assert 100 < len(found) <= 500


def test_many_faults_of_one_kind_do_not_hide_another() -> None:
    def many(unit: str, leaf: str) -> Any:
        times = [(f"t{number}", {"type": "long", "logicalType": f"timestamp-{unit}"}) for number in range(60)]
        last = record(("leaf", leaf), name="Last")
        uses = [(f"u{number}", "Times") for number in range(20)]
        return record(("first", record(*times, name="Times")), *uses, ("last", last))

    judged = judge(Source(many("millis", "int")), Source(many("micros", "string")))

    assert not judged.readable
    assert judged.findings[-1].path == "last.leaf"


@pytest.mark.parametrize(
    ("writer", "reader", "verdict"),
    [
        ("int", "long", (True, True, True)),
        ("long", "int", (True, False, False)),
        (MONEY, FINE_MONEY, (True, True, False)),
        ("int", {"type": "nowhere"}, (False, None, None)),
        ({"type": "enum", "name": "E", "symbols": ["A", "A"]}, "int", (False, None, None)),
    ],
)
def test_the_verdict_has_three_answers(writer: Any, reader: Any, verdict: tuple[bool | None, ...]) -> None:
    judged = judge(Source(writer), Source(reader))

    assert (judged.valid, judged.readable, judged.same_meaning) == verdict
    assert bool(judged.findings) is not (verdict == (True, True, True))


def test_what_no_datum_shows_is_a_warning() -> None:
    writer = record(("f", "int"), namespace="a")
    writer["fields"][0]["default"] = 1
    reader = record(("f", "int"), namespace="b")
    reader["fields"][0]["default"] = 2

    judged = judge(Source(writer), Source(reader))

    assert judged.same_meaning
    assert {(finding.rule, finding.severity) for finding in judged.findings} == {
        ("NAMESPACE_CHANGED", Severity.WARNING),
        ("DEFAULT_CHANGED", Severity.WARNING),
    }


def test_a_finding_stands_where_the_reader_would_be_mended() -> None:
    reader = '{"type": "record", "name": "R", "fields": [\n  {"name": "f", "type": ["null", "string"]}\n]}'

    [finding] = judge(Source(record(("f", "int"))), Source(text=reader, file="r.avsc")).findings

    assert (finding.rule, finding.file, finding.line, finding.column) == ("TYPE_CHANGED", "r.avsc", 2, 25)


def test_a_text_that_is_no_json_is_not_valid() -> None:
    judged = judge(Source("int"), Source(text='{"type": "int",\n}', file="r.avsc"))

    [finding] = judged.findings
    assert not judged.valid
    assert (finding.rule, finding.line, finding.column) == ("INVALID_SCHEMA", 2, 1)


def test_every_fault_of_two_invalid_schemas_is_told() -> None:
    writer = record(("a", "Nowhere"), ("b", "Neither"))
    reader = record(("f", "int"))
    reader["fields"][0]["default"] = "x"

    assert paths(writer, reader) == [
        ("UNRESOLVED_REFERENCE", "a"),
        ("UNRESOLVED_REFERENCE", "b"),
        ("INVALID_SCHEMA", "f"),
    ]
