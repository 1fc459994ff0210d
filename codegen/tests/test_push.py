"""Pushing to a live registry: levels before schemas, references in order, nothing twice, refusals told."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codegen.contracts import Contracts
from codegen.errors import Incompatible, RegistryError, RegistryUnreachable, SchemaNotFound
from codegen.registry import push
from codegen.registry.client import Registry, SchemaReference
from codegen.registry.push import Register, SetLevel, Superseded
from codegen.tests.building import write_schemas


@pytest.fixture
def client(registry: str) -> Iterator[Registry]:
    with Registry(registry, timeout_seconds=20) as client:
        yield client


class Folder:
    """A folder of schemas in a namespace of its own, so that tests share a registry."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.namespace = f"test_{uuid.uuid4().hex}"
        self.topic = f"{self.namespace}.topic"
        self.header: list[dict[str, Any]] = [{"name": "id", "type": "string", "doc": "The id."}]
        self.event: list[dict[str, Any]] = [
            {"name": "header", "type": "Header"},
            {
                "name": "kind",
                "type": {"type": "enum", "name": "Kind", "symbols": ["UNKNOWN", "A"], "default": "UNKNOWN"},
            },
        ]
        self.subject = f"{self.topic}-{self.namespace}.Event"
        self.header_subject = f"{self.namespace}.Header"

    def load(self, level: str = "FULL_TRANSITIVE") -> Contracts:
        def record(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
            return {"type": "record", "name": name, "namespace": self.namespace, "doc": f"{name}.", "fields": fields}

        write_schemas(self.path, record("Header", self.header), record("Event", self.event))
        topic = f'[topics."{self.topic}"]\nwriter = "w"\nkey = "header"\nevents = ["{self.namespace}.Event"]\n'
        (self.path / "contracts.toml").write_text(f'[registry]\ncompatibility = "{level}"\n{topic}')
        return Contracts.load(self.path)

    def push(self, client: Registry, level: str = "FULL_TRANSITIVE") -> list[str]:
        said: list[str] = []
        push.apply(self.load(level), client, said.append)
        return said


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_the_plan_has_levels_before_schemas_and_references_first(folder: Folder, client: Registry) -> None:
    actions = push.plan(folder.load(), client)

    assert [(type(action), action.subject) for action in actions] == [
        (SetLevel, folder.header_subject),
        (Register, folder.header_subject),
        (SetLevel, folder.subject),
        (Register, folder.subject),
    ]
    assert client.versions(folder.subject) == []


def test_applying_the_plan_empties_it(folder: Folder, client: Registry) -> None:
    said = folder.push(client)

    assert len(said) == 4
    assert push.plan(folder.load(), client) == []
    assert client.level(folder.subject) == "FULL_TRANSITIVE"
    assert folder.push(client) == []
    assert client.versions(folder.subject) == [1]


def test_the_event_refers_to_the_shared_type(folder: Folder, client: Registry) -> None:
    folder.push(client)

    version = client.version(folder.subject, 1)
    assert version.references == (SchemaReference(folder.header_subject, folder.header_subject, 1),)
    assert '"name": "Header"' not in version.text


def test_a_registered_schema_is_looked_up_by_its_self_contained_text(folder: Folder, client: Registry) -> None:
    folder.push(client)
    text = folder.load().schemas.self_contained_text(f"{folder.namespace}.Event")

    found = client.lookup(folder.subject, text)

    assert (found.subject, found.version) == (folder.subject, 1)
    assert client.subject_versions(found.id) == [(folder.subject, 1)]
    assert json.loads(client.schema_by_id(found.id)) == json.loads(text)


def test_a_change_of_a_shared_type_gives_every_user_a_new_version(folder: Folder, client: Registry) -> None:
    folder.push(client)
    before = folder.load().schemas.self_contained_text(f"{folder.namespace}.Event")
    folder.header.append({"name": "added", "type": ["null", "string"], "default": None})

    assert push.plan(folder.load(), client) == [Register(folder.header_subject, 2), Register(folder.subject, 2)]
    folder.push(client)

    after = folder.load().schemas.self_contained_text(f"{folder.namespace}.Event")
    assert client.version(folder.subject, 2).references[0].version == 2
    assert client.lookup(folder.subject, before).version == 1
    assert client.lookup(folder.subject, after).version == 2
    assert push.plan(folder.load(), client) == []


def test_documentation_alone_needs_no_version(folder: Folder, client: Registry) -> None:
    folder.push(client)
    folder.header[0]["doc"] = "Another doc."
    folder.event[1]["type"]["default"] = "A"

    assert push.plan(folder.load(), client) == []
    folder.push(client)

    text = folder.load().schemas.self_contained_text(f"{folder.namespace}.Event")
    assert client.lookup(folder.subject, text).subject == folder.subject


def test_an_incompatible_schema_is_refused_with_its_file(folder: Folder, client: Registry) -> None:
    folder.push(client)
    folder.event.append({"name": "needed", "type": "string"})

    with pytest.raises(Incompatible, match=rf"Event\.avsc is refused as {folder.subject}: .*needed"):
        folder.push(client)
    assert client.versions(folder.subject) == [1]


def test_the_first_registration_already_stands_under_the_level(folder: Folder, client: Registry) -> None:
    folder.push(client)
    folder.header.pop()

    with pytest.raises(Incompatible):
        folder.push(client)


def test_a_lost_level_is_set_again(folder: Folder, client: Registry) -> None:
    folder.push(client)
    client.set_level("NONE", folder.subject)

    assert push.plan(folder.load(), client) == [SetLevel(folder.subject, "NONE", "FULL_TRANSITIVE")]
    folder.push(client)

    assert client.level(folder.subject) == "FULL_TRANSITIVE"


def test_an_older_folder_does_not_overwrite_a_newer_version(folder: Folder, client: Registry) -> None:
    folder.push(client)
    added = {"name": "added", "type": "int", "default": 0}
    folder.event.append(added)
    folder.push(client)
    folder.event.remove(added)

    assert push.plan(folder.load(), client) == [Superseded(folder.subject, 1, 2)]
    with pytest.raises(RegistryError, match="the schemas here are version 1, but the registry has 2 already"):
        folder.push(client)


def test_what_is_not_registered_is_not_found(folder: Folder, client: Registry) -> None:
    with pytest.raises(SchemaNotFound):
        client.lookup(folder.subject, '"string"')
    with pytest.raises(SchemaNotFound):
        client.schema_by_id(2_000_000_000)
    with pytest.raises(SchemaNotFound):
        client.subject_versions(2_000_000_000)
    with pytest.raises(SchemaNotFound):
        client.version(folder.subject, 1)
    folder.push(client)
    with pytest.raises(SchemaNotFound, match="no such schema under the subject"):
        client.lookup(folder.subject, '"string"')


def test_check_tells_what_would_be_refused(folder: Folder, client: Registry) -> None:
    folder.push(client)
    header: dict[str, Any] = {"type": "record", "name": "Header", "namespace": folder.namespace}
    added = {"name": "added", "type": "int"}

    client.check(folder.header_subject, json.dumps({**header, "fields": [*folder.header, {**added, "default": 0}]}))
    with pytest.raises(Incompatible):
        client.check(folder.header_subject, json.dumps({**header, "fields": [*folder.header, added]}))


def test_what_is_no_schema_is_refused(folder: Folder, client: Registry) -> None:
    with pytest.raises(RegistryError, match="refuses"):
        client.register(folder.subject, "{")


def test_an_unreachable_registry_is_one_error() -> None:
    client = Registry("http://127.0.0.1:1", timeout_seconds=1)

    with client, pytest.raises(RegistryUnreachable, match=r"http://127\.0\.0\.1:1 does not answer"):
        client.subjects()
