"""The commands that look: what they print, where, and with which exit code."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from codegen.checks.rules import RULES
from codegen.tests.building import write_schemas
from codegen.tests.running import run

LINE: dict[str, Any] = {
    "type": "record",
    "name": "Line",
    "namespace": "shop",
    "doc": "A line of an order.",
    "fields": [{"name": "quantity", "type": "long", "doc": "How many pieces."}],
}
ORDER: dict[str, Any] = {
    "type": "record",
    "name": "Order",
    "namespace": "shop",
    "doc": "An order.",
    "fields": [{"name": "lines", "type": {"type": "array", "items": "Line"}, "doc": "What was ordered."}],
}
INT_LINE = {**LINE, "fields": [{**LINE["fields"][0], "type": "int"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of schemas as anybody might have it: no configuration, one release in its history."""
    write_schemas(tmp_path / "schemas", LINE, ORDER)
    released = {**ORDER, "fields": [{**ORDER["fields"][0], "type": {"type": "array", "items": LINE}}]}
    write_schemas(tmp_path / "schemas" / "history" / "shop.Order", released)
    (tmp_path / "schemas" / "history" / "shop.Order" / "Order.avsc").rename(
        tmp_path / "schemas" / "history" / "shop.Order" / "1.avsc"
    )
    return tmp_path


def commit(folder: Path) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "schemas"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def test_a_clean_folder_exits_0_everywhere(folder: Path) -> None:
    commit(folder)
    run("fmt", cwd=folder)

    results = [
        run(*command, cwd=folder)
        for command in (["lint"], ["fmt", "--check"], ["breaking"], ["breaking", "--against", "git:HEAD"])
    ]

    assert [result.returncode for result in results] == [0, 0, 0, 0]
    assert [result.stdout.splitlines()[-1][:5] for result in results] == ["clean"] * 4


@pytest.mark.parametrize(("against", "versions"), [("history", [1]), ("git:HEAD", ["HEAD"])])
def test_breaking_names_file_line_path_and_versions(folder: Path, against: str, versions: list[Any]) -> None:
    commit(folder)
    (folder / "schemas" / "Line.avsc").write_text(json.dumps(INT_LINE, indent=2))

    result = run("breaking", "--against", against, "--format", "json", cwd=folder)

    assert result.returncode == 100
    found = json.loads(result.stdout)["findings"]
    of_order = [finding for finding in found if finding["path"] == "lines[].quantity"]
    assert [(each["rule"], each["file"], each["line"], each["column"], each["versions"]) for each in of_order] == [
        ("TYPE_CHANGED", "schemas/Line.avsc", 9, 15, versions)
    ]
    assert of_order[0]["subject"] == "shop.Order"


def test_findings_come_in_every_format(folder: Path) -> None:
    (folder / "schemas" / "Line.avsc").write_text(json.dumps(INT_LINE))

    for form in ("text", "json", "github", "gitlab", "junit", "sarif", "markdown"):
        result = run("breaking", "--format", form, cwd=folder)
        assert result.returncode == 100
        assert "TYPE_CHANGED" in result.stdout


def test_an_invalid_schema_is_a_finding_of_lint_and_breaking(folder: Path) -> None:
    write_schemas(folder / "schemas", {**ORDER, "name": "Bad", "fields": [{"name": "x", "type": "Nowhere"}]})
    (folder / "schemas" / "Worse.avsc").write_text("{")

    for command in ("lint", "breaking"):
        result = run(command, "--format", "json", cwd=folder)
        assert result.returncode == 100
        found = [(each["rule"], each["file"], each["line"]) for each in json.loads(result.stdout)["findings"]]
        invalid = [("UNRESOLVED_REFERENCE", "schemas/Bad.avsc", 1), ("INVALID_SCHEMA", "schemas/Worse.avsc", 1)]
        others = [("MISSING_DOC", "schemas/Bad.avsc", 1)] if command == "lint" else []
        assert sorted(found) == sorted(invalid + others)


def test_without_a_release_breaking_says_that_it_compared_nothing(tmp_path: Path) -> None:
    write_schemas(tmp_path / "schemas", LINE)

    result = run("breaking", "--against", "history", cwd=tmp_path)

    assert result.returncode == 0
    assert result.stdout == "clean: nothing was compared\n"
    assert "no released versions" in result.stderr
    by_itself = run("breaking", cwd=tmp_path)
    assert by_itself.returncode == 1
    assert "say --against git:REF to compare with a revision" in by_itself.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["breaking", "--against", "yesterday"], "--against is 'history', 'registry' or 'git:REF'"),
        (["breaking", "--against", "git:nowhere"], "nowhere"),
        (["lint", "--schemas", "elsewhere"], "elsewhere: no such folder"),
        (["explain", "FIELD_RENAME"], "there is no rule 'FIELD_RENAME'; is it FIELD_RENAMED?"),
        (["sample", "Oder"], "is it shop.Order?"),
        (["compare", "--reader", "r.avsc"], "say either --reader and --writer, or --pairs"),
        (["compare", "--reader", "r.avsc", "--writer", "w.avsc"], "w.avsc: No such file"),
        (["lint", "--format", "html"], "Invalid value for '--format'"),
    ],
)
def test_a_mistake_exits_1_and_says_what_to_do(folder: Path, arguments: list[str], complaint: str) -> None:
    commit(folder)

    result = run(*arguments, cwd=folder)

    assert result.returncode == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.stderr


