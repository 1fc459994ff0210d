"""Where the unbroken run of own numbers ends, as a table."""

from uuid import uuid4

import pytest

from services.messaging.errors import LogAheadOfDatabase
from services.messaging.position import Walk
from services.messaging.records import TopicPartition

PLACE = TopicPartition("topic", 0)
HEAD = 100


def walk(numbers: list[int], *, position: int = 0, begins_anywhere: bool = False) -> Walk:
    """Numbers as they stand in the log, one offset each; 0 is an offset without an own record."""
    made = Walk(PLACE, position, HEAD, begins_anywhere)
    for offset, number in enumerate(numbers):
        if number:
            made.feed(offset, number, uuid4())
    return made


@pytest.mark.parametrize(
    ("numbers", "position", "expected"),
    [
        ([], 0, 0),
        ([1, 2, 3], 0, 3),
        ([1, 0, 2, 0, 0, 3], 0, 3),  # transaction markers and foreign records between
        ([1, 2, 4, 5], 0, 2),  # what lies beyond a hole does not count
        ([1, 2, 4, 5, 3], 0, 3),
        ([1, 2, 4, 5, 3, 4, 5, 6], 0, 6),  # sent again from the hole
        ([1, 2, 3, 1, 2, 3, 4], 0, 4),  # copies
        ([2, 3], 0, 0),  # the first is missing
        ([7, 8], 6, 8),  # begun at a note
    ],
)
def test_the_position_is_the_end_of_the_unbroken_run(numbers: list[int], position: int, expected: int) -> None:
    assert walk(numbers, position=position).position == expected


def test_a_log_whose_beginning_was_deleted_begins_anywhere() -> None:
    assert walk([41, 42], begins_anywhere=True).position == 42
    assert walk([41, 42], position=50, begins_anywhere=True).position == 50


def test_runs_are_consecutive_numbers_at_consecutive_offsets() -> None:
    runs = walk([1, 2, 0, 3, 9, 4]).runs

    assert [(run.first_sequence, run.last_sequence, run.first_offset) for run in runs] == [
        (1, 2, 0),
        (3, 3, 3),
        (4, 4, 5),
    ]


def test_a_number_that_was_never_given_out_is_refused() -> None:
    with pytest.raises(LogAheadOfDatabase, match=r"topic\[0\] offset 1 has number 101, the outbox has given out 100"):
        walk([1, 101])
