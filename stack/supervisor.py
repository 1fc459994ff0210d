"""Keeps processes running: starts them in the order of their needs, asks them whether they are ready, restarts what dies.

Rules:
1. One loop owns all state; checks and steps, which may block, run in threads and hand their outcome to the loop.
2. A process is written down (pid and start time) before it is waited for: the next supervisor ends what a killed one left.
3. Until the whole system was ready once, a step that fails or a process that dies again and again fails the start.
   Afterwards everything is restarted for ever, with backoff.
4. A process that says why it is not ready, for however long, is left alone: a restart would not change a refusal. One that
   is stuck for long is killed.
5. Stopping goes against the needs: nobody loses what he depends on before he has stopped.
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import psutil

from stack import children, logs
from stack.backend import Process, Step, Unit
from stack.backoff import Deaths
from stack.errors import NotReady, StackError, StartFailed, Stuck
from stack.state import StateFolder

TICK_SECONDS = 0.05
# Asked often while starting, now and then once ready.
CHECK_STARTING_SECONDS = 0.1
CHECK_READY_SECONDS = 1.0
# One failed check of a ready process may be a moment's load.
FAILED_CHECKS_MAX = 3
# A process that is stuck (it does not even say that it is alive) is killed, to be started anew: not soon, for a machine may be busy
# and drills freeze processes for seconds. Starting takes longer: services wait a minute for what they depend on before they listen.
STUCK_SECONDS_MAX = 45.0
STUCK_START_SECONDS_MAX = 180.0
DEATHS_AT_START_MAX = 4
# A slow machine is no failure; a process that cannot start is noticed by its deaths.
START_SECONDS_MAX = 300.0
BOUND_LOGS_SECONDS = 10.0
STEP_GRACE_SECONDS = 5.0
THREADS = 16

Report = Callable[..., None]


class State(StrEnum):
    """Where a process or step stands."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    NOT_READY = "not ready"
    BACKOFF = "restarting"
    HELD = "held"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass
class Supervised:
    """One process or step with what is known of it now. Owned by the loop."""

    unit: Unit
    state: State = State.WAITING
    child: subprocess.Popen[bytes] | None = None
    task: Future[None] | None = None
    since: float = 0.0
    """When the process was started."""
    stuck_at: float = 0.0
    """When it is killed if it is stuck still."""
    check_at: float = 0.0
    restart_at: float = 0.0
    deaths: Deaths = field(default_factory=Deaths)
    failed_checks: int = 0
    reason: str = ""
    held: bool = False


