"""The supervisor, with small real processes: order, readiness, restarts, failures at the start, and stopping."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from stack import children, commands, supervisor
from stack.backend import Launch, Process, Step, Unit
from stack.errors import NotReady, StackError, StartFailed, Stuck
from stack.state import StateFolder
from stack.supervisor import State, Supervisor
from stack.tests.waiting import until

SLEEPER = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
DYING = "print('cannot go on'); raise SystemExit(3)"
WAIT_SECONDS = 20.0


class Watched:
    """A supervisor in a thread, with what it reported."""

    def __init__(self, units: Sequence[Unit], state: StateFolder) -> None:
        self.state = state
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.supervisor = Supervisor(units, state, self._report)
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)

    def pid(self, name: str) -> int | None:
        return self.supervisor.snapshot()[name][1]

    def state_of(self, name: str) -> State:
        return self.supervisor.snapshot()[name][0]

    def happened(self, event: str, **facts: Any) -> bool:
        return any(it == event and facts.items() <= known.items() for it, known in self.events)

    def order(self, event: str) -> list[str]:
        return [known["process"] for it, known in self.events if it == event]

    def _report(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))

    def _run(self) -> None:
        try:
            self.supervisor.run()
        except StartFailed as error:
            self.error = error


@pytest.fixture
def state(tmp_path: Path) -> StateFolder:
    state = StateFolder(tmp_path / "state")
    state.create()
    return state


@contextlib.contextmanager
def supervised(units: Sequence[Unit], state: StateFolder) -> Iterator[Watched]:
    watched = Watched(units, state)
    watched.thread.start()
    try:
        yield watched
    finally:
        watched.supervisor.stop()
        watched.thread.join()


def process(
    name: str, *needs: str, program: str = SLEEPER, check: Callable[[], None] = lambda: None, stop_seconds: float = 10.0
) -> Process:
    return Process(name, needs, lambda: Launch((sys.executable, "-c", program)), lambda _: check(), stop_seconds)


def test_everything_is_started_after_what_it_needs_and_stopped_before_it(state: StateFolder) -> None:
    units = (
        process("service", "migration", "broker"),
        Step("migration", ("database",), lambda: None),
        process("database"),
        process("broker"),
    )
    with supervised(units, state) as it:
        until(it.supervisor.is_ready)

    assert it.order("started")[-1] == "service"
    assert it.order("stopped")[0] == "service"


def test_a_killed_process_comes_back_under_its_name(state: StateFolder) -> None:
    with supervised([process("broker")], state) as it:
        until(it.supervisor.is_ready)
        before = it.pid("broker")
        assert before
        os.kill(before, signal.SIGKILL)
        until(lambda: it.pid("broker") not in (None, before) and it.supervisor.is_ready())

    assert it.happened("died", process="broker", exit="killed by SIGKILL")


def test_a_process_is_ready_only_when_its_check_says_so(state: StateFolder) -> None:
    answers = iter([NotReady("not yet"), NotReady("not yet"), None])

    def check() -> None:
        answer = next(answers, None)
        if answer:
            raise answer

    with supervised([process("broker", check=check), process("service", "broker")], state) as it:
        until(lambda: it.supervisor.snapshot()["broker"][2] == "not yet")
        assert it.state_of("service") is State.WAITING
        until(it.supervisor.is_ready)


def test_a_ready_process_that_stops_answering_is_not_ready_but_not_killed(state: StateFolder) -> None:
    healthy = threading.Event()
    healthy.set()

    def check() -> None:
        if not healthy.is_set():
            raise NotReady("silent")

    with supervised([process("broker", check=check)], state) as it:
        until(it.supervisor.is_ready)
        before = it.pid("broker")
        healthy.clear()
        until(lambda: it.state_of("broker") is State.NOT_READY)
        healthy.set()
        until(it.supervisor.is_ready)

        assert it.pid("broker") == before


def test_a_process_that_says_nothing_for_long_is_killed_and_started_anew(
    state: StateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STUCK_SECONDS_MAX", 0.2)
    monkeypatch.setattr(supervisor, "CHECK_READY_SECONDS", 0.05)
    answering = threading.Event()
    answering.set()

    def check() -> None:
        if not answering.is_set():
            raise Stuck("no answer")

    with supervised([process("service", check=check)], state) as it:
        until(it.supervisor.is_ready)
        before = it.pid("service")
        answering.clear()
        until(lambda: it.happened("died", process="service", exit="killed by SIGKILL"))
        answering.set()
        until(it.supervisor.is_ready)

        assert it.pid("service") != before
    assert it.happened("killed", process="service", reason="no answer")


def test_a_process_that_refuses_for_long_is_left_alone(state: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "STUCK_SECONDS_MAX", 0.01)
    monkeypatch.setattr(supervisor, "STUCK_START_SECONDS_MAX", 0.01)
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        raise NotReady("refuses to write")

    with supervised([process("service", check=check)], state) as it:
        until(lambda: asked > 5)

        assert not it.happened("killed")
        assert len(it.order("started")) == 1


def test_a_failed_step_fails_the_start_and_stops_everything(state: StateFolder) -> None:
    def fail() -> None:
        raise StackError("no such table")

    with supervised([process("database"), Step("migration", ("database",), fail)], state) as it:
        it.thread.join(WAIT_SECONDS)

    assert isinstance(it.error, StartFailed)
    assert (it.error.unit, it.error.why) == ("migration", "StackError: no such table")
    assert it.order("stopped") == ["database"]
    with pytest.raises(StartFailed, match="no such table"):
        it.supervisor.wait_until_ready(1.0, "migration")


def test_a_process_that_only_dies_fails_the_start_with_its_last_words(state: StateFolder) -> None:
    with supervised(
        [process("service", program=DYING, check=lambda: needs_words(state.path / "none", ""))], state
    ) as it:
        it.thread.join(WAIT_SECONDS)

    assert isinstance(it.error, StartFailed)
    assert it.error.why == "died 4 times while starting (exit code 3)"
    assert it.error.tail[-1] == "cannot go on"
    assert it.error.log == state.log("service")


def test_once_everything_was_ready_a_process_is_restarted_for_ever(state: StateFolder) -> None:
    flag = state.path / "dies"
    program = f"import pathlib, time\nif pathlib.Path({str(flag)!r}).exists(): raise SystemExit(3)\ntime.sleep(600)"
    with supervised([process("service", program=program)], state) as it:
        until(it.supervisor.is_ready)
        flag.touch()
        os.kill(it.pid("service") or 0, signal.SIGKILL)
        until(lambda: len(it.order("died")) >= 4)
        flag.unlink()
        until(it.supervisor.is_ready)


def test_a_process_that_ends_well_was_asked_to_and_is_started_at_once(state: StateFolder) -> None:
    polite = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); print('polite', flush=True); time.sleep(600)"
    process_ = process("polite", program=polite, check=lambda: needs_words(state.log("polite"), "polite"))
    with supervised([process_], state) as it:
        for count in range(1, 4):
            until(it.supervisor.is_ready)
            before = it.pid("polite")
            os.kill(before or 0, signal.SIGTERM)
            until(lambda: len(it.order("died")) == count)  # noqa: B023 - asked within its turn
            until(lambda: it.pid("polite") not in (None, before))  # noqa: B023

    assert [known["again_in_seconds"] for event, known in it.events if event == "died"] == [0.0, 0.0, 0.0]


def test_a_process_that_ends_before_it_was_ready_is_restarted_with_growing_pauses(state: StateFolder) -> None:
    never = process("idle", program="", check=lambda: needs_words(state.log("idle"), "never said"))
    with supervised([never], state) as it:
        it.thread.join(WAIT_SECONDS)

    pauses = [known["again_in_seconds"] for event, known in it.events if event == "died"]
    assert pauses == sorted(set(pauses))
    assert pauses[0] > 0


def test_a_process_that_ignores_the_stop_signal_is_killed(state: StateFolder) -> None:
    deaf = process("deaf", program=DEAF, stop_seconds=0.3, check=lambda: needs_words(state.log("deaf"), "deaf"))
    with supervised([deaf], state) as it:
        until(it.supervisor.is_ready)

    assert it.happened("killed", process="deaf")
    assert it.order("stopped") == ["deaf"]


def test_a_frozen_process_is_thawed_to_stop(state: StateFolder) -> None:
    with supervised([process("frozen")], state) as it:
        until(it.supervisor.is_ready)
        os.kill(it.pid("frozen") or 0, signal.SIGSTOP)

    assert not it.happened("killed", process="frozen")
    assert it.order("stopped") == ["frozen"]


def test_stopping_does_not_wait_for_a_step_that_hangs(state: StateFolder) -> None:
    def hang() -> None:
        commands.run(state, "migration", Launch((sys.executable, "-c", SLEEPER)))

    with supervised([Step("migration", (), hang)], state):
        until(lambda: "migration" in state.processes())
        began = time.monotonic()

    assert time.monotonic() - began < 10.0
    assert state.processes() == {}


def test_a_process_killed_on_purpose_stays_down_until_it_is_started(state: StateFolder) -> None:
    with supervised([process("broker")], state) as it:
        until(it.supervisor.is_ready)
        it.supervisor.kill("broker")
        assert it.state_of("broker") is State.HELD
        assert it.pid("broker") is None
        it.supervisor.start("broker")
        it.supervisor.wait_until_ready(WAIT_SECONDS, "broker")


def test_what_runs_is_written_down_and_struck_out_when_it_has_ended(state: StateFolder) -> None:
    with supervised([process("database"), process("service", "database")], state) as it:
        until(it.supervisor.is_ready)
        written = state.processes()
        assert written["service"] == children.Identity(
            it.pid("service") or 0, written["service"].started, signal.SIGTERM, stop_order=1
        )
        assert all(children.is_alive(known) for known in written.values())

    assert state.processes() == {}


def needs_words(log: Path, words: str) -> None:
    if not log.exists() or words not in log.read_text(encoding="utf-8"):
        raise NotReady("has not spoken")
