"""A running system and its command, as end to end tests use it."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL

from stack import status
from stack.state import StateFolder
from verification import addresses
from verification.addresses import Addresses

COMMAND_SECONDS = 150
SERVICES = ("orders", "payments", "inventory")
PROCESSES = tuple(f"{service}-{kind}" for kind in ("worker-1", "api") for service in SERVICES)


@dataclass(frozen=True)
class Pipeline:
    """A running system and its command."""

    folder: Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stack.cli", *arguments],
            env={**os.environ, "PIPELINE_STATE_DIR": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    @property
    def state(self) -> StateFolder:
        """The system's state folder."""
        return StateFolder(self.folder)

    def ready(self) -> bool:
        """Whether everything is ready."""
        return bool(status.read(self.state)["ready"])

    def pids(self) -> dict[str, int]:
        """Process ids of what runs, by name."""
        processes = status.read(self.state)["processes"]
        return {entry["name"]: entry["pid"] for entry in processes if entry["pid"] is not None}

    def kill(self, name: str) -> int | None:
        """SIGKILL a process; its pid, None when it was just not running."""
        pid = self.pids().get(name)
        if pid is None:
            return None
        try:
            os.kill(pid, SIGKILL)
        except ProcessLookupError:  # died since its status was written
            return None
        return pid

    def addresses(self) -> Addresses:
        """Where everything is."""
        return addresses.find(status.read(self.state), {})
