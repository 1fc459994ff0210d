"""Taking another log, or the beginning of a log, as it is: what a person decides with ``repair --adopt`` (rules 4 and 9).

A database that meets another cluster or topic refuses to write; a consumer that misses numbers which nobody can send again
waits for ever. Both are named states, and this is the one way out of them: nothing is skipped silently.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from services.messaging import inbox
from services.messaging.database import Database, Transaction, run
from services.messaging.headers import identity
from services.messaging.kafka import Cluster, Kafka, headers_of, place
from services.messaging.records import TopicPartition


class GivenUp(NamedTuple):
    """Numbers of a partition, first and last, that this service will never apply."""

    partition: TopicPartition
    first: int
    last: int


def adopt_log(transaction: Transaction, cluster: Cluster, topics: Iterable[str]) -> int:
    """Publish to these topics of this cluster from now on; returns how many notes of other ones were forgotten.

    Nothing is lost: where no note is left, everything that the outbox still keeps is published (see ``survey``).
    """
    return sum(
        run(
            transaction,
            "DELETE FROM outbox_note WHERE topic = %s AND (cluster_id, topic_id) <> (%s, %s)",
            [topic, cluster.cluster_id, cluster.topic_ids[topic]],
        )
        for topic in topics
    )


def adopt_positions(transaction: Transaction, cluster: Cluster, topics: Iterable[str]) -> int:
    """Read these topics of this cluster from their beginning, where the positions are of other ones; returns how many.

    What counts as applied stays: events that were published again under their numbers are copies.
    """
    return sum(
        run(
            transaction,
            "UPDATE inbox SET cluster_id = %s, topic_id = %s, next_offset = 0, epoch = epoch + 1"
            " WHERE topic = %s AND (cluster_id, topic_id) <> (%s, %s)",
            [cluster.cluster_id, cluster.topic_ids[topic], topic, cluster.cluster_id, cluster.topic_ids[topic]],
        )
        for topic in topics
    )


def adopt_beginnings(database: Database, kafka: Kafka, topics: Sequence[str]) -> list[GivenUp]:
    """Go on, where a number is missing, with the next that the log has; returns what is given up."""
    with database.connection() as connection:
        stored = inbox.positions(connection, topics)
    last = {at: position.last_sequence for at, position in stored.items() if position.waiting_for is not None}
    found = _next_numbers(kafka, last)
    given_up = []
    with database.transaction() as transaction:
        for at, (number, offset) in sorted(found.items()):
            changed = run(
                transaction,
                "UPDATE inbox SET next_offset = %s, last_sequence = %s, waiting_for = NULL, epoch = epoch + 1"
                " WHERE topic = %s AND partition = %s AND last_sequence = %s",
                [offset, number - 1, *at, last[at]],
            )
            if changed:  # else the missing number has come meanwhile
                given_up.append(GivenUp(at, last[at] + 1, number - 1))
    return given_up


def _next_numbers(kafka: Kafka, last: Mapping[TopicPartition, int]) -> dict[TopicPartition, tuple[int, int]]:
    """The lowest number above the last one applied, and its first offset, by partition."""
    found: dict[TopicPartition, tuple[int, int]] = {}
    for message in kafka.read(kafka.starts(list(last)), kafka.stable_ends(list(last))):
        (partition, offset), own = place(message), identity(headers_of(message))
        if own is not None and own.sequence > last[partition]:
            found[partition] = min(found.get(partition, (own.sequence, offset)), (own.sequence, offset))
    return found
