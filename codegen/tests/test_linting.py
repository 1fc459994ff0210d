"""The LINT rules: each example has exactly its fault, where it is said; what is right has none."""

import json
from pathlib import Path
from typing import Any

import pytest

from codegen.avro import schema_files
from codegen.checks import linting
from codegen.checks.findings import Category, Finding
from codegen.checks.lint_rules import LINT_RULES
from codegen.checks.rules import EXAMPLES, RULES
from codegen.contracts import Contracts
from codegen.tests.lint_samples import of_field, record, write

OWN_SCHEMAS = Path(__file__).parents[2] / "schemas"

PLACES = {  # rule: file, line and column of the bad example's fault, and its field path
    "ALIAS_UNUSABLE": ("Shipment.avsc", 16, 19, "order_id"),
    "CYCLIC_REFERENCE": ("shop/catalog/Category.avsc", 14, 42, "products[]"),
    "DEFAULT_NOT_FIRST_BRANCH": ("OrderShipped.avsc", 16, 18, "carrier"),
    "ENUM_WITHOUT_DEFAULT": ("Carrier.avsc", 1, 1, ""),
    "EVENT_WITHOUT_HEADER": ("shop/orders/OrderCompleted.avsc", 7, 5, ""),
    "MISPLACED_LOGICAL_TYPE": ("OrderShipped.avsc", 14, 49, "shipped_at"),
    "MISSING_DOC": ("OrderShipped.avsc", 12, 5, "weight"),
    "MONEY_AS_FLOAT": ("PaymentCaptured.avsc", 14, 15, "amount"),
    "NULLABLE_WITHOUT_DEFAULT": ("OrderShipped.avsc", 12, 5, "carrier"),
    "PATH_NAMESPACE_MISMATCH": ("shop/orders/PaymentCaptured.avsc", 4, 16, ""),
    "PII_UNTAGGED": ("CustomerRegistered.avsc", 12, 5, "email"),
    "TIME_AS_LONG": ("OrderShipped.avsc", 14, 15, "shipped_at"),
    "UNENDING_RECURSION": ("Category.avsc", 14, 15, "parent"),
    "UNKNOWN_LOGICAL_TYPE": ("OrderShipped.avsc", 14, 47, "shipped_at"),
}
PLACES_OF_INVALID = {  # found while reading, before there is anything to lint
    "FILE_WITHOUT_TYPE": ("Tags.avsc", 1, 1),
    "DUPLICATE_DEFINITION": ("shop/orders/OrderPlaced.avsc", 16, 17),
    "INVALID_SCHEMA": ("OrderShipped.avsc", 16, 18),
    "UNRESOLVED_REFERENCE": ("shop/orders/OrderPlaced.avsc", 14, 42),
}


def example(rule: str, side: str, scratch: Path) -> Path:
    """Return the folder of an example; one that is a single file is put into a folder under its type's name."""
    folder = EXAMPLES / rule / side
    if folder.is_dir():
        return folder
    text = (EXAMPLES / rule / f"{side}.avsc").read_text(encoding="utf-8")
    (scratch / f"{json.loads(text)['name']}.avsc").write_text(text, encoding="utf-8")
    return scratch


def lint(folder: Path) -> tuple[Finding, ...]:
    contracts = Contracts.load(folder)
    subjects = {event: contracts.subject_of(event) for topic in contracts.topics.values() for event in topic.events}
    return linting.lint(contracts.schemas, subjects, contracts.event_header)


def test_every_rule_has_an_example() -> None:
    lint_rules = {rule.id for rule in LINT_RULES}

    assert lint_rules == {*PLACES, *PLACES_OF_INVALID}
    assert lint_rules <= RULES.keys()


@pytest.mark.parametrize(("rule", "place"), PLACES.items())
def test_bad_example_has_exactly_this_fault(rule: str, place: tuple[str, int, int, str], tmp_path: Path) -> None:
    folder = example(rule, "bad", tmp_path)
    file, line, column, path = place

    (finding,) = lint(folder)

    assert finding.rule == rule
    assert (finding.file, finding.line, finding.column) == (f"{folder.as_posix()}/{file}", line, column)
    assert finding.path == path
    assert finding.severity is RULES[rule].severity
    assert finding.category is Category.LINT
    assert finding.fix.endswith(".")


@pytest.mark.parametrize(("rule", "place"), PLACES_OF_INVALID.items())
def test_bad_example_is_invalid_in_exactly_this_way(rule: str, place: tuple[str, int, int], tmp_path: Path) -> None:
    folder = example(rule, "bad", tmp_path)
    file, line, column = place

    examination = schema_files.examine(folder)

    [fault] = (*examination.faults, *examination.conflicts)
    assert fault.rule == rule
    location = fault.location
    assert (location.file, location.line, location.column) == (f"{folder.as_posix()}/{file}", line, column)
    assert linting.lint(examination.folder) == ()


