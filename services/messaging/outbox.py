"""The outbox: events become rows with dense numbers in the transaction that changes the state.

Numbers are taken under the lock of each partition's head row, the last locks a transaction takes and in ascending order
(rule 2), so numbers are dense, a later number never commits first, and COMMIT should follow at once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from psycopg import sql

from services.messaging.database import Transaction, fetch, run
from services.messaging.errors import RecordTooLarge, Unprepared
from services.messaging.headers import packed, unpacked
from services.messaging.records import (
    DEAD_LETTER_BYTES_MAX,
    RECORD_BYTES_MAX,
    OutboxRow,
    Record,
    TopicPartition,
    partition_of,
)
from services.messaging.tables import outbox_table

_APPEND = """
WITH incoming AS (
    SELECT * FROM unnest(
        %(partitions)b::int[], %(event_ids)b::uuid[], %(keys)b::bytea[], %(values)b::bytea[], %(headers)s::text[]
    ) WITH ORDINALITY AS item (partition, event_id, key, value, headers, ordinal)
), counted AS (
    SELECT partition, count(*) AS rows FROM incoming GROUP BY partition
), locked AS (
    SELECT partition FROM outbox_head
    WHERE topic = %(topic)s AND partition IN (SELECT partition FROM counted)
    ORDER BY partition FOR UPDATE
), head AS (
    UPDATE outbox_head SET last_sequence = last_sequence + counted.rows
    FROM locked JOIN counted USING (partition)
    WHERE outbox_head.topic = %(topic)s AND outbox_head.partition = locked.partition
    RETURNING outbox_head.partition, last_sequence - counted.rows AS before
), inserted AS (
    INSERT INTO {table} (partition, sequence, event_id, key, value, headers)
    SELECT incoming.partition,
           head.before + row_number() OVER (PARTITION BY incoming.partition ORDER BY incoming.ordinal),
           incoming.event_id, incoming.key, incoming.value, incoming.headers
    FROM incoming JOIN head USING (partition)
)
SELECT partition, before FROM head
"""

_READ = """
SELECT wanted.partition, item.sequence, item.event_id, item.key, item.value, item.headers
FROM unnest(%(partitions)b::int[], %(positions)b::bigint[]) AS wanted (partition, position)
CROSS JOIN LATERAL (
    SELECT sequence, event_id, key, value, headers FROM {table}
    WHERE partition = wanted.partition AND sequence > wanted.position
    ORDER BY sequence LIMIT %(limit)s
) AS item
ORDER BY wanted.partition, item.sequence
"""


def append(transaction: Transaction, records: Iterable[Record], partitions: int) -> list[OutboxRow]:
    """Number the records and insert them; the last statement of a transaction.

    Returns the rows for ``Relay.offer``, to be called after COMMIT has returned. Records of one key keep their order.
    Raises RecordTooLarge for a record that its topic would refuse, and Unprepared where a head row is missing.
    """
    by_topic: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_topic[record.topic].append(record)
    return [row for topic in sorted(by_topic) for row in _append_topic(transaction, topic, by_topic[topic], partitions)]


def _append_topic(transaction: Transaction, topic: str, records: Sequence[Record], partitions: int) -> list[OutboxRow]:
    chosen = [partition_of(record.key, partitions) for record in records]
    parameters = {
        "topic": topic,
        "partitions": chosen,
        "event_ids": [record.event_id for record in records],
        "keys": [record.key for record in records],
        "values": [record.value for record in records],
        "headers": [packed(record.headers) if record.headers else None for record in records],
    }
    last = dict(fetch(transaction, sql.SQL(_APPEND).format(table=sql.Identifier(outbox_table(topic))), parameters))
    if missing := set(chosen) - last.keys():
        raise Unprepared(
            f"{topic} has no head row for partitions {sorted(missing)}: run this service's `migrate` first"
        )
    rows = []
    for partition, record in zip(chosen, records, strict=True):
        last[partition] += 1
        row = OutboxRow(topic, partition, last[partition], record.event_id, record.key, record.value, record.headers)
        _refuse_oversized(row)
        rows.append(row)
    return rows


def _refuse_oversized(row: OutboxRow) -> None:
    limit = DEAD_LETTER_BYTES_MAX if row.headers else RECORD_BYTES_MAX
    if row.size > limit:
        raise RecordTooLarge(f"event {row.event_id} for {row.topic} has {row.size} bytes, the limit is {limit}")


def read(transaction: Transaction, topic: str, positions: Mapping[int, int], limit: int) -> list[OutboxRow]:
    """Rows after each partition's position, in order, at most ``limit`` of each partition."""
    query = sql.SQL(_READ).format(table=sql.Identifier(outbox_table(topic)))
    parameters = {"partitions": list(positions), "positions": list(positions.values()), "limit": limit}
    return [
        OutboxRow(topic, partition, sequence, event_id, key, value, unpacked(headers) if headers else ())
        for partition, sequence, event_id, key, value, headers in fetch(transaction, query, parameters)
    ]


