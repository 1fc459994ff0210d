"""Density, copies, gaps, foreign records and poison, without a broker."""

from uuid import uuid4

from services.messaging.dead_letters import FOREIGN_RECORD, UNDECODABLE
from services.messaging.errors import PoisonMessage
from services.messaging.inbox import Position
from services.messaging.records import Batch, Message, SchemaUse, TopicPartition
from services.messaging.sifting import Cursor, sift

PLACE = TopicPartition("topic", 0)


def decode(_: str, value: bytes | None) -> tuple[object | None, SchemaUse]:
    if value == b"poison":
        raise PoisonMessage(UNDECODABLE, "no")
    return (None if value == b"unused" else value), SchemaUse("subject", 1, 1)


def message(offset: int, sequence: int | None, value: bytes = b"value") -> Message:
    own = () if sequence is None else (("sequence", str(sequence).encode()), ("event_id", str(uuid4()).encode()))
    return Message("topic", 0, offset, b"key", value, own)


def cursor(next_offset: int = 0, last_sequence: int = 0) -> Cursor:
    return Cursor(PLACE, "topic-id", Position(next_offset, last_sequence, epoch=1))


def applied(batch: Batch) -> list[int | None]:
    return [message.sequence for message in batch.messages]


def test_the_next_number_is_applied_and_a_copy_dropped() -> None:
    batch = sift([message(0, 1), message(1, 2), message(2, 1), message(5, 3)], {PLACE: cursor()}, decode)

    assert applied(batch) == [1, 2, 3]
    assert batch.outcomes == {("topic", "applied"): 3, ("topic", "copy"): 1}


def test_the_position_moves_over_everything_read_and_the_number_over_what_counts() -> None:
    (advance,) = sift([message(3, None), message(9, 8), message(10, 10)], {PLACE: cursor(3, 7)}, decode).advances

    assert (advance.next_offset, advance.new_next_offset) == (3, 11)
    assert (advance.last_sequence, advance.new_last_sequence) == (7, 8)


def test_nothing_beyond_a_gap_is_applied_until_the_missing_number_comes() -> None:
    at = cursor()
    beyond = sift([message(0, 1), message(1, 3)], {PLACE: at}, decode)
    waiting_for = at.waiting_for
    filled = sift([message(2, 2), message(3, 3)], {PLACE: at}, decode)

    assert applied(beyond) == [1]
    assert waiting_for == 2
    assert applied(filled) == [2, 3]
    assert at.waiting_for is None


def test_poison_counts_and_a_foreign_record_does_not() -> None:
    at = cursor()
    batch = sift([message(0, 1, b"poison"), message(1, None), message(2, 2)], {PLACE: at}, decode)

    assert applied(batch) == [2]
    assert [(letter.reason, letter.message.sequence) for letter in batch.dead_letters] == [
        (UNDECODABLE, 1),
        (FOREIGN_RECORD, None),
    ]
    assert at.last_sequence == 2


def test_a_type_that_is_not_used_is_skipped() -> None:
    batch = sift([message(0, 1, b"unused")], {PLACE: cursor()}, decode)

    assert not batch.messages
    assert not batch.dead_letters
    assert batch.advances[0].new_last_sequence == 1


def test_what_is_left_over_of_an_earlier_assignment_is_not_looked_at() -> None:
    batch = sift([message(4, 5), Message("other", 0, 0, None, None, ())], {PLACE: cursor(5, 5)}, decode)

    assert batch == Batch(())
