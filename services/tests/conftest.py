"""One whole system for all tests here: the real parts and two of each process, started as a person starts them."""

from collections.abc import Iterator

import pytest

from services.tests.system import Pipeline
from stack.testing import temporary_state_folder
from verification.addresses import Addresses


@pytest.fixture(scope="session")
def pipeline() -> Iterator[Pipeline]:
    with temporary_state_folder() as folder:
        system = Pipeline(folder / "state")
        try:
            started = system("up", "--detach", "--replicas", "2")
            assert started.returncode == 0, started.stdout + started.stderr
            yield system
        finally:
            stopped = system("down", "--purge")
        assert stopped.returncode == 0, stopped.stdout + stopped.stderr


@pytest.fixture(scope="session")
def here(pipeline: Pipeline) -> Addresses:
    return pipeline.addresses()
