"""Pushing to a live registry: what the plan says, its order, nothing twice, nothing lost, refusals told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codegen.errors import Incompatible, RegistryError
from codegen.registry import push
from codegen.registry.client import Registry
from codegen.registry.push_plan import Delete, Plan, Register, SetLevel
from codegen.tests.registered_folder import ADDED, REQUIRED, Folder

NOTHING = Plan(())


@pytest.fixture
def client(registry: str) -> Iterator[Registry]:
    with Registry(registry, timeout_seconds=20) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path, registry: str) -> Folder:
    return Folder(tmp_path / "schemas", registry)


def test_a_new_subject_has_its_level_first_and_its_references_before_it(folder: Folder, client: Registry) -> None:
    planned = push.plan(folder.load(), client)

    assert planned.steps == (
        SetLevel(folder.header_subject, None, "FULL_TRANSITIVE"),
        SetLevel(folder.subject, None, "FULL_TRANSITIVE"),
        Register(folder.header_subject, 1),
        Register(folder.subject, 1),
    )
    assert client.versions(folder.subject) == []


def test_applying_the_plan_empties_it(folder: Folder, client: Registry) -> None:
    said = folder.push(client)

    assert len(said) == 4
    assert push.plan(folder.load(), client) == NOTHING
    assert client.level(folder.subject) == "FULL_TRANSITIVE"
    assert folder.push(client) == []
    assert client.versions(folder.subject) == [1]


def test_a_change_of_a_shared_type_gives_every_user_a_new_version(folder: Folder, client: Registry) -> None:
    folder.push(client)
    before = folder.text()
    folder.header.append(ADDED)

    assert push.plan(folder.load(), client).steps == (Register(folder.header_subject, 2), Register(folder.subject, 2))
    folder.push(client)

    assert client.version(folder.subject, 2).references[0].version == 2
    assert client.lookup(folder.subject, before).version == 1
    assert client.lookup(folder.subject, folder.text()).version == 2
    assert push.plan(folder.load(), client) == NOTHING


def test_documentation_alone_needs_no_version(folder: Folder, client: Registry) -> None:
    folder.push(client)
    folder.header[0]["doc"] = "Another doc."
    folder.event[1]["type"]["default"] = "A"
    folder.ignore("DEFAULT_CHANGED")

    assert push.plan(folder.load(), client) == NOTHING
    folder.push(client)

    assert client.lookup(folder.subject, folder.text()).subject == folder.subject


def test_a_stricter_level_is_set_after_versions_are_registered_a_looser_one_before(
    folder: Folder, client: Registry
) -> None:
    folder.level = "BACKWARD"
    folder.push(client)
    folder.event.append(ADDED)
    registered = Register(folder.subject, 2)

    def levels(level: str) -> list[type]:
        folder.level = level
        return [type(step) for step in push.plan(folder.load(), client).steps if step.subject == folder.subject]

    assert registered in push.plan(folder.load(), client).steps
    assert levels("FULL_TRANSITIVE") == [Register, SetLevel]
    assert levels("NONE") == [SetLevel, Register]
    assert levels("FORWARD") == [SetLevel, Register]  # neither looser nor stricter


def test_a_lost_level_is_set_again(folder: Folder, client: Registry) -> None:
    folder.push(client)
    client.set_level("NONE", folder.subject)

    assert push.plan(folder.load(), client).steps == (SetLevel(folder.subject, "NONE", "FULL_TRANSITIVE"),)
    folder.push(client)

    assert client.level(folder.subject) == "FULL_TRANSITIVE"


def test_what_breaks_a_registered_version_is_refused_with_its_place(folder: Folder, client: Registry) -> None:
    folder.push(client)
    folder.event.append(REQUIRED)

    for mode in ("--plan", "--apply"):
        refused = folder.run("push", mode)
        assert refused.returncode == 100
        assert "nothing is registered before this is mended\nschemas/Event.avsc:1:" in refused.stderr
        assert "error FIELD_ADDED_WITHOUT_DEFAULT needed: " in refused.stderr
    assert client.versions(folder.subject) == [1]


def test_what_changes_meaning_is_refused_though_the_registry_would_take_it(folder: Folder, client: Registry) -> None:
    price = {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}
    folder.header.append({**price, "doc": "What it costs."})
    folder.push(client)
    folder.header[-1]["type"] = {**folder.header[-1]["type"], "scale": 4}

    with pytest.raises(Incompatible, match=r"DECIMAL_CHANGED price: .* 19\.99 comes out as 0\.1999"):
        folder.push(client)
    client.register(folder.header_subject, folder.load().schemas.self_contained_text(folder.header_subject))


def test_what_a_team_lets_pass_is_registered_with_the_level_lifted(folder: Folder, client: Registry) -> None:
    folder.push(client)
    folder.event.append(REQUIRED)
    folder.ignore("FIELD_ADDED_WITHOUT_DEFAULT")

    assert push.plan(folder.load(), client).steps == (
        SetLevel(folder.subject, "FULL_TRANSITIVE", "NONE", "contracts.toml lets pass what it would refuse"),
        Register(folder.subject, 2),
        SetLevel(folder.subject, "NONE", "FULL_TRANSITIVE"),
    )
    folder.push(client)

    assert client.level(folder.subject) == "FULL_TRANSITIVE"
    assert client.lookup(folder.subject, folder.text()).version == 2
    assert push.plan(folder.load(), client) == NOTHING


def test_every_release_is_registered_so_that_services_can_be_rolled_back(folder: Folder, client: Registry) -> None:
    texts = [folder.text()]
    folder.release()
    for name in ("one", "two"):
        folder.event.append({**ADDED, "name": name})
        folder.release()
        texts.append(folder.text())

    said = folder.push(client)

    assert [client.lookup(folder.subject, text).version for text in texts] == [1, 2, 3]
    assert [line.rsplit(" is ", 1)[-1] for line in said if line.startswith(f"{folder.subject}: version")][:2] == [
        *("release 1", "release 2")
    ]
    assert [client.version(folder.subject, number).references[0].version for number in (1, 2, 3)] == [1, 1, 1]
    assert push.plan(folder.load(), client) == NOTHING


def test_releases_that_were_not_pushed_follow_those_that_were(folder: Folder, client: Registry) -> None:
    folder.release()
    folder.push(client)
    for name in ("one", "two"):
        folder.header.append({**ADDED, "name": name})
        folder.release()

    folder.push(client)

    assert client.versions(folder.subject) == [1, 2, 3]
    assert [client.version(folder.subject, number).references[0].version for number in (1, 2, 3)] == [1, 2, 3]
    assert push.plan(folder.load(), client) == NOTHING


def test_what_is_not_released_is_not_pushed_unless_asked(folder: Folder, client: Registry) -> None:
    folder.release()
    folder.push(client)
    folder.event.append(ADDED)

    refused = folder.run("push", "--apply")
    pushed = folder.run("push", "--apply", "--unreleased")

    assert (refused.returncode, pushed.returncode) == (1, 0)
    assert "not released yet: topic-Event. Run `contracts release` first" in refused.stderr
    assert pushed.stdout == "topic-Event: version 2\n2 subjects are in step with schemas.\n"


def test_an_older_folder_does_not_overwrite_a_newer_version(folder: Folder, client: Registry) -> None:
    folder.push(client)
    folder.event.append(ADDED)
    folder.push(client)
    folder.event.remove(ADDED)

    assert (
        "the schema here is version 1, but the registry has 2 already" in push.plan(folder.load(), client).obstacles[0]
    )
    with pytest.raises(RegistryError, match="take over the newer version"):
        folder.push(client)


def test_a_schema_that_was_registered_without_its_references_is_registered_with_them(
    folder: Folder, client: Registry
) -> None:
    client.register(folder.subject, folder.text())

    assert (
        Register(folder.subject, 2, reason="it takes types from other subjects now")
        in push.plan(folder.load(), client).steps
    )
    folder.push(client)

    assert client.version(folder.subject, 2).references[0].subject == folder.header_subject
    assert push.plan(folder.load(), client) == NOTHING


def test_nothing_is_deleted_without_the_flag(folder: Folder, client: Registry) -> None:
    folder.release()
    folder.push(client)
    folder.foreign_version(client)

    left = folder.run("push", "--plan")
    deleted = folder.run("push", "--apply", "--delete")

    assert left.returncode == 100  # the folder's schema is not the latest, and cannot become it
    assert "left as it is: delete version 2 of topic-Event (--delete would)" in left.stderr
    assert deleted.stdout == "topic-Event: version 2 deleted\n2 subjects are in step with schemas.\n"
    assert client.versions(folder.subject) == [1]
    assert push.plan(folder.load(), client, delete=True) == NOTHING


def test_a_retired_subject_stays_until_it_is_deleted(folder: Folder, client: Registry) -> None:
    folder.release()
    folder.push(client)
    gone = folder.path / "history" / f"{folder.namespace}.Retired"
    gone.mkdir()
    text = f'{{"type": "record", "name": "Retired", "namespace": "{folder.namespace}", "fields": []}}'
    (gone / "1.avsc").write_text(text)
    (folder.path / "contracts.lock").unlink()
    client.register(gone.name, text)

    assert push.plan(folder.load(), client) == Plan((), left=(Delete(gone.name),))
    assert folder.push(client) == []
    folder.ignore("SUBJECT_REMOVED")
    assert folder.push(client, delete=True) == [f"{gone.name}: the subject deleted"]
    assert client.versions(gone.name) == []


def test_a_subject_of_which_nobody_has_decided_is_not_deleted(folder: Folder, client: Registry) -> None:
    folder.release()
    folder.push(client)
    folder.retire_event()

    left = folder.run("push", "--apply")
    refused = folder.run("push", "--apply", "--delete")
    folder.ignore("SUBJECT_REMOVED")
    deleted = folder.run("push", "--apply", "--delete")

    assert (left.returncode, refused.returncode, deleted.returncode) == (0, 100, 0)
    assert "left as it is: delete topic-Event (--delete would)" in left.stderr
    assert "nothing is deleted before this is decided" in refused.stderr
    assert "SUBJECT_REMOVED" in refused.stderr
    assert client.versions(folder.subject) == []


def test_a_level_that_was_lifted_is_set_back_when_the_registration_fails(
    folder: Folder, client: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.push(client)
    folder.event.append(REQUIRED)
    folder.ignore("FIELD_ADDED_WITHOUT_DEFAULT")
    said: list[str] = []

    def fail(*_: object) -> int:
        raise RegistryError("disk full")

    contracts = folder.load()
    with monkeypatch.context() as broken:
        broken.setattr(client, "register", fail)
        with pytest.raises(RegistryError, match="disk full"):
            push.apply(contracts, client, said.append)

    assert said == [f"{folder.subject}: level NONE", f"{folder.subject}: level FULL_TRANSITIVE, as before"]
    assert client.level(folder.subject) == "FULL_TRANSITIVE"
    assert client.versions(folder.subject) == [1]


def test_a_type_that_moves_into_its_only_user_is_registered_there(folder: Folder, client: Registry) -> None:
    folder.push(client)
    folder.nest_header()

    assert [type(step) for step in push.plan(folder.load(), client).steps] == [SetLevel, Register, SetLevel]
    folder.push(client)

    assert client.version(folder.subject, 2).references == ()
    assert push.plan(folder.load(), client).steps == ()


def test_what_is_no_avro_is_told_and_not_compared_with(folder: Folder, client: Registry) -> None:
    field = {"name": "id", "type": "bytes", "default": "\u0100"}  # no byte, which Java does not mind
    header = {"type": "record", "name": "Header", "namespace": folder.namespace, "fields": [field]}
    client.register(folder.header_subject, json.dumps(header))

    planned = folder.run("push", "--plan")

    assert "in the registry, and not compared: version 1 of Header" in planned.stderr


def test_pushing_from_two_places_at_once_ends_with_one_version(
    folder: Folder, client: Registry, at_once: Callable[..., None]
) -> None:
    contracts = folder.load()

    at_once(lambda: push.apply(contracts, client, lambda _: None))

    assert client.versions(folder.subject) == [1]
    assert push.plan(contracts, client) == NOTHING


@pytest.fixture
def at_once() -> Callable[..., None]:
    from concurrent.futures import ThreadPoolExecutor

    def run(work: Callable[[], object]) -> None:
        with ThreadPoolExecutor(4) as pool:
            for future in [pool.submit(work) for _ in range(4)]:
                future.result()

    return run


@pytest.mark.parametrize(
    "command",
    [
        ("push", "--plan"),
        ("push", "--apply"),
        ("drift",),
        ("breaking", "--against", "registry"),
        ("diff", "--against", "registry"),
    ],
)
def test_a_registry_that_cannot_be_reached_is_exit_69(tmp_path: Path, command: tuple[str, ...]) -> None:
    result = Folder(tmp_path / "schemas", "http://127.0.0.1:1").run(*command)

    assert result.returncode == 69
    assert "the schema registry at http://127.0.0.1:1 does not answer" in result.stderr
    assert result.stdout == ""


def test_breaking_and_diff_compare_with_what_is_registered(folder: Folder, client: Registry) -> None:
    folder.push(client)
    clean = folder.run("breaking", "--against", "registry")
    folder.event.append(REQUIRED)
    broken = folder.run("breaking", "--against", "registry")
    differs = folder.run("diff", "--against", "registry")
    planned = folder.run("plan", "--against", "registry")

    assert (clean.returncode, clean.stdout) == (0, "clean: 2 schemas against registry\n")
    assert broken.returncode == 100
    assert (
        "FIELD_ADDED_WITHOUT_DEFAULT needed: field 'needed' has no default, and is not in what was written (breaks version 1)"
        in broken.stdout
    )
    assert differs.stdout == "Event\n  + field needed: string\n"
    assert "w (version 1) -> its consumers (version 2)  its consumers first: UNSAFE: FIELD_ADDED" in planned.stdout
