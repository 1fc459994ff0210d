"""`contracts gate` by itself: its two rules on their examples, what it compares with, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codegen.checks.findings import Rule
from codegen.checks.gate_rules import CLASSES_DIFFER, RELEASE_CHANGED
from codegen.checks.rules import examples
from codegen.tests.building import write_schemas
from codegen.tests.releasing import commit, git, init
from codegen.tests.running import Result, run

LINE: dict[str, Any] = {
    "type": "record",
    "name": "Line",
    "namespace": "shop",
    "doc": "A line of an order.",
    "fields": [{"name": "sku", "type": "string", "doc": "The product's number."}],
}
WITHOUT_SKU = {**LINE, "fields": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one schema, in the one layout, committed."""
    write_schemas(init(tmp_path / "project") / "schemas", LINE)
    assert run("fmt", cwd=tmp_path / "project").returncode == 0
    commit(tmp_path / "project", "v1")
    return tmp_path / "project"


def edit(folder: Path, schema: dict[str, Any]) -> None:
    write_schemas(folder / "schemas", schema)
    assert run("fmt", cwd=folder).returncode == 0


def found(result: Result) -> list[tuple[str, str, int, list[int | str]]]:
    findings = json.loads(result.stdout)["findings"]
    return [(each["rule"], each["file"], each["line"], each["versions"]) for each in findings]


