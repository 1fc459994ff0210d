"""Notes: where in the log a run of numbers stands. They make finding the position cheap, and any event's offset known.

There are never more notes than events, and they are kept as long as the service's own tables. A note is written after its transaction was committed in Kafka, without waiting for the disk: a lost note is found again by
reading the log (rule 3), a note is never ahead of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from services.messaging.database import Transaction, fetch, run
from services.messaging.kafka import Cluster
from services.messaging.position import Run
from services.messaging.records import TopicPartition


@dataclass(frozen=True, slots=True)
class Note:
    """A run of consecutive numbers at consecutive offsets of one topic partition."""

    topic: str
    partition: int
    first_sequence: int
    last_sequence: int
    first_offset: int
    last_event_id: UUID
    cluster_id: str
    topic_id: str

    @classmethod
    def of(cls, run: Run, partition: TopicPartition, cluster: Cluster) -> Self:
        """The note of a run on this cluster."""
        return cls(
            *partition, run.first_sequence, run.last_sequence, run.first_offset, run.last_event_id,
            cluster.cluster_id, cluster.topic_ids[partition.topic],
        )  # fmt: skip


_AT_ONCE = 50  # the newest one nearly always does

_WRITE = """
INSERT INTO outbox_note
    (topic, partition, first_sequence, last_sequence, first_offset, last_event_id, cluster_id, topic_id)
SELECT * FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::bigint[], %b::uuid[], %b::text[], %b::text[])
ON CONFLICT (topic, partition, first_sequence) DO UPDATE SET
    last_sequence = excluded.last_sequence, first_offset = excluded.first_offset,
    last_event_id = excluded.last_event_id, cluster_id = excluded.cluster_id, topic_id = excluded.topic_id
"""

_OFFSETS = """
SELECT wanted.topic, wanted.partition, wanted.sequence, note.first_offset + wanted.sequence - note.first_sequence
FROM unnest(%b::text[], %b::int[], %b::bigint[]) AS wanted (topic, partition, sequence)
CROSS JOIN LATERAL (
    SELECT first_sequence, last_sequence, first_offset FROM outbox_note
    WHERE topic = wanted.topic AND partition = wanted.partition AND first_sequence <= wanted.sequence
    ORDER BY first_sequence DESC LIMIT 1
) AS note
WHERE note.last_sequence >= wanted.sequence
"""


def write(transaction: Transaction, notes: Sequence[Note]) -> None:
    """Keep the notes; a run that was found again replaces what was noted of it."""
    columns = [
        [getattr(note, name) for note in notes]
        for name in (
            "topic", "partition", "first_sequence", "last_sequence",
            "first_offset", "last_event_id", "cluster_id", "topic_id",
        )
    ]  # fmt: skip
    run(transaction, _WRITE, columns)


def newest_first(transaction: Transaction, partition: TopicPartition, before: int | None = None) -> Iterator[Note]:
    """Notes of a partition from the newest back, those with a first number below ``before`` where it is given."""
    query = (
        "SELECT topic, partition, first_sequence, last_sequence, first_offset, last_event_id, cluster_id, topic_id"
        " FROM outbox_note WHERE topic = %s AND partition = %s AND first_sequence < coalesce(%s, 9223372036854775807)"
        " ORDER BY first_sequence DESC LIMIT %s"
    )
    while rows := fetch(transaction, query, [*partition, before, _AT_ONCE]):
        for note in (Note(*row) for row in rows):
            yield note
            before = note.first_sequence


def forget_after(transaction: Transaction, partition: TopicPartition, sequence: int) -> None:
    """Delete the notes of runs that begin after a number: the log no longer has them where they say."""
    run(
        transaction,
        "DELETE FROM outbox_note WHERE topic = %s AND partition = %s AND first_sequence > %s",
        [partition.topic, partition.partition, sequence],
    )


def offsets(
    transaction: Transaction, sequences: Sequence[tuple[TopicPartition, int]]
) -> dict[tuple[TopicPartition, int], int]:
    """The offsets of own events by partition and number; an event that is not in Kafka yet is left out."""
    columns = [
        [partition.topic for partition, _ in sequences],
        [partition.partition for partition, _ in sequences],
        [sequence for _, sequence in sequences],
    ]
    return {
        (TopicPartition(topic, partition), sequence): offset
        for topic, partition, sequence, offset in fetch(transaction, _OFFSETS, columns)
    }
