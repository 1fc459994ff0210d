"""What to do with each record read: apply it, drop it, park it, or wait for the one before (rules 6 and 9).

Pure but for ``decode``. Numbers are dense per topic partition: ``last + 1`` is applied, a lower number is a copy and
dropped, a higher one means a gap: nothing of that partition is applied until ``last + 1`` comes. A record without a valid
number is foreign: it is parked and blocks nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from services.messaging import headers
from services.messaging.dead_letters import FOREIGN_RECORD
from services.messaging.errors import PoisonMessage
from services.messaging.inbox import Position
from services.messaging.records import Advance, Batch, DeadLetter, Message, SchemaUse, TopicPartition

Decode = Callable[[str, bytes | None], tuple[object | None, SchemaUse]]
"""(topic, value) to the event, None for a type this service does not use. Raises PoisonMessage."""


@dataclass(slots=True)
class Cursor:
    """One claimed partition: the position in the database, and how far the batch at hand has read beyond it."""

    partition: TopicPartition
    topic_id: str
    stored: Position
    begin: int = field(init=False)
    """The offset to go back to: the stored one, or where the log begins or ends."""
    next_offset: int = field(init=False)
    last_sequence: int = field(init=False)
    waiting_for: int | None = field(init=False)
    """The missing number while there is a gap."""
    told_gap: int | None = None

    def __post_init__(self) -> None:
        self.begin = self.stored.next_offset
        self.reset()

    def within(self, log_start: int, log_end: int) -> None:
        """Begin within what the log has.

        A log that ends before the position was cut, nobody knows where: all of it is read again, copies are known by their
        numbers.
        """
        self.begin = self.next_offset = log_start if self.next_offset > log_end else max(self.next_offset, log_start)

    def advance(self) -> Advance:
        """The compare-and-swap from the stored position to what has been read."""
        stored = self.stored
        return Advance(
            *self.partition, stored.epoch, stored.next_offset, stored.last_sequence,
            self.next_offset, self.last_sequence, self.waiting_for,
        )  # fmt: skip

    def moved(self) -> bool:
        """Whether anything was read since the position was stored."""
        return self.next_offset != self.stored.next_offset

    def reset(self) -> None:
        """Back to the stored position."""
        self.next_offset, self.last_sequence = self.begin, self.stored.last_sequence
        self.waiting_for = self.stored.waiting_for

    def committed(self) -> None:
        """The position is stored now."""
        self.begin = self.next_offset
        self.stored = replace(
            self.stored, next_offset=self.next_offset, last_sequence=self.last_sequence, waiting_for=self.waiting_for
        )


def sift(records: Iterable[Message], cursors: Mapping[TopicPartition, Cursor], decode: Decode) -> Batch:
    """Judge each record in log order and move the cursors over what was read.

    Records of partitions without a cursor, and such before a cursor's offset, are left overs of an earlier assignment.
    """
    messages: list[Message] = []
    letters: list[DeadLetter] = []
    outcomes: Counter[tuple[str, str]] = Counter()
    for record in records:
        cursor = cursors.get(TopicPartition(record.topic, record.partition))
        if cursor is None or record.offset < cursor.next_offset:
            continue
        cursor.next_offset = record.offset + 1
        outcome, judged = _judge(record, cursor, decode)
        outcomes[record.topic, outcome] += 1
        if isinstance(judged, DeadLetter):
            letters.append(judged)
        elif judged is not None:
            messages.append(judged)
    return Batch(tuple(messages), tuple(letters), advances(cursors), outcomes)


def advances(cursors: Mapping[TopicPartition, Cursor]) -> tuple[Advance, ...]:
    """The compare-and-swaps of all cursors that have moved."""
    return tuple(cursor.advance() for cursor in cursors.values() if cursor.moved())


def _judge(record: Message, cursor: Cursor, decode: Decode) -> tuple[str, Message | DeadLetter | None]:
    own = headers.identity(record.headers)
    if own is None:
        return "foreign", DeadLetter(record, cursor.topic_id, FOREIGN_RECORD, "no valid sequence and event_id headers")
    if own.sequence <= cursor.last_sequence:
        return "copy", None
    if own.sequence > cursor.last_sequence + 1:
        cursor.waiting_for = cursor.last_sequence + 1
        return "beyond_gap", None
    cursor.last_sequence = own.sequence
    cursor.waiting_for = None
    numbered = replace(record, sequence=own.sequence, event_id=own.event_id)
    try:
        event, schema = decode(record.topic, record.value)
    except PoisonMessage as poison:
        return "poison", DeadLetter(numbered, cursor.topic_id, poison.reason, str(poison))
    if event is None:
        return "skipped", None
    return "applied", replace(numbered, event=event, schema=schema)
