"""`pipeline evolve`: contracts change while orders come in. What it needs is imported when it runs, as in `verification/cli.py`."""

import json
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from verification import cli
from verification.own_system import own_system

if TYPE_CHECKING:
    from verification.evolve.run import Result

FOLDER_PREFIX = "order-pipeline-evolve-"
SEEDS = 1_000_000

output = Console(soft_wrap=True)


def evolve(
    rate: Annotated[float, typer.Option(min=1, max=500, help="Orders sent a second, all the time.")] = 30.0,
    seed: Annotated[int | None, typer.Option(help="Make the same orders as another run.")] = None,
    replicas: Annotated[
        int,
        typer.Option(min=1, max=16, help="Of each process. Of two, one always answers while the other is replaced."),
    ] = 2,
    json_file: cli.JsonFile = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep data, logs and all versions of the code.")] = False,
) -> None:
    """Change an event's contract while orders come in: check, release, register, roll out, roll back. Nothing is lost.

    A copy of the project gets a new field in OrderPlaced, and the code that fills and reads it; later a new event type on the
    same topic. Services are replaced a process at a time, readers before writers, and put back the other way round. Afterwards
    an oracle judges every order, and databases and log are compared (as `pipeline reconcile` does).

    It runs on a system of its own, which is removed afterwards if nothing was found: a registered version stays for ever. Exit
    code 0 when all came out as told, 100 when something did not, 1 when it could not be done.
    """
    from verification.evolve import run

    drawn = seed if seed is not None else secrets.randbelow(SEEDS)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: nothing is left running
    output.print(f"Orders at {rate:g}/s, seed {drawn}; a system of its own, {replicas} of each process")
    with own_system(FOLDER_PREFIX, replicas, output) as place:
        with output.status("") as status:
            result = run.run(run.Wanted(rate, drawn), place, output, status)
        place.keep = keep or bool(result.findings)
        _write(json_file, result.document())
        _print(result, drawn)
    raise typer.Exit(cli.FINDINGS if result.findings else 0)


def _write(file: Path | None, document: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _print(result: "Result", seed: int) -> None:
    from verification.summary import summarise

    if result.checked is not None:
        output.print()
        output.print(cli.load_table(summarise(result.checked.outcome, result.checked.rate)))
        if result.checked.reconciled is not None:
            cli.print_report(result.checked.reconciled)
    for text in result.findings[:50]:
        output.print(f"[red]finding[/red] {escape(text)}", highlight=False)
    colour, verdict = ("red", f"{len(result.findings)} FINDINGS") if result.findings else ("green", "NOTHING LOST")
    output.print(
        f"[bold {colour}]{verdict}[/bold {colour}]: {result.orders} orders while {len(result.seen.rollouts)} processes were "
        f"replaced, seed {seed}",
        highlight=False,
    )
