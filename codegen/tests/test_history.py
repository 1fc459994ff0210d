"""Earlier versions: released ones in files, and a folder as it was at a revision of a real git repository."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from codegen.avro.schema import Enum, Fixed
from codegen.checks import history
from codegen.checks.history import Earlier
from codegen.contracts import Contracts
from codegen.errors import ContractsError, SchemaError
from codegen.tests.building import write_schemas
from codegen.tests.releasing import commit, git, init, release


def fixed(name: str, size: int, *aliases: str) -> dict[str, Any]:
    return {"type": "fixed", "name": name, "namespace": "n", "size": size, "aliases": list(aliases)}


def record(name: str, *types: Any) -> dict[str, Any]:
    fields = [{"name": f"field_{number}", "type": each} for number, each in enumerate(types)]
    return {"type": "record", "name": name, "namespace": "n", "fields": fields}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return init(tmp_path / "repository")


def sizes(earlier: Earlier) -> dict[str, dict[int | str, int]]:
    """Return the sizes of the fixed types, by subject and version."""
    return {
        subject: {each.label: each.schema.types[each.name or ""].size for each in versions}  # type: ignore[union-attr]
        for subject, versions in earlier.versions.items()
    }


def at(repository: Path, revision: str, schemas: str = "schemas") -> Earlier:
    return history.read(f"git:{revision}", Contracts.load(repository / schemas))


# Released versions


def test_versions_are_in_the_order_of_their_numbers_and_may_have_gaps(tmp_path: Path) -> None:
    for number in (10, 9, 1, 2):
        release(tmp_path, "n.A", number, fixed("A", number))

    assert list(sizes(history.released(tmp_path))["n.A"].items()) == [(1, 1), (2, 2), (9, 9), (10, 10)]


def test_a_folder_without_history_is_told(tmp_path: Path) -> None:
    earlier = history.released(tmp_path)

    assert earlier.versions == {}
    assert earlier.notice == f"{tmp_path}/history: no released versions, so there is nothing to compare with"


def test_equal_texts_are_parsed_once(tmp_path: Path) -> None:
    release(tmp_path, "n.A", 1, fixed("A", 1))
    release(tmp_path, "n.A", 2, fixed("A", 1))

    one, two = history.released(tmp_path).versions["n.A"]

    assert one.schema is two.schema


def test_notes_hidden_files_and_empty_folders_are_no_versions(tmp_path: Path) -> None:
    release(tmp_path, "n.A", 1, fixed("A", 1))
    (tmp_path / "history" / "README.md").write_text("Released versions.")
    (tmp_path / "history" / "n.A" / ".gitkeep").touch()
    (tmp_path / "history" / "n.New").mkdir()

    assert sizes(history.released(tmp_path)) == {"n.A": {1: 1}}


@pytest.mark.parametrize("name", ["latest.avsc", "0.avsc", "01.avsc", "-1.avsc", "1.0.avsc", "1.json", "2", "²avsc"])
def test_a_name_that_is_no_number_is_refused(tmp_path: Path, name: str) -> None:
    release(tmp_path, "n.A", 1, fixed("A", 1))
    (tmp_path / "history" / "n.A" / name).write_text(json.dumps(fixed("A", 1)))

    with pytest.raises(SchemaError, match=r"history/n\.A/.*: a released version is named by its number"):
        history.released(tmp_path)


def test_a_version_outside_of_a_subject_is_refused(tmp_path: Path) -> None:
    release(tmp_path, ".", 1, fixed("A", 1))

    with pytest.raises(SchemaError, match=r"history/1\.avsc: a released version belongs in a folder of its subject"):
        history.released(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"history/n\.A/1\.avsc:1:2: not JSON"),
        ('{"type": "record", "name": "A", "fields": [\n  {"name": "a", "type": "n.B"}]}', r"1\.avsc:2:.*'n\.B'"),
    ],
)
def test_an_invalid_text_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    release(tmp_path, "n.A", 1, text)

    with pytest.raises(SchemaError, match=message):
        history.released(tmp_path)


def test_a_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    release(tmp_path, "n.A", 1, "").write_bytes(b'"\xff"')

    with pytest.raises(SchemaError, match=r"n\.A/1\.avsc: 'utf-8' codec"):
        history.released(tmp_path)


def test_types_are_those_of_the_newest_versions_and_of_their_own_subjects(tmp_path: Path) -> None:
    release(tmp_path, "n.User", 1, record("User", fixed("A", 1), fixed("Inner", 5)))
    release(tmp_path, "n.A", 1, fixed("A", 1))
    release(tmp_path, "n.A", 2, fixed("A", 2))

    types = history.released(tmp_path).types.definitions

    assert {name: each.size for name, each in types.items() if isinstance(each, Fixed)} == {"n.A": 2, "n.Inner": 5}


# A folder at a revision


def test_a_revision_may_be_a_branch_a_tag_or_an_expression(repository: Path) -> None:
    write_schemas(repository / "schemas", fixed("A", 1))
    commit(repository, "v1")
    write_schemas(repository / "schemas", fixed("A", 2))
    commit(repository, "v2")
    git(repository, "tag", "--annotate", "--message", "signed off", "release", "v1")
    write_schemas(repository / "schemas", fixed("A", 3))

    names = ["v1", "release", "main", "HEAD", "HEAD~1", git(repository, "rev-parse", "--short", "v1").strip()]

    assert [sizes(at(repository, name))["n.A"][name] for name in names] == [1, 1, 2, 2, 1, 1]


def test_it_works_from_any_current_directory(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_schemas(repository / "some" / "schemas", fixed("A", 1))
    write_schemas(repository, fixed("Elsewhere", 9))
    commit(repository, "v1")

    seen = []
    for current, schemas in (
        (".", "some/schemas"),
        ("some", "schemas"),
        ("some/schemas", "."),
        ("/", repository / "some" / "schemas"),
    ):
        monkeypatch.chdir(repository / current)
        seen.append(sizes(history.read("git:v1", Contracts.load(Path(schemas)))))

    assert seen == [{"n.A": {"v1": 1}}] * 4


def test_the_folder_may_be_the_repository_itself(repository: Path) -> None:
    write_schemas(repository, fixed("A", 1))
    commit(repository, "v1")

    assert sizes(at(repository, "v1", ".")) == {"n.A": {"v1": 1}}


def test_it_works_in_a_worktree_and_in_a_hook(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_schemas(repository / "schemas", fixed("A", 1))
    commit(repository, "v1")
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "beside"), "-b", "topic")
    write_schemas(tmp_path / "beside" / "schemas", fixed("A", 2))
    git(tmp_path / "beside", "commit", "--quiet", "--all", "--message", "topic")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "no-such-repository"))
    monkeypatch.setenv("GIT_INDEX_FILE", "index")

    assert sizes(at(tmp_path / "beside", "main")) == {"n.A": {"main": 1}}
    assert sizes(at(repository, "topic")) == {"n.A": {"topic": 2}}


def test_attributes_and_the_index_have_no_say(repository: Path) -> None:
    write_schemas(repository / "schemas", fixed("A", 1))
    (repository / ".gitattributes").write_text("*.avsc export-ignore text eol=crlf\n")
    commit(repository, "v1")
    git(repository, "rm", "--quiet", "--cached", "-r", "schemas")

    assert sizes(at(repository, "v1")) == {"n.A": {"v1": 1}}


def test_released_versions_and_other_files_are_not_part_of_it(repository: Path) -> None:
    write_schemas(repository / "schemas", fixed("A", 1))
    release(repository / "schemas", "n.Old", 1, fixed("Old", 7))
    (repository / "schemas" / "notes.txt").write_text("no schema")
    commit(repository, "v1")

    assert sizes(at(repository, "v1")) == {"n.A": {"v1": 1}}


def test_subjects_are_those_of_now_and_a_type_that_is_gone_keeps_its_name(repository: Path) -> None:
    write_schemas(repository / "schemas", record("Event", "string"), fixed("Gone", 3))
    commit(repository, "v1")
    (repository / "schemas" / "Gone.avsc").unlink()
    topic = '[topics.t]\nwriter = "w"\nkey = "field_0"\nevents = ["n.Event"]\n'
    (repository / "schemas" / "contracts.toml").write_text(topic)

    assert set(at(repository, "v1").versions) == {"t-n.Event", "n.Gone"}


def test_a_type_may_have_been_nested_in_another_file(repository: Path) -> None:
    schemas = write_schemas(repository / "schemas", record("Event", fixed("A", 1)))
    commit(repository, "v1")
    write_schemas(schemas, record("Event", "A"), fixed("A", 2))

    assert sizes(Earlier({"n.A": at(repository, "v1").versions["n.A"]})) == {"n.A": {"v1": 1}}


def test_a_type_that_is_now_nested_is_still_there(repository: Path) -> None:
    schemas = write_schemas(repository / "schemas", record("Event", "A"), fixed("A", 2))
    commit(repository, "v1")
    (schemas / "A.avsc").unlink()
    write_schemas(schemas, record("Event", fixed("A", 2)))

    assert set(at(repository, "v1").versions) == {"n.Event", "n.A"}


@pytest.mark.parametrize("prepare", ["absent", "empty"])
def test_without_schemas_at_the_revision_there_is_nothing_to_compare(repository: Path, prepare: str) -> None:
    if prepare == "empty":
        (repository / "schemas").mkdir()
        (repository / "schemas" / "README.md").write_text("Here will be schemas.")
    commit(repository, "v1")
    write_schemas(repository / "schemas", fixed("A", 1))

    earlier = at(repository, "v1")

    assert earlier.versions == {}
    assert earlier.notice == f"{repository}/schemas: no .avsc files at v1, so there is nothing to compare with"


def test_a_symbolic_link_is_followed(repository: Path) -> None:
    schemas = write_schemas(repository / "schemas", fixed("A", 1))
    (repository / "B.json").write_text(json.dumps(fixed("B", 2)))
    (schemas / "B.avsc").symlink_to("../B.json")
    commit(repository, "v1")

    assert sizes(at(repository, "v1")) == {"n.A": {"v1": 1}, "n.B": {"v1": 2}}


def test_a_symbolic_link_that_leads_nowhere_is_refused(repository: Path) -> None:
    schemas = write_schemas(repository / "schemas", fixed("A", 1))
    (schemas / "B.avsc").symlink_to("../B.json")
    commit(repository, "v1")
    (schemas / "B.avsc").unlink()

    with pytest.raises(ContractsError, match=r"schemas/B\.avsc is a symbolic link that leads to no file"):
        at(repository, "v1")


def test_a_submodule_with_schemas_is_refused_and_one_without_is_passed_over(repository: Path, tmp_path: Path) -> None:
    write_schemas(repository, fixed("A", 1))
    commit(init(tmp_path / "other"), "v1")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "other"), "sub")
    commit(repository, "v1")

    assert sizes(at(repository, "v1", ".")) == {"n.A": {"v1": 1}}
    write_schemas(repository / "sub", fixed("B", 1))
    with pytest.raises(ContractsError, match=r"sub was a submodule at v1: .* --schemas "):
        at(repository, "v1", ".")


def test_names_may_have_any_characters(repository: Path) -> None:
    write_schemas(repository / "schémas of ours\t" / 'a"b', fixed("A", 1))
    commit(repository, "v1")

    assert sizes(at(repository, "v1", "schémas of ours\t")) == {"n.A": {"v1": 1}}


def test_what_cannot_be_read_at_the_revision_is_said_and_the_rest_compared(repository: Path) -> None:
    user = record("User", "Event")
    schemas = write_schemas(repository / "schemas", record("Event", "Nowhere"), user, record("Other", "int"))
    commit(repository, "v1")
    write_schemas(schemas, record("Event", "int"))

    earlier = at(repository, "v1")

    assert earlier.versions.keys() == {"n.Other"}
    assert re.fullmatch(
        r"at v1 not every schema can be read, so n\.Event, n\.User cannot be compared: .*/schemas/Event\.avsc:1:\d+: .*Nowhere'",
        str(earlier.notice),
    )


@pytest.mark.parametrize("revision", ["nope", "--all", "main:schemas", "-h", "HEAD~7", "a b", "^main", "main..main"])
def test_an_unknown_revision_is_told_with_a_way_out(repository: Path, revision: str) -> None:
    write_schemas(repository / "schemas", fixed("A", 1))
    commit(repository, "v1")

    with pytest.raises(ContractsError, match=r"has no revision .* name a branch, a tag or a commit"):
        at(repository, revision)


def test_outside_of_a_repository_another_way_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    write_schemas(tmp_path / "schemas", fixed("A", 1))

    with pytest.raises(ContractsError, match=r"is in no git repository .*--against history"):
        at(tmp_path, "main")


def test_without_git_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write_schemas(tmp_path / "schemas", fixed("A", 1))

    with pytest.raises(ContractsError, match="needs the program git"):
        at(tmp_path, "main")


@pytest.mark.parametrize("against", ["", "git", "git:", "main", "History", "history:1"])
def test_other_sources_are_refused(tmp_path: Path, against: str) -> None:
    contracts = Contracts.load(write_schemas(tmp_path, fixed("A", 1)))

    with pytest.raises(ContractsError, match="--against is 'history', 'registry' or 'git:REF'"):
        history.read(against, contracts)


# What became of a type

A = Fixed("n.A", 1)


@pytest.mark.parametrize(
    ("name", "current", "expected"),
    [
        ("n.A", [A], "n.A"),
        ("n.A", [Fixed("n.B", 1, aliases=("n.A",)), Fixed("m.A", 1)], "n.B"),
        ("n.A", [Fixed("m.A", 1)], "m.A"),
        ("n.A", [Enum("m.A", ("X",))], "m.A"),
        ("n.A", [Fixed("m.A", 1), Fixed("o.A", 1)], None),
        ("n.A", [Fixed("n.B", 1)], None),
        ("n.A", [Fixed("x.A", 1)], None),
    ],
    ids=["there", "alias", "moved", "moved and another kind", "moved or not", "gone", "namesake that was there before"],
)
def test_what_became_of_a_type(name: str, current: list[Fixed | Enum], expected: str | None) -> None:
    earlier = {"n.A": A, "x.A": Fixed("x.A", 1)}

    assert history.successor(name, earlier, {each.name: each for each in current}) == expected