@pytest.mark.parametrize("rule", [*PLACES, *PLACES_OF_INVALID])
def test_good_example_is_clean(rule: str, tmp_path: Path) -> None:
    assert lint(example(rule, "good", tmp_path)) == ()


def test_own_schemas_are_clean() -> None:
    assert lint(OWN_SCHEMAS) == ()


def test_a_foreign_folder_without_configuration(tmp_path: Path) -> None:
    customer: dict[str, Any] = {"type": "record", "name": "Customer", "namespace": "com.example"}
    customer["fields"] = [
        {"name": "firstName", "type": "string"},
        {"name": "addresses", "type": {"type": "array", "items": "Address"}, "default": []},
        {"name": "createdAt", "type": ["null", "long"], "default": None},
    ]
    address = {"type": "record", "name": "Address", "namespace": "com.example", "doc": "Where.", "fields": []}
    folder = write(tmp_path, {"customer.avsc": customer, "com.example.Address.avsc": address})

    findings = lint(folder)

    assert [(finding.path, finding.rule) for finding in findings] == [
        ("", "MISSING_DOC"),
        ("firstName", "MISSING_DOC"),
        ("firstName", "PII_UNTAGGED"),
        ("addresses", "MISSING_DOC"),
        ("addresses", "PII_UNTAGGED"),
        ("createdAt", "MISSING_DOC"),
        ("createdAt", "TIME_AS_LONG"),
    ]
    assert {finding.subject for finding in findings} == {"com.example.Customer"}


def test_findings_of_an_event_name_its_subject() -> None:
    (finding,) = lint(EXAMPLES / "EVENT_WITHOUT_HEADER" / "bad")

    assert finding.subject == "shop.orders-shop.orders.OrderCompleted"


def test_invalid_files_do_not_hide_what_is_wrong_with_the_others(tmp_path: Path) -> None:
    undocumented = {"type": "record", "name": "Good", "fields": []}
    write(tmp_path, {"Bad.avsc": record("Bad", {"name": "a", "type": "nowhere.Defined"}), "Good.avsc": undocumented})

    examination = schema_files.examine(tmp_path)

    assert [fault.rule for fault in examination.faults] == ["UNRESOLVED_REFERENCE"]
    assert [finding.rule for finding in linting.lint(examination.folder)] == ["MISSING_DOC"]


# Recursion

SELF = {"type": "array", "items": "Sample"}
RECURSIONS: list[tuple[Any, list[str]]] = [  # the type of the field `a` of the record Sample, and the paths of findings
    ("Sample", ["a"]),
    (["null", "Sample"], []),
    (["Sample", "null"], []),
    (SELF, []),
    ({"type": "map", "values": "Sample"}, []),
    (["Sample", record("Other", {"name": "b", "type": "Sample"})], ["a", "a.b"]),
    (["Sample", record("Other", {"name": "b", "type": "int"})], []),
    (record("Other", {"name": "b", "type": "Sample"}), ["a", "a.b"]),
    (record("Other", {"name": "b", "type": "Other"}, {"name": "c", "type": SELF}), ["a.b"]),
    (record("Other", {"name": "b", "type": ["null", "Sample"], "default": None}), []),
]


@pytest.mark.parametrize(("declared", "paths"), RECURSIONS)
def test_recursion_ends(declared: Any, paths: list[str], tmp_path: Path) -> None:
    default = {"default": None} if isinstance(declared, list) and declared[0] == "null" else {}
    findings = of_field(tmp_path, name="a", type=declared, **default)

    recursions = [finding for finding in findings if finding.rule != "NULLABLE_WITHOUT_DEFAULT"]
    assert [(finding.path, finding.rule) for finding in recursions] == [(path, "UNENDING_RECURSION") for path in paths]


def test_unending_recursion_names_the_way(tmp_path: Path) -> None:
    first, second = of_field(tmp_path, name="a", type=record("Other", {"name": "b", "type": "Sample"}))

    assert "(Sample -> Other -> Sample)" in first.message
    assert "(Other -> Sample -> Other)" in second.message
    assert '"type": ["null", "Sample"] with "default": null' in second.fix


def test_each_circle_of_files_is_told_once(tmp_path: Path) -> None:
    def refers_to(name: str, other: str) -> dict[str, Any]:
        items = {"type": other, "logicalType": "uuid"} if other == "B" else other
        return record(name, {"name": "a", "type": {"type": "array", "items": items}})

    files = {"A.avsc": refers_to("A", "B"), "B.avsc": refers_to("B", "C"), "C.avsc": refers_to("C", "A")}
    outside = {"D.avsc": refers_to("D", "A")}

    findings = linting.lint(schema_files.load(write(tmp_path, {**files, **outside})))

    circle = [finding for finding in findings if finding.rule == "CYCLIC_REFERENCE"]
    assert [(finding.path, finding.message) for finding in circle] == [
        ("a[]", "files refer to each other: A -> B -> C -> A")
    ]


