"""Sending events again that the log has lost, or that a consumer can no longer read there (rule 9).

A row per topic partition says from which number on; the lease holder sends copies up to its position. The row stays: it
explains the copies. New events of the partition wait meanwhile, so that a consumer reads copies and news without another gap in between. Copies
have the numbers and ids of the originals: whoever has applied those drops them, and they never move the relay's position.
"""

from collections.abc import Mapping

from services.messaging import outbox
from services.messaging.database import Transaction, fetch, run
from services.messaging.errors import NotInOutbox
from services.messaging.records import TopicPartition


def request(transaction: Transaction, partition: TopicPartition, first: int) -> int:
    """Have the events of a partition sent again from number ``first`` on; returns the last number given out.

    A request that is still open is widened. Raises NotInOutbox where the outbox does not have the number (any more).
    """
    head = outbox.heads(transaction, [partition.topic]).get(partition, 0)
    lowest = outbox.lowest(transaction, partition.topic).get(partition.partition, head + 1)
    if not lowest <= first <= head:
        kept = f"numbers {lowest} to {head}" if lowest <= head else "none any more"
        raise NotInOutbox(f"{partition} has no number {first} to send again; the outbox keeps {kept}")
    run(
        transaction,
        "INSERT INTO republication (topic, partition, first_sequence, next_sequence) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (topic, partition) WHERE finished_at IS NULL DO UPDATE"
        " SET first_sequence = least(republication.first_sequence, excluded.first_sequence),"
        " next_sequence = least(republication.next_sequence, excluded.next_sequence)",
        [partition.topic, partition.partition, first, first],
    )
    return head


def requested(transaction: Transaction) -> dict[TopicPartition, int]:
    """The next number to be sent again, by partition."""
    rows = fetch(transaction, "SELECT topic, partition, next_sequence FROM republication WHERE finished_at IS NULL")
    return {TopicPartition(topic, partition): next_sequence for topic, partition, next_sequence in rows}


def advance(transaction: Transaction, sent: Mapping[TopicPartition, tuple[int, int]]) -> None:
    """Note what was sent: ``sent`` has the first and the last number by partition.

    A request that was widened meanwhile stays as it is: it begins before what was sent.
    """
    for partition, (first, last) in sent.items():
        run(
            transaction,
            "UPDATE republication SET next_sequence = %s"
            " WHERE topic = %s AND partition = %s AND next_sequence = %s AND finished_at IS NULL",
            [last + 1, partition.topic, partition.partition, first],
        )


def remember(transaction: Transaction, partition: TopicPartition, first: int, last: int) -> None:
    """Keep that these numbers were sent again, as the log says; part of a repair."""
    run(
        transaction,
        "INSERT INTO republication (topic, partition, first_sequence, next_sequence, finished_at)"
        " VALUES (%s, %s, %s, %s, now())",
        [partition.topic, partition.partition, first, last + 1],
    )


def reached(transaction: Transaction, partition: TopicPartition) -> int:
    """The number behind the last one that was sent for the newest request."""
    query = "SELECT next_sequence FROM republication WHERE topic = %s AND partition = %s ORDER BY id DESC LIMIT 1"
    return int(fetch(transaction, query, list(partition))[0][0])


def finish(transaction: Transaction, partition: TopicPartition, position: int) -> None:
    """Close a request of which everything up to the position was sent."""
    run(
        transaction,
        "UPDATE republication SET finished_at = now()"
        " WHERE topic = %s AND partition = %s AND next_sequence > %s AND finished_at IS NULL",
        [partition.topic, partition.partition, position],
    )
