"""Puts the log, read by the independent reader, into the scratch database."""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from verification.log_reader import LogRecord
from verification.reconcile.databases import canonical_lines, canonical_pieces
from verification.reconcile.scratch import fill

DEAD_LETTERS = ".dlq"


def fill_log(connection: sqlite3.Connection, records: Iterable[LogRecord]) -> float:
    """Put all records in; returns since when (seconds since 1970) the log is whole: 0 where retention has cut nothing."""
    since: dict[tuple[str, int], float] = {}

    def rows() -> Iterator[tuple[Any, ...]]:
        for record in records:
            place = (record.topic, record.partition)
            since.setdefault(place, record.timestamp_milliseconds / 1000 if record.offset > 0 else 0.0)
            yield _row(record)

    fill(connection, "log", rows())
    return max(since.values(), default=0.0)


def _row(record: LogRecord) -> tuple[Any, ...]:
    """A record as a row. Only what is ours, and no dead letter, counts as an event."""
    dead_letter = record.topic.endswith(DEAD_LETTERS)
    said = record.event if record.sequence is not None and not dead_letter else None
    name = record.name.rpartition(".")[2] if said is not None and record.name else None
    headers = dict(record.headers)
    return (
        record.topic,
        record.partition,
        record.offset,
        record.sequence,
        record.event_id,
        (record.key or b"").decode("utf-8", "replace"),
        hashlib.md5((record.key or b"") + (record.value or b""), usedforsecurity=False).hexdigest(),
        name,
        None if dead_letter else record.problem,
        record.name is not None,
        *_event(said or {}),
        (headers.get("kafka_dlt-original-topic") or b"").decode() or None,
        _number(headers.get("kafka_dlt-original-partition")),
        _number(headers.get("kafka_dlt-original-offset")),
        0,
    )


def _event(event: Mapping[str, Any]) -> tuple[Any, ...]:
    ids = tuple(_text(event.get(name)) for name in ("order_id", "sku", "payment_id", "refund_id"))
    amount = event.get("total_minor", event.get("amount_minor"))
    return (*ids, amount, event.get("reason"), event.get("version"), event.get("delta"), _content(event))


def _content(event: Mapping[str, Any]) -> str | None:
    lines = event.get("lines")
    if lines is None:
        return None
    return canonical_lines(lines) if lines and "unit_price_minor" in lines[0] else canonical_pieces(lines)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _number(value: bytes | None) -> int | None:
    return int(value) if value is not None and value.isdigit() else None
