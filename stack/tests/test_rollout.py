"""Rolling code out: the process that comes is ready, and runs what it was to run."""

import os
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from stack import children, rollout
from stack.backend import Launch, Process
from stack.errors import NotReady, StackError
from stack.services import PROJECT, code_of
from stack.state import StateFolder
from stack.supervisor import Supervisor
from stack.tests.waiting import until

PROGRAM = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); print('ready', flush=True); time.sleep(600)"
NAMES = ("orders-api", "orders-api-2")


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    state.create()
    return state


@pytest.fixture
def version(tmp_path: Path) -> Path:
    folder = tmp_path / "v2"
    folder.mkdir()
    return folder


def launched(state: StateFolder, name: str, *, deaf_to_code: bool) -> Launch:
    return Launch((sys.executable, "-c", PROGRAM), folder=PROJECT if deaf_to_code else code_of(state, name))


def is_ready(state: StateFolder, name: str, _: int) -> None:
    if "ready" not in state.log(name).read_text(encoding="utf-8"):
        raise NotReady


@pytest.fixture
def deaf_to_code() -> bool:
    return False


@pytest.fixture
def system(state: StateFolder, deaf_to_code: bool) -> Iterator[StateFolder]:
    """A supervisor with two processes that stop when they are asked to, as another program sees it."""
    units = [
        Process(name, (), partial(launched, state, name, deaf_to_code=deaf_to_code), partial(is_ready, state, name))
        for name in NAMES
    ]
    supervisor = Supervisor(units, state, lambda *_, **__: None)
    known = threading.Thread(target=supervisor.run, args=(lambda: state.write_status(dict(supervisor.status())),))
    state.remember_process("supervisor", children.identity(os.getpid()))
    known.start()
    try:
        until(supervisor.is_ready)
        yield state
    finally:
        supervisor.stop()
        known.join()


def test_a_process_runs_the_code_that_was_rolled_out_and_the_projects_own_again(
    system: StateFolder, version: Path
) -> None:
    before = system.processes()["orders-api"].pid

    [there] = rollout.roll_out(system, NAMES[:1], version)
    [back] = rollout.roll_out(system, NAMES[:1], None)

    assert len({before, there.pid, back.pid}) == 3
    assert (there.folder, back.folder) == (version, PROJECT)
    assert system.code() == {}


def test_only_those_are_replaced_that_are_named(system: StateFolder, version: Path) -> None:
    before = system.processes()["orders-api-2"]

    rollout.roll_out(system, NAMES[:1], version)

    assert system.processes()["orders-api-2"] == before
    assert system.code() == {"orders-api": version}


@pytest.mark.parametrize("deaf_to_code", [True])
def test_a_process_that_is_ready_and_runs_other_code_is_an_error(system: StateFolder, version: Path) -> None:
    with pytest.raises(StackError, match=f"runs the code of {PROJECT}, not that of {version}"):
        rollout.roll_out(system, NAMES, version)


def test_code_that_cannot_be_started_is_an_error_that_names_the_process(system: StateFolder, tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"orders-api is not ready 0\.5 s after"):
        rollout.roll_out(system, NAMES[:1], tmp_path / "nowhere", seconds_max=0.5)


def test_a_process_that_does_not_run_cannot_be_replaced(state: StateFolder, version: Path) -> None:
    with pytest.raises(StackError, match=r"not running in .*: orders-api"):
        rollout.roll_out(state, NAMES[:1], version)

    assert state.code() == {}
