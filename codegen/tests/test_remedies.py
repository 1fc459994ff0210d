"""What a finding says to do, done: at the level that it names, the change then breaks nothing and is free of lint.

Every fault is found at FULL_TRANSITIVE, the strictest level and the one that holds where nothing is said.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codegen.checks.compatibility_rules import COMPATIBILITY_RULES
from codegen.checks.findings import Severity
from codegen.tests.building import write_schemas
from codegen.tests.releasing import release
from codegen.tests.running import run

STRICTEST = "FULL_TRANSITIVE"
READERS_FIRST = "BACKWARD_TRANSITIVE"  # the strictest level without FORWARD

Json = dict[str, Any]


def field(name: str, kind: Any, **more: Any) -> Json:
    return {"name": name, "type": kind, "doc": "What it means.", **more}


def named(kind: str, name: str, **more: Any) -> Json:
    return {"type": kind, "name": name, **({} if kind == "fixed" else {"doc": "What it stands for."}), **more}


def record(*fields: Json, name: str = "n.R", **more: Any) -> Json:
    return named("record", name, fields=list(fields), **more)


def enum(*symbols: str, **more: Any) -> Json:
    return record(field("a", named("enum", "n.E", symbols=list(symbols), **more)))


def inner(name: str, **more: Any) -> Json:
    return record(field("a", record(field("b", "int"), name=name, **more)))


def logical(kind: str, name: str, **more: Any) -> Json:
    return {"type": kind, "logicalType": name, **more}


@dataclass(frozen=True)
class Remedy:
    """A part of the fix, and the schemas that do what it says."""

    says: str
    schemas: Sequence[Json]
    level: str = STRICTEST
    ignored: bool = False
    released: Sequence[Json] = ()  # after the first version, before the mended one


@dataclass(frozen=True)
class Case:
    rule: str
    previous: Json
    broken: Sequence[Json]
    remedies: Sequence[Remedy]


def keep_and_add(rule: str, before: Any, now: Any, default: Any) -> Case:
    """Return the case of a field whose type changes, mended by a second field."""
    both = record(field("a", before), field("b", now, default=default))
    remedies = [Remedy("eep", [record(field("a", before))]), Remedy("beside it, with a default; fill both", [both])]
    return Case(rule, record(field("a", before)), [record(field("a", now))], remedies)


INT, LONG = field("a", "int"), field("a", "long")
OLD_DEFAULT, NEW_DEFAULT = field("amount", "int", default=0), field("amount_minor", "int", default=0)
OLD, NEW, NEW_ALIAS = (
    field("amount", "int"),
    field("amount_minor", "int"),
    field("amount_minor", "int", aliases=["amount"]),
)
NULLABLE = field("a", ["null", "int"], default=None)
BRANCHES = field("a", ["int", "string"])
BOTH_NAMES = Remedy("fill both", [record(OLD, NEW_DEFAULT)])
ALIAS = Remedy('at a level without FORWARD, write "aliases": ["amount"]', [record(NEW_ALIAS)], READERS_FIRST)
KEEP_THE_NAME = Remedy("keep the name", [inner("n.Old")])
DECIMAL, FINER = logical("bytes", "decimal", precision=9, scale=2), logical("bytes", "decimal", precision=9, scale=4)
MILLIS, MICROS = logical("long", "timestamp-millis"), logical("long", "timestamp-micros")
LOCAL_MILLIS = logical("long", "local-timestamp-millis")

CASES = [
    Case(
        "FIELD_ADDED_WITHOUT_DEFAULT",
        record(INT),
        [record(INT, field("b", "string"))],
        [Remedy("Give the field a default", [record(INT, field("b", "string", default=""))])],
    ),
    Case("FIELD_ADDED_WITHOUT_DEFAULT", record(OLD), [record(NEW)], [BOTH_NAMES, ALIAS]),
    Case("FIELD_REMOVED_WITHOUT_DEFAULT", record(OLD), [record(NEW)], [BOTH_NAMES, ALIAS]),
    Case("FIELD_REMOVED_WITHOUT_DEFAULT", record(OLD), [record(NEW_ALIAS)], [BOTH_NAMES, ALIAS]),
    Case(
        "FIELD_REMOVED_WITHOUT_DEFAULT",
        record(INT, OLD),
        [record(INT)],
        [
            Remedy("Keep the field", [record(INT, OLD)]),
            Remedy("release a version in which it has a default", [record(INT)], "FULL", released=[record(INT, OLD_DEFAULT)]),
            Remedy("in an [[ignore]]", [record(INT)], ignored=True, released=[record(INT, OLD_DEFAULT)]),
        ],
    ),
    keep_and_add("TYPE_CHANGED", "int", "string", ""),
    Case(
        "NULL_REMOVED",
        record(NULLABLE),
        [record(field("a", "int", default=0))],
        [
            Remedy('Keep "null"', [record(NULLABLE)]),
            Remedy("without null, with a default, beside it", [record(NULLABLE, field("b", "int", default=0))]),
        ],
    ),
    Case(
        "NULL_ADDED",
        record(INT),
        [record(NULLABLE)],
        [
            Remedy("Keep the type and add a nullable", [record(INT, field("b", ["null", "int"], default=None))]),
            Remedy("a level without FORWARD", [record(NULLABLE)], READERS_FIRST),
        ],
    ),
    Case(
        "UNION_BRANCH_REMOVED",
        record(BRANCHES),
        [record(field("a", ["string"]))],
        [
            Remedy("Keep the branch", [record(BRANCHES)]),
            Remedy("say so in an [[ignore]]", [record(field("a", ["string"]))], ignored=True),
        ],
    ),
    Case(
        "UNION_BRANCH_ADDED",
        record(BRANCHES),
        [record(field("a", ["int", "string", "boolean"]))],
        [
            Remedy("with a default beside it", [record(BRANCHES, field("b", "boolean", default=False))]),
            Remedy("a level without FORWARD", [record(field("a", ["int", "string", "boolean"]))], READERS_FIRST),
        ],
    ),
    Case(
        "ENUM_SYMBOL_REMOVED",
        enum("A", "B"),
        [enum("A")],
        [
            Remedy("Keep the symbol", [enum("A", "B", default="A")]),
            Remedy("give the enum a default", [enum("A", default="A")]),
        ],
    ),
    Case(
        "ENUM_SYMBOL_ADDED",
        enum("A"),
        [enum("A", "B", default="A")],
        [
            Remedy("First release the enum with a default", [enum("A", "B", default="A")], "FULL", released=[enum("A", default="A")]),
            Remedy("a level without FORWARD", [enum("A", "B", default="A")], READERS_FIRST),
            Remedy("in an [[ignore]]", [enum("A", "B", default="A")], ignored=True, released=[enum("A", default="A")]),
        ],
    ),
    Case(
        "FIXED_SIZE_CHANGED",
        record(field("a", named("fixed", "n.F", size=2))),
        [record(field("a", named("fixed", "n.F", size=4)))],
        [
            Remedy("Keep the size", [record(field("a", named("fixed", "n.F", size=2)))]),
            Remedy(
                "with a default beside the old one",
                [record(field("a", named("fixed", "n.F", size=2)), field("b", named("fixed", "n.G", size=4), default="\0" * 4))],
            ),
        ],
    ),
    Case(
        "NAME_CHANGED",
        inner("n.Old"),
        [inner("n.New")],
        [KEEP_THE_NAME, Remedy("at a level without FORWARD, add the old full name", [inner("n.New", aliases=["n.Old"])], READERS_FIRST)],
    ),
    Case(
        "ALIAS_NAMESPACE",
        inner("m.Old"),
        [inner("n.New", aliases=["Old"])],
        [Remedy("as a full name", [inner("n.New", aliases=["m.Old"])], READERS_FIRST), Remedy("keep the name", [inner("m.Old")])],
    ),
    Case(
        "SUBJECT_REMOVED",
        record(INT),
        [record(INT, name="n.S")],
        [
            Remedy("Keep the file", [record(INT)]),
            Remedy("keep the old one beside it", [record(INT), record(INT, name="n.S")]),
            Remedy("at a level without FORWARD", [record(INT, name="n.S", aliases=["n.R"])], READERS_FIRST),
            Remedy("say so in an [[ignore]]", [record(INT, name="n.S")], ignored=True),
        ],
    ),
    keep_and_add("DECIMAL_CHANGED", DECIMAL, FINER, "\0"),
    keep_and_add("TIME_UNIT_CHANGED", MILLIS, MICROS, 0),
    keep_and_add("LOCAL_TIME_CHANGED", MILLIS, LOCAL_MILLIS, 0),
    keep_and_add("LOGICAL_TYPE_CHANGED", logical("int", "date"), "int", 0),
    keep_and_add("LOSSY_PROMOTION", "long", "double", 0.0),
    Case(
        "LOSSY_PROMOTION",
        record(INT),
        [record(field("a", "float"))],
        [Remedy("at a level without FORWARD, take a type that holds every value", [record(field("a", "double"))], READERS_FIRST)],
    ),
    Case(
        "FIELD_RENAMED",
        record(OLD_DEFAULT),
        [record(NEW_DEFAULT)],
        [
            Remedy("fill both", [record(OLD_DEFAULT, NEW_DEFAULT)]),
            Remedy('at a level without FORWARD, write "aliases": ["amount"]', [record({**NEW_ALIAS, "default": 0})], READERS_FIRST),
        ],
    ),
    Case(
        "FIELD_RENAMED",
        record(OLD_DEFAULT),
        [record({**NEW_ALIAS, "default": 0})],
        [Remedy("a default and no alias, and fill both", [record(OLD_DEFAULT, NEW_DEFAULT)])],
    ),
    Case(
        "DEFAULT_CHANGED",
        record(field("a", "int", default=0)),
        [record(field("a", "int", default=1))],
        [Remedy("Keep the default", [record(field("a", "int", default=0))])],
    ),
    Case(
        "AMBIGUOUS_UNION",
        record(LONG),
        [record(field("a", ["double", "long"]))],
        [Remedy("Put the branch of the written type before", [record(field("a", ["long", "double"]))], READERS_FIRST)],
    ),
    Case(
        "AMBIGUOUS_UNION",
        record(field("a", ["double", "long"])),
        [record(LONG)],
        [Remedy("keep the type that was written", [record(field("a", ["double", "long"]), field("b", "long", default=0))])],
    ),
    Case(
        "NAMESPACE_CHANGED",
        inner("m.T"),
        [inner("n.T")],
        [Remedy("Keep the namespace", [inner("m.T")]), Remedy("add the old full name", [inner("n.T", aliases=["m.T"])])],
    ),
]  # fmt: skip


def folder_of(tmp_path: Path, level: str, schemas: Sequence[Json], released: Sequence[Json]) -> Path:
    """Return a folder of schemas with released versions of the subject n.R."""
    plain = [{**schema, "namespace": "n", "name": schema["name"].rpartition(".")[2]} for schema in schemas]
    folder = write_schemas(tmp_path / "schemas", *plain)
    (folder / "contracts.toml").write_text(f'[registry]\ncompatibility = "{level}"\n')
    for number, schema in enumerate(released, start=1):
        release(folder, "n.R", number, schema)
    return folder


def findings(folder: Path, command: str) -> list[Json]:
    """Return the errors that a command finds."""
    found: list[Json] = json.loads(run(command, "--format", "json", cwd=folder.parent).stdout)["findings"]
    return [each for each in found if each["severity"] == Severity.ERROR]


def test_no_rule_is_left_out() -> None:
    errors = {rule.id for rule in COMPATIBILITY_RULES if rule.severity is Severity.ERROR}

    assert {case.rule for case in CASES} == errors


@pytest.mark.parametrize(
    ("case", "remedy"),
    [
        pytest.param(case, remedy, id=f"{case.rule}-{remedy.says}-{number}")
        for number, case in enumerate(CASES)
        for remedy in case.remedies
    ],
)
def test_what_a_finding_says_to_do_helps(tmp_path: Path, case: Case, remedy: Remedy) -> None:
    broken = folder_of(tmp_path / "broken", STRICTEST, case.broken, [case.previous])
    fixes = [each["fix"] for each in findings(broken, "breaking") if each["rule"] == case.rule]
    mended = folder_of(tmp_path / "mended", remedy.level, remedy.schemas, [case.previous, *remedy.released])
    if remedy.ignored:
        ignore = f'[[ignore]]\nrule = "{case.rule}"\nreason = "Nobody reads it."\nuntil = 2999-12-31\n'
        (mended / "contracts.toml").write_text((mended / "contracts.toml").read_text() + ignore)

    assert len(fixes) == 1
    assert remedy.says in fixes[0]
    assert findings(mended, "breaking") == []
    assert findings(mended, "lint") == []


def test_where_readers_come_first_a_rename_needs_the_alias_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, READERS_FIRST, [inner("n.New")], [inner("n.Old")])

    assert [each["fix"] for each in findings(folder, "breaking")] == [
        'Add "n.Old" to the "aliases" of n.New, or keep the name.'
    ]


def test_a_type_that_is_still_there_was_not_renamed(tmp_path: Path) -> None:
    old, new = (record(field("c", "int"), name=name) for name in ("n.Old", "n.New"))
    swapped = record(field("a", new), field("b", ["null", old], default=None))
    folder = folder_of(
        tmp_path, STRICTEST, [swapped], [record(field("a", old), field("b", ["null", "n.Old"], default=None))]
    )

    (finding,) = findings(folder, "breaking")

    assert (finding["rule"], finding["path"]) == ("NAME_CHANGED", "a")
    assert finding["fix"].startswith("Keep n.Old here;")
