"""Carries faults out on a running system: kills, freezes and thaws processes of one state folder, and no others.

A process is what the folder's supervisor wrote down: pid and start time, checked against the operating system before every
signal. Whatever ends a run, what is frozen is thawed; should this program be killed, the supervisor ends what stays silent.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import psutil

from stack import children, status
from stack.children import Identity
from stack.state import StateFolder
from verification.chaos.faults import Blow, Fault

POLL_SECONDS = 0.1
RUNNING_SECONDS_MAX = 120.0
"""A process that is to be hit may be down because of an earlier fault, or wait for a part that is."""
BACK_SECONDS_MAX = 120.0


@dataclass(slots=True)
class Done:
    """A fault as it was carried out; moments in seconds of this machine's clock."""

    fault: Fault
    pid: int | None = None
    """None when the process was not there to be hit."""
    at: float = 0.0
    ready_at: float | None = None
    """When the process did its work again: the new one ready, the frozen one thawed. None when it never did."""

    def document(self, began: float) -> dict[str, Any]:
        """The fault as a JSON document; `began`: when the first order was due."""
        ready = None if self.ready_at is None else round(self.ready_at - self.at, 2)
        return {
            "at_seconds": round(self.at - began, 2),
            "blow": str(self.fault.blow),
            "process": self.fault.process,
            "pid": self.pid,
            "frozen_seconds": round(self.fault.seconds, 2),
            "ready_again_seconds": ready,
        }


Show = Callable[[Done], None]
"""Told of each fault when it is carried out, or cannot be."""


async def carry_out(state: StateFolder, faults: Sequence[Fault], show: Show) -> list[Done]:
    """Carry out all faults, each when it is due, counted from now; returns when every process is back, or never will be."""
    began = monotonic()
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_one(state, fault, began, show)) for fault in faults]
    return [task.result() for task in running]


async def _one(state: StateFolder, fault: Fault, began: float, show: Show) -> Done:
    await asyncio.sleep(began + fault.at_seconds - monotonic())
    done = Done(fault, at=monotonic())
    victim = await _running(state, fault.process)
    if victim is None:
        show(done)
    elif fault.blow is Blow.KILL:
        done.pid, done.at = victim.pid, monotonic()
        kill(victim)
        show(done)
        done.ready_at = await _back(state, fault.process, victim.pid)
    else:
        done.pid, done.at = victim.pid, monotonic()
        await _freeze(victim, fault.seconds, lambda: show(done))
        done.ready_at = monotonic()
    return done


def kill(victim: Identity) -> None:
    """SIGKILL this process and its children, if it is still this one."""
    if not children.is_alive(victim):
        return
    process = psutil.Process(victim.pid)
    family = [process, *process.children(recursive=True)]
    for member in family:
        _signal(member.pid, signal.SIGKILL)


async def _freeze(victim: Identity, seconds: float, stopped: Callable[[], None]) -> None:
    try:
        _signal(victim.pid, signal.SIGSTOP)
        stopped()
        await asyncio.sleep(seconds)
    finally:
        if children.is_alive(victim):
            _signal(victim.pid, signal.SIGCONT)


async def _running(state: StateFolder, name: str) -> Identity | None:
    """The process of this name, waited for if it is just not running; None when it does not come."""
    give_up_at = monotonic() + RUNNING_SECONDS_MAX
    while monotonic() < give_up_at:
        known = state.processes().get(name)
        if known is not None and children.is_alive(known):
            return known
        await asyncio.sleep(POLL_SECONDS)
    return None


async def _back(state: StateFolder, name: str, killed: int) -> float | None:
    """When another process of this name was ready; None when it took too long."""
    give_up_at = monotonic() + BACK_SECONDS_MAX
    while monotonic() < give_up_at:
        entries = {entry["name"]: entry for entry in status.read(state)["processes"]}
        if entries[name]["state"] == "ready" and entries[name]["pid"] != killed:
            return monotonic()
        await asyncio.sleep(POLL_SECONDS)
    return None


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
