"""Ranges of an outbox table: made ahead, dropped whole when nobody can ask for them any more (rule 8)."""

from collections.abc import Mapping

from psycopg import sql

from services.messaging.database import Transaction, fetch, run
from services.messaging.tables import outbox_table

_RANGES = """
SELECT child.relname FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid
WHERE inhparent = to_regclass(%s) AND child.relname NOT LIKE '%%\\_net'
"""


def _existing(transaction: Transaction, topic: str) -> dict[int, str]:
    """Range tables by the number they begin with."""
    names = [name for (name,) in fetch(transaction, _RANGES, [outbox_table(topic)])]
    return {int(name.rpartition("_from_")[2]): name for name in names}


def make_ahead(transaction: Transaction, topic: str, head: int, rows: int) -> list[str]:
    """Make the range that ``head`` is in and the next one, where they are missing; returns the names of those made.

    ``rows`` is how many numbers a range holds. Rows that already lie in the net keep their numbers out of new ranges.
    """
    existing, made = _existing(transaction, topic), []
    current = head - head % rows
    for begin in (current, current + rows):
        if begin in existing or _in_net(transaction, topic, begin, begin + rows):
            continue
        name = f"{outbox_table(topic)}_from_{begin}"
        names = {"range": sql.Identifier(name), "table": sql.Identifier(outbox_table(topic))}
        bounds = {"begin": sql.Literal(begin), "end": sql.Literal(begin + rows)}
        # LIKE and ATTACH rather than PARTITION OF: writers of other ranges are not held up
        run(transaction, sql.SQL("CREATE TABLE {range} (LIKE {table} INCLUDING ALL)").format(**names))
        attach = "ALTER TABLE {table} ATTACH PARTITION {range} FOR VALUES FROM ({begin}) TO ({end})"
        run(transaction, sql.SQL(attach).format(**names, **bounds))
        made.append(name)
    return made


def _in_net(transaction: Transaction, topic: str, begin: int, end: int) -> bool:
    net = sql.Identifier(f"{outbox_table(topic)}_net")
    query = sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE sequence >= %s AND sequence < %s)").format(net)
    return bool(fetch(transaction, query, [begin, end])[0][0])


def drop_passed(
    transaction: Transaction,
    topic: str,
    positions: Mapping[int, int],
    rows: int,
    retention_seconds: float,
) -> list[str]:
    """Drop the ranges that every partition's position has passed and that are older than the topic's retention.

    Returns the names of those dropped. The notes stay: they tell an event's offset for as long as its order is kept.
    """
    dropped = []
    lowest = min(positions.values(), default=0)
    for begin, name in sorted(_existing(transaction, topic).items()):
        last = begin + rows - 1
        if last > lowest or not _older(transaction, name, retention_seconds):
            continue
        run(transaction, sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        dropped.append(name)
    return dropped


def _older(transaction: Transaction, name: str, seconds: float) -> bool:
    query = sql.SQL("SELECT coalesce(max(created_at) < now() - make_interval(secs => %s), true) FROM {}")
    return bool(fetch(transaction, query.format(sql.Identifier(name)), [seconds])[0][0])
