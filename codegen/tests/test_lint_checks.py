"""The LINT rules about one type or one field: what they find, what they leave alone, and what they say to write."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from codegen.avro import schema_files
from codegen.avro.logical_types import LOGICAL_TYPES
from codegen.avro.parsing import parse_json
from codegen.avro.schema import Fixed, Primitive, Reference
from codegen.checks import linting
from codegen.checks.findings import Severity
from codegen.tests.lint_samples import of_field, record, write

# Logical types

MISPLACED = [  # a type, and how to mend it
    ({"type": "string", "logicalType": "timestamp-millis"}, '{"type": "long", "logicalType": "timestamp-millis"}'),
    ({"type": "long", "logicalType": "date"}, '{"type": "int", "logicalType": "date"}'),
    ({"type": "int", "logicalType": "time-micros"}, '{"type": "long", "logicalType": "time-micros"}'),
    ({"type": "bytes", "logicalType": "uuid"}, '{"type": "string", "logicalType": "uuid"}'),
    ({"type": "fixed", "name": "Id", "size": 8, "logicalType": "uuid", "doc": "d"}, '"size": 16'),
    ({"type": "fixed", "name": "Span", "size": 16, "logicalType": "duration", "doc": "d"}, '"size": 12'),
    ({"type": "bytes", "logicalType": "decimal"}, '"precision": 18'),
    ({"type": "bytes", "logicalType": "decimal", "precision": "9"}, '"precision": 18'),
    ({"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 4}, 'from 0 to 2 or "precision": 4'),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": -1}, "from 0 to 9,"),
    (
        {"type": "fixed", "name": "Sum", "size": 4, "logicalType": "decimal", "precision": 10, "doc": "d"},
        '"precision": 9 or "size": 5',
    ),
    (
        {"type": "fixed", "name": "Sum", "size": 0, "logicalType": "decimal", "precision": 1, "doc": "d"},
        'Write "size": 1',
    ),
    ({"type": "array", "items": "int", "logicalType": "duration"}, '"size": 12'),
    ({"type": "string", "logicalType": "decimal", "precision": 9}, '"type": "bytes", "logicalType": "decimal"'),
]
IN_PLACE = [
    *({"type": kind, "logicalType": name} for name, kinds in LOGICAL_TYPES.items() for kind in kinds - {"fixed"}),
    {"type": "fixed", "name": "Id", "size": 16, "logicalType": "uuid"},
    {"type": "fixed", "name": "Span", "size": 12, "logicalType": "duration"},
    {"type": "fixed", "name": "Sum", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 9},
]


@pytest.mark.parametrize(("declared", "remedy"), MISPLACED)
def test_logical_type_that_is_ignored(declared: Mapping[str, Any], remedy: str, tmp_path: Path) -> None:
    (finding,) = of_field(tmp_path, name="a", type=declared)

    assert finding.rule == "MISPLACED_LOGICAL_TYPE"
    assert remedy in finding.fix
    assert not has_logical_type(declared)


@pytest.mark.parametrize("declared", IN_PLACE)
def test_logical_type_that_is_in_force(declared: Mapping[str, Any], tmp_path: Path) -> None:
    complete = {"doc": "d", "precision": 9, "scale": 2, **declared}

    assert of_field(tmp_path, name="a", type=complete) == []
    assert has_logical_type(complete)


def has_logical_type(declared: Mapping[str, Any]) -> bool:
    schema = parse_json(declared)
    node = schema.definition(schema.root) if isinstance(schema.root, Reference) else schema.root
    return isinstance(node, Primitive | Fixed) and node.logical is not None


@pytest.mark.parametrize(
    ("kind", "logical_type", "fix"),
    [
        ("long", "timestamp-milis", 'Write "timestamp-millis", or remove it.'),
        ("long", "timestamp_micros", 'Write "timestamp-micros", or remove it.'),
        ("long", "timestampMillis", 'Write "timestamp-millis", or remove it.'),
        ("long", "local-timestamp-milli", 'Write "local-timestamp-millis", or remove it.'),
        ("string", "UUID", 'Write "uuid", or remove it.'),
        ("bytes", "Decimal", 'Write "decimal", or remove it.'),
        ("int", "time-milis", 'Write "time-millis", or remove it.'),
        ("string", "timestamp-milis", 'Write "timestamp-millis", or remove it.'),
        ("string", "xml", "Remove it: no type of Avro is meant by that name."),
        ("string", 7, "Remove it: no type of Avro is meant by that name."),
    ],
)
def test_nearest_logical_type_is_suggested(kind: str, logical_type: Any, fix: str, tmp_path: Path) -> None:
    (finding,) = of_field(tmp_path, name="a", type={"type": kind, "logicalType": logical_type})

    assert (finding.rule, finding.fix) == ("UNKNOWN_LOGICAL_TYPE", fix)


def test_a_unit_is_not_guessed(tmp_path: Path) -> None:
    (finding,) = of_field(tmp_path, name="a", type={"type": "long", "logicalType": "timestamp"})

    assert {"timestamp-millis", "timestamp-micros", "timestamp-nanos"} <= set(finding.fix.split('"'))


@pytest.mark.parametrize(
    ("field", "fix"),
    [
        (
            {"type": "long", "logicalType": "date"},
            'Write "type": {"type": "long", "logicalType": "date"} and remove "logicalType" from the field.',
        ),
        (
            {"type": ["null", "bytes"], "default": None, "logicalType": "decimal", "precision": 9},
            'Write "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9}]'
            ' and remove "logicalType" from the field.',
        ),
        (
            {"type": {"type": "long"}, "logicalType": "date"},
            'Write it into the object that is the field\'s type and remove "logicalType" from the field.',
        ),
    ],
)
def test_logical_type_beside_the_type_is_ignored(field: Mapping[str, Any], fix: str, tmp_path: Path) -> None:
    (finding,) = of_field(tmp_path, name="a", **field)

    assert (finding.rule, finding.fix) == ("MISPLACED_LOGICAL_TYPE", fix)


# Fields

FIELDS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [  # a field, and the (path, rule) of its findings
    ({"name": "a", "type": ["string", "null"]}, [("a", "NULLABLE_WITHOUT_DEFAULT")]),
    ({"name": "a", "type": [{"type": "null"}, "string"]}, [("a", "NULLABLE_WITHOUT_DEFAULT")]),
    ({"name": "a", "type": ["int", "string"]}, []),
    ({"name": "a", "type": "null"}, []),
    ({"name": "a", "type": ["string", "null"], "default": None}, [("a", "DEFAULT_NOT_FIRST_BRANCH")]),
    ({"name": "a", "type": ["string", "null"], "default": ""}, []),
    ({"name": "a", "type": ["int", "long"], "default": 2**31}, [("a", "DEFAULT_NOT_FIRST_BRANCH")]),
    ({"name": "a", "type": ["bytes", "string"], "default": "\u00ff"}, []),
    ({"name": "a", "type": ["bytes", "string"], "default": "\u0100"}, [("a", "DEFAULT_NOT_FIRST_BRANCH")]),
    ({"name": "prices", "type": {"type": "array", "items": "double"}}, [("prices[]", "MONEY_AS_FLOAT")]),
    ({"name": "prices", "type": {"type": "map", "values": "float"}}, [("prices{}", "MONEY_AS_FLOAT")]),
    ({"name": "tax", "type": ["null", "double"], "default": None}, [("tax", "MONEY_AS_FLOAT")]),
    ({"name": "tax", "type": "long"}, []),
    ({"name": "tax_rate", "type": "double"}, []),
    ({"name": "dates", "type": {"type": "array", "items": {"type": "int"}}}, [("dates[]", "TIME_AS_LONG")]),
    ({"name": "created_at", "type": "string"}, []),
    ({"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-nanos"}}, []),
    ({"name": "email", "type": "string"}, [("email", "PII_UNTAGGED")]),
    ({"name": "email", "type": "string", "pii": True}, []),
    ({"name": "email", "type": "string", "pii": False}, []),
    ({"name": "email", "type": "string", "pii": "contact"}, []),
    ({"name": "email", "type": "string", "pii": " "}, [("email", "PII_UNTAGGED")]),
    ({"name": "email", "type": "string", "pii": None}, [("email", "PII_UNTAGGED")]),
    ({"name": "email", "type": "string", "pii": 1}, [("email", "PII_UNTAGGED")]),
    ({"name": "has_email", "type": "boolean"}, []),
    ({"name": "has_email", "type": ["null", "boolean"], "default": None}, []),
    ({"name": "emails", "type": {"type": "array", "items": "string"}}, [("emails", "PII_UNTAGGED")]),
    ({"name": "a", "type": "int", "doc": " "}, [("a", "MISSING_DOC")]),
]


@pytest.mark.parametrize(("field", "expected"), FIELDS)
def test_field(field: dict[str, Any], expected: list[tuple[str, str]], tmp_path: Path) -> None:
    assert [(finding.path, finding.rule) for finding in of_field(tmp_path, **field)] == expected


def test_paths_lead_through_nested_definitions(tmp_path: Path) -> None:
    line = record("Line", {"name": "price", "type": "float"})

    (finding,) = of_field(tmp_path, name="lines", type={"type": "array", "items": ["null", line]})

    assert finding.path == "lines[].price"
    assert "field 'price' of Line" in finding.message


@pytest.mark.parametrize(
    ("field", "fix"),
    [
        (
            {"name": "a", "type": ["int", "null"]},
            'Write "type": ["null", "int"] and "default": null.',
        ),
        (
            {"name": "a", "type": ["null", "int"], "default": 1},
            'Write "type": ["int", "null"], or a default of branch \'null\'.',
        ),
        (
            {"name": "a", "type": ["int", {"type": "array", "items": "string", "why": "long" * 30}, "null"]},
            "Write the union in this order: 'null', 'int', 'array' and \"default\": null.",
        ),
        (
            {"name": "paid_at", "type": "int"},
            'Write {"type": "long", "logicalType": "timestamp-millis"} in place of "int" and count milliseconds,'
            " in a field of another name: no logical type counts seconds.",
        ),
        (
            {"name": "paid_date", "type": "int"},
            'Write {"type": "int", "logicalType": "date"} in place of "int".',
        ),
    ],
)
def test_fix_says_what_to_write(field: dict[str, Any], fix: str, tmp_path: Path) -> None:
    (finding,) = of_field(tmp_path, **field)

    assert finding.fix == fix


def test_default_of_a_late_branch_is_only_a_warning(tmp_path: Path) -> None:
    (finding,) = of_field(tmp_path, name="a", type=["string", "null"], default=None)

    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("symbols", "fix"),
    [
        (["A", "B"], 'Add the symbol "UNKNOWN" and "default": "UNKNOWN".'),
        (["A", "UNKNOWN_A", "UNKNOWN"], 'Add "default": "UNKNOWN".'),
        (["STATE_UNSPECIFIED", "STATE_A"], 'Add "default": "STATE_UNSPECIFIED".'),
    ],
)
def test_a_default_for_an_enum_is_suggested(symbols: list[str], fix: str, tmp_path: Path) -> None:
    (finding,) = of_field(tmp_path, name="a", type={"type": "enum", "name": "E", "doc": "d", "symbols": symbols})

    assert (finding.rule, finding.path, finding.fix) == ("ENUM_WITHOUT_DEFAULT", "a", fix)


# Aliases


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["x"], ["y"], []),
        (["a"], [], []),
        (["x"], ["x"], [("a", "Leave it on one of the two."), ("b", "Leave it on one of the two.")]),
        (["b"], [], [("a", "Remove it.")]),
        (["n.x"], [], [("a", 'Write the field\'s old name alone, "x".')]),
        (["x-y"], [], [("a", "Remove it.")]),
        ([], [""], [("b", "Remove it.")]),
    ],
)
def test_alias_of_a_field(first: list[str], second: list[str], expected: list[tuple[str, str]], tmp_path: Path) -> None:
    a, b = ({"name": name, "type": "int", "aliases": aliases} for name, aliases in (("a", first), ("b", second)))

    findings = linting.lint(schema_files.load(write(tmp_path, {"Sample.avsc": record("Sample", a, b)})))

    assert {finding.rule for finding in findings} <= {"ALIAS_UNUSABLE"}
    assert [(finding.path, finding.fix) for finding in findings] == expected


@pytest.mark.parametrize(("alias", "expected"), [("Old", []), ("n.Old", []), ("n/Old", ["ALIAS_UNUSABLE"])])
def test_alias_of_a_type(alias: str, expected: list[str], tmp_path: Path) -> None:
    folder = write(tmp_path, {"Sample.avsc": record("Sample", aliases=[alias])})

    assert [finding.rule for finding in linting.lint(schema_files.load(folder))] == expected
