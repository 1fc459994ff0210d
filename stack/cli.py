"""The `pipeline` command: starts and stops the whole system, shows how it does, and gives access to its tools."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from stack import logs, operation, view
from stack import status as system_status
from stack.backend import BACKENDS
from stack.errors import StackError
from stack.state import DEFAULT_FOLDER, StateFolder
from verification import cli as verification
from verification.bench import cli as benchmarks
from verification.chaos import cli as chaos
from verification.evolve import cli as evolution

if TYPE_CHECKING:
    from stack.mending import Mending

HELP = """
Run the order pipeline on this machine: Kafka, a schema registry, PostgreSQL and the services.

\b
  pipeline up --detach    start everything and come back when it is ready
  pipeline status         what runs, and where (--json for programs)
  pipeline logs orders    what the processes of orders say (--follow to go on)
  pipeline down           stop everything; data are kept (--purge deletes them)

Each system lives in a state folder (--state-dir, default .pipeline): several can run side by side.
"""

StateDir = Annotated[
    Path,
    typer.Option("--state-dir", envvar="PIPELINE_STATE_DIR", help="Folder of this system's data, logs and addresses."),
]
Backend = Annotated[
    str,
    typer.Option(
        envvar="PIPELINE_BACKEND",
        help="local: start Kafka, registry and PostgreSQL here. external: use those of KAFKA_BOOTSTRAP_SERVERS, "
        "SCHEMA_REGISTRY_URL and POSTGRES_URL.",
    ),
]

output = Console(soft_wrap=True)


def up(
    state_dir: StateDir = DEFAULT_FOLDER,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Run in the background; return when all is ready.")
    ] = False,
    replicas: Annotated[int, typer.Option(min=1, max=16, help="API and worker processes of each service.")] = 1,
    backend: Backend = "local",
    without_services: Annotated[
        bool, typer.Option("--without-services", help="Only Kafka, registry and PostgreSQL, prepared for the services.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", hidden=True, help="Show nothing: the daemon of --detach.")] = False,
) -> None:
    """Start everything, in order, and keep it running: what dies is restarted.

    In the foreground Ctrl-C stops everything. With --detach the system goes on in the background until `pipeline down`.
    Data, ports and passwords stay the same from one start to the next.
    """
    if backend not in BACKENDS:
        raise typer.BadParameter(f"{backend} is none of {', '.join(BACKENDS)}")
    state = StateFolder(state_dir)
    state.create()
    if system_status.read(state)["supervised"]:
        raise typer.Exit(_already_runs(state))
    from stack import artifacts, downloads, system  # slow to import; `status` is asked often and needs none of it

    if backend == "local":
        downloads.fetch_all(artifacts.load_lock(), output)
    console = Console(quiet=True) if quiet else output
    with view.Watcher(console).watching() as watcher:
        if detach:
            options = ["--state-dir", str(state.path), "--replicas", str(replicas), "--backend", backend]
            flags = ["--quiet", *(["--without-services"] if without_services else [])]
            operation.detach(state, ["up", *options, *flags], watcher)
        else:
            operation.run(
                state, lambda: system.build(state, backend, 0 if without_services else replicas, console), watcher
            )
            console.print("Stopped. Data are kept; `pipeline up` goes on with them.")


def down(
    state_dir: StateDir = DEFAULT_FOLDER,
    purge: Annotated[
        bool, typer.Option("--purge", help="Delete all data, too: orders, topics, logs, passwords.")
    ] = False,
) -> None:
    """Stop everything, services first; also what a killed supervisor left behind. Data are kept."""
    state = StateFolder(state_dir)
    if not state.exists():
        output.print(f"Nothing is there: {state.path}")
        return
    with output.status("Stopping"):
        leftovers = operation.stop(state)
    if leftovers:
        output.print(f"Ended {len(leftovers)} processes that a killed supervisor had left behind.")
    if purge:
        operation.purge(state)
    output.print("Stopped, data deleted." if purge else "Stopped. Data are kept; `pipeline up` goes on with them.")


def status(
    state_dir: StateDir = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json", help="For programs; holds the database password.")] = False,
) -> None:
    """Show what runs, whether it is ready, and where it is reached. Exit code 0 only when everything is ready."""
    state = StateFolder(state_dir)
    now = system_status.read(state)
    if as_json:
        processes = [{key: entry[key] for key in ("name", "pid", "state")} for entry in now["processes"]]
        shown = {"ready": now["ready"], "endpoints": now.get("endpoints", {}), "processes": processes}
        sys.stdout.write(json.dumps(shown, indent=2) + "\n")
    elif not now["supervised"] and not now["processes"]:
        output.print(f"Nothing runs in {state.path}. Start it: pipeline up")
    else:
        output.print(view.table(now))
        output.print(view.addresses(now))
    raise typer.Exit(0 if now["ready"] else 1)


def show_logs(
    names: Annotated[
        list[str] | None, typer.Argument(help="Processes, or beginnings of their names; none: all.")
    ] = None,
    state_dir: StateDir = DEFAULT_FOLDER,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written from now on.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Last lines of each log.")] = 20,
) -> None:
    """Show the last lines of the logs, one log a process (`supervisor`: starts, deaths, restarts)."""
    state = StateFolder(state_dir)
    files = sorted(file for file in state.logs.glob("*.log") if not names or file.stem.startswith(tuple(names)))
    if not files:
        raise StackError(
            f"No such log in {state.logs}; there are: {', '.join(sorted(f.stem for f in state.logs.glob('*.log')))}"
        )
    for file in files:
        for line in logs.last_lines(file, lines):
            _print_line(file, line)
    if follow:
        for file, line in logs.follow(files):
            _print_line(file, line)


def repair(
    state_dir: StateDir = DEFAULT_FOLDER,
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt", help="Take another cluster, other topics, or a log whose beginning is gone, as they are now."
        ),
    ] = False,
) -> None:
    """Make databases and log agree again: what to do when a service refuses to write, or waits for a missing number.

    A database that was restored from the past: what it has forgotten is put back from the log, which wins; what it had not
    published yet follows under new numbers. A number that a consumer misses: its owner sends it again. What only a person can
    decide is done with --adopt, and says what is given up. It may run while the services do: those that refuse go on by
    themselves. Exit code 0 when all agrees, 100 when something is left that needs --adopt.
    """
    with _mending(state_dir) as mend:
        settled = mend.repair(adopt=adopt)
    raise typer.Exit(0 if settled else verification.FINDINGS)


def republish(
    topic: Annotated[str, typer.Option(help="Topic, such as shop.orders.")],
    partition: Annotated[int, typer.Option(min=0, help="Partition of the topic.")],
    first: Annotated[int, typer.Option("--from", min=1, help="First number: what a consumer misses is its last + 1.")],
    state_dir: StateDir = DEFAULT_FOLDER,
) -> None:
    """Have a topic's owner send the events of a partition again, from a number up to its newest, and wait until it has.

    They have the numbers and ids of the originals: a consumer that misses them applies them, all others drop them. The
    outbox keeps events for as long as their topic does.
    """
    from services.messaging.records import TopicPartition

    with _mending(state_dir) as mend:
        mend.republish(TopicPartition(topic, partition), first)


@contextmanager
def _mending(state_dir: Path) -> "Iterator[Mending]":
    from psycopg import Error as PostgresError
    from sqlalchemy.exc import SQLAlchemyError

    from services.messaging.errors import MessagingError
    from stack import mending

    environment = mending.environment(StateFolder(state_dir))
    try:
        with output.status("") as shown:
            yield mending.Mending(environment, lambda text: output.print(text, highlight=False), shown.update)
    except MessagingError as error:
        raise StackError(str(error)) from error
    except (SQLAlchemyError, PostgresError) as error:
        raise StackError(f"a database cannot be used: {error}") from error


app = typer.Typer(
    help=HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False
)
# One line a command; the tools of verification/ are added here.
app.command("up")(up)
app.command("down")(down)
app.command("status")(status)
app.command("logs")(show_logs)
app.command("demo")(verification.demo)
app.command("load")(verification.load)
app.command("reconcile")(verification.reconcile)
app.command("chaos")(chaos.chaos)
app.command("evolve")(evolution.evolve)
app.command("bench")(benchmarks.bench)
app.command("repair")(repair)
app.command("republish")(republish)


def main() -> None:
    """Entry point: errors that are ours are told in a sentence, exit code 1."""
    try:
        app()
    except StackError as error:
        view.print_failure(Console(stderr=True), error)
        sys.exit(1)
    except BrokenPipeError:  # `pipeline logs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _already_runs(state: StateFolder) -> int:
    now = system_status.read(state)
    output.print(f"It already runs in {state.path}{'' if now['ready'] else ', but not everything is ready'}:")
    output.print(view.table(now))
    output.print(view.addresses(now))
    return 0 if now["ready"] else 1


def _print_line(file: Path, line: str) -> None:
    sys.stdout.write(f"{file.stem:<20} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
