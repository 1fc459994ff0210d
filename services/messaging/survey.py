"""What became visible in the log, held against what the database gave out (rules 3 and 4).

The relay surveys its topics before it publishes, and takes its position from the answer. Every other process that writes
events surveys them before its first write on a new connection, to refuse work on a database restored from the past.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.messaging import notes, outbox
from services.messaging.database import Guard, Transaction
from services.messaging.errors import ForeignLog, LogAheadOfDatabase
from services.messaging.headers import Identity, identity
from services.messaging.kafka import READ_MESSAGES_MAX, Cluster, Kafka, chunks, headers_of, place
from services.messaging.notes import Note
from services.messaging.position import Walk
from services.messaging.records import TopicPartition


@dataclass(slots=True)
class Start:
    """Where the walk of one partition begins: at a note, or at the beginning of the log."""

    walk: Walk
    offset: int
    note: Note | None


@dataclass(frozen=True, slots=True)
class Survey:
    """The walks by partition, and the cluster they were made on."""

    cluster: Cluster
    walks: dict[TopicPartition, Walk]


def survey(
    transaction: Transaction, kafka: Kafka, topics: Sequence[str], progress: Callable[[], None] | None = None
) -> Survey:
    """Walk every partition of these topics from its newest note that the log bears out to the end.

    ``progress`` is called between the steps, each of which takes seconds at most.
    Raises LogAheadOfDatabase and ForeignLog where database and log contradict each other.
    """
    cluster = kafka.describe(topics)
    partitions = [TopicPartition(topic, number) for topic in topics for number in range(cluster.partitions[topic])]
    begins, ends = kafka.starts(partitions), kafka.stable_ends(partitions)
    heads = outbox.heads(transaction, topics)  # after the ends: what the log has, a head has given out
    walks: dict[TopicPartition, Walk] = {}
    unwalked: dict[TopicPartition, int | None] = dict.fromkeys(partitions)
    while unwalked:
        starts = {
            partition: _start(
                transaction, cluster, partition, heads.get(partition, 0), begins[partition], ends[partition], before
            )
            for partition, before in unwalked.items()
        }
        contradicted = _walk(transaction, kafka, starts, ends, progress or _no_progress)
        walks |= {partition: start.walk for partition, start in starts.items() if partition not in contradicted}
        unwalked = {partition: note.first_sequence for partition, note in contradicted.items()}
    return Survey(cluster, walks)


def _start(
    transaction: Transaction,
    cluster: Cluster,
    partition: TopicPartition,
    head: int,
    begin: int,
    end: int,
    before: int | None,
) -> Start:
    """Begin at the newest note before the end of the log (and below number ``before``)."""
    for note in notes.newest_first(transaction, partition, before):
        _refuse_foreign(note, cluster, partition)
        if note.first_offset < begin:  # retention has deleted the record
            return Start(Walk(partition, note.last_sequence, head, begins_anywhere=True), begin, None)
        if note.first_offset < end:
            return Start(Walk(partition, note.first_sequence - 1, head), note.first_offset, note)
    # no note is left, as on a log that was adopted: what the outbox has dropped was published once
    floor = outbox.lowest(transaction, partition.topic).get(partition.partition, head + 1) - 1
    return Start(Walk(partition, floor, head, begins_anywhere=begin > 0), begin, None)


def _refuse_foreign(note: Note, cluster: Cluster, partition: TopicPartition) -> None:
    if note.cluster_id != cluster.cluster_id:
        raise ForeignLog(
            f"this database has published {partition.topic} to cluster {note.cluster_id}, the brokers are cluster {cluster.cluster_id}"
        )
    if note.topic_id != cluster.topic_ids[partition.topic]:
        raise ForeignLog(
            f"{partition.topic} is another topic (id {cluster.topic_ids[partition.topic]}) than the one this database has "
            f"published to (id {note.topic_id}): it was deleted and made anew"
        )


def _no_progress() -> None:
    """Nobody is waiting for the survey."""


def _walk(
    transaction: Transaction,
    kafka: Kafka,
    starts: dict[TopicPartition, Start],
    ends: dict[TopicPartition, int],
    progress: Callable[[], None],
) -> dict[TopicPartition, Note]:
    """Read on from the starts; returns the notes that the log does not bear out."""
    offsets = {partition: start.offset for partition, start in starts.items()}
    unproven = {partition: start.note for partition, start in starts.items() if start.note is not None}
    contradicted: dict[TopicPartition, Note] = {}
    transaction.rollback()  # nothing is held while the log is read
    messages = kafka.read(offsets, {partition: ends[partition] for partition in starts})
    progress()
    for chunk in chunks(messages, READ_MESSAGES_MAX):
        progress()
        records = [(*place(message), own) for message in chunk if (own := identity(headers_of(message))) is not None]
        for partition, offset, own in records:
            note = unproven.pop(partition, None)
            if note is not None and (offset, own.sequence) != (note.first_offset, note.first_sequence):
                contradicted[partition] = note
            if partition not in contradicted:
                starts[partition].walk.feed(offset, own.sequence, own.event_id)
        _refuse_other_events(transaction, [record for record in records if record[0] not in contradicted])
    return contradicted | unproven


def _refuse_other_events(transaction: Transaction, records: Sequence[tuple[TopicPartition, int, Identity]]) -> None:
    """Refuse a log that has another event under a number of ours. Rows that were dropped with their range say nothing."""
    ours = outbox.event_ids(transaction, ((partition, own.sequence) for partition, _, own in records))
    transaction.rollback()
    for partition, offset, own in records:
        expected = ours.get((partition, own.sequence))
        if expected is not None and expected != own.event_id:
            raise LogAheadOfDatabase(
                f"{partition} offset {offset} has event {own.event_id} under number {own.sequence}, the outbox has {expected}: "
                "the database was restored from the past and has given the number out again"
            )


def guard(kafka: Kafka, topics: Sequence[str]) -> Guard:
    """A check for ``Database``: survey these topics before the first write on a connection."""

    def look_before_writing(transaction: Transaction) -> None:
        survey(transaction, kafka, topics)

    return look_before_writing
