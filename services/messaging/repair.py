"""Putting back what a database restored from the past has forgotten: the log wins (rule 4).

Everything happens in one transaction of the service's database, under its head rows' locks, while no relay of the service
publishes. Events of ours that the log has and the outbox has not, or has another under the number, are forgotten ones: they
go back into the outbox under their numbers and into the owner's tables. What the outbox has and the log has not was never
published: it gets the numbers that follow. What was published under another number is dropped from the outbox.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol
from uuid import UUID

from services.messaging import dead_letters, notes, outbox, republishing
from services.messaging.database import Transaction, run
from services.messaging.errors import RepairImpossible
from services.messaging.headers import EVENT_ID, SEQUENCE, identity
from services.messaging.kafka import Kafka, chunks, headers_of, key_and_value, place
from services.messaging.records import Message, OutboxRow, Record, TopicPartition
from services.messaging.sifting import Decode

CHUNK_ROWS = 2_000


class Renumbered(NamedTuple):
    """An own event at the outbox's end; ``after`` is None for one that the log has under another number."""

    partition: TopicPartition
    key: bytes | None
    before: int
    after: int | None


class Owner(Protocol):
    """A service's part in its repair: one transaction, the calls in this order."""

    def renumber(self, transaction: Transaction, moved: Sequence[Renumbered], /) -> None:
        """Take note of other numbers of own events, wherever the service's tables name them."""
        ...

    def put_back(self, transaction: Transaction, messages: Sequence[Message], /) -> None:
        """Have the tables say what these own events say; one that they know already changes nothing."""
        ...

    def finish(self, transaction: Transaction, /) -> Iterable[Record]:
        """Write what depends on all of them; returns events that have to be told besides."""
        ...


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair has done, in events."""

    put_back: int = 0
    renumbered: int = 0
    dropped: int = 0
    told: int = 0
    """New events, where what was forgotten could not be squared with the tables otherwise."""


@dataclass(slots=True)
class Difference:
    """One partition: where outbox and log part."""

    last: int
    """The last number of the unbroken run in the log."""
    first_forgotten: int | None = None
    offset: int = 0
    """Of the first forgotten event."""
    published: set[UUID] = field(default_factory=set)
    """Events of the outbox's end that the log has, under whatever number."""
    beyond: int = 0
    """The highest number that came before one in front of it; counts only if those before it follow."""
    copies: tuple[int, int] | None = None
    """The lowest and the highest number that stands in the log again."""


Progress = Callable[[int], None]
"""Called now and then with the number of records read so far."""


def repair(
    transaction: Transaction, kafka: Kafka, service: str, topics: Sequence[str], decode: Decode, owner: Owner,
    progress: Progress,
) -> Repaired:  # fmt: skip
    """Put back what these own topics have and the database has not; the last of ``topics`` is the dead letter topic.

    To be committed by the caller. Raises RepairImpossible where the log has a hole, or events that cannot be read.
    """
    cluster = kafka.describe(topics)
    partitions = [TopicPartition(topic, number) for topic in topics for number in range(cluster.partitions[topic])]
    run(transaction, "SET LOCAL statement_timeout = 0")
    run(transaction, "SET LOCAL idle_in_transaction_session_timeout = '60s'")  # reading the log in between takes less
    outbox.lock_heads(transaction, topics)
    ends = kafka.stable_ends(partitions)
    differences = _compare(transaction, kafka, partitions, ends, progress)
    forgotten = {at: found for at, found in differences.items() if found.first_forgotten is not None}
    moved = [each for at, found in forgotten.items() for each in _renumber(transaction, at, found)]
    for at, found in forgotten.items():
        if found.copies is not None:
            republishing.remember(transaction, at, *found.copies)
    owner.renumber(transaction, moved)
    count = 0
    for messages in _forgotten(kafka, forgotten, ends, decode, dead_letter_topic=topics[-1]):
        outbox.restore(transaction, [_row(message) for message in messages])
        letters = [message for message in messages if message.topic == topics[-1]]
        dead_letters.put_back(transaction, service, kafka, letters)
        owner.put_back(transaction, [message for message in messages if message.topic != topics[-1]])
        count += len(messages)
        progress(count)
    told = outbox.append(transaction, owner.finish(transaction), cluster.partitions[topics[0]])
    kept = sum(each.after is not None for each in moved)
    return Repaired(count, kept, len(moved) - kept, len(told))


# Comparing


