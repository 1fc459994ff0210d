"""Puts the log, read by the independent reader, into the scratch database."""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from verification.log_reader import LogRecord
from verification.reconcile.databases import canonical_lines, canonical_pieces
from verification.reconcile.scratch import fill

DEAD_LETTERS = ".dlq"
IDS = ("order_id", "sku", "payment_id", "refund_id", "customer_id", "payment_method", "currency")


def fill_log(
    connection: sqlite3.Connection, records: Iterable[LogRecord], lows: Callable[[], Mapping[tuple[str, int], int]]
) -> None:
    """Put all records in, and since when (seconds since 1970) each partition is whole: 0 where nothing has been cut.

    `lows` says at which offset each partition begins; asked after reading, for retention may cut meanwhile. That the first
    record stands further on says nothing: an aborted transaction leaves offsets that nobody sees.
    """
    first: dict[tuple[str, int], float] = {}

    def rows() -> Iterator[tuple[Any, ...]]:
        for record in records:
            first.setdefault((record.topic, record.partition), record.timestamp_milliseconds / 1000)
            yield _row(record)

    fill(connection, "log", rows())
    now = time.time()
    fill(connection, "kept", [(*at, low, first.get(at, now) if low > 0 else 0.0) for at, low in lows().items()])


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
    ids = tuple(_text(event.get(name)) for name in IDS)
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
