"""Processes of ours: started in a session of their own, remembered by pid and start time, ended for sure.

A pid alone is not an identity: the system gives it to another process later. The start time makes it one, so what a killed
supervisor left behind can be ended by the next one without hitting a stranger.
"""

import itertools
import os
import signal
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack.backend import Launch

# Start times are floats from the kernel's clock ticks; equal ones may differ in the last digits.
SAME_START_SECONDS = 0.05
# How long leftovers of a killed supervisor may take to stop.
GRACE_SECONDS = 20.0


@dataclass(frozen=True)
class Identity:
    """A process for all time: its pid and when it was started (seconds since 1970); and how it wants to be stopped."""

    pid: int
    started: float
    stop_signal: int = signal.SIGTERM
    stop_order: int = 0
    """Higher ones are stopped first: they depend on lower ones."""


def start(launch: Launch, log: Path) -> subprocess.Popen[bytes]:
    """Start a process in its own session, so that a Ctrl-C in the terminal reaches the supervisor only; output goes to its log."""
    user = launch.user
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - programs and arguments are ours
            launch.arguments,
            cwd=launch.folder,
            env={**os.environ, **launch.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
            pass_fds=launch.descriptors,
        )


def identity(pid: int) -> Identity | None:
    """Identify a running process; None when there is none (a zombie is none)."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else Identity(pid, process.create_time())
    except psutil.NoSuchProcess:
        return None


def is_alive(known: Identity) -> bool:
    """Tell whether this very process still runs."""
    found = identity(known.pid)
    return found is not None and abs(found.started - known.started) < SAME_START_SECONDS


def ask_to_stop(known: Identity) -> None:
    """Ask this process, and no other that has its pid by now, to stop as it wants to be asked."""
    if is_alive(known):
        _signal(known.pid, known.stop_signal)


def end(leftovers: Iterable[Identity], grace_seconds: float = GRACE_SECONDS) -> list[Identity]:
    """End these processes and their children: politely first, for sure after the grace period. Returns those that ran."""
    alive = sorted((known for known in leftovers if is_alive(known)), key=lambda known: -known.stop_order)
    for _, wave in itertools.groupby(alive, key=lambda known: known.stop_order):
        _end_wave(list(wave), grace_seconds)
    return alive


def _end_wave(wave: list[Identity], grace_seconds: float) -> None:
    family = [member for known in wave for member in _family(known)]
    for known in wave:
        _signal(known.pid, known.stop_signal)
        _signal(known.pid, signal.SIGCONT)  # one that was frozen could not hear it
    _, stubborn = psutil.wait_procs(family, timeout=grace_seconds)
    for member in stubborn:
        _signal(member.pid, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=grace_seconds)


def _family(known: Identity) -> list[psutil.Process]:
    try:
        process = psutil.Process(known.pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
