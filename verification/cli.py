"""The commands of this folder: `pipeline load`, `pipeline reconcile`, `pipeline demo`.

What they need is imported when they run: `pipeline status` is asked often and loads this module, too.
"""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from stack import operation
from stack import status as system_status
from stack.errors import StackError
from stack.state import DEFAULT_FOLDER, StateFolder

if TYPE_CHECKING:
    from verification.addresses import Addresses
    from verification.reconcile.run import Report
    from verification.shopping import Plan

FINDINGS = 100
"""Exit code when something is not as it must be."""
REPLAY = "completejourney"
ORDERS_MAX = 1_000_000
"""Orders of one run: half a kilobyte of each is kept until all are judged."""

StateDir = Annotated[
    Path, typer.Option("--state-dir", envvar="PIPELINE_STATE_DIR", help="Folder of the system to talk to.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", dir_okay=False, help="Write the summary to this file, too.")]

output = Console(soft_wrap=True)


def load(
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Orders sent a second.")] = 100.0,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, max=86_400, help="How long orders are sent; 30 unless --limit says when.")
    ] = None,
    replay: Annotated[
        str | None, typer.Option(metavar=REPLAY, help="Send real baskets (make setup EXTRAS=replay).")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Send no more than so many orders.")] = None,
    seed: Annotated[int | None, typer.Option(help="Make the same synthetic orders as another run.")] = None,
    json_file: JsonFile = None,
    state_dir: StateDir = DEFAULT_FOLDER,
) -> None:
    """Send orders at a fixed rate, wait until they are final, and check each against what it must have come to.

    Products are listed first: one in fifty with half of the pieces that are wanted, so that some orders run out. About
    three orders in a hundred pay with a card that is declined. Exit code 100 when something is not as it must be.
    """
    if replay not in (None, REPLAY):
        raise typer.BadParameter(f"{replay}: only {REPLAY} can be replayed")
    from verification.load import run
    from verification.summary import summarise

    here = find(state_dir)
    plan = plan_of_run(rate, seconds, limit, seed, replay=replay is not None)
    output.print(
        f"{plan.source}: {len(plan.orders)} orders of {len(plan.products)} products, {rate:g}/s, run {plan.run}"
    )
    with progress() as shown, told():
        outcome = asyncio.run(run(plan, rate, here, teller(shown)))
    summary = summarise(outcome, rate)
    if json_file is not None:
        json_file.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    output.print(load_table(summary))
    for violation in outcome.violations[:20]:
        output.print(f"[red]violation[/red] {violation}", highlight=False)
    raise typer.Exit(FINDINGS if outcome.violations else 0)


def find(state_dir: Path) -> "Addresses":
    """Find the system of a state folder."""
    from verification import addresses

    return addresses.find(system_status.read(StateFolder(state_dir)), os.environ)


def plan_of_run(rate: float, seconds: float | None, limit: int | None, seed: int | None, *, replay: bool) -> "Plan":
    """What a run is to do. Raises StackError where it cannot be done."""
    from verification import completejourney, synthetic
    from verification.completejourney import NotInstalled

    name = secrets.token_hex(4)
    in_time = max(1, round(rate * seconds)) if seconds is not None else None
    count = min((each for each in (in_time, limit) if each is not None), default=None)
    if count is not None and count > ORDERS_MAX:
        raise StackError(
            f"{count:,} orders are more than the {ORDERS_MAX:,} that one run can judge: give --limit, a lower --rate or fewer"
            " --seconds"
        )
    if not replay:
        drawn = seed if seed is not None else secrets.randbelow(1_000_000)
        return synthetic.plan(name, drawn, count if count is not None else max(1, round(rate * 30)))
    try:
        with output.status("Reading the baskets"):
            return completejourney.plan(name, count)
    except NotInstalled as error:
        raise StackError(str(error)) from error


def progress() -> Progress:
    """Bars for what a load run tells."""
    columns = (TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=output)


def teller(progress: Progress) -> Callable[[str, int, int], None]:
    """Show what a load run tells as bars."""
    tasks: dict[str, Any] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(what, total=total)
        progress.update(tasks[what], completed=done, total=total)

    return tell


