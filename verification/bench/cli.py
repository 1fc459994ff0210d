"""`pipeline bench`: benchmarks by name. What they need is imported when they run, as in `verification/cli.py`."""

import importlib.util
import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from stack import status as system_status
from stack.errors import StackError
from stack.state import DEFAULT_FOLDER, StateFolder

if TYPE_CHECKING:
    from verification.bench.codec import Report, Row
    from verification.bench.peers import Peer
    from verification.bench.timing import Spread, Tell

StateDir = Annotated[
    Path,
    typer.Option(
        "--state-dir", envvar="PIPELINE_STATE_DIR", help="Folder of the system that may run beside; see above."
    ),
]
INSTALL: Final = "make setup EXTRAS=bench"

output = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Benchmarks: codec. None: all.", show_default=False)
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.01, max=60, help="How long each operation of each peer runs in all.")
    ] = 1.0,
    without_registry: Annotated[
        bool, typer.Option("--without-registry", help="Start no schema registry; confluent's rows are left out.")
    ] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Write all figures to this file, too.")
    ] = None,
    state_dir: StateDir = DEFAULT_FOLDER,
) -> None:
    """Measure what is ours beside its peers, after each has shown that it does the same work.

    codec: bytes to values and back, with our generated classes, fastavro, confluent's serializers and
    dataclasses-avroschema (make setup EXTRAS=bench). Confluent's need a schema registry: one is started in a temporary
    folder. The system in --state-dir is not touched; where it runs, that is said, for it takes time from what is measured.
    """
    unknown = [name for name in names or () if name not in BENCHMARKS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is none of {', '.join(BENCHMARKS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # like Ctrl-C: nothing is left running
    if system_status.read(StateFolder(state_dir))["supervised"]:
        output.print(f"[yellow]The system in {state_dir} runs on this machine, too: times spread more.[/yellow]")
    chosen = list(dict.fromkeys(names or BENCHMARKS))
    documents = {name: BENCHMARKS[name](seconds, not without_registry) for name in chosen}
    if json_file is not None:
        json_file.write_text(json.dumps(documents, indent=2) + "\n", encoding="utf-8")


def _codec(seconds: float, with_registry: bool) -> dict[str, Any]:
    from verification.bench import codec, peers

    with ExitStack() as opened:
        candidates: Mapping[str, Peer] = {
            "ours": peers.ours,
            codec.REFERENCE: peers.fastavro_dicts,
            "confluent-kafka": _confluent(opened) if with_registry else peers.left_out("not with --without-registry"),
            "dataclasses-avroschema": dataclasses_avroschema(),
        }
        report = codec.run(candidates, seconds, opened.enter_context(_progress("codec")))
    document = report.document()
    _print(report, document)
    return document


BENCHMARKS: Final[Mapping[str, Callable[[float, bool], dict[str, Any]]]] = {"codec": _codec}
"""What runs each (for so many seconds an operation; with a registry?), prints what was found, and returns it for programs."""


def _confluent(opened: ExitStack) -> "Peer":
    """Confluent's serializers with a registry of their own; left out where none can be started."""
    from verification.bench import peers
    from verification.bench.registry import temporary_registry

    errors.print("Starting PostgreSQL and a schema registry for confluent's serializers, about 7 s ...")
    try:
        url = opened.enter_context(temporary_registry())
    except StackError as error:
        return peers.left_out(f"no schema registry: {error}")
    return peers.confluent(url)


def dataclasses_avroschema() -> "Peer":
    """Return the peer that is an extra; left out where it is not installed."""
    from verification.bench import peers

    if importlib.util.find_spec("dataclasses_avroschema") is None:
        return peers.left_out(f"not installed: {INSTALL}")
    from verification.bench import models

    return models.dataclasses_avroschema


@contextmanager
def _progress(what: str) -> "Iterator[Tell]":
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as shown:
        task = shown.add_task(f"{what}: rounds", total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def _print(report: "Report", document: Mapping[str, Any]) -> None:
    for event, count in report.fields.items():
        sizes = ", ".join(f"{each.peer} {each.bytes}" for each in report.written if each.event == event)
        output.print(f"\n[bold]{event}[/bold], {count} fields; bytes written: {sizes}", highlight=False)
        output.print(_table([row for row in report.rows if row.event == event], document["reference"]))
    output.print()
    for row in report.rows:
        if row.time_of_own_read:
            times = _told(row.time_of_own_read)
            output.print(f"{row.operation}: {row.peer} takes {times} times what today's version takes", highlight=False)
    for peer, reason in dict.fromkeys((row.peer, row.left_out) for row in report.rows if row.left_out):
        output.print(f"[yellow]left out[/yellow] {peer}: {reason}", highlight=False)
    versions = ", ".join(f"{name} {version}" for name, version in document["versions"].items() if version)
    output.print(
        f"{document['implementation']} {document['python']}, {versions}; medians of {document['rounds']} rounds in which"
        " all take turns (four fifths of the rounds lie within the brackets), garbage collector as it is by default",
        highlight=False,
    )


def _table(rows: "Sequence[Row]", reference: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column()
    table.add_column("by")
    table.add_column("µs", justify="right")
    table.add_column("speed")
    told: set[str] = set()
    for row in rows:
        microseconds = "-" if row.microseconds is None else f"{row.microseconds:.1f}"
        speed = "left out" if row.speed is None else "1" if row.peer == reference else _told(row.speed)
        table.add_row("" if row.operation in told else row.operation, row.peer, microseconds, speed)
        told.add(row.operation)
    return table


def _told(spread: "Spread") -> str:
    return f"{spread.median:.2f} ({spread.tenth:.2f} to {spread.ninetieth:.2f})"
