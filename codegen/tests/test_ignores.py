"""Ignores and severities of contracts.toml: what they hide and for how long, what is said of them, what is refused."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from codegen.checks import ignores, linting
from codegen.checks.compatibility_rules import COMPATIBILITY_RULES
from codegen.checks.findings import Category, Finding, Severity
from codegen.checks.lint_rules import LINT_RULES
from codegen.checks.rules import EXAMPLES
from codegen.contracts import Contracts
from codegen.errors import ContractsFileError
from codegen.tests.building import write_schemas

FINDING = Finding(
    *("TYPE_CHANGED", Category.WIRE, Severity.ERROR, "lines[].unit_price", "It is another type.", "Keep the type."),
    subject="t-n.Event",
)
LAST_DAY = date(2026, 3, 31)
IGNORE = """
[[ignore]]
rule = "TYPE_CHANGED"
reason = "Nobody reads the price."
until = 2026-03-31
"""
RECORD = {"type": "record", "name": "Event", "namespace": "n", "fields": []}


def load(folder: Path, text: str) -> Contracts:
    write_schemas(folder, RECORD)
    (folder / "contracts.toml").write_text(text, encoding="utf-8")
    return Contracts.load(folder)


def settled(folder: Path, text: str, *findings: Finding, today: date = LAST_DAY) -> list[tuple[str, Severity]]:
    contracts = load(folder, text)
    checked = {rule.id for rule in COMPATIBILITY_RULES}
    standing = ignores.settle(findings, contracts.ignores, contracts.severities, checked=checked, today=today)
    return [(finding.rule, finding.severity) for finding in standing]


def test_an_ignore_is_read_with_its_place(tmp_path: Path) -> None:
    contracts = load(tmp_path, "# first\n" + IGNORE + 'subject = "s"\npath = "a*"\n')

    (ignore,) = contracts.ignores
    assert (ignore.rule, ignore.subject, ignore.path, ignore.until) == ("TYPE_CHANGED", "s", "a*", LAST_DAY)
    assert (ignore.location.file, ignore.location.line) == (f"{tmp_path}/contracts.toml", 3)


@pytest.mark.parametrize(
    ("more", "hides"),
    [
        ("", True),
        ('path = "lines[].unit_price"', True),
        ('path = "lines[]*"', True),
        ('path = "*price"', True),
        ('path = "l*[].*_*"', True),
        ('path = "lines"', False),
        ('path = "line.*"', False),
        ('path = ""', False),
        ('path = "linesx.unit_price"', False),
        ('subject = "t-n.Event"', True),
        ('subject = "n.Event"', False),
        ('subject = "t-n.Event"\npath = "other"', False),
    ],
)
def test_a_finding_is_hidden_by_rule_subject_and_path(tmp_path: Path, more: str, hides: bool) -> None:
    standing = settled(tmp_path, IGNORE + more, FINDING)

    assert standing == ([] if hides else [("TYPE_CHANGED", Severity.ERROR), ("IGNORE_UNUSED", Severity.WARNING)])


def test_another_rule_is_not_hidden(tmp_path: Path) -> None:
    other = replace(FINDING, rule="NULL_REMOVED")

    assert settled(tmp_path, IGNORE, FINDING, other) == [("NULL_REMOVED", Severity.ERROR)]


def test_an_empty_path_is_the_type_itself(tmp_path: Path) -> None:
    assert settled(tmp_path, IGNORE + 'path = ""', replace(FINDING, path="")) == []


@pytest.mark.parametrize(("today", "is_hidden"), [(date(2026, 3, 31), True), (date(2026, 4, 1), False)])
def test_an_ignore_ends_with_its_last_day(tmp_path: Path, today: date, is_hidden: bool) -> None:
    standing = settled(tmp_path, IGNORE, FINDING, today=today)

    back = [("TYPE_CHANGED", Severity.ERROR), ("IGNORE_EXPIRED", Severity.ERROR)]
    assert standing == ([] if is_hidden else back)


def test_an_expired_ignore_is_one_finding_at_its_line(tmp_path: Path) -> None:
    contracts = load(tmp_path, IGNORE + IGNORE.replace("2026-03-31", "2026-01-01") + 'path = "lines*"\n')
    checked = {"TYPE_CHANGED"}

    standing = ignores.settle([FINDING, FINDING], contracts.ignores, {}, checked=checked, today=LAST_DAY)

    (expired,) = standing
    assert (expired.rule, expired.file, expired.line, expired.column, expired.path) == (
        *("IGNORE_EXPIRED", f"{tmp_path}/contracts.toml", 7, 1, "lines*"),
    )
    assert expired.message == (
        "ignoring TYPE_CHANGED was decided until 2026-01-01, which is past (Nobody reads the price.)"
    )


def test_nothing_is_said_of_ignores_of_what_was_not_looked_for(tmp_path: Path) -> None:
    text = IGNORE.replace("TYPE_CHANGED", "MISSING_DOC")

    assert settled(tmp_path, text) == []
    assert settled(tmp_path, text, today=date(2030, 1, 1)) == []


def test_rules_have_the_severity_that_the_team_wants(tmp_path: Path) -> None:
    text = '[rules]\nTYPE_CHANGED = "warning"\nNULL_REMOVED = "off"\nCLASS_MOVED = "error"\n'
    findings = [replace(FINDING, rule=rule) for rule in ("TYPE_CHANGED", "NULL_REMOVED", "CLASS_MOVED", "NULL_ADDED")]

    assert settled(tmp_path, text, *findings) == [
        ("TYPE_CHANGED", Severity.WARNING),
        ("CLASS_MOVED", Severity.ERROR),
        ("NULL_ADDED", Severity.ERROR),
    ]


def test_what_is_said_of_ignores_has_a_severity_too(tmp_path: Path) -> None:
    assert settled(tmp_path, IGNORE + '[rules]\nIGNORE_UNUSED = "error"\n') == [("IGNORE_UNUSED", Severity.ERROR)]
    assert settled(tmp_path, IGNORE + '[rules]\nIGNORE_UNUSED = "off"\n') == []


def test_a_folder_without_the_file_hides_nothing(tmp_path: Path) -> None:
    contracts = Contracts.load(write_schemas(tmp_path, RECORD))

    assert (contracts.ignores, contracts.severities, contracts.event_header) == ((), {}, None)


def test_the_header_of_events_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, '[lint]\nevent_header = "n.Event"\n').event_header == "n.Event"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[ignore]]\nrule = 1\n[[ignore]]\nrule = 2\n", [1, 3]),
        ("# [[ignore]]\n\n  [[ ignore ]] # why\n", [3]),
        ('a = 1\n[["ignore"]]\n', [2]),
        ("ignore = [{ rule = 1 }, { rule = 2 }]\n", [1, 1]),
        ('[[ignore]]\nreason = """\n[[ignore]]\n"""\n', [1]),
    ],
    ids=["tables", "spaces", "quoted", "inline", "in a text"],
)
def test_the_lines_of_ignores(text: str, expected: list[int]) -> None:
    assert ignores.lines(text, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (IGNORE + "days = 3\n", r"unknown key ignore\.days; known are path, reason, rule, subject, until"),
        (IGNORE.replace("TYPE_CHANGED", "TYPE_CHANGE"), r"contracts\.toml:2: ignore\.rule 'TYPE_CHANGE' is no rule"),
        (IGNORE.replace('rule = "TYPE_CHANGED"', ""), r"ignore\.rule None is no rule"),
        (IGNORE.replace('"TYPE_CHANGED"', "[1]"), r"ignore\.rule is text"),
        (IGNORE.replace("Nobody reads the price.", " "), r"ignore\.reason is missing"),
        (IGNORE.replace('reason = "Nobody reads the price."', ""), r"ignore\.reason is missing"),
        (IGNORE.replace('"Nobody reads the price."', "true"), r"ignore\.reason is text"),
        (IGNORE.replace("until = 2026-03-31", ""), r"ignore\.until is missing or no date"),
        (IGNORE.replace("2026-03-31", '"2026-03-31"'), r"ignore\.until is missing or no date"),
        (IGNORE.replace("2026-03-31", "2026-03-31T00:00:00"), r"ignore\.until is missing or no date"),
        (IGNORE + "path = 7\n", r"ignore\.path is text"),
        ("[ignore]\nrule = 'TYPE_CHANGED'\n", r"written \[\[ignore\]\]"),
        ("ignore = [1]\n", r"written \[\[ignore\]\]"),
        ("[rules]\nTYPE_CHANGE = 'off'\n", r"rules\.TYPE_CHANGE is no rule; `contracts rules` lists them"),
        ("[rules]\nTYPE_CHANGED = 'info'\n", r"rules\.TYPE_CHANGED is 'error', 'warning' or 'off'"),
        ("[rules]\nTYPE_CHANGED = [1]\n", r"rules\.TYPE_CHANGED is 'error', 'warning' or 'off'"),
        ("rules = 1\n", "rules is a table"),
        ("[lint]\nheader = 'n.Event'\n", r"unknown key lint\.header"),
        ("[lint]\nevent_header = 'n.Gone'\n", r"lint\.event_header is 'n\.Gone', which no file defines"),
        ("[lint]\nevent_header = ['n.Event']\n", r"lint\.event_header is \['n\.Event'\], which no file defines"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ContractsFileError, match=message):
        load(tmp_path, text)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [("IGNORE_EXPIRED", ["MISSING_DOC", "IGNORE_EXPIRED"]), ("IGNORE_UNUSED", ["IGNORE_UNUSED"])],
)
def test_the_examples_show_the_rules(rule: str, expected: list[str]) -> None:
    def found(example: str) -> list[str]:
        contracts = Contracts.load(EXAMPLES / rule / example)
        findings = linting.lint(contracts.schemas)
        today = date(2026, 1, 1)
        checked = {rule.id for rule in LINT_RULES}
        standing = ignores.settle(findings, contracts.ignores, contracts.severities, checked=checked, today=today)
        return [finding.rule for finding in standing]

    assert found("bad") == expected
    assert found("good") == []
