"""What a person sees while a system starts and runs: one line a part, then the addresses."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from stack.errors import StackError, StartFailed

Status = Mapping[str, Any]
SIGNS = {"ready": ("✓", "green"), "failed": ("✗", "red"), "restarting": ("↻", "red"), "not ready": ("!", "yellow")}


def table(status: Status) -> Table:
    """Processes with their state and pid."""
    rows = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for entry in status.get("processes", []):
        sign, colour = SIGNS.get(entry["state"], ("·", "dim"))
        rows.add_row(Text(sign, colour), entry["name"], Text(entry["state"], colour), str(entry["pid"] or ""))
    return rows


def addresses(status: Status) -> Table:
    """Where everything is; passwords are left out (`pipeline status --json` has them)."""
    rows = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for name, address in status.get("endpoints", {}).items():
        rows.add_row(Text(name, "bold"), _without_password(address))
    return rows


def print_failure(console: Console, error: StackError) -> None:
    """Say what failed, why, what its log says at the end, and where the log is."""
    if not isinstance(error, StartFailed):
        console.print(Text(f"Error: {error}", "red"))
        return
    console.print(Text(f"{error.unit} failed: {error.why}", "red"))
    for line in error.tail:
        console.print(Text(f"  {line}", "dim"))
    if error.log:
        console.print(f"Log: {error.log}", soft_wrap=True, highlight=False)


class Watcher:
    """Shows the states as they change: a live picture in a terminal, a line for each change elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=8, transient=True)
        self._last: dict[str, str] = {}
        self._announced = False

    @contextlib.contextmanager
    def watching(self) -> Iterator["Watcher"]:
        """Show until the block ends."""
        try:
            yield self
        finally:
            self._live.stop()

    def __call__(self, status: Status) -> None:
        """Show this status."""
        states = {entry["name"]: entry["state"] for entry in status.get("processes", [])} | status.get("steps", {})
        changed = {name: state for name, state in states.items() if self._last.get(name) != state}
        self._last = states
        if status.get("ready") and not self._announced:
            self._announce(status)
        elif not self._announced and self._console.is_terminal:
            self._live.start()
            self._live.update(_picture(status))
        else:
            for name, state in changed.items():
                if state != "waiting":
                    self._console.print(f"{name}: {state}", highlight=False)

    def _announce(self, status: Status) -> None:
        self._announced = True
        self._live.stop()
        for note in status.get("notes", []):
            self._console.print(Text(note, "yellow"))
        self._console.print(Text("Everything is ready.", "bold green"))
        self._console.print(addresses(status))


def _picture(status: Status) -> RenderableType:
    states = {entry["state"] for entry in status.get("processes", [])}
    steps = [name for name, state in status.get("steps", {}).items() if state == "starting"]
    stopping = states & {"stopping", "stopped"}
    doing = "Stopping" if stopping else f"Preparing: {', '.join(steps)}" if steps else "Starting"
    return Group(table(status), Spinner("dots", doing))


def _without_password(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{login.partition(':')[0]}{at}{place}"