def _compare(
    transaction: Transaction,
    kafka: Kafka,
    partitions: Sequence[TopicPartition],
    ends: Mapping[TopicPartition, int],
    progress: Progress,
) -> dict[TopicPartition, Difference]:
    """Walk every partition from its newest note that the log still has, and find where the outbox has something else."""
    topics = sorted({partition.topic for partition in partitions})
    heads = outbox.heads(transaction, topics)
    begins = kafka.starts(partitions)
    starts = {at: _start(transaction, at, begins[at], ends[at]) for at in partitions}
    kept = {topic: outbox.lowest(transaction, topic) for topic in topics}
    lowest = {at: kept[at.topic].get(at.partition, heads[at] + 1) for at in partitions}
    unsettled = {at: outbox.event_ids_after(transaction, at, last) for at, (last, _) in starts.items()}
    found = {at: Difference(last) for at, (last, _) in starts.items()}
    read = 0
    for chunk in chunks(_own_records(kafka, {at: offset for at, (_, offset) in starts.items()}, ends), CHUNK_ROWS):
        ours = outbox.event_ids(transaction, (_place(message)[:2] for message in chunk))
        for message in chunk:
            at, number, event_id = _place(message)
            difference = found[at]
            if number <= max(difference.last, difference.beyond):  # it stands in the log before
                low, high = difference.copies or (number, number)
                difference.copies = (min(low, number), max(high, number))
            if number <= difference.last:
                continue
            if number > difference.last + 1:
                if difference.last or begins[at] == 0 or number > heads[at] + 1:
                    difference.beyond = max(difference.beyond, number)
                    continue
                lowest[at] = max(lowest[at], number)  # retention has cut the log, and no note is left
            difference.last = number
            if event_id in unsettled[at]:
                difference.published.add(event_id)
            missing = number >= lowest[at] or number > heads[at]
            if ours.get((at, number), None if missing else event_id) != event_id and not difference.first_forgotten:
                difference.first_forgotten, difference.offset = number, message.offset
        read += len(chunk)
        progress(read)
    for at, difference in found.items():
        if difference.beyond > difference.last:
            missing_number = max(difference.last, 0 if difference.last else heads[at]) + 1
            raise RepairImpossible(f"{at} has no number {missing_number}: part of the log is lost")
    return found


def _start(transaction: Transaction, at: TopicPartition, begin: int, end: int) -> tuple[int, int]:
    """The number before the first to be read, and its offset: the newest note's, or the beginning of the log."""
    for note in notes.newest_first(transaction, at):
        if begin <= note.first_offset < end:
            return note.first_sequence - 1, note.first_offset
    return 0, begin


# Renumbering what was never published


def _renumber(transaction: Transaction, at: TopicPartition, found: Difference) -> list[Renumbered]:
    """Move what the outbox has from the first forgotten number on behind the end of the log; drop what the log has."""
    assert found.first_forgotten is not None
    moved, kept = list[Renumbered](), list[OutboxRow]()
    for row in outbox.take_after(transaction, at, found.first_forgotten - 1):
        number = None if row.event_id in found.published else found.last + len(kept) + 1
        if number is not None:
            kept.append(replace(row, sequence=number))
        moved.append(Renumbered(at, row.key, row.sequence, number))
    outbox.restore(transaction, kept)
    outbox.set_head(transaction, at, found.last + len(kept))
    return moved


# Reading


def _forgotten(
    kafka: Kafka,
    differences: Mapping[TopicPartition, Difference],
    ends: Mapping[TopicPartition, int],
    decode: Decode,
    *,
    dead_letter_topic: str,
) -> Iterator[list[Message]]:
    """The forgotten events in chunks, each partition in log order, dead letters undecoded."""
    following = {at: found.first_forgotten or 0 for at, found in differences.items()}
    begins = {at: found.offset for at, found in differences.items()}
    for chunk in chunks(_own_records(kafka, begins, ends), CHUNK_ROWS):
        messages = []
        for message in chunk:
            at, number, _ = _place(message)
            if number != following[at]:
                continue  # a copy
            following[at] += 1
            messages.append(message if message.topic == dead_letter_topic else _decoded(message, decode))
        if messages:
            yield messages


def _decoded(message: Message, decode: Decode) -> Message:
    event, schema = decode(message.topic, message.value)
    if event is None:
        raise RepairImpossible(
            f"{message.topic}[{message.partition}] offset {message.offset} has a {schema.subject}, which this version of the "
            "service does not know: run the repair with the version that wrote it"
        )
    return replace(message, event=event, schema=schema)


def _own_records(
    kafka: Kafka, begins: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> Iterator[Message]:
    for message in kafka.read(begins, ends):
        (at, offset), headers = place(message), headers_of(message)
        if (own := identity(headers)) is not None:
            key, value = key_and_value(message)
            others = tuple(header for header in headers if header[0] not in (SEQUENCE, EVENT_ID))
            yield Message(*at, offset, key, value, others, own.sequence, own.event_id)


def _place(message: Message) -> tuple[TopicPartition, int, UUID]:
    assert message.sequence is not None
    assert message.event_id is not None
    return TopicPartition(message.topic, message.partition), message.sequence, message.event_id


def _row(message: Message) -> OutboxRow:
    at, number, event_id = _place(message)
    return OutboxRow(*at, number, event_id, message.key, message.value, message.headers)