def load_table(summary: dict[str, Any]) -> Table:
    """What a load run came to, for people."""
    rows = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name in ("orders", "accepted", "completed"):
        rows.add_row(name, str(summary[name]))
    for reason, count in summary["failed"].items():
        rows.add_row(f"failed: {reason}", str(count))
    rows.add_row("refused (422)", str(summary["refused"]))
    if summary["unanswered"]:
        rows.add_row("unanswered", str(summary["unanswered"]))
    rows.add_row("sent again", str(summary["retries"]))
    rows.add_row("orders/s", f"{summary['orders_per_second']} final, over {summary['seconds']:.1f} s")
    for title, name in (
        ("accepted after", "acceptance_milliseconds"),
        ("final after", "completion_milliseconds"),
        ("sent late by", "sent_late_milliseconds"),
    ):
        figures = summary[name]
        rows.add_row(title, "  ".join(f"{key} {value:g} ms" for key, value in figures.items() if value is not None))
    rows.add_row("violations", str(summary["violations_total"]))
    return rows


def reconcile(
    wait: Annotated[
        float, typer.Option(min=0, max=3_600, help="Wait so many seconds for orders under way to end.")
    ] = 30.0,
    allow_undecodable: Annotated[
        bool, typer.Option("--allow-undecodable", help="Records of ours that their schema cannot read are no finding.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    state_dir: StateDir = DEFAULT_FOLDER,
) -> None:
    """Compare what the databases say with what stands in the log; name every row that cannot be explained.

    Joins orders, payments, refunds, stock, topics and dead letters. While orders are coming in, those under way are told
    apart and not judged. Exit code 100 when something cannot be explained.
    """
    from verification.reconcile.run import reconcile as compare

    here = find(state_dir)
    console = Console(stderr=True, quiet=as_json)
    with console.status("") as shown, told():
        report = compare(here, wait, lambda what: shown.update(what), allow_undecodable=allow_undecodable)
    if as_json:
        sys.stdout.write(json.dumps(report.document(), indent=2) + "\n")
    else:
        print_report(report)
    raise typer.Exit(FINDINGS if report.findings_total else 0)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop everything after the story.")] = False,
    state_dir: StateDir = DEFAULT_FOLDER,
) -> None:
    """Start everything and tell the story of the pipeline with real orders; stays up until Ctrl-C."""
    from verification.demo import Story, next_steps

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: nothing is left running
    state = StateFolder(state_dir)
    ours = not system_status.read(state)["supervised"]
    try:
        if ours:
            _start(state_dir)
        Story(find(state_dir), Console()).play()
        output.print(f"\n  {_farewell(ours=ours, once=once)}")
        if not (ours and once):
            output.print(next_steps("" if state_dir == DEFAULT_FOLDER else f" --state-dir {state_dir}"))
        if ours and not once:
            threading.Event().wait()
    except NotStarted:
        ours = False  # `pipeline up` has cleaned up, or somebody else was faster
        raise
    except KeyboardInterrupt:
        output.print()
    finally:
        if ours:
            with output.status("Stopping everything"):
                operation.stop(state)
            output.print("  Stopped everything. Data are kept; `pipeline up` goes on with them.")


def _farewell(*, ours: bool, once: bool) -> str:
    if not ours:
        return "It was running before and goes on. Try:"
    return "That was it." if once else "Everything stays up until Ctrl-C. In another terminal, try:"


class NotStarted(StackError):
    """The system could not be started."""


def _start(state_dir: Path) -> None:
    """Have the system started, as `pipeline up --detach` does."""
    command = [sys.executable, "-m", "stack.cli", "up", "--detach", "--state-dir", str(state_dir)]
    if subprocess.run(command, check=False).returncode:  # noqa: S603 - this very program
        raise NotStarted


@contextmanager
def told() -> Iterator[None]:
    """Tell errors of the topics, the registry and the databases in a sentence."""
    import psycopg

    from verification.log_reader import ReaderError

    try:
        yield
    except (ReaderError, psycopg.Error) as error:
        raise StackError(f"{type(error).__name__}: {error}") from error


def print_report(report: "Report") -> None:
    """What `reconcile` found, for people."""
    rows = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, counts in report.counts.items():
        rows.add_row(name.replace("_", " "), ", ".join(f"{count} {what}" for what, count in counts.items()) or "none")
    rows.add_row(
        "money (minor units)",
        f"{report.captured_minor} captured, {report.refunded_minor} given back, {report.completed_minor} in completed orders",
    )
    output.print(rows)
    if not report.still:
        output.print("[yellow]Orders were still under way; those were not judged.[/yellow]")
    for finding in report.findings[:50]:
        output.print(f"[red]{finding.check}[/red] {finding.subject}: {finding.text}", highlight=False)
    if report.findings_total:
        output.print(f"[red]{report.findings_total} rows cannot be explained[/red] ({report.seconds:.1f} s)")
    else:
        output.print(f"[green]Every row is explained[/green] ({report.seconds:.1f} s)")
