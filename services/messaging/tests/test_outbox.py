"""Dense numbers under concurrency, and what the tables refuse."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest

from services.messaging import lease, outbox, ranges
from services.messaging.database import run
from services.messaging.errors import RecordTooLarge, Unprepared
from services.messaging.memory import Memory
from services.messaging.records import OutboxRow, TopicPartition, partition_of
from services.messaging.tests.conftest import PARTITIONS, World


def stored(world: World) -> dict[int, list[int]]:
    numbers: dict[int, list[int]] = defaultdict(list)
    with world.database.connection() as connection:
        for row in outbox.read(connection, world.topic, dict.fromkeys(range(PARTITIONS), 0), 10_000):
            numbers[row.partition].append(row.sequence)
    return numbers


def test_numbers_are_dense_however_many_writers_there_are(world: World) -> None:
    with ThreadPoolExecutor(6) as writers:
        list(writers.map(lambda number: world.append(world.records(40, f"writer{number}")), range(30)))

    numbers = stored(world)
    assert sum(map(len, numbers.values())) == 1_200
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_a_rolled_back_transaction_leaves_no_hole(world: World) -> None:
    world.append(world.records(10))
    with world.database.transaction() as transaction:
        outbox.append(transaction, world.records(10, "rolled back"), PARTITIONS)
        transaction.rollback()
    world.append(world.records(10, "after"))

    assert all(found == list(range(1, len(found) + 1)) for found in stored(world).values())


def test_rows_come_back_as_they_were_appended(world: World) -> None:
    records = [
        world.record("a", b"\x00\xff", headers=(("x", b"\x00"), ("x", None))),
        world.record("a", b""),
        world.record("a"),
    ]
    rows = world.append(records)

    with world.database.connection() as connection:
        found = outbox.read(connection, world.topic, {partition_of(b"a", PARTITIONS): 0}, 10)
    assert found == rows
    assert [row.sequence for row in rows] == [1, 2, 3]


def test_a_record_without_key_or_value_is_kept_so(world: World) -> None:
    record = world.record("a")
    (row,) = world.append([type(record)(world.topic, None, None, record.event_id)])

    with world.database.connection() as connection:
        assert outbox.read(connection, world.topic, {row.partition: 0}, 10) == [row]


def test_what_would_not_fit_its_topic_is_refused(world: World) -> None:
    with pytest.raises(RecordTooLarge, match="the limit is 1000000"):
        world.append([world.record("a", b"x" * 1_000_001)])

    assert not stored(world)


def test_a_missing_head_row_is_named(world: World) -> None:
    with world.database.transaction() as transaction:
        run(transaction, "DELETE FROM outbox_head WHERE partition = 1")

    with pytest.raises(Unprepared, match=r"no head row for partitions \[1\]"):
        world.append(world.records(40))


def test_ranges_are_made_ahead_and_dropped_when_passed_and_old(world: World) -> None:
    world.append(world.records(40))
    everywhere_beyond = dict.fromkeys(range(PARTITIONS), 5_000)
    month = timedelta(days=30).total_seconds()
    with world.database.transaction() as transaction:
        made = ranges.make_ahead(transaction, world.topic, 2_500, 1_000)
        too_young = ranges.drop_passed(transaction, world.topic, everywhere_beyond, month)
        not_passed = ranges.drop_passed(transaction, world.topic, everywhere_beyond | {1: 998}, 0)
        dropped = ranges.drop_passed(transaction, world.topic, {0: 1_000, 1: 999, 2: 999}, 0)

    assert [name.rpartition("_")[2] for name in made] == ["2000", "3000"]
    assert not too_young
    assert not not_passed
    assert [name.rpartition("_")[2] for name in dropped] == ["0"]
    assert not stored(world)


def test_the_size_of_ranges_may_change(world: World) -> None:
    with world.database.transaction() as transaction:
        smaller = ranges.make_ahead(transaction, world.topic, 1_900, 500)
        larger = ranges.make_ahead(transaction, world.topic, 2_900, 10_000)
        found = [(known.begin, known.end) for known in ranges.existing(transaction, world.topic)]

    assert [name.rpartition("_")[2] for name in smaller] == ["2000"]
    assert [name.rpartition("_")[2] for name in larger] == ["2500", "12500"]
    assert found == [(0, 1_000), (1_000, 2_000), (2_000, 2_500), (2_500, 12_500), (12_500, 22_500)]


def test_rows_that_found_no_range_are_kept_in_the_net_and_leave_when_passed_and_old(world: World) -> None:
    with world.database.transaction() as transaction:
        run(transaction, "UPDATE outbox_head SET last_sequence = 4_500")
    world.append(world.records(40))

    with world.database.transaction() as transaction:
        (made, *_) = ranges.make_ahead(transaction, world.topic, 4_520, 1_000)
    kept = sum(map(len, stored(world).values()))
    with world.database.transaction() as transaction:
        ranges.empty_net(transaction, world.topic, dict.fromkeys(range(PARTITIONS), 4_600), 0)

    assert made.endswith("_from_4620")
    assert kept == 40
    assert not stored(world)


def test_one_holder_at_a_time_has_the_lease(world: World) -> None:
    with world.database.transaction() as transaction:
        assert lease.take(transaction, "g", "one", 30)
        assert not lease.take(transaction, "g", "two", 30)
        assert lease.take(transaction, "g", "one", 0)
    with world.database.transaction() as transaction:
        assert lease.take(transaction, "g", "two", 30)
        lease.release(transaction, "g", "two")
        assert lease.take(transaction, "g", "one", 30)


def test_memory_gives_only_what_follows_the_position() -> None:
    place, memory = TopicPartition("topic", 0), Memory(rows_max=4)
    rows = [
        OutboxRow("topic", 0, number, stamp, b"k", b"v")
        for number, stamp in enumerate((uuid4() for _ in range(6)), start=1)
    ]
    memory.offer(rows)
    unheld = len(memory)
    memory.empty(keep=True)
    memory.offer([rows[1], rows[2], rows[4], rows[0], rows[5]])

    assert unheld == 0
    assert len(memory) == 4
    assert [taken.sequence for taken in memory.take(place, 0, 10)] == [1, 2, 3]
    assert memory.take(place, 3, 10) == []
    assert memory.take(place, 5, 10) == []
    assert len(memory) == 0
