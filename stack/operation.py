"""Running a system in this process, as a daemon, and stopping it again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from stack import children, logs, status
from stack.children import Identity
from stack.errors import StackError, StartFailed
from stack.journal import journal
from stack.services import PROJECT
from stack.state import StateFolder
from stack.supervisor import Report, Supervisor

if TYPE_CHECKING:
    from stack.system import System

SUPERVISOR = "supervisor"
POLL_SECONDS = 0.1
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A supervisor that does not stop in this time is killed, and what it leaves is ended.
STOP_SECONDS = 90.0

Watch = Callable[[dict[str, Any]], None]


def run(state: StateFolder, build: Callable[[], "System"], watch: Watch = lambda _: None) -> None:
    """Supervise a system in this process until SIGINT, SIGTERM or SIGHUP; everything is stopped when this returns.

    It is built when leftovers are gone, which may hold its ports. `watch` is called with the status whenever something
    changes. Raises AlreadyRunning or StartFailed.
    """
    with state.locked(), journal(state.log(SUPERVISOR)) as report:
        for leftover in end_leftovers(state):
            report("ended leftover", pid=leftover.pid)
        me = children.identity(os.getpid())
        assert me is not None
        state.remember_process(SUPERVISOR, me)
        try:
            _supervise(state, build(), report, watch)
        except StackError as error:
            failure = error if isinstance(error, StartFailed) else StartFailed(SUPERVISOR, str(error))
            now = {**state.status(), "ready": False, "failure": _described(failure)}
            state.write_status(now)
            watch(now)
            raise
        finally:
            state.remember_process(SUPERVISOR, None)


def _supervise(state: StateFolder, system: "System", report: Report, watch: Watch) -> None:
    for note in system.notes:
        report("note", text=note)
    supervisor = Supervisor(system.units, state, report)
    known = {
        "backend": system.backend,
        "endpoints": dict(system.endpoints),
        "environment": dict(system.environment),
        "notes": list(system.notes),
        "failure": None,
    }

    def publish() -> None:
        now = {**known, **supervisor.status()}
        state.write_status(now)
        watch(now)

    with _stop_signals(supervisor), contextlib.closing(system.listeners):
        supervisor.run(publish)


@contextlib.contextmanager
def _stop_signals(supervisor: Supervisor) -> Iterator[None]:
    """Let the signals that end programs end this one in order."""

    def stop_in_order(_number: int, _frame: FrameType | None) -> None:
        supervisor.stop()

    before = {number: signal.signal(number, stop_in_order) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def detach(state: StateFolder, arguments: list[str], watch: Watch) -> None:
    """Start `pipeline` with these arguments as a daemon; return when its system is ready, raise StartFailed when it fails."""
    log = state.log(SUPERVISOR)
    state.write_status({})
    with log.open("ab") as output:
        daemon = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", "stack.cli", *arguments],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        while True:
            now = status.read(state)
            watch(now)
            if now["ready"]:
                daemon.returncode = 0  # it lives on without us: not ours to wait for
                return
            if daemon.poll() is not None:
                raise _why(state, now)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        daemon.terminate()
        daemon.wait(STOP_SECONDS)
        raise


def stop(state: StateFolder) -> list[Identity]:
    """Stop the supervisor and with it everything; end what a killed one left behind. Returns the leftovers."""
    supervisor = state.processes().get(SUPERVISOR)
    if supervisor is not None:
        children.end([supervisor], STOP_SECONDS)
        state.remember_process(SUPERVISOR, None)
    with state.locked():
        return end_leftovers(state)


def end_leftovers(state: StateFolder) -> list[Identity]:
    """End the processes of an earlier supervisor that was killed. The caller holds the state folder's lock."""
    known = {name: process for name, process in state.processes().items() if name != SUPERVISOR}
    ended = children.end(known.values())
    for name in known:
        state.remember_process(name, None)
    return ended


def purge(state: StateFolder) -> None:
    """Delete all data of a stopped system."""
    from stack import postgres  # its driver is slow to import, and seldom needed here

    postgres.purge(state)
    state.remove()


def _described(failure: StartFailed) -> dict[str, Any]:
    return {
        "unit": failure.unit,
        "why": failure.why,
        "log": str(failure.log) if failure.log else None,
        "tail": failure.tail,
    }


def _why(state: StateFolder, now: dict[str, Any]) -> StackError:
    """Find out why the daemon ended."""
    failure = now.get("failure")
    if failure:
        log = Path(failure["log"]) if failure["log"] else None
        return StartFailed(failure["unit"], failure["why"], log, tuple(failure["tail"]))
    log = state.log(SUPERVISOR)
    return StartFailed(SUPERVISOR, "ended before the system was ready", log, logs.last_lines(log))