# Files

LAYOUTS: list[
    tuple[dict[str, str], list[tuple[str, str]]]
] = [  # types by path; paths that are wrong, and the right ones
    ({"a/b/C.avsc": "a.b.C", "a/D.avsc": "a.D"}, []),
    ({"a/b/C.avsc": "a.b.C", "a/D.avsc": "a.b.D"}, [("a/D.avsc", "a/b/D.avsc")]),
    ({"a/b/C.avsc": "a.b.C", "a/b/d.avsc": "a.b.D"}, [("a/b/d.avsc", "a/b/D.avsc")]),
    ({"a/b/C.avsc": "a.b.C", "a/b/D.avsc": "a.c.D"}, [("a/b/D.avsc", "a/c/D.avsc")]),
    ({"C.avsc": "a.b.C", "D.avsc": "D", "a.c.E.avsc": "a.c.E"}, []),
    ({"order-placed.avsc": "a.OrderPlaced", "order_paid.avsc": "a.OrderPaid"}, []),
    ({"C.avsc": "a.b.C", "wrong.avsc": "a.b.D"}, [("wrong.avsc", "D.avsc")]),
    ({"order-v1.avsc": "a.Order"}, [("order-v1.avsc", "Order.avsc")]),
    ({"avro/C.avsc": "a.b.C", "avro/D.avsc": "a.c.D"}, []),
    ({"avro/C.avsc": "a.b.C", "other/D.avsc": "D"}, [("avro/C.avsc", "other/a/b/C.avsc")]),
    ({"main/avro/a/b/C.avsc": "a.b.C", "main/avro/a/D.avsc": "a.D"}, []),
    (
        {"main/a/C.avsc": "a.C", "main/a/D.avsc": "a.D", "test/a/E.avsc": "a.E"},
        [("test/a/E.avsc", "main/a/E.avsc")],
    ),
    ({"b/C.avsc": "a.b.C", "d/D.avsc": "a.d.D"}, [("b/C.avsc", "a/b/C.avsc"), ("d/D.avsc", "a/d/D.avsc")]),
    ({"a/b/C.avsc": "a.b.C"}, []),
    ({"C.avsc": "C"}, []),
]


@pytest.mark.parametrize(("layout", "misplaced"), LAYOUTS)
def test_layout_of_a_folder(layout: dict[str, str], misplaced: list[tuple[str, str]], tmp_path: Path) -> None:
    folder = write(tmp_path, {path: record(name) for path, name in layout.items()})

    findings = linting.lint(schema_files.load(folder))

    assert {finding.rule for finding in findings} <= {"PATH_NAMESPACE_MISMATCH"}
    assert [(finding.file, finding.fix) for finding in findings] == [
        (f"{folder.as_posix()}/{path}", f"Move the file to {right}.") for path, right in misplaced
    ]


# Events

HEADER = {"name": "header", "type": "n.Header"}


@pytest.mark.parametrize(
    ("fields", "fix"),
    [
        ([HEADER, {"name": "id", "type": "string"}], None),
        (
            [{"name": "id", "type": "string"}, HEADER],
            "Make the field 'header' the first one.",
        ),
        (
            [{"name": "head", "type": "n.Header"}],
            'Write {"name": "header", "type": "n.Header", "doc": ...} as its first field.',
        ),
        (
            [{"name": "header", "type": "int"}],
            'Write {"name": "header", "type": "n.Header", "doc": ...} as its first field.',
        ),
        ([], 'Write {"name": "header", "type": "n.Header", "doc": ...} as its first field.'),
    ],
)
def test_events_begin_with_the_header(fields: list[dict[str, Any]], fix: str | None, tmp_path: Path) -> None:
    files = {
        "n/Header.avsc": record("n.Header"),
        "n/Event.avsc": record("n.Event", *fields),
        "n/Not.avsc": record("n.Not"),
    }
    folder = schema_files.load(write(tmp_path, files))

    findings = linting.lint(folder, {"n.Event": "t-n.Event"}, "n.Header")

    assert [finding.fix for finding in findings] == ([fix] if fix else [])
    assert linting.lint(folder, {"n.Event": "t-n.Event"}) == ()


def test_an_event_that_could_not_be_read_is_not_judged(tmp_path: Path) -> None:
    files = {"n/Header.avsc": record("n.Header"), "n/Event.avsc": record("n.Event", {"name": "header"})}
    examination = schema_files.examine(write(tmp_path, files))

    assert [fault.rule for fault in examination.faults] == ["INVALID_SCHEMA"]
    assert linting.lint(examination.folder, {"n.Event": "t-n.Event"}, "n.Header") == ()
