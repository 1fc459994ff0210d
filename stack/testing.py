"""pytest fixtures: real Kafka, registry and PostgreSQL, one of each a session, started when the first test asks.

A test gets fresh names (a database, topics), never a fresh server. Systems that a killed test run left behind are ended by
the next. A test that breaks a part takes `real_parts` and brings it back before it ends.
"""

import contextlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stack import databases, operation, topics
from stack.backend import Endpoints
from stack.local import START_SECONDS, Running, local, running
from stack.postgres import database_url, purge
from stack.state import StateFolder

PREFIX = "order-pipeline-tests-"
LENT_PARTS = "PIPELINE_TEST_PARTS"
"""Environment variable: endpoints, as JSON, of parts that run already and stay so after the tests."""


class Lent(Running):
    """Parts that somebody else runs: they are up, and no test may break them."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints

    def kill(self, part: str) -> None:
        """Skip the test."""
        pytest.skip(f"{part} is lent, and stays up")

    def start(self, part: str, timeout_seconds: float = START_SECONDS) -> None:
        """Do nothing: it runs."""


@pytest.fixture(scope="session")
def state_folder() -> Iterator[Path]:
    """Folder of this test session's system."""
    with temporary_state_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def real_parts(state_folder: Path) -> Iterator[Running]:
    """The session's system: its addresses, `start(part)`, `kill(part)`. Nothing runs before it is asked for."""
    if lent := os.environ.get(LENT_PARTS):
        yield Lent(Endpoints(**json.loads(lent)))
        return
    backend, state = local(state_folder)
    with running(backend, state, parts=()) as system:
        yield system
    purge(state)


@pytest.fixture(scope="session")
def kafka(real_parts: Running) -> str:
    """Bootstrap servers of a running broker that is ready for groups and transactions."""
    real_parts.start("kafka")
    topics.warm_up(real_parts.endpoints.kafka)
    return real_parts.endpoints.kafka


@pytest.fixture(scope="session")
def registry(real_parts: Running) -> str:
    """Base URL of a running registry's Confluent API. It has no compatibility level until a test sets one."""
    real_parts.start("registry")
    return real_parts.endpoints.registry


@pytest.fixture(scope="session")
def postgres(real_parts: Running) -> str:
    """URL of a running PostgreSQL's superuser."""
    real_parts.start("postgres")
    assert real_parts.endpoints.postgres
    return real_parts.endpoints.postgres


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    """URL of an empty database that is dropped after the test."""
    name = f"test_{uuid.uuid4().hex}"
    databases.create(postgres, name)
    yield database_url(postgres, name)
    databases.drop(postgres, name)


@contextlib.contextmanager
def temporary_state_folder() -> Iterator[Path]:
    """Make a state folder through which PostgreSQL's user may pass; end what killed test runs left in theirs."""
    for abandoned in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not psutil.pid_exists(int(abandoned.name.removeprefix(PREFIX).partition("-")[0])):
            delete_abandoned(abandoned)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def delete_abandoned(folder: Path) -> None:
    """End and delete the systems in a folder of a killed test run: it is a state folder, or holds some."""
    for state in (StateFolder(path) for path in (folder, *folder.glob("*/"))):
        if state.exists():
            operation.stop(state)
            purge(state)
    shutil.rmtree(folder, ignore_errors=True)
