"""A system of a run's own: started in a temporary folder, and removed afterwards unless what it leaves is wanted."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from stack import operation, rollout
from stack.errors import StackError
from stack.state import StateFolder


@dataclass(slots=True)
class Place:
    """Where a run takes place."""

    state: StateFolder
    folder: Path | None = None
    """The temporary folder around a system of its own; None where it is somebody else's."""
    keep: bool = True
    """Whether what is left is wanted, as it is until all was found clean: its logs and data tell what happened."""


@contextmanager
def own_system(prefix: str, replicas: int, output: Console) -> Iterator[Place]:
    """Start a system in a new folder, `state` in it; stop and remove it in the end. Raises StackError."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)  # PostgreSQL may run as another user
    place = Place(StateFolder(folder / "state"), folder)
    try:
        with output.status(f"Starting a system in {place.state.path}"):
            start(place.state, replicas)
        yield place
    except KeyboardInterrupt:
        place.keep = False
        raise
    finally:
        with output.status("Stopping it"):
            _clear_away(place, folder, output)


def start(state: StateFolder, replicas: int) -> None:
    """Have a system started, as `pipeline up --detach` does. Raises StackError."""
    command = [sys.executable, "-m", "stack.cli", "up", "--detach", "--replicas", str(replicas)]
    started = subprocess.run(  # noqa: S603 - this very program
        [*command, "--state-dir", str(state.path)], check=False, capture_output=True, text=True
    )
    if started.returncode:
        raise StackError(f"the system could not be started:\n{started.stdout}{started.stderr}")


def _clear_away(place: Place, folder: Path, output: Console) -> None:
    if place.state.exists():
        operation.stop(place.state)
    if place.keep:
        output.print(f"Its logs and data: {place.state.path} (pipeline down --purge --state-dir ... deletes them)")
        return
    if place.state.exists():
        operation.purge(place.state)
    rollout.forget_bytecode(folder)  # of code that was rolled out from there
    shutil.rmtree(folder)
