"""Ranges of an outbox table: made ahead, dropped whole when nobody can ask for them any more (rule 8).

A range's bounds are what the catalogue says, so that their size may change from one start to the next. Rows that found no
range lie in the net; a range made later begins beyond them, and they are deleted there when their time has come.
"""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from psycopg import sql

from services.messaging.database import Transaction, fetch, run
from services.messaging.tables import outbox_table

NET_ROWS_AT_ONCE = 10_000


class Range(NamedTuple):
    """A range table and its numbers: ``begin`` included, ``end`` not."""

    begin: int
    end: int
    name: str


_RANGES = r"""
SELECT (regexp_match(bound, 'FROM \(''(\d+)'))[1]::bigint, (regexp_match(bound, 'TO \(''(\d+)'))[1]::bigint, relname
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
CROSS JOIN LATERAL pg_get_expr(relpartbound, pg_class.oid) AS bound
WHERE inhparent = to_regclass(%s) AND bound <> 'DEFAULT'
ORDER BY 1
"""

_NEWEST = """
SELECT coalesce(max(newest.created_at) < now() - make_interval(secs => %s), true)
FROM unnest(%s::int[]) AS wanted (partition)
CROSS JOIN LATERAL (
    SELECT created_at FROM {range} WHERE partition = wanted.partition ORDER BY sequence DESC LIMIT 1
) AS newest
"""

_EMPTY_NET = """
DELETE FROM {net} WHERE (partition, sequence) IN (
    SELECT partition, sequence FROM {net}
    WHERE sequence <= %s AND created_at < now() - make_interval(secs => %s) LIMIT %s
)
"""


def existing(transaction: Transaction, topic: str) -> list[Range]:
    """The ranges of a topic's outbox table, by number."""
    return [Range(*row) for row in fetch(transaction, _RANGES, [outbox_table(topic)])]


def make_ahead(transaction: Transaction, topic: str, head: int, rows: int) -> list[str]:
    """Make ranges of ``rows`` numbers until there is a whole one beyond ``head``; returns the names of those made."""
    made = []
    end = max((known.end for known in existing(transaction, topic)), default=0)
    if _in_net(transaction, topic, end):
        end = max(end, head + rows // 10)  # beyond what is being written meanwhile
    while end <= head + rows:
        made.append(_make(transaction, topic, end, end + rows))
        end += rows
    return made


def _make(transaction: Transaction, topic: str, begin: int, end: int) -> str:
    """LIKE and ATTACH rather than PARTITION OF: writers of other ranges are not held up."""
    name = f"{outbox_table(topic)}_from_{begin}"
    names = {"range": sql.Identifier(name), "table": sql.Identifier(outbox_table(topic))}
    run(transaction, sql.SQL("CREATE TABLE {range} (LIKE {table} INCLUDING ALL)").format(**names))
    attach = sql.SQL("ALTER TABLE {table} ATTACH PARTITION {range} FOR VALUES FROM ({begin}) TO ({end})")
    run(transaction, attach.format(**names, begin=sql.Literal(begin), end=sql.Literal(end)))
    return name


def _in_net(transaction: Transaction, topic: str, begin: int) -> bool:
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE sequence >= %s)").format(_net(topic))
    return bool(fetch(transaction, query, [begin])[0][0])


def _net(topic: str) -> sql.Identifier:
    return sql.Identifier(f"{outbox_table(topic)}_net")


def drop_passed(
    transaction: Transaction, topic: str, positions: Mapping[int, int], retention_seconds: float
) -> list[str]:
    """Drop the ranges that every partition's position has passed and that are older than the topic's retention.

    Returns the names of those dropped. The notes stay: they tell an event's offset for as long as its order is kept.
    """
    dropped = []
    lowest = min(positions.values(), default=0)
    for known in existing(transaction, topic):
        if known.end - 1 > lowest or not _older(transaction, known, positions.keys(), retention_seconds):
            break  # what comes after it is younger still
        run(transaction, sql.SQL("DROP TABLE {}").format(sql.Identifier(known.name)))
        dropped.append(known.name)
    return dropped


def empty_net(transaction: Transaction, topic: str, positions: Mapping[int, int], retention_seconds: float) -> None:
    """Delete some of the rows in the net that every position has passed and that are older than the retention."""
    lowest = min(positions.values(), default=0)
    run(transaction, sql.SQL(_EMPTY_NET).format(net=_net(topic)), [lowest, retention_seconds, NET_ROWS_AT_ONCE])


def _older(transaction: Transaction, known: Range, partitions: Collection[int], seconds: float) -> bool:
    query = sql.SQL(_NEWEST).format(range=sql.Identifier(known.name))
    return bool(fetch(transaction, query, [seconds, list(partitions)])[0][0])