def write_example(folder: Path, rule: Rule, kind: str) -> None:
    """Write an example's schemas and classes; a class is a text there, so that nobody takes it for this project's code."""
    for name, text in examples(rule).items():
        beginning, _, rest = name.partition("/")
        if beginning == kind:
            path = folder / (rest.removesuffix(".txt") if rest.endswith(".txt") else f"schemas/{rest}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


# The rules


def test_released_versions_are_held_to_those_of_the_base(tmp_path: Path) -> None:
    folder = init(tmp_path / "project")
    write_example(folder, RELEASE_CHANGED, "previous")
    commit(folder, "v1")
    write_example(folder, RELEASE_CHANGED, "bad")
    bad = run("gate", "--base", "HEAD", "--format", "json", cwd=folder)
    write_example(folder, RELEASE_CHANGED, "good")

    assert ("RELEASE_CHANGED", "schemas/history/shop.Payment/1.avsc", 9, []) in found(bad)
    assert run("breaking", cwd=folder).returncode == 0  # the lock was edited as well
    assert run("gate", "--base", "HEAD", cwd=folder).returncode == 0


def test_classes_are_held_to_the_schemas(tmp_path: Path) -> None:
    folder = init(tmp_path / "project")
    write_example(folder, CLASSES_DIFFER, "previous")
    (folder / "schemas/contracts.toml").write_text('[generate]\nout = ".."\npackage = "events"\n')
    previous = run("generate", "--check", cwd=folder)
    assert run("generate", cwd=folder).returncode == 0
    commit(folder, "v1")
    write_example(folder, CLASSES_DIFFER, "bad")
    bad = run("gate", "--base", "HEAD", "--format", "json", cwd=folder)
    write_example(folder, CLASSES_DIFFER, "good")

    assert previous.stdout == "events/__init__.py: missing\n", "the example is not what the generator writes"
    assert (bad.returncode, found(bad)) == (100, [("CLASSES_DIFFER", "events/shop.py", 3, [])])
    assert run("gate", "--base", "HEAD", cwd=folder).returncode == 0


@pytest.mark.parametrize(
    ("kind", "harm"),
    [
        ("is missing", lambda path: path.unlink()),
        ("no schema belongs", lambda path: path.with_name("old.py").write_text(path.read_text())),
    ],
)
def test_a_class_may_be_missing_or_left_over(kind: str, harm: Callable[[Path], object], folder: Path) -> None:
    (folder / "schemas/contracts.toml").write_text('[generate]\nout = ".."\npackage = "events"\n')
    assert run("generate", cwd=folder).returncode == 0
    harm(folder / "events/shop.py")

    result = run("gate", "--base", "HEAD", cwd=folder)

    assert (result.returncode, kind in result.stdout) == (100, True)


def test_a_decision_about_a_release_holds_until_its_day(folder: Path) -> None:
    assert run("release", cwd=folder).returncode == 0
    commit(folder, "released")
    git(folder, "rm", "-r", "--quiet", "schemas/history", "schemas/contracts.lock")
    (folder / "schemas/contracts.toml").write_text(
        '[[ignore]]\nrule = "RELEASE_CHANGED"\nsubject = "shop.Line"\nreason = "Never deployed."\nuntil = 2999-12-31\n'
    )

    assert run("gate", "--base", "HEAD", cwd=folder).stdout.startswith("clean: ")
    assert run("gate", "--base", "v1", cwd=folder).stdout.splitlines()[0].split()[2] == "IGNORE_UNUSED"


# What is compared


def test_a_fault_names_the_base_and_every_version_once(folder: Path) -> None:
    assert run("release", cwd=folder).returncode == 0
    commit(folder, "released")
    edit(folder, WITHOUT_SKU)

    result = run("gate", "--base", "main", "--format", "json", cwd=folder)

    assert (result.returncode, found(result)) == (
        100,
        [("FIELD_REMOVED_WITHOUT_DEFAULT", "schemas/Line.avsc", 3, [1, "main"])],
    )


def test_a_commit_is_named_by_its_first_digits(folder: Path) -> None:
    edit(folder, WITHOUT_SKU)
    base = git(folder, "rev-parse", "HEAD").strip()

    assert f"(breaks {base[:12]})" in run("gate", "--base", base, cwd=folder).stdout


def test_a_branch_is_compared_with_where_it_began(folder: Path) -> None:
    git(folder, "branch", "change")
    edit(folder, {**LINE, "fields": [*LINE["fields"], {**LINE["fields"][0], "name": "ean"}]})
    commit(folder, "v2")
    git(folder, "switch", "--quiet", "change")

    assert run("breaking", "--against", "git:main", cwd=folder).returncode == 100
    assert run("gate", "--base", "main", cwd=folder).returncode == 0


def test_it_says_what_it_has_looked_at(folder: Path) -> None:
    compared = run("gate", "--base", "main", cwd=folder)
    (folder / "schemas/contracts.toml").write_text('[registry]\ncompatibility = "NONE"\n')
    not_compared = run("gate", "--base", "main", cwd=folder)

    assert compared.stdout == "clean: 1 schema, compared with main\n"
    assert not_compared.stdout == "clean: 1 schema\n"
    assert not_compared.stderr == "contracts: not compared with main: compatibility is NONE in contracts.toml\n"


def test_a_folder_that_is_new_has_nothing_to_be_compared_with(folder: Path) -> None:
    git(folder, "mv", "schemas", "contracts")

    result = run("gate", "--base", "main", "--schemas", "contracts", cwd=folder)

    assert (result.returncode, result.stdout) == (0, "clean: 1 schema\n")
    assert "contracts: no .avsc files at main, so there is nothing to compare with" in result.stderr


def test_an_ignore_is_of_use_if_one_of_the_comparisons_has_what_it_hides(folder: Path) -> None:
    assert run("release", cwd=folder).returncode == 0
    (folder / "schemas/contracts.toml").write_text(
        '[[ignore]]\nrule = "FIELD_REMOVED_WITHOUT_DEFAULT"\nreason = "Nobody reads it."\nuntil = 2999-12-31\n'
    )
    edit(folder, WITHOUT_SKU)
    commit(folder, "decided")

    assert "IGNORE_UNUSED" in run("breaking", "--against", "git:HEAD", cwd=folder).stdout
    assert run("gate", "--base", "HEAD", cwd=folder).stdout.startswith("clean: ")


# Reports and refusals


def test_reports_are_written_in_other_forms(folder: Path) -> None:
    edit(folder, WITHOUT_SKU)

    result = run("gate", "--base", "HEAD", "--report", "gitlab=a.json", "--report", "markdown=b.md", cwd=folder)

    assert "error FIELD_REMOVED_WITHOUT_DEFAULT" in result.stdout
    assert [each["check_name"] for each in json.loads((folder / "a.json").read_text())] == [
        "FIELD_REMOVED_WITHOUT_DEFAULT"
    ]
    assert (folder / "b.md").read_text().startswith("**1 error**\n")


def test_a_check_that_cannot_be_made_fails_the_gate(folder: Path) -> None:
    (folder / "schemas/contracts.toml").write_text(
        '[topics.orders]\nwriter = "orders"\nkey = "id"\nevents = ["shop.Gone"]\n'
    )

    result = run("gate", "--base", "HEAD", "--format", "github", cwd=folder)

    assert result.returncode == 1
    assert "::error title=contracts::not checked: contracts.toml: topics.'orders' carries 'shop.Gone'" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--base", "nowhere"], "has no revision 'nowhere'"),
        (["--base", "other"], "has no commit that other and HEAD have in common; in a shallow clone"),
        (["--base", "HEAD", "--report", "html=x"], "--report is FORMAT=FILE, with a format of text, json"),
        (["--base", "HEAD", "--report", "gitlab="], "--report is FORMAT=FILE"),
        (["--base", "HEAD", "--report", "gitlab=nowhere/x"], "--report gitlab=nowhere/x: nowhere is no folder"),
        (["--base", "HEAD", "--schemas", "elsewhere"], "elsewhere: no such folder"),
        ([], "Missing option '--base'"),
    ],
)
def test_a_mistake_exits_1_and_says_what_to_do(arguments: list[str], complaint: str, folder: Path) -> None:
    git(folder, "switch", "--quiet", "--orphan", "other")
    commit(folder, "other")
    git(folder, "switch", "--quiet", "main")

    result = run("gate", *arguments, cwd=folder)

    assert (result.returncode, complaint in result.stderr) == (1, True), result.stderr
