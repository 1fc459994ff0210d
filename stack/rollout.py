"""Running processes of a system from another folder of code: how a new version of a service comes, and goes again.

The state folder says which process runs which code, and the supervisor looks there at every start. So a rollout is: write the
folder down, ask the process to stop, see that the one that is started in its place runs that code. Processes that are rolled
out together are away together; whoever wants no gap leaves another replica alone meanwhile.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack import children, logs, status
from stack.artifacts import bytecode_folder
from stack.children import Identity
from stack.errors import StackError
from stack.services import PROJECT, code_of
from stack.state import StateFolder

POLL_SECONDS = 0.1
READY_SECONDS_MAX = 120.0


@dataclass(frozen=True, slots=True)
class RolledOut:
    """A process that was replaced."""

    name: str
    pid: int
    folder: Path
    """Whose code it runs: the new process's working directory, as the operating system says."""


def roll_out(
    state: StateFolder, names: Sequence[str], folder: Path | None, seconds_max: float = READY_SECONDS_MAX
) -> list[RolledOut]:
    """Replace these processes by such that run the code of a folder (None: the project's own); return when they are ready.

    Raises StackError for a process that does not run, and for one that is not ready in time.
    """
    before = _running(state, names)
    state.remember_code(names, folder)
    for known in before.values():
        children.ask_to_stop(known)
    give_up_at = time.monotonic() + seconds_max
    while late := [name for name in names if _ready_pid(state, name) in (None, before[name].pid)]:
        if time.monotonic() > give_up_at:
            raise StackError(_why(state, late[0], seconds_max))
        time.sleep(POLL_SECONDS)
    return [_seen(state, name) for name in names]


def runs_from(pid: int) -> Path:
    """The folder whose code a process of a service runs. Raises psutil.Error where there is no such process."""
    return Path(psutil.Process(pid).cwd())


def forget_bytecode(folder: Path) -> None:
    """Delete what our cache has compiled of the sources in a folder that is about to go."""
    shutil.rmtree(bytecode_folder() / folder.absolute().relative_to("/"), ignore_errors=True)


def _running(state: StateFolder, names: Sequence[str]) -> dict[str, Identity]:
    known = state.processes()
    if missing := [name for name in names if name not in known or not children.is_alive(known[name])]:
        raise StackError(f"not running in {state.path}: {', '.join(missing)}")
    return {name: known[name] for name in names}


def _ready_pid(state: StateFolder, name: str) -> int | None:
    entry = next((each for each in status.read(state)["processes"] if each["name"] == name), None)
    return entry["pid"] if entry is not None and entry["state"] == "ready" else None


def _seen(state: StateFolder, name: str) -> RolledOut:
    """What runs now; that it is ready says nothing of its code."""
    wanted, pid = code_of(state, name), state.processes()[name].pid
    try:
        folder = runs_from(pid)
    except psutil.Error as error:
        raise StackError(f"{name} was ready and is gone again: {error}") from error
    if folder.resolve() != wanted.resolve():
        raise StackError(f"{name} runs the code of {folder}, not that of {wanted}")
    return RolledOut(name, pid, folder)


def _why(state: StateFolder, name: str, seconds: float) -> str:
    last = "\n".join(logs.last_lines(state.log(name)))
    return (
        f"{name} is not ready {seconds:g} s after it was to run the code of {state.code().get(name, PROJECT)}:\n{last}"
    )
