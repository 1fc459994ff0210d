"""Reports: what each reader needs, and nothing in a finding that a reader takes for its own syntax."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath
from typing import Any
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from codegen.checks.findings import Category, Finding, Severity
from codegen.checks.reports import Format, render
from codegen.checks.rules import RULES

RULE_IDS = sorted(RULES)
FILE = "schemas/shop/orders/OrderPlaced.avsc"
ERROR = Finding(
    rule=RULE_IDS[0],
    category=Category.WIRE,
    severity=Severity.ERROR,
    path="lines[].coupon",
    message="field 'coupon' has no default, and version 2 does not write it.",
    fix="Give the field a default.",
    file=FILE,
    line=12,
    column=7,
    subject="shop.orders-shop.orders.OrderPlaced",
    versions=(1, 2),
)
WARNING = replace(ERROR, rule=RULE_IDS[1], category=Category.LINT, severity=Severity.WARNING, line=3, versions=())
BARE = Finding(RULE_IDS[0], Category.SEM, Severity.ERROR, "", "The unit has changed.", "Change it back.")
HOSTILE = 'a%b\r\n::error::c, d: <e> & "f" | `g` \\| **h** [i](j) \x00\x1b[31m \ud800 \ufffe \u2028 ü 中 ~~k~~ #1 &lt;'


def test_text_has_a_line_for_each_finding_its_fix_and_a_count() -> None:
    assert render([ERROR, WARNING, BARE], Format.TEXT) == (
        f"error {RULE_IDS[0]} The unit has changed.\n"
        "    fix: Change it back.\n"
        f"{FILE}:3:7: warning {RULE_IDS[1]} lines[].coupon: {WARNING.message}\n"
        "    fix: Give the field a default.\n"
        f"{FILE}:12:7: error {RULE_IDS[0]} lines[].coupon: {ERROR.message} (breaks versions 1, 2)\n"
        "    fix: Give the field a default.\n"
        "2 errors, 1 warning"
    )


def test_text_says_a_fix_of_a_rule_once() -> None:
    same = [replace(ERROR, line=line) for line in range(1, 14)]
    of_another_rule, other = replace(WARNING, line=5), replace(ERROR, line=6, fix="Keep it.")

    lines = render([*same, of_another_rule, other], Format.TEXT).splitlines()

    assert [(number, line.strip()) for number, line in enumerate(lines) if line.startswith("    ")] == [
        (1, "fix: Give the field a default."),
        (7, "fix: Give the field a default."),
        (10, "fix: Keep it."),
    ]
    assert len(lines) == 13 + 2 + 3 + 1


@pytest.mark.parametrize(
    ("versions", "file", "said"),
    [
        ((1,), FILE, "(breaks version 1)"),
        (("git:main",), FILE, "(breaks git:main)"),
        ((3, 4, "HEAD~1"), FILE, "(breaks versions 3, 4, HEAD~1)"),
        ((1, 2), "schemas/shop/Line.avsc", "(breaks versions 1, 2 of shop.orders-shop.orders.OrderPlaced)"),
    ],
)
def test_text_says_which_versions_break_and_of_what(versions: tuple[int | str, ...], file: str, said: str) -> None:
    first_line = render([replace(ERROR, versions=versions, file=file)], Format.TEXT).splitlines()[0]

    assert first_line.endswith(f"{ERROR.message} {said}")


SHARED = [
    replace(ERROR, file="schemas/shop/Line.avsc", path=path, subject=subject)
    for path, subject in (("lines[].coupon", "shop.Order"), ("coupon", "shop.Line"), ("lines[].coupon", "shop.Invoice"))
]


def test_text_says_a_fault_of_a_shared_type_once_with_all_that_it_breaks() -> None:
    assert render(SHARED, Format.TEXT).splitlines() == [
        f"schemas/shop/Line.avsc:12:7: error {RULE_IDS[0]} coupon: {ERROR.message} (breaks versions 1, 2)",
        "    also lines[].coupon (breaks versions 1, 2 of shop.Invoice)",
        "    also lines[].coupon (breaks versions 1, 2 of shop.Order)",
        "    fix: Give the field a default.",
        "1 error in 3 places",
    ]


def test_the_count_is_of_faults_and_of_places_where_these_are_more() -> None:
    warnings = [replace(WARNING, file="a", line=line) for line in (1, 2)]

    for form in Format.TEXT, Format.GITHUB, Format.MARKDOWN:
        assert "1 error in 3 places, 2 warnings" in render([*SHARED, *warnings], form)


def test_a_fault_of_a_shared_type_is_one_annotation_and_one_row() -> None:
    also = "also lines[].coupon (breaks versions 1, 2 of shop.Invoice)"

    annotation, _ = render(SHARED, Format.GITHUB).splitlines()
    _, row = table(render(SHARED, Format.MARKDOWN))

    assert f"%0A{also}%0A" in annotation
    assert also in row[3]
    assert len(json.loads(render(SHARED, Format.JSON))["findings"]) == 3


def test_findings_without_a_file_stand_for_themselves() -> None:
    first, second = render([BARE, replace(BARE, path="a")], Format.TEXT).splitlines()[::2][:2]

    assert (first, second) == (f"error {RULE_IDS[0]} {BARE.message}", f"error {RULE_IDS[0]} a: {BARE.message}")


def test_findings_are_sorted_by_file_line_column_and_rule() -> None:
    places = [(None, None, None), ("a", 2, 9), ("a", 10, 1), ("a", 10, 3), ("b", 1, 1)]
    ordered = [
        replace(ERROR, file=file, line=line, column=column, rule=rule)
        for file, line, column in places
        for rule in RULE_IDS[:2]
    ]
    mixed = random.Random(1).sample(ordered, len(ordered))

    for form in Format:
        assert render(mixed, form) == render(ordered, form)
    found = json.loads(render(mixed, Format.JSON))["findings"]
    assert [(each["file"], each["line"], each["column"]) for each in found[::2]] == places


@pytest.mark.parametrize("form", [Format.TEXT, Format.GITHUB, Format.MARKDOWN])
def test_a_clean_check_says_what_was_checked(form: Format) -> None:
    assert render([], form, checked="14 schemas") == "clean: 14 schemas"


def test_json_has_the_keys_of_the_interface_in_their_order() -> None:
    text = render([ERROR, BARE], Format.JSON, extra={"valid": True, "readable": None})

    document = json.loads(text)
    keys = ["rule", "category", "severity", "path", "message", "fix", "file", "line", "column", "subject", "versions"]
    assert list(document) == ["findings", "valid", "readable"]
    assert [list(finding) for finding in document["findings"]] == [keys, keys]
    assert document["findings"][1] == {key: _plain(getattr(ERROR, key)) for key in keys}
    assert document["findings"][0]["file"] is None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def test_github_gets_a_command_that_annotates_the_line() -> None:
    first, second, third, count = render([ERROR, WARNING, BARE], Format.GITHUB).splitlines()

    assert first == f"::error title={RULE_IDS[0]}::The unit has changed.%0Afix: Change it back."
    assert second.startswith(f"::warning file={FILE},line=3,col=7,title={RULE_IDS[1]} lines[].coupon::field 'coupon'")
    assert third == (
        f"::error file={FILE},line=12,col=7,title={RULE_IDS[0]} lines[].coupon::"
        f"{ERROR.message} (breaks versions 1, 2)%0Afix: Give the field a default."
    )
    assert count == "2 errors, 1 warning"


def test_gitlab_gets_what_its_code_quality_report_needs() -> None:
    issues = json.loads(render([ERROR, WARNING, BARE], Format.GITLAB))

    assert [issue["severity"] for issue in issues] == ["major", "minor", "major"]
    assert issues[2] == {
        "description": f"lines[].coupon: {ERROR.message} (breaks versions 1, 2) Fix: Give the field a default.",
        "check_name": RULE_IDS[0],
        "fingerprint": issues[2]["fingerprint"],
        "severity": "major",
        "location": {"path": FILE, "lines": {"begin": 12}},
    }
    assert issues[0]["location"]["lines"] == {"begin": 1}, "GitLab wants a line where there is none"
    assert json.loads(render([replace(ERROR, file="./a/b.avsc")], Format.GITLAB))[0]["location"]["path"] == "a/b.avsc"
    assert render([], Format.GITLAB) == "[]"


def gitlab_marks(*findings: Finding) -> list[str]:
    return [issue["fingerprint"] for issue in json.loads(render(findings, Format.GITLAB))]


def sarif_marks(*findings: Finding) -> list[str]:
    (run,) = json.loads(render(findings, Format.SARIF))["runs"]
    return [result["partialFingerprints"]["contracts/v1"] for result in run["results"]]


@pytest.mark.parametrize("marks", [gitlab_marks, sarif_marks])
def test_a_fingerprint_stays_when_lines_move_and_is_no_other_findings(marks: Callable[..., list[str]]) -> None:
    others = [
        replace(ERROR, rule=RULE_IDS[2]),
        replace(ERROR, path="lines[].price"),
        replace(ERROR, file="x.avsc"),
        replace(ERROR, subject="other"),
    ]

    assert marks(ERROR) == marks(replace(ERROR, line=99, column=1, message="Other words.", versions=(1, 2, 3)))
    assert len(set(marks(ERROR, replace(ERROR, line=13), *others))) == 6


def test_junit_counts_errors_as_failures_by_file() -> None:
    root = ElementTree.fromstring(render([ERROR, WARNING, BARE, replace(WARNING, file="b.avsc")], Format.JUNIT))

    assert (root.tag, root.attrib) == (
        "testsuites",
        {"name": "contracts", "tests": "4", "failures": "2", "errors": "0"},
    )
    suites = {suite.get("name"): suite for suite in root}
    assert [(name, suite.get("tests"), suite.get("failures")) for name, suite in suites.items()] == [
        ("contracts", "1", "1"),
        ("b.avsc", "1", "0"),
        (FILE, "2", "1"),
    ]
    warning, error = suites[FILE]
    assert error.attrib == {
        "name": f"{RULE_IDS[0]} lines[].coupon",
        "classname": FILE,
        "file": FILE,
        "line": "12",
    }
    (failure,) = error
    assert (failure.tag, failure.get("type"), failure.get("message")) == (
        "failure",
        RULE_IDS[0],
        f"{ERROR.message} (breaks versions 1, 2)",
    )
    assert f"{failure.text}\n1 error" == render([ERROR], Format.TEXT)
    assert [child.tag for child in warning] == ["system-out"], "a warning fails no check"


def test_junit_of_a_clean_check_is_one_test_that_passes() -> None:
    (suite,) = ElementTree.fromstring(render([], Format.JUNIT))

    assert suite.get("tests") == "1"
    assert [[child.tag for child in case] for case in suite] == [[]]


def test_sarif_knows_every_rule_and_points_to_the_one_of_each_result() -> None:
    log = json.loads(render([ERROR, WARNING, BARE], Format.SARIF))

    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(RULES)
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "error"]
    assert run["results"][2]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": FILE, "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 12, "startColumn": 7},
            },
            "logicalLocations": [{"fullyQualifiedName": "shop.orders-shop.orders.OrderPlaced.lines[].coupon"}],
        }
    ]
    assert "physicalLocation" not in run["results"][0]["locations"][0]


@pytest.mark.parametrize("file", ["a b/ü%20:#?.avsc", "/tmp/a b/c.avsc"])
def test_sarif_says_a_file_as_a_uri(file: str) -> None:
    log = json.loads(render([replace(ERROR, file=file)], Format.SARIF))

    artifact = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    uri = urlparse(artifact["uri"])
    assert (uri.scheme, uri.query, uri.fragment) == ("file" if PurePath(file).is_absolute() else "", "", "")
    assert artifact["uri"].isascii()
    assert unquote(uri.path) == file
    assert ("uriBaseId" in artifact) is not PurePath(file).is_absolute()


# What comes from a schema is shown and never obeyed.

TEXT = st.text(st.characters() | st.sampled_from(HOSTILE), min_size=1, max_size=30) | st.just(HOSTILE)


def hostile(text: str) -> Finding:
    file = "x" + text.encode("utf-8", "replace").decode() + "\udcff"  # how Python says a byte of a name that is no text
    return replace(ERROR, path=text, message=text, fix=text, file=file, subject=text, versions=(text,))


def table(markdown: str) -> list[list[str]]:
    """The cells of the table as a reader sees them."""
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown)
    root = ElementTree.fromstring(f"<body>{html.replace('<br>', '<br/>')}</body>")
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


@given(TEXT)
def test_reports_by_the_line_have_as_many_lines_as_ever(text: str) -> None:
    for form in Format.TEXT, Format.GITHUB, Format.MARKDOWN:
        report = render([hostile(text)], form)

        assert len(report.splitlines()) == len(render([ERROR], form).splitlines())
        assert not any(character < " " or character in "\x7f\x9b" for character in report.replace("\n", ""))
        report.encode()


@given(TEXT)
def test_github_reads_back_what_was_said(text: str) -> None:
    command = render([hostile(text)], Format.GITHUB).splitlines()[0]

    head, _, data = command.removeprefix("::error ").partition("::")
    properties = dict(each.split("=", 1) for each in head.split(","))
    assert list(properties) == ["file", "line", "col", "title"]
    shown = text.translate(SHOWN_BY_GITHUB)
    assert unescaped(properties["title"]) == f"{RULE_IDS[0]} {shown}"
    assert unescaped(data) == f"{shown} (breaks {shown} of {shown})\nfix: {shown}"


def unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


UNPRINTABLE = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
SHOWN = {code: json.dumps(chr(code))[1:-1] for code in UNPRINTABLE}
SHOWN_BY_GITHUB = {code: shown for code, shown in SHOWN.items() if chr(code) not in "\r\n"}


@given(TEXT)
def test_junit_is_well_formed_and_says_the_rest(text: str) -> None:
    root = ElementTree.fromstring(render([hostile(text)], Format.JUNIT))

    (failure,) = root.iter("failure")
    readable = {*"\t\n\r"} | {chr(code) for code in (*range(0x20, 0xD800), *range(0xE000, 0xFFFE))}
    shown = "".join(c if c in readable or ord(c) > 0xFFFF else "\ufffd" for c in text)
    assert failure.get("message") == f"{shown} (breaks {shown} of {shown})"


@given(TEXT)
def test_markdown_shows_what_was_said_in_one_row(text: str) -> None:
    head, row = table(render([hostile(text)], Format.MARKDOWN))

    shown = text.translate(SHOWN)
    assert len(head) == len(row) == 5
    assert row[3:] == [f"{shown} (breaks {shown} of {shown})".strip(), shown.strip()]


@given(TEXT)
def test_json_reports_are_json_in_ascii(text: str) -> None:
    for form in Format.JSON, Format.GITLAB, Format.SARIF:
        report = render([hostile(text)], form)

        assert report.isascii()
        json.loads(report)
