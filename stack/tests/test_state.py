"""State folder, identities of processes, backoff and logs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from stack import children, logs
from stack.backend import Launch
from stack.backoff import HEALTHY_SECONDS, LONGEST_SECONDS, Deaths
from stack.children import Identity
from stack.errors import AlreadyRunning
from stack.state import StateFolder
from stack.testing import delete_abandoned


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    state.create()
    return state


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = children.start(Launch((sys.executable, "-c", "import time; time.sleep(600)")), tmp_path / "log")
    yield process
    process.kill()
    process.wait()


def test_only_one_supervisor_holds_a_folder(state: StateFolder) -> None:
    with state.locked(), pytest.raises(AlreadyRunning, match=str(state.path)), StateFolder(state.path).locked():
        pass

    with state.locked():
        pass


def test_a_folder_keeps_its_name_and_its_passwords(state: StateFolder) -> None:
    known, password = state.id, state.secret("postgres")

    again = StateFolder(state.path)
    again.create()

    assert (again.id, again.secret("postgres")) == (known, password)
    assert (state.path / "secrets.json").stat().st_mode & 0o077 == 0
    assert state.secret("orders") != password


def test_a_running_process_is_known_by_pid_and_start_time(sleeper: subprocess.Popen[bytes]) -> None:
    known = children.identity(sleeper.pid)

    assert known
    assert children.is_alive(known)
    assert not children.is_alive(replace(known, started=known.started - 60))


def test_a_stranger_who_got_the_pid_of_a_dead_process_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    known = children.identity(sleeper.pid)
    assert known

    assert children.end([replace(known, started=known.started - 60)], grace_seconds=1.0) == []
    assert sleeper.poll() is None


def test_a_frozen_leftover_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    known = children.identity(sleeper.pid)
    assert known
    os.kill(sleeper.pid, signal.SIGSTOP)

    assert children.end([known], grace_seconds=10.0) == [known]
    assert not children.is_alive(known)


def test_a_dead_process_is_no_leftover() -> None:
    assert children.end([Identity(2**22 + 1, 1.0)], grace_seconds=1.0) == []


def test_systems_of_a_killed_test_run_are_ended_and_deleted(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    nested = StateFolder(tmp_path / "abandoned" / "state")
    nested.create()
    known = children.identity(sleeper.pid)
    assert known
    nested.remember_process("kafka", known)

    delete_abandoned(tmp_path / "abandoned")

    assert not children.is_alive(known)
    assert not (tmp_path / "abandoned").exists()


def test_processes_are_remembered_and_forgotten(state: StateFolder) -> None:
    state.remember_process("kafka", Identity(1, 2.5, signal.SIGINT, 3))
    state.remember_process("registry", Identity(2, 3.5))
    state.remember_process("kafka", None)

    assert StateFolder(state.path).processes() == {"registry": Identity(2, 3.5)}


def test_each_death_in_a_row_doubles_the_pause_up_to_a_limit() -> None:
    deaths, pauses = Deaths(), []
    for _ in range(9):
        deaths = deaths.after(lived_seconds=1.0)
        pauses.append(deaths.pause_seconds)

    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, *[LONGEST_SECONDS] * 3]


def test_a_death_after_a_healthy_life_counts_as_the_first() -> None:
    assert Deaths(8).after(HEALTHY_SECONDS) == Deaths(1)


def test_a_log_is_cut_while_its_process_goes_on_writing(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    with log.open("ab", buffering=0) as output:
        output.write(b"x" * 2000 + b"\n")
        assert logs.bound(log, size_bytes_max=1000)
        output.write(b"afterwards\n")

    assert log.read_bytes() == b"afterwards\n"
    assert (tmp_path / "broker.log.1").stat().st_size == 2001
    assert not logs.bound(log, size_bytes_max=1000)


def test_the_last_lines_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)), encoding="utf-8")

    assert logs.last_lines(log, 2) == ("line 98", "line 99")
    assert logs.last_lines(tmp_path / "none.log") == ()


def test_following_shows_whole_new_lines_and_notices_a_cut(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    log.write_text("old\n", encoding="utf-8")
    lines = logs.follow([log])

    append(log, "new\nhal")
    assert next(lines) == (log, "new")
    append(log, "f\n")
    assert next(lines) == (log, "half")
    log.write_text("cut\n", encoding="utf-8")
    assert next(lines) == (log, "cut")


def append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as output:
        output.write(text)
