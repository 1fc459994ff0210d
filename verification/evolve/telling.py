"""How the rehearsal is told in a terminal: steps in plain sentences, commands with what they print, tables."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.status import Status
from rich.table import Table
from rich.text import Text

from verification.evolve.versions import Ran

WIDTH = 110
LINES_MAX = 12
"""Lines of a command's output that are shown; the rest is counted."""


class Teller:
    """Tells a run to a console."""

    def __init__(self, console: Console, status: Status) -> None:
        self._console = console
        self._status = status
        self.step_number = 0
        self.title = ""

    def step(self, title: str) -> None:
        """Begin the next step."""
        self.step_number += 1
        self.title = title
        self._console.print()
        self._console.print(Text(f"{self.step_number}. {title}", "bold cyan"))

    def say(self, text: str) -> None:
        """Tell something in sentences; markup is allowed."""
        width = min(self._console.width, WIDTH)
        self._console.print(Padding(Text.from_markup(text), (0, 2)), width=width, highlight=False, soft_wrap=False)

    def command(self, ran: Ran) -> None:
        """Show a command as a person types it, and what it answers."""
        self._console.print(Text(f"  $ {ran.command}", "bold"))
        for line in ran.lines[:LINES_MAX]:
            self._console.print(Text(f"    {line}", "dim"))
        if len(ran.lines) > LINES_MAX:
            self._console.print(Text(f"    ... ({len(ran.lines) - LINES_MAX} more lines)", "dim"))
        if ran.code:
            self._console.print(Text(f"    exit code {ran.code}", "dim"))

    def waiting(self, text: str) -> None:
        """Show what is waited for, on a line that goes away."""
        self._status.update(text)

    def table(self, headings: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
        """Show rows by their headings; figures on the right."""
        shown = Table(box=None, padding=(0, 2, 0, 2))
        for number, heading in enumerate(headings):
            shown.add_column(heading, header_style="bold", justify="right" if number else "left")
        for row in rows:
            shown.add_row(*(str(row.get(heading, "")) for heading in headings))
        self._console.print(shown)
