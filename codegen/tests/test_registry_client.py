"""The registry's client against a live registry: what is found, what is not, and what is refused."""

import base64
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from codegen.errors import RegistryError, RegistryUnreachable, SchemaNotFound
from codegen.registry.client import Registry, SchemaReference
from codegen.tests.registered_folder import Folder


@pytest.fixture
def client(registry: str) -> Iterator[Registry]:
    with Registry(registry, timeout_seconds=20) as client:
        yield client


@pytest.fixture
def folder(tmp_path: Path, registry: str) -> Folder:
    return Folder(tmp_path / "schemas", registry)


def test_the_event_refers_to_the_shared_type(folder: Folder, client: Registry) -> None:
    folder.push(client)

    version = client.version(folder.subject, 1)
    assert version.references == (SchemaReference(folder.header_subject, folder.header_subject, 1),)
    assert '"name": "Header"' not in version.text


def test_a_registered_schema_is_looked_up_by_its_self_contained_text(folder: Folder, client: Registry) -> None:
    folder.push(client)

    found = client.lookup(folder.subject, folder.text())

    assert (found.subject, found.version) == (folder.subject, 1)
    assert client.subject_versions(found.id) == [(folder.subject, 1)]
    assert json.loads(client.schema_by_id(found.id)) == json.loads(folder.text())


def test_what_is_deleted_is_found_by_its_id_alone(folder: Folder, client: Registry) -> None:
    folder.push(client)
    found = client.lookup(folder.subject, folder.text())

    client.delete(folder.subject)

    assert client.versions(folder.subject) == []
    with pytest.raises(SchemaNotFound):
        client.lookup(folder.subject, folder.text())
    with Registry(client.url, timeout_seconds=20) as other:
        assert json.loads(other.schema_by_id(found.id)) == json.loads(folder.text())


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


def test_what_is_no_schema_is_refused(folder: Folder, client: Registry) -> None:
    with pytest.raises(RegistryError, match="refuses"):
        client.register(folder.subject, "{")


class Answering(ThreadingHTTPServer):
    """A server that gives every GET the same answer, and keeps what it heard."""

    def __init__(self, status: int, body: str) -> None:
        heard = self.heard = list[str | None]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(self.headers["Authorization"])
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)
        Thread(target=self.serve_forever, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


def test_a_password_in_the_url_is_sent_and_said_nowhere() -> None:
    with Answering(500, "<html>") as server:
        url = f"http://key:s%40cret@127.0.0.1:{server.server_port}/api"
        with Registry(url, timeout_seconds=10) as client, pytest.raises(RegistryError) as refused:
            client.subjects()

    assert server.heard == ["Basic " + base64.b64encode(b"key:s@cret").decode()]
    assert "cret" not in f"{refused.value} {client.url}"
    assert str(refused.value).startswith(f"http://127.0.0.1:{server.server_port}/api answers 500 ")


@pytest.mark.parametrize("body", ["null", "{}", '{"a": 1}', "[1, 2]", '"a"', "[null]", "[[]]", "1"])
def test_an_answer_that_no_registry_gives_is_one_error(body: str) -> None:
    with Answering(200, body) as server, Registry(f"http://127.0.0.1:{server.server_port}") as client:
        asked: list[Callable[[], object]] = [
            client.subjects,
            lambda: client.version("s", 1),
            lambda: client.schema_by_id(1),
            lambda: client.level("s"),
        ]
        if body != "[1, 2]":
            asked.append(lambda: client.versions("s"))
        for ask in asked:
            with pytest.raises(RegistryError, match="is no schema registry: it answers GET "):
                ask()


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [(401, "Unauthorized", "answers 401 Unauthorized to GET /subjects"), (200, "<html>", "did not answer in JSON")],
)
def test_who_answers_for_a_registry_is_told(status: int, body: str, told: str) -> None:
    with (
        Answering(status, body) as server,
        Registry(f"http://127.0.0.1:{server.server_port}") as client,
        pytest.raises(RegistryError, match=told),
    ):
        client.subjects()


@pytest.mark.parametrize("url", ["", "registry", "localhost:8081", "http://", "http://host:port"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(RegistryError, match="the registry's URL"):
        Registry(url)


def test_an_unreachable_registry_is_one_error() -> None:
    client = Registry("http://127.0.0.1:1", timeout_seconds=1)

    with client, pytest.raises(RegistryUnreachable, match=r"http://127\.0\.0\.1:1 does not answer"):
        client.subjects()