def test_compare_takes_shared_types_from_a_folder(folder: Path) -> None:
    new = {**ORDER, "fields": [{**ORDER["fields"][0], "type": {"type": "map", "values": "Line"}}]}
    (folder / "new.avsc").write_text(json.dumps(new))
    paths = ("--reader", "new.avsc", "--writer", "schemas/Order.avsc")

    alone, together = run("compare", *paths, cwd=folder), run("compare", *paths, "--schemas", "schemas", cwd=folder)

    assert "unknown type 'shop.Line'" in alone.stdout
    assert "TYPE_CHANGED lines" in together.stdout
    assert together.stdout.endswith("not readable\n")


def test_a_rules_severity_is_said_as_the_folder_sets_it(folder: Path) -> None:
    (folder / "schemas" / "contracts.toml").write_text('[rules]\nMISSING_DOC = "off"\nUNFORMATTED = "warning"\n')

    listed = run("rules", "--schemas", "schemas", cwd=folder).stdout.splitlines()

    assert [line.split()[2] for line in listed if line.startswith(("MISSING_DOC", "UNFORMATTED"))] == ["off", "warning"]
    checked = run("fmt", "--check", cwd=folder)
    assert (checked.returncode, "warning UNFORMATTED" in checked.stdout) == (0, True)


def test_a_folder_named_like_a_schema_is_none(folder: Path) -> None:
    (folder / "schemas" / "x.avsc").mkdir()

    assert run("lint", cwd=folder).returncode == 0


def test_pairs_are_answered_line_by_line_and_bad_lines_are_named(tmp_path: Path) -> None:
    lines = [
        '{"id": "a", "reader": "long", "writer": "int"}',
        "",
        "{",
        '{"id": 2, "reader": "int", "writer": {"type": 5}}',
    ]
    (tmp_path / "pairs").write_text("\n".join(lines))

    result = run("compare", "--pairs", "pairs", cwd=tmp_path)

    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", None, 2]
    assert [answers[0][key] for key in ("valid", "readable", "same_meaning", "findings")] == [True, True, True, []]
    assert answers[1]["error"].startswith("line 3: not JSON")
    assert (answers[2]["valid"], answers[2]["readable"]) == (False, None)
    assert result.returncode == 1


def test_pairs_with_findings_only_exit_100(tmp_path: Path) -> None:
    (tmp_path / "pairs").write_text('{"id": 1, "reader": "int", "writer": "long"}\n')

    assert run("compare", "--pairs", "pairs", cwd=tmp_path).returncode == 100


def test_compare_json_has_the_three_answers(tmp_path: Path) -> None:
    (tmp_path / "r.avsc").write_text('"int"')
    (tmp_path / "w.avsc").write_text('"long"')

    result = run("compare", "--reader", "r.avsc", "--writer", "w.avsc", "--format", "json", cwd=tmp_path)

    answer = json.loads(result.stdout)
    assert {key: answer[key] for key in answer if key != "findings"} == {
        "valid": True,
        "readable": False,
        "same_meaning": False,
    }
    assert list(answer["findings"][0]) == [
        *("rule", "category", "severity", "path", "message", "fix", "file", "line", "column", "subject", "versions")
    ]


def test_every_rule_is_listed_and_explained_with_its_examples(tmp_path: Path) -> None:
    listed = run("rules", cwd=tmp_path).stdout
    explained = run("explain", "decimal-changed", cwd=tmp_path).stdout

    assert [line.split()[0] for line in listed.splitlines()] == list(RULES)
    assert explained.startswith("DECIMAL_CHANGED (SEM, error)")
    assert [title for title in ("Before:", "Breaks the rule:", "Keeps it:", "What to do:") if title in explained] == [
        *("Before:", "Breaks the rule:", "Keeps it:", "What to do:")
    ]
    assert '"scale": 4' in explained


def test_sample_prints_the_same_data_for_the_same_seed(folder: Path) -> None:
    one = run("sample", "Order", "--count", "5", "--seed", "7", cwd=folder)
    other = run("sample", "shop.Order", "--count", "5", "--seed", "7", cwd=folder)
    drawn = run("sample", "Order", "--invalid", cwd=folder)

    assert one.stdout == other.stdout
    assert len(one.stdout.splitlines()) == 5
    assert {"path", "reason", "datum"} == json.loads(drawn.stdout).keys()
    assert "seed" in drawn.stderr


def test_diff_says_what_changed_and_exits_0(folder: Path) -> None:
    (folder / "schemas" / "Line.avsc").write_text(json.dumps(INT_LINE))

    result = run("diff", "--against", "history", cwd=folder)

    assert result.returncode == 0
    assert "quantity" in result.stdout
    assert "long" in result.stdout
