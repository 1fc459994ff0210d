"""How long `contracts breaking` takes on many schemas with many versions; `make test` does not run it.

    .venv/bin/python compatibility-tests/benchmark.py [--schemas 100] [--versions 20] [--seed 1] [--folder DIR]

Every version adds a field with a default, adds a symbol or rewords a doc, no two texts are equal, and all types share
a header. The folder in the end breaks a few of them on purpose.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from codegen.checks import breaking, history
from codegen.contracts import Contracts

Result = TypeVar("Result")
HEADER = {
    "type": "record",
    "name": "Header",
    "namespace": "bench.common",
    "doc": "What every event carries.",
    "fields": [
        {"name": "event_id", "type": {"type": "string", "logicalType": "uuid"}, "doc": "Its identity."},
        {"name": "occurred_at", "type": {"type": "long", "logicalType": "timestamp-micros"}, "doc": "When."},
        {
            "name": "cause_id",
            "type": ["null", {"type": "string", "logicalType": "uuid"}],
            "default": None,
            "doc": "Why.",
        },
    ],
}
TYPES: tuple[Any, ...] = (
    "int",
    "long",
    "double",
    "string",
    "boolean",
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2},
    {"type": "array", "items": "string"},
    {"type": "map", "values": "long"},
)


def main() -> None:
    """Make the folder, then time the parts and the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--schemas", type=int, default=100)
    parser.add_argument("--versions", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="Keep the folder there.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "schemas"
        write(folder, options.schemas, options.versions, random.Random(options.seed))
        size = sum(path.stat().st_size for path in folder.rglob("*.avsc"))
        say(f"{options.schemas} schemas, {options.versions} versions of each, {size / 1e6:.1f} MB, seed {options.seed}")
        contracts = timed("read the folder", lambda: Contracts.load(folder))
        earlier = timed("read the history", lambda: history.read("history", contracts))
        findings = timed("compare", lambda: breaking.find(contracts, earlier))
        command = [sys.executable, "-c", "from codegen.cli import main; main()", "breaking", "--against", "history"]
        timed("the command in all", lambda: run([*command, "--schemas", str(folder)]))
        say(f"{len(findings)} findings")


def write(folder: Path, schemas: int, versions: int, chance: random.Random) -> None:
    """Write a folder with its history."""
    save(folder / "bench" / "common" / "Header.avsc", HEADER)
    save(folder / "history" / "bench.common.Header" / "1.avsc", HEADER)
    for number in range(schemas):
        event = first_version(number, chance)
        subject = f"{event['namespace']}.{event['name']}"
        for version in range(1, versions + 1):
            save(folder / "history" / subject / f"{version}.avsc", with_header(event, HEADER))
            edit(event, version, chance)
        if number % 20 == 0:
            event["fields"].append({"name": "broken", "type": "long", "doc": "Has no default."})
        save(folder / "bench" / event["namespace"].partition(".")[2] / f"{event['name']}.avsc", event)


def first_version(number: int, chance: random.Random) -> dict[str, Any]:
    name = f"Event{number}"
    state = {"type": "enum", "name": f"State{number}", "symbols": ["UNKNOWN", "OPEN", "DONE"], "default": "UNKNOWN"}
    line = {"type": "record", "name": f"Line{number}", "fields": [field(f"line_{i}", chance) for i in range(4)]}
    return {
        "type": "record",
        "name": name,
        "namespace": f"bench.part{number % 5}",
        "doc": f"Event {number}.",
        "fields": [
            {"name": "header", "type": "bench.common.Header", "doc": "The header."},
            {"name": "state", "type": state, "doc": "How far it is."},
            {"name": "lines", "type": {"type": "array", "items": line}, "doc": "The lines."},
            *(field(f"field_{i}", chance) for i in range(8)),
        ],
    }


def field(name: str, chance: random.Random) -> dict[str, Any]:
    return {"name": name, "type": chance.choice(TYPES), "doc": f"The value of {name}."}


def edit(event: dict[str, Any], version: int, chance: random.Random) -> None:
    """Make the next version of an event, one that breaks nobody."""
    kind = chance.choice(("field", "symbol", "doc"))
    if kind == "field":
        new = field(f"added_{version}", chance)
        event["fields"].append({**new, "type": ["null", new["type"]], "default": None})
    elif kind == "symbol":
        event["fields"][1]["type"]["symbols"].append(f"STATE_{version}")
    else:
        event["doc"] = f"{event['doc'].partition(';')[0]}; as of version {version + 1}."


def with_header(event: dict[str, Any], header: dict[str, Any]) -> dict[str, Any]:
    """Return the event as it is released, with what it refers to inlined."""
    first, *others = event["fields"]
    return {**event, "fields": [{**first, "type": header}, *others]}


def save(path: Path, schema: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, indent=2), encoding="utf-8")


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 100:  # it has findings
        raise SystemExit(f"exit code {done.returncode}: {done.stderr or done.stdout}")


def timed(what: str, work: Callable[[], Result]) -> Result:
    start = time.perf_counter()
    result = work()
    say(f"{what:20} {time.perf_counter() - start:6.2f} s")
    return result


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
