"""`pipeline chaos`: faults under load, then the checkers. What it needs is imported when it runs, as in `verification/cli.py`."""

import json
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stack import status as system_status
from stack.errors import StackError
from stack.state import DEFAULT_FOLDER, StateFolder
from verification import cli
from verification.chaos.faults import PROFILES, Profile, draw
from verification.own_system import Place, own_system

if TYPE_CHECKING:
    from verification.addresses import Addresses
    from verification.chaos.nemesis import Done
    from verification.chaos.run import Result
    from verification.shopping import Plan

FOLDER_PREFIX = "order-pipeline-chaos-"
SEEDS = 1_000_000

output = Console(soft_wrap=True)


def chaos(
    profile: Annotated[
        str,
        typer.Option(
            help="ci: synthetic orders, a minute. long: 20,000 real baskets (make setup EXTRAS=replay), 15 kills."
        ),
    ] = "ci",
    seed: Annotated[int | None, typer.Option(help="Make the same faults and orders as another run.")] = None,
    orders: Annotated[
        int | None,
        typer.Option("--orders", "--limit", min=1, max=cli.ORDERS_MAX, help="Orders, instead of the profile's."),
    ] = None,
    rate: Annotated[float | None, typer.Option(min=0.1, max=10_000, help="Orders sent a second, likewise.")] = None,
    kills: Annotated[int | None, typer.Option(min=0, max=1_000, help="SIGKILLs, likewise.")] = None,
    freezes: Annotated[int | None, typer.Option(min=0, max=1_000, help="Freezes, likewise.")] = None,
    replicas: Annotated[
        int, typer.Option(min=1, max=16, help="API and worker processes of each service, where it starts the system.")
    ] = 2,
    json_file: cli.JsonFile = None,
    state_dir: cli.StateDir = DEFAULT_FOLDER,
) -> None:
    """Kill and freeze processes at random while orders are sent, then look for anything lost, doubled or wrong.

    Kafka, PostgreSQL (and the registry) are killed once each, whole, as in a power cut; the other kills go over all kinds of
    service processes in turn. The seed decides whom and when. Afterwards an oracle judges every order, databases and log are
    compared (as `pipeline reconcile` does), and an independent reader looks for numbers that are missing or doubled.

    It takes the system that runs in --state-dir; where none runs, it starts one of its own and removes it afterwards if
    nothing was found. Exit code 0 when nothing was found, 100 when something was. Ctrl-C thaws what is frozen and ends.
    """
    if profile not in PROFILES:
        raise typer.BadParameter(f"{profile} is none of {', '.join(PROFILES)}")
    usual = PROFILES[profile]
    wanted = replace(
        usual,
        orders=usual.orders if orders is None else orders,
        rate=usual.rate if rate is None else rate,
        kills=usual.kills if kills is None else kills,
        freezes=usual.freezes if freezes is None else freezes,
    )
    drawn = seed if seed is not None else secrets.randbelow(SEEDS)
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # like Ctrl-C: nothing stays frozen, nothing is left running
    plan = cli.plan_of_run(wanted.rate, None, wanted.orders, drawn, replay=wanted.replay)
    with _system(state_dir, replicas) as place:
        result = _run(wanted, plan, drawn, place)
        if json_file is not None:
            found = {"clean": False, "findings": [result]} if isinstance(result, str) else result.document()
            document = {"profile": profile, "seed": drawn, **found}
            json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        place.keep = isinstance(result, str) or bool(result.findings)
    if isinstance(result, str):
        output.print(f"[red]finding[/red] {escape(result)}", highlight=False)
        raise typer.Exit(cli.FINDINGS)
    _print(result, profile, drawn)
    raise typer.Exit(cli.FINDINGS if result.findings else 0)


@contextmanager
def _system(state_dir: Path, replicas: int) -> Iterator[Place]:
    """The system that runs in this state folder; where none does, one of our own, stopped and removed in the end."""
    given = StateFolder(state_dir)
    if system_status.read(given)["supervised"]:
        output.print(f"Taking the system in {given.path}")
        yield Place(given)
    else:
        with own_system(FOLDER_PREFIX, replicas, output) as place:
            yield place


def _run(profile: Profile, plan: "Plan", seed: int, place: Place) -> "Result | str":
    """Load, break and check a running system, and tell what happens; why, where the load could not be carried through."""
    from verification.chaos.run import CHECK_ERRORS

    here = cli.find(place.state.path)
    try:
        return _under_load(profile, plan, seed, place.state, here)
    except CHECK_ERRORS as error:
        return f"the load broke off: {type(error).__name__}: {error}"


def _under_load(profile: Profile, plan: "Plan", seed: int, state: StateFolder, here: "Addresses") -> "Result":
    from verification.chaos import run

    names = [entry["name"] for entry in system_status.read(state)["processes"]]
    faults = draw(seed, profile, names)
    if not faults and (profile.kills or profile.freezes):
        raise StackError(f"none of the processes to be hit runs in {state.path}")
    output.print(f"{plan.source}, {profile.rate:g}/s, run {plan.run}; {len(faults)} faults, seed {seed}")
    with cli.progress() as progress:

        def show(done: "Done") -> None:
            text = f"pid {done.pid}" if done.pid is not None else "not there"
            progress.console.print(f"{done.fault.at_seconds:7.1f} s  {done.fault} ({text})", highlight=False)

        result = run.run(plan, profile.rate, faults, here, state, cli.teller(progress), show)
    with output.status("") as shown:
        run.check(result, here, lambda what: shown.update(what))
    return result


def _print(result: "Result", profile: str, seed: int) -> None:
    from verification.summary import summarise

    output.print(cli.load_table(summarise(result.outcome, result.rate)))
    output.print(_faults(result))
    if result.reconciled is not None:
        cli.print_report(result.reconciled)
    records = sum(found.own for found in result.partitions.values())
    output.print(f"log: {records} records, {len(result.log_findings)} findings")
    for text in result.findings[:50]:
        output.print(f"[red]finding[/red] {escape(text)}", highlight=False)
    stall = result.stall
    output.print(
        f"longest stall: {stall.seconds:.1f} s without a final order, from {stall.began - result.began:.1f} s on"
    )
    colour, verdict = ("red", f"{len(result.findings)} FINDINGS") if result.findings else ("green", "NOTHING LOST")
    counted = f"{len(result.outcome.sent)} orders, {len(result.faults)} faults"
    output.print(
        f"[bold {colour}]{verdict}[/bold {colour}]: profile {profile}, seed {seed}, {counted}", highlight=False
    )


def _faults(result: "Result") -> Table:
    rows = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("at", "fault", "ready again after", "orders under way final after"):
        rows.add_column(heading)
    for done in result.faults:
        ready = "never" if done.ready_at is None else f"{done.ready_at - done.at:.1f} s"
        final = result.recovery(done)
        rows.add_row(
            f"{done.at - result.began:.1f} s", str(done.fault), ready, "-" if final is None else f"{final:.1f} s"
        )
    return rows