class Supervisor:
    """Runs one system. `run` is the loop; the other public methods may be called from other threads."""

    def __init__(self, units: Sequence[Unit], state: StateFolder, report: Report, *, held: bool = False) -> None:
        """Take on these units; `held`: none runs before its `start`."""
        self._all = {unit.name: Supervised(unit, held=held) for unit in units}
        self._state = state
        self._report = report
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._was_ready = False
        self._failure: StartFailed | None = None
        self._began = 0.0
        self._bound_at = 0.0
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="stack")

    def run(self, on_change: Callable[[], None] = lambda: None) -> None:
        """Keep everything running until `stop` is called or the start fails; stop everything; raise what failed."""
        self._began = time.monotonic()
        before: object = None
        try:
            while not self._stop.is_set() and self._failure is None:
                with self._changed:
                    self._tick(time.monotonic())
                    now = self.snapshot()
                    if now != before:
                        before = now
                        self._changed.notify_all()
                        on_change()
                self._stop.wait(TICK_SECONDS)
        finally:
            self._stop_all(on_change)
            self._pool.shutdown(wait=True, cancel_futures=True)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Ask the loop to stop everything and to return."""
        self._stop.set()

    def is_ready(self) -> bool:
        """Tell whether every step is done and every process does its work (those held back do not count)."""
        return all(it.state is State.READY for it in self._all.values() if not it.held)

    def snapshot(self) -> dict[str, tuple[State, int | None, str]]:
        """State, pid and reason of each unit, by name."""
        return {name: (it.state, it.child.pid if it.child else None, it.reason) for name, it in self._all.items()}

    def status(self) -> Mapping[str, Any]:
        """Describe the system for `pipeline status`."""
        return {
            "ready": self.is_ready(),
            "processes": [
                {"name": name, "pid": it.child.pid if it.child else None, "state": str(it.state)}
                for name, it in self._all.items()
                if isinstance(it.unit, Process)
            ],
            "steps": {name: str(it.state) for name, it in self._all.items() if isinstance(it.unit, Step)},
        }

    def wait_until_ready(self, timeout_seconds: float, *names: str) -> None:
        """Wait until these are ready; raise what failed, or StackError after the time."""
        chosen = [self._all[name] for name in names]

        def settled() -> bool:
            return self._failure is not None or all(it.state is State.READY for it in chosen)

        with self._changed:
            if not self._changed.wait_for(settled, timeout_seconds):
                late = ", ".join(
                    f"{it.unit.name} ({it.state}: {it.reason})" for it in chosen if it.state is not State.READY
                )
                raise StackError(f"not ready after {timeout_seconds:g} s: {late}")
        if self._failure is not None:
            raise self._failure

    def kill(self, name: str) -> None:
        """SIGKILL a process and leave it down until `start`: a fault on purpose."""
        with self._changed:
            it = self._all[name]
            it.held = True
            if it.child is not None and it.child.poll() is None:
                it.child.kill()
                it.child.wait()
                self._forget(it)
            it.state = State.HELD

    def start(self, name: str) -> None:
        """Let a process that was held back, or killed on purpose, run, and all that it needs."""
        with self._changed:
            for it in (self._all[each] for each in (*self._all_needs(self._all[name].unit), name)):
                if it.held:
                    it.held, it.deaths, it.state, it.restart_at = False, Deaths(), State.WAITING, 0.0
            self._was_ready, self._began = False, time.monotonic()

    def _tick(self, now: float) -> None:
        for it in self._all.values():
            if it.held:
                continue
            if isinstance(it.unit, Step):
                self._tick_step(it, it.unit)
            else:
                self._tick_process(it, it.unit, now)
        if not self._was_ready:
            self._judge_start(now)
        if now >= self._bound_at:
            self._bound_at = now + BOUND_LOGS_SECONDS
            for log in self._state.logs.glob("*.log"):
                logs.bound(log)

    def _judge_start(self, now: float) -> None:
        """See whether the start is over, well or badly."""
        if self.is_ready():
            self._was_ready = True
            self._report("ready", seconds=round(now - self._began, 2))
        elif now - self._began > START_SECONDS_MAX:
            late = next(
                it
                for it in self._all.values()
                if not it.held and it.state is not State.READY and self._has_needs(it.unit)
            )
            self._fail(late, f"not ready after {START_SECONDS_MAX:g} s: {late.reason or late.state}")

    def _tick_step(self, it: Supervised, step: Step) -> None:
        if it.state is State.WAITING and self._has_needs(step):
            it.state, it.since = State.STARTING, time.monotonic()
            it.task = self._pool.submit(step.run)
        elif it.state is State.STARTING and it.task is not None and it.task.done():
            error, it.task = it.task.exception(), None
            if error is None:
                it.state = State.READY
                self._report("done", step=step.name, seconds=round(time.monotonic() - it.since, 2))
            elif isinstance(error, StartFailed):
                it.state, self._failure = State.FAILED, error
            else:
                self._fail(it, f"{type(error).__name__}: {error}")

    def _tick_process(self, it: Supervised, process: Process, now: float) -> None:
        if it.child is None:
            if now >= it.restart_at and self._has_needs(process):
                self._launch(it, process, now)
            return
        code = it.child.poll()
        if code is not None:
            self._bury(it, process, code, now)
        elif it.task is not None:
            if it.task.done():
                self._judge_check(it, process, now)
        elif now >= it.check_at:
            it.task = self._pool.submit(process.check, it.child.pid)

    def _launch(self, it: Supervised, process: Process, now: float) -> None:
        log = self._state.log(process.name)
        try:
            it.child = children.start(process.launch(), log)
        except (OSError, psutil.Error) as error:
            it.deaths = it.deaths.after(0.0)
            it.restart_at, it.reason = now + it.deaths.pause_seconds, str(error)
            self._report("cannot start", process=process.name, reason=str(error))
            if not self._was_ready and it.deaths.in_a_row >= DEATHS_AT_START_MAX:
                self._fail(it, f"cannot be started: {error}")
            return
        self._remember(it.child.pid, process)
        it.state, it.since, it.check_at, it.failed_checks = State.STARTING, now, now, 0
        it.stuck_at = now + STUCK_START_SECONDS_MAX
        self._report("started", process=process.name, pid=it.child.pid)

    def _remember(self, pid: int, process: Process) -> None:
        known = children.identity(pid)
        if known is not None:  # else it is dead already, as the next tick finds out
            processes = [name for name in self._all_needs(process) if isinstance(self._all[name].unit, Process)]
            known = replace(known, stop_signal=process.stop_signal, stop_order=len(processes))
        self._state.remember_process(process.name, known)

    def _judge_check(self, it: Supervised, process: Process, now: float) -> None:
        assert it.task is not None
        assert it.child is not None
        error, it.task = it.task.exception(), None
        if not isinstance(error, Stuck):
            it.stuck_at = now + STUCK_SECONDS_MAX
        elif now > it.stuck_at and it.failed_checks >= FAILED_CHECKS_MAX:
            self._report("killed", process=process.name, reason=str(error))
            it.child.kill()
        if error is None:
            if it.state is not State.READY:
                self._report("ready", process=process.name, seconds=round(now - it.since, 2))
            it.state, it.reason, it.failed_checks = State.READY, "", 0
        else:
            it.failed_checks += 1
            it.reason = str(error) if isinstance(error, NotReady) else f"{type(error).__name__}: {error}"
            if it.state is State.READY and it.failed_checks >= FAILED_CHECKS_MAX:
                it.state = State.NOT_READY
                self._report("not ready", process=process.name, reason=it.reason)
        it.check_at = now + (CHECK_READY_SECONDS if it.state is State.READY else CHECK_STARTING_SECONDS)

    def _bury(self, it: Supervised, process: Process, code: int, now: float) -> None:
        """Note a death and when to start again: at once where a process did its work and ended well, for it was asked to."""
        asked = code == 0 and it.state in (State.READY, State.NOT_READY)
        it.deaths = Deaths() if asked else it.deaths.after(now - it.since)
        it.restart_at = now + it.deaths.pause_seconds
        it.state, it.reason = State.BACKOFF, _exit_text(code)
        self._forget(it)
        self._report("died", process=process.name, exit=it.reason, again_in_seconds=it.deaths.pause_seconds)
        if not self._was_ready and it.deaths.in_a_row >= DEATHS_AT_START_MAX:
            self._fail(it, f"died {it.deaths.in_a_row} times while starting ({it.reason})")

    def _forget(self, it: Supervised) -> None:
        it.child, it.task = None, None
        self._state.remember_process(it.unit.name, None)

    def _has_needs(self, unit: Unit) -> bool:
        return all(self._all[name].state is State.READY for name in unit.needs)

    def _fail(self, it: Supervised, why: str) -> None:
        it.state = State.FAILED
        log = self._state.log(it.unit.name)
        self._failure = StartFailed(it.unit.name, why, log if log.exists() else None, logs.last_lines(log))
        self._report("failed", unit=it.unit.name, reason=why)

    def _stop_all(self, on_change: Callable[[], None]) -> None:
        """Stop whoever nobody running depends on, again and again until nobody runs."""
        self._end_steps()
        stopping: dict[str, float] = {}
        while running := {name: it for name, it in self._all.items() if it.child is not None}:
            needed = {need for it in running.values() for need in self._all_needs(it.unit)}
            for name, it in running.items():
                assert it.child is not None
                assert isinstance(it.unit, Process)
                if it.child.poll() is not None:
                    self._forget(it)
                    it.state = State.STOPPED
                    self._report("stopped", process=name)
                    on_change()
                elif name not in needed:
                    self._press(it, it.unit, stopping)
            time.sleep(TICK_SECONDS)

    def _end_steps(self) -> None:
        """End the commands of unfinished steps: a migration could wait for a lock for minutes."""
        written = self._state.processes()
        steps = [name for name, it in self._all.items() if isinstance(it.unit, Step)]
        children.end((written[name] for name in steps if name in written), STEP_GRACE_SECONDS)

    def _press(self, it: Supervised, process: Process, stopping: dict[str, float]) -> None:
        """Ask a process to stop; after its time kill it."""
        assert it.child is not None
        asked = stopping.setdefault(process.name, time.monotonic())
        if it.state is not State.STOPPING:
            it.state = State.STOPPING
            it.child.send_signal(process.stop_signal)
            it.child.send_signal(signal.SIGCONT)  # one that was frozen could not hear it
        elif time.monotonic() - asked > process.stop_seconds:
            self._report("killed", process=process.name, reason=f"did not stop in {process.stop_seconds:g} s")
            it.child.kill()

    def _all_needs(self, unit: Unit) -> set[str]:
        """Name all units that a unit depends on, directly or through others."""
        found: set[str] = set()
        for name in unit.needs:
            found |= {name} | self._all_needs(self._all[name].unit)
        return found


def _exit_text(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