def heads(transaction: Transaction, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """The last number given out, per partition of these topics."""
    query = "SELECT topic, partition, last_sequence FROM outbox_head WHERE topic = ANY(%s)"
    return {
        TopicPartition(topic, partition): last for topic, partition, last in fetch(transaction, query, [list(topics)])
    }


def event_ids(
    transaction: Transaction, numbers: Iterable[tuple[TopicPartition, int]]
) -> dict[tuple[TopicPartition, int], UUID]:
    """The event ids of these numbers; a number that is not in the outbox is left out. One query a topic."""
    wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, sequence in numbers:
        wanted[at.topic].append((at.partition, sequence))
    found = {}
    for topic, pairs in wanted.items():
        query = sql.SQL(
            "SELECT partition, sequence, event_id FROM {} WHERE (partition, sequence) IN"
            " (SELECT * FROM unnest(%b::int[], %b::bigint[]))"
        ).format(sql.Identifier(outbox_table(topic)))
        for partition, sequence, event_id in fetch(
            transaction, query, [list(column) for column in zip(*pairs, strict=True)]
        ):
            found[TopicPartition(topic, partition), sequence] = event_id
    return found


def lowest(transaction: Transaction, topic: str) -> dict[int, int]:
    """The lowest number that is still kept, by partition; what is below it was published once."""
    query = sql.SQL(
        "SELECT head.partition, item.sequence FROM outbox_head AS head CROSS JOIN LATERAL"
        " (SELECT sequence FROM {} WHERE partition = head.partition ORDER BY sequence LIMIT 1) AS item"
        " WHERE head.topic = %s"
    ).format(sql.Identifier(outbox_table(topic)))
    return dict(fetch(transaction, query, [topic]))


def lock_heads(transaction: Transaction, topics: Sequence[str]) -> None:
    """Let nobody number events of these topics until the transaction ends."""
    query = "SELECT FROM outbox_head WHERE topic = ANY(%s) ORDER BY topic, partition FOR UPDATE"
    run(transaction, query, [sorted(topics)])


def set_head(transaction: Transaction, at: TopicPartition, last_sequence: int) -> None:
    """Say which number was given out last; part of a repair."""
    query = "UPDATE outbox_head SET last_sequence = %s WHERE topic = %s AND partition = %s"
    run(transaction, query, [last_sequence, *at])


def event_ids_after(transaction: Transaction, at: TopicPartition, sequence: int) -> set[UUID]:
    """The ids of a partition's events after a number."""
    query = sql.SQL("SELECT event_id FROM {} WHERE partition = %s AND sequence > %s")
    rows = fetch(transaction, query.format(sql.Identifier(outbox_table(at.topic))), [at.partition, sequence])
    return {event_id for (event_id,) in rows}


def take_after(transaction: Transaction, at: TopicPartition, sequence: int) -> list[OutboxRow]:
    """Take the rows after a number out of the outbox, in their order; part of a repair."""
    query = sql.SQL(
        "WITH taken AS (DELETE FROM {} WHERE partition = %s AND sequence > %s RETURNING *)"
        " SELECT sequence, event_id, key, value, headers FROM taken ORDER BY sequence"
    ).format(sql.Identifier(outbox_table(at.topic)))
    return [
        OutboxRow(*at, number, event_id, key, value, unpacked(headers) if headers else ())
        for number, event_id, key, value, headers in fetch(transaction, query, [at.partition, sequence])
    ]


def restore(transaction: Transaction, rows: Sequence[OutboxRow]) -> None:
    """Insert rows under the numbers they have; part of a repair."""
    by_topic: dict[str, list[OutboxRow]] = defaultdict(list)
    for row in rows:
        by_topic[row.topic].append(row)
    for topic, own in by_topic.items():
        query = sql.SQL(
            "INSERT INTO {} (partition, sequence, event_id, key, value, headers)"
            " SELECT * FROM unnest(%s::int[], %s::bigint[], %s::uuid[], %s::bytea[], %s::bytea[], %s::text[])"
        ).format(sql.Identifier(outbox_table(topic)))
        columns = [
            [row.partition for row in own],
            [row.sequence for row in own],
            [row.event_id for row in own],
            [row.key for row in own],
            [row.value for row in own],
            [packed(row.headers) if row.headers else None for row in own],
        ]
        run(transaction, query, columns)


def create_heads(transaction: Transaction, topics: Sequence[str], partitions: int) -> None:
    """Make the head rows that are missing; part of a service's `migrate`."""
    query = (
        "INSERT INTO outbox_head (topic, partition)"
        " SELECT topic, partition FROM unnest(%s::text[]) AS topic, generate_series(0, %s - 1) AS partition"
        " ON CONFLICT DO NOTHING"
    )
    run(transaction, query, [list(topics), partitions])
