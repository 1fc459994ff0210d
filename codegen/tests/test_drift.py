"""`contracts drift` on a live registry: each way in which it and a folder come apart, and that a pushed folder has not."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from codegen.checks.drift_rules import DRIFT_RULES
from codegen.registry.client import Registry
from codegen.tests.registered_folder import ADDED, Folder


@pytest.fixture
def client(registry: str) -> Iterator[Registry]:
    with Registry(registry, timeout_seconds=20) as client:
        yield client


@pytest.fixture
def pushed(tmp_path: Path, registry: str, client: Registry) -> Folder:
    """A folder with two releases, in step with the registry."""
    folder = Folder(tmp_path / "schemas", registry)
    folder.release()
    folder.event.append({**ADDED, "name": "second"})
    folder.release()
    folder.push(client)
    return folder


def lose(folder: Folder, client: Registry) -> None:
    client.delete(folder.subject)


def fall_behind(folder: Folder, client: Registry) -> None:
    client.delete(folder.subject, 2)


def go_back(folder: Folder, _: Registry) -> None:
    folder.event.pop()


def loosen(folder: Folder, client: Registry) -> None:
    client.set_level("NONE", folder.subject)


def register_past_the_folder(folder: Folder, client: Registry) -> None:
    folder.foreign_version(client)


def register_a_stranger(folder: Folder, client: Registry) -> None:
    stranger = {"type": "record", "name": "Stranger", "namespace": folder.namespace, "fields": []}
    client.register(f"{folder.topic}-{folder.namespace}.Stranger", json.dumps(stranger))


def inline(folder: Folder, client: Registry) -> None:
    client.set_level("NONE", folder.subject)
    client.register(folder.subject, folder.text())
    client.set_level("FULL_TRANSITIVE", folder.subject)


def lose_the_first(folder: Folder, client: Registry) -> None:
    client.delete(folder.subject, 1)


CASES: dict[Callable[[Folder, Registry], None], dict[str, str]] = {
    lose: {"SUBJECT_NOT_REGISTERED": "the registry has no subject topic-Event"},
    fall_behind: {
        "LATEST_DIFFERS": "version 1 of topic-Event is the latest, and the schema here is none of the versions",
        "RELEASE_NOT_REGISTERED": "release 2 of topic-Event is not in the registry",
    },
    go_back: {"LATEST_DIFFERS": "version 2 of topic-Event is the latest, and the schema here is version 1"},
    loosen: {"LEVEL_DIFFERS": "topic-Event has NONE in the registry, and FULL_TRANSITIVE here"},
    register_past_the_folder: {
        "EXTRA_VERSION": "version 3 of topic-Event was never released here",
        "LATEST_DIFFERS": "version 3 of topic-Event is the latest, and the schema here is version 2",
    },
    register_a_stranger: {
        "EXTRA_SUBJECT": "the registry has topic-Stranger (version 1), which no file defines and nobody has released"
    },
    inline: {"REFERENCES_DIFFER": "version 3 of topic-Event refers to no subject, the schema here to Header"},
    lose_the_first: {"RELEASE_NOT_REGISTERED": "release 1 of topic-Event is not in the registry"},
}


def test_a_pushed_folder_has_not_drifted(pushed: Folder) -> None:
    result = pushed.run("drift")

    assert (result.returncode, result.stdout) == (0, "clean: 2 subjects are in the registry as in schemas\n")


@pytest.mark.parametrize(("change", "expected"), CASES.items(), ids=lambda each: getattr(each, "__name__", ""))
def test_drift_is_told(
    pushed: Folder, client: Registry, change: Callable[[Folder, Registry], None], expected: dict[str, str]
) -> None:
    change(pushed, client)

    result = pushed.run("drift", "--format", "json")

    found = json.loads(result.stdout)["findings"]
    assert {each["rule"]: each["message"] for each in found} == expected
    assert {each["category"] for each in found} == {"DRIFT"}
    assert result.returncode == (101 if set(expected) != {"RELEASE_NOT_REGISTERED"} else 0)  # that alone is a warning


def test_every_rule_has_a_case() -> None:
    assert {rule for expected in CASES.values() for rule in expected} == {rule.id for rule in DRIFT_RULES}


@pytest.mark.parametrize("change", [lose, fall_behind, loosen, inline], ids=lambda each: each.__name__)
def test_pushing_mends_what_the_folder_is_ahead_of(
    pushed: Folder, client: Registry, change: Callable[[Folder, Registry], None]
) -> None:
    change(pushed, client)
    pushed.push(client, delete=change is inline)  # an older version has the references already

    result = pushed.run("drift")

    assert result.returncode == 0, result.stdout


def test_drift_can_be_ignored_for_a_while_as_any_finding(pushed: Folder, client: Registry) -> None:
    loosen(pushed, client)
    pushed.ignore("LEVEL_DIFFERS")

    assert pushed.run("drift").returncode == 0


def test_a_folder_that_releases_nothing_takes_no_version_for_strange(
    tmp_path: Path, registry: str, client: Registry
) -> None:
    folder = Folder(tmp_path / "schemas", registry)
    folder.push(client)
    folder.event.append(ADDED)
    folder.push(client)

    assert folder.run("drift").returncode == 0
