"""The benchmark command runs, compares the same work, says what it leaves out, and refuses work that is wrong."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from verification.bench import codec, peers
from verification.bench.cli import dataclasses_avroschema
from verification.bench.events import Event, events
from verification.bench.peers import READ, READ_EARLIER, WRITE, Codec, fastavro_dicts, left_out, ours
from verification.bench.timing import ROUNDS, measure, ratio

PROJECT = Path(__file__).parents[2]
ROWS = [
    *(("InvoiceIssued", operation) for operation in (WRITE, READ, READ_EARLIER)),
    *(("OrderPlaced", operation) for operation in (WRITE, READ)),
]


def pipeline(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "stack.cli", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def both() -> list[Event]:
    return events()


def test_command_prints_a_table_and_writes_all_figures(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"

    done = pipeline("bench", "codec", "--seconds", "0.01", "--without-registry", "--json", str(file))

    assert done.returncode == 0, done.stderr
    document = json.loads(file.read_text(encoding="utf-8"))["codec"]
    rows = {(row["event"], row["operation"], row["peer"]): row for row in document["rows"]}
    everybody = ("ours", "fastavro", "confluent-kafka", "dataclasses-avroschema")
    assert list(rows) == [(*row, peer) for row in ROWS for peer in everybody]
    for row in ROWS:
        assert rows[*row, "ours"]["speed"].keys() == {"median", "tenth", "ninetieth"}
        assert rows[*row, "fastavro"]["speed"]["median"] == 1
        assert rows[*row, "ours"]["microseconds"] > 0
        assert "registry" in rows[*row, "confluent-kafka"]["left_out"]
    assert rows["InvoiceIssued", READ_EARLIER, "ours"]["time_of_own_read"]["median"] > 0
    assert document["fields"]["InvoiceIssued"] == 22
    assert document["versions"]["fastavro"]
    assert "left out confluent-kafka: " in done.stdout


def test_our_bytes_are_those_of_fastavro(both: list[Event]) -> None:
    written = [written for event in both for written in codec.check(event, "ours", ours(event))]

    assert [(each.event, each.same_bytes) for each in written] == [("InvoiceIssued", True), ("OrderPlaced", True)]


def test_extra_is_measured_where_it_is_installed_and_said_to_be_missing_where_not(both: list[Event]) -> None:
    peer = dataclasses_avroschema()
    found = [work for event in both for work in peer(event).operations.values()]

    if importlib.util.find_spec("dataclasses_avroschema"):
        assert [each.same_bytes for event in both for each in codec.check(event, "extra", peer(event))] == [False, True]
    else:
        assert all(each == peers.LeftOut("not installed: make setup EXTRAS=bench") for each in found)


def another_value(codec: Codec) -> Codec:
    return replace(codec, operations={**codec.operations, READ: dict})


def another_earlier_value(codec: Codec) -> Codec:
    return replace(codec, operations={**codec.operations, READ_EARLIER: codec.operations[READ]})


def other_bytes(codec: Codec) -> Codec:
    write: Any = codec.operations[WRITE]
    return replace(codec, operations={**codec.operations, WRITE: lambda: write().replace(b"visa", b"VISA")})


def the_same_value_in_other_bytes(codec: Codec) -> Codec:
    write: Any = codec.operations[WRITE]
    labels, with_their_size = b"\x04\x0echannel", b"\x03\x3e\x0echannel"  # as Avro allows for every block
    return replace(codec, operations={**codec.operations, WRITE: lambda: write().replace(labels, with_their_size)})


@pytest.mark.parametrize("wrong", [another_value, another_earlier_value, other_bytes, the_same_value_in_other_bytes])
def test_wrong_work_is_not_timed(both: list[Event], wrong: Callable[[Codec], Codec]) -> None:
    invoice = both[0]

    with pytest.raises(codec.WrongWork, match="InvoiceIssued"):
        list(codec.check(invoice, "wrong", wrong(fastavro_dicts(invoice))))


def test_nothing_of_a_peer_that_is_left_out_is_run(both: list[Event]) -> None:
    missing = left_out("not here")

    assert [written for event in both for written in codec.check(event, "missing", missing(event))] == []
    assert missing(both[0]).operations.keys() == {WRITE, READ, READ_EARLIER}


def test_candidates_take_turns() -> None:
    turns: list[str] = []
    told: list[tuple[int, int]] = []
    works = {each: partial(turns.append, each) for each in "abc"}

    times = measure(works, 0.001, lambda *so_far: told.append(so_far))

    changes = "".join(turn for turn, before in zip(turns, ["", *turns], strict=False) if turn != before)
    assert changes.removeprefix("abc") == "abc" + "ba" + "bcba" * (ROUNDS // 2 - 1)  # forth and back
    assert [len(each) for each in times.values()] == [ROUNDS] * 3
    assert told == [(done, ROUNDS) for done in range(1, ROUNDS + 1)]


def test_ratio_is_that_of_the_same_rounds() -> None:
    slower_and_slower = [float(number) for number in range(1, 12)]

    found = ratio([2 * each for each in slower_and_slower], slower_and_slower)
    spread = ratio(slower_and_slower, [1.0] * 11)

    assert (found.median, found.tenth, found.ninetieth) == (2, 2, 2)
    assert (spread.median, spread.tenth, spread.ninetieth) == (6, 2, 10)


def test_unknown_benchmark_is_answered_with_those_that_there_are() -> None:
    done = pipeline("bench", "nope")

    assert done.returncode == 2
    assert "nope is none of codec" in done.stderr
