"""The story ends with a clear sentence when it does not come out as told."""

import io

import pytest
from rich.console import Console

from verification.addresses import Addresses
from verification.demo import Story, Unexpected, next_steps, timeline_table


def text_of(shown: object) -> str:
    console = Console(file=io.StringIO(), width=160)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_service_that_does_not_answer_ends_the_story() -> None:
    story = Story(Addresses(*["http://127.0.0.1:9"] * 8), Console(file=io.StringIO()))

    with pytest.raises(Unexpected, match="does not answer"):
        story.play()


def test_timeline_shows_where_each_event_stands() -> None:
    entry = {
        "event": "OrderPlaced",
        "occurred_at": "2026-01-01T00:00:00.000000Z",
        "topic": "shop.orders",
        "partition": 3,
        "offset": 41,
        "sequence": 17,
        "schema_version": 2,
    }
    later = {**entry, "event": "OrderCompleted", "occurred_at": "2026-01-01T00:00:00.250000Z", "offset": 44}

    lines = text_of(timeline_table([entry, later])).splitlines()

    assert lines[0].split() == ["event", "after", "topic", "partition", "offset", "number", "schema", "version"]
    assert lines[1].split() == ["OrderPlaced", "0", "ms", "shop.orders", "3", "41", "17", "2"]
    assert lines[2].split()[1:3] == ["250", "ms"]


def test_next_steps_name_the_state_folder_that_was_used() -> None:
    assert ".venv/bin/pipeline load --state-dir /x --rate" in text_of(next_steps(" --state-dir /x"))
