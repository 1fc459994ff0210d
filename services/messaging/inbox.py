"""The inbox: how far a service has read and applied each topic partition (rule 6).

A position moves by compare-and-swap in the transaction that applies what lies behind it. The epoch counts takeovers: a
consumer whose partition was claimed by another finds zero rows and writes nothing, however late it wakes up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.messaging.database import Transaction, fetch, run
from services.messaging.errors import ForeignLog, Superseded
from services.messaging.kafka import Cluster
from services.messaging.records import Advance, TopicPartition


@dataclass(frozen=True, slots=True)
class Position:
    """One inbox row: everything before ``next_offset`` was read, everything up to ``last_sequence`` counts."""

    next_offset: int
    last_sequence: int
    epoch: int
    waiting_for: int | None = None
    """The missing number while there is a gap."""


_CLAIM = """
INSERT INTO inbox (topic, partition, cluster_id, topic_id, epoch)
SELECT topic, partition, cluster_id, topic_id, 1
FROM unnest(%s::text[], %s::int[], %s::text[], %s::text[]) AS claimed (topic, partition, cluster_id, topic_id)
ORDER BY topic, partition
ON CONFLICT (topic, partition) DO UPDATE SET epoch = inbox.epoch + 1
RETURNING topic, partition, cluster_id, topic_id, next_offset, last_sequence, epoch, waiting_for
"""

_ADVANCE = """
WITH wanted AS (
    SELECT * FROM unnest(
        %b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[], %b::bigint[],
        %s::bigint[]
    ) AS item (topic, partition, epoch, next_offset, last_sequence, new_next_offset, new_last_sequence, waiting_for)
), locked AS (
    SELECT inbox.topic, inbox.partition FROM inbox JOIN wanted USING (topic, partition)
    WHERE inbox.epoch = wanted.epoch AND inbox.next_offset = wanted.next_offset
      AND inbox.last_sequence = wanted.last_sequence
    ORDER BY inbox.topic, inbox.partition FOR UPDATE OF inbox
)
UPDATE inbox SET next_offset = wanted.new_next_offset, last_sequence = wanted.new_last_sequence,
    waiting_for = wanted.waiting_for
FROM locked JOIN wanted USING (topic, partition)
WHERE inbox.topic = locked.topic AND inbox.partition = locked.partition
"""


def claim(
    transaction: Transaction, cluster: Cluster, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, Position]:
    """Take partitions over: each epoch goes up by one, which fences out the consumer before.

    Raises ForeignLog where a position belongs to another cluster or topic.
    """
    topics = [partition.topic for partition in partitions]
    columns = [
        topics,
        [partition.partition for partition in partitions],
        [cluster.cluster_id] * len(topics),
        [cluster.topic_ids[topic] for topic in topics],
    ]
    claimed = {}
    for topic, number, cluster_id, topic_id, *position in fetch(transaction, _CLAIM, columns):
        if (cluster_id, topic_id) != (cluster.cluster_id, cluster.topic_ids[topic]):
            raise ForeignLog(
                f"the inbox position of {topic} is of topic {topic_id} on cluster {cluster_id}, the brokers have topic "
                f"{cluster.topic_ids[topic]} on cluster {cluster.cluster_id}"
            )
        claimed[TopicPartition(topic, number)] = Position(*position)
    return claimed


def advance(transaction: Transaction, advances: Sequence[Advance]) -> None:
    """Move the positions; the first statement of a transaction that applies a batch.

    Raises Superseded when a row is not what this consumer believes: another has claimed it, or an earlier COMMIT of
    unknown outcome did take place. The transaction must be rolled back.
    """
    ordered = sorted(advances, key=lambda item: (item.topic, item.partition))
    columns = [
        [getattr(item, name) for item in ordered]
        for name in (
            "topic", "partition", "epoch", "next_offset", "last_sequence", "new_next_offset", "new_last_sequence",
            "waiting_for",
        )
    ]  # fmt: skip
    if run(transaction, _ADVANCE, columns) != len(ordered):
        raise Superseded


def foreign(transaction: Transaction, cluster: Cluster, topics: Sequence[str]) -> list[TopicPartition]:
    """Partitions of these topics whose stored position is of another cluster, or of a topic that was made anew."""
    rows = fetch(
        transaction,
        "SELECT topic, partition FROM inbox JOIN unnest(%s::text[], %s::text[]) AS present (topic, topic_id) USING (topic)"
        " WHERE (inbox.cluster_id, inbox.topic_id) <> (%s, present.topic_id) ORDER BY topic, partition",
        [list(topics), [cluster.topic_ids[topic] for topic in topics], cluster.cluster_id],
    )
    return [TopicPartition(*row) for row in rows]


def positions(transaction: Transaction, topics: Sequence[str]) -> Mapping[TopicPartition, Position]:
    """The stored positions of these topics."""
    query = "SELECT topic, partition, next_offset, last_sequence, epoch, waiting_for FROM inbox WHERE topic = ANY(%s)"
    return {
        TopicPartition(topic, partition): Position(*position)
        for topic, partition, *position in fetch(transaction, query, [list(topics)])
    }
