"""What breaks: which versions a level looks at and in which direction, and what becomes of types that went or moved."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from codegen.avro.parsing import parse_json
from codegen.checks import breaking, history
from codegen.checks.findings import Category, Finding, Severity
from codegen.contracts import Contracts
from codegen.tests.building import write_schemas
from codegen.tests.releasing import commit, init, release, release_all

INT = {"name": "a", "type": "int"}
LONG = {"name": "a", "type": "long"}
STRING = {"name": "a", "type": "string"}
NEW = {"name": "b", "type": "int"}
NEW_WITH_DEFAULT = {**NEW, "default": 0}
TWO_DIRECTIONS = ("BACKWARD", "FORWARD", "FULL")


def record(*fields: Any, name: str = "n.R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def folder_with(tmp_path: Path, level: str, *schemas: dict[str, Any]) -> Path:
    folder = write_schemas(tmp_path / "schemas", *schemas)
    (folder / "contracts.toml").write_text(f'[registry]\ncompatibility = "{level}"\n')
    return folder


def found(folder: Path, against: str = "history") -> tuple[Finding, ...]:
    contracts = Contracts.load(folder)
    return breaking.find(contracts, history.read(against, contracts))


def told(findings: Iterable[Finding]) -> set[tuple[str, tuple[int | str, ...]]]:
    return {(each.rule, each.versions) for each in findings if each.category is not Category.API}


# Levels


@pytest.mark.parametrize(
    ("previous", "current", "rules"),
    [
        ([INT], [LONG], ((), ("TYPE_CHANGED",), ("TYPE_CHANGED",))),
        ([LONG], [INT], (("TYPE_CHANGED",), (), ("TYPE_CHANGED",))),
        ([INT], [STRING], (("TYPE_CHANGED",),) * 3),
        ([INT], [INT, NEW], (("FIELD_ADDED_WITHOUT_DEFAULT",), (), ("FIELD_ADDED_WITHOUT_DEFAULT",))),
        ([INT, NEW], [INT], ((), ("FIELD_REMOVED_WITHOUT_DEFAULT",), ("FIELD_REMOVED_WITHOUT_DEFAULT",))),
        ([INT], [INT, NEW_WITH_DEFAULT], ((), (), ())),
        ([INT, NEW_WITH_DEFAULT], [INT, {**NEW, "default": 1}], (("DEFAULT_CHANGED",),) * 3),
    ],
)
@pytest.mark.parametrize("level", TWO_DIRECTIONS)
@pytest.mark.parametrize("suffix", ["", "_TRANSITIVE"])
def test_a_level_says_who_must_read_whom(
    tmp_path: Path, level: str, suffix: str, previous: list[Any], current: list[Any], rules: tuple[tuple[str, ...]]
) -> None:
    folder = folder_with(tmp_path, level + suffix, record(*current))
    release(folder, "n.R", 1, record(*previous))

    assert told(found(folder)) == {(rule, (1,)) for rule in rules[TWO_DIRECTIONS.index(level)]}


@pytest.mark.parametrize("level", TWO_DIRECTIONS)
def test_without_transitive_only_the_newest_version_counts(tmp_path: Path, level: str) -> None:
    folder = folder_with(tmp_path, level, record(INT))
    release(folder, "n.R", 1, record(STRING))
    release(folder, "n.R", 2, record(INT))

    assert found(folder) == ()


@pytest.mark.parametrize("level", TWO_DIRECTIONS)
def test_with_transitive_every_version_counts(tmp_path: Path, level: str) -> None:
    folder = folder_with(tmp_path, f"{level}_TRANSITIVE", record(INT))
    release(folder, "n.R", 1, record(STRING))
    release(folder, "n.R", 2, record(INT))
    release(folder, "n.R", 10, record(STRING, doc="Another text."))

    assert told(found(folder)) == {("TYPE_CHANGED", (1, 10))}


def test_a_level_of_none_looks_at_nothing(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "NONE", record(INT))
    release(folder, "n.R", 1, record(STRING))
    release(folder, "n.Gone", 1, record(name="n.Gone"))

    assert found(folder) == ()


def test_different_faults_of_one_field_stay_apart(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "BACKWARD_TRANSITIVE", record(INT))
    release(folder, "n.R", 1, record(STRING))
    release(folder, "n.R", 2, record(LONG))

    assert told(found(folder)) == {("TYPE_CHANGED", (1,)), ("TYPE_CHANGED", (2,))}


def test_a_folder_without_configuration_is_fully_transitive(tmp_path: Path) -> None:
    folder = write_schemas(tmp_path, record(INT))
    release(folder, "n.R", 1, record(STRING))
    release(folder, "n.R", 2, record(INT))

    assert told(found(folder)) == {("TYPE_CHANGED", (1,))}


def test_a_new_type_breaks_nobody(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "FULL", record(INT), record(INT, name="n.New"))
    release(folder, "n.R", 1, record(INT))

    assert found(folder) == ()


def test_a_fault_of_a_shared_type_is_found_in_every_subject_at_its_path(tmp_path: Path) -> None:
    user = record({"name": "items", "type": {"type": "array", "items": "n.R"}}, name="n.User")
    folder = folder_with(tmp_path, "FULL", record(INT), user)
    release_all(folder, 1)
    write_schemas(folder, record(STRING))

    places = {(each.subject, each.path, each.file, each.line, each.column) for each in found(folder)}

    file = f"{folder}/n.R.avsc"
    column = (folder / "n.R.avsc").read_text().index('"string"') + 1
    assert {place for place in places if place[4] == column} == {
        ("n.R", "a", file, 1, column),
        ("n.User", "items[].a", file, 1, column),
    }


# Types that went or moved


def removed(folder: Path, against: str = "history") -> list[tuple[str | None, tuple[int | str, ...], str | None]]:
    return [
        (each.subject, each.versions, each.file) for each in found(folder, against) if each.rule == "SUBJECT_REMOVED"
    ]


def test_a_released_subject_that_is_gone_is_told(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "BACKWARD", record(INT))
    release(folder, "t-n.Gone", 1, record(name="n.Gone"))
    release(folder, "t-n.Gone", 2, record(INT, name="n.Gone"))

    (finding,) = found(folder)

    assert (finding.rule, finding.category, finding.severity) == ("SUBJECT_REMOVED", Category.WIRE, Severity.ERROR)
    assert (finding.subject, finding.versions) == ("t-n.Gone", (1, 2))
    assert (finding.file, finding.line) == (f"{folder}/history/t-n.Gone/2.avsc", 1)
    assert finding.message == "n.Gone was released, and no file defines it or has it as an alias"


def test_a_type_that_is_gone_since_a_commit_is_told(tmp_path: Path) -> None:
    folder = folder_with(init(tmp_path / "repository"), "BACKWARD", record(INT), record(INT, name="n.Gone"))
    commit(folder, "v1")
    (folder / "n.Gone.avsc").unlink()

    assert removed(folder, "git:v1") == [("n.Gone", ("v1",), f"{folder}/n.Gone.avsc")]


def test_a_renamed_type_is_compared_with_what_it_was(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "BACKWARD", record(STRING, name="n.S", aliases=["n.R"]))
    release(folder, "n.R", 1, record(INT))

    (finding,) = [each for each in found(folder) if each.rule == "TYPE_CHANGED"]

    assert (finding.subject, finding.versions, finding.file) == ("n.R", (1,), f"{folder}/n.S.avsc")


def test_a_renamed_type_cannot_be_read_by_those_who_do_not_know_the_alias(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "FULL", record(INT, name="n.S", aliases=["n.R"]))
    release(folder, "n.R", 1, record(INT))

    assert told(found(folder)) == {("NAME_CHANGED", (1,))}


def test_a_moved_type_is_told_as_moved(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "FULL", record(INT, name="m.R"))
    release(folder, "n.R", 1, record(INT))

    assert {each.rule for each in found(folder)} == {"NAMESPACE_CHANGED", "CLASS_MOVED"}


def test_a_type_whose_topic_changed_is_compared(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "BACKWARD", record(STRING))
    release(folder, "old-topic-n.R", 1, record(INT))

    assert told(found(folder)) == {("TYPE_CHANGED", (1,))}


def test_a_type_that_is_nested_now_is_compared(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "BACKWARD", record({"name": "r", "type": record(STRING)}, name="n.User"))
    release(folder, "n.R", 1, record(INT))

    assert told(found(folder)) == {("TYPE_CHANGED", (1,))}


def test_a_namesake_that_was_there_before_is_no_successor(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "FULL", record(INT, name="m.R"))
    release(folder, "n.R", 1, record(INT))
    release(folder, "m.R", 1, record(INT, name="m.R"))

    assert [each[0] for each in removed(folder)] == ["n.R"]


def test_a_released_schema_without_a_name_has_no_successor(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "FULL", record(INT))
    release(folder, "topic-value", 1, '"string"')

    assert [each[0] for each in removed(folder)] == ["topic-value"]


# What is equal is not compared


@pytest.mark.parametrize(
    ("previous", "current", "expected"),
    [
        (record(INT), record(INT), True),
        (record(INT), record(INT, doc="Words."), False),
        (record(INT), record({**INT, "default": 0}), False),
        (record(INT), record(INT, name="m.R"), False),
        (
            record({"name": "a", "type": ["null", {"type": "map", "values": record(INT, name="n.Inner")}]}),
            record({"name": "a", "type": ["null", {"type": "map", "values": record(LONG, name="n.Inner")}]}),
            False,
        ),
        (
            record({"name": "next", "type": ["null", {"type": "array", "items": "n.R"}]}),
            record({"name": "next", "type": ["null", {"type": "array", "items": "n.R"}]}),
            True,
        ),
    ],
)
def test_schemas_are_the_same_as_far_as_they_reach(previous: Any, current: Any, expected: bool) -> None:
    assert breaking.is_same(parse_json(previous), parse_json(current)) is expected


def test_types_out_of_reach_make_no_difference() -> None:
    one, other = parse_json(record(INT)), parse_json(record(INT))
    more = {**other.types, **parse_json(record(LONG, name="n.Other")).types}

    assert breaking.is_same(one, type(other)(other.root, more))
