"""The consumer on a real broker and a real database: each message applied once, whatever happens in between."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest
from confluent_kafka import Producer

from services.messaging import dead_letters, inbox, outbox
from services.messaging.consumer import Consumer
from services.messaging.database import Database, fetch, run
from services.messaging.dead_letters import FOREIGN_RECORD, INVARIANT_BROKEN, UNDECODABLE
from services.messaging.errors import PoisonMessage, Superseded
from services.messaging.records import Batch, SchemaUse, TopicPartition
from services.messaging.relay import Relay
from services.messaging.tests.conftest import PARTITIONS, World, eventually, running

USE = SchemaUse("subject", 1, 1)


def decode(topic: str, value: bytes | None) -> tuple[object | None, SchemaUse]:
    if value is None or value.startswith(b"garbage"):
        raise PoisonMessage(UNDECODABLE, "not what it should be")
    return (None if value.startswith(b"unused") else value), USE


class Reader:
    """A service that writes down what it applies; errors can be thrown in its way."""

    def __init__(self, world: World, database: Database | None = None) -> None:
        self.world = world
        self.database = database or world.open("reader")
        self.relay = Relay(
            f"reader-{world.topic}",
            {world.dead_letter_topic: 3600.0},
            world.open("reader-relay"),
            world.kafka,
            world.settings,
        )
        self.group = f"reader-{world.topic}"
        self.consumer = Consumer(
            self.group, [world.topic], self.database, world.kafka, decode, self.handle, world.settings
        )
        self.failures: list[Exception] = []
        self.after_commit: list[Exception] = []

    def handle(self, batch: Batch) -> None:
        with self.database.transaction() as transaction:
            inbox.advance(transaction, batch.advances)
            for message in batch.messages:
                if message.value == b"unacceptable":
                    raise ValueError("this one cannot be")
                run(
                    transaction,
                    "INSERT INTO applied (partition, sequence, value) VALUES (%s, %s, %s)",
                    [message.partition, message.sequence, message.value],
                )
            if self.failures:
                raise self.failures.pop()
            parked = dead_letters.park(transaction, self.group, self.world.dead_letter_topic, batch.dead_letters)
            rows = outbox.append(transaction, parked, PARTITIONS)
        if self.after_commit:
            raise self.after_commit.pop()
        self.relay.offer(rows)

    def applied(self) -> list[bytes]:
        with self.world.database.connection() as connection:
            rows = fetch(connection, "SELECT value FROM applied ORDER BY partition, sequence")
        return [value for (value,) in rows]


@pytest.fixture
def reader(world: World) -> Reader:
    with psycopg.connect(world.url) as connection:
        # no key on purpose: what is applied twice stands there twice
        connection.execute("CREATE TABLE applied (partition int, sequence bigint, value bytea)")
    return Reader(world)


@pytest.fixture
def published(world: World) -> Iterator[Relay]:
    """A relay of the topic's writer runs beside the test."""
    relay = Relay(
        f"writer-{world.topic}", {world.topic: 3600.0}, world.open("writer-relay"), world.kafka, world.settings
    )
    with running(relay.run):
        yield relay


def stored(world: World) -> dict[TopicPartition, inbox.Position]:
    with world.database.connection() as connection:
        return dict(inbox.positions(connection, [world.topic]))


def test_each_message_is_applied_once_in_order(world: World, reader: Reader, published: Relay) -> None:
    with running(reader.consumer.run):
        for batch in range(10):
            published.offer(world.append(world.records(100, f"batch{batch}")))
        eventually(lambda: len(reader.applied()) >= 1_000)

    assert len(reader.applied()) == len(set(reader.applied())) == 1_000


@pytest.mark.parametrize(
    "failure", [psycopg.errors.DeadlockDetected("deadlock"), psycopg.OperationalError("gone"), Superseded()]
)
def test_a_batch_that_was_rolled_back_is_applied_once(
    world: World, reader: Reader, published: Relay, failure: Exception
) -> None:
    reader.failures = [failure]
    world.append(world.records(50))

    with running(reader.consumer.run):
        eventually(lambda: len(reader.applied()) >= 50)

    assert len(reader.applied()) == len(set(reader.applied())) == 50
    assert not reader.failures


def test_a_commit_of_unknown_outcome_is_not_applied_again(world: World, reader: Reader, published: Relay) -> None:
    reader.after_commit = [psycopg.OperationalError("the connection broke during COMMIT, which took place")]
    world.append(world.records(50))

    with running(reader.consumer.run):
        eventually(lambda: len(reader.applied()) >= 50 and not reader.after_commit)
        world.append(world.records(50, "later"))
        eventually(lambda: len(reader.applied()) >= 100)

    assert len(reader.applied()) == len(set(reader.applied())) == 100


def test_poison_is_parked_and_its_number_counts(world: World, reader: Reader, published: Relay) -> None:
    world.append([world.record("one", b"first"), world.record("one", b"garbage\x00\xff"), world.record("one", b"last")])

    with running(reader.consumer.run, reader.relay.run):
        eventually(lambda: reader.applied() == [b"first", b"last"])
        eventually(lambda: len(letters_in_topic(world)) == 1)

    (value, headers), *others = letters_in_topic(world)
    assert not others
    assert value == b"garbage\x00\xff"
    assert headers["dlq.reason"] == UNDECODABLE.encode()
    assert headers["dlq.original.sequence"] == b"2"
    assert headers["kafka_dlt-original-topic"] == world.topic.encode()


def test_a_message_that_cannot_be_applied_is_parked_alone(world: World, reader: Reader, published: Relay) -> None:
    world.append([world.record("one", value) for value in (b"a", b"b", b"unacceptable", b"c")])

    with running(reader.consumer.run):
        eventually(lambda: reader.applied() == [b"a", b"b", b"c"])

    with world.database.connection() as connection:
        rows = fetch(connection, "SELECT reason, value, sequence, error FROM dead_letters")
    assert rows == [(INVARIANT_BROKEN, b"unacceptable", 3, "ValueError: this one cannot be")]


def test_foreign_records_are_parked_and_block_nothing(world: World, reader: Reader, published: Relay) -> None:
    producer = Producer({"bootstrap.servers": world.settings.kafka_bootstrap_servers})
    for partition in range(PARTITIONS):
        producer.produce(world.topic, b"stranger", key=b"one", partition=partition, headers=[("sequence", b"1")])
    assert producer.flush(10) == 0
    world.append(world.records(20))

    with running(reader.consumer.run, reader.relay.run):
        eventually(lambda: len(reader.applied()) == 20)
        eventually(lambda: len(letters_in_topic(world)) == PARTITIONS)

    with world.database.connection() as connection:
        assert {reason for (reason,) in fetch(connection, "SELECT reason FROM dead_letters")} == {FOREIGN_RECORD}


def test_types_this_service_does_not_use_are_skipped(world: World, reader: Reader, published: Relay) -> None:
    world.append([world.record("one", b"unused"), world.record("one", b"used")])

    with running(reader.consumer.run):
        eventually(lambda: reader.applied() == [b"used"])

    with world.database.connection() as connection:
        assert fetch(connection, "SELECT count(*) FROM dead_letters") == [(0,)]


def test_nothing_beyond_a_gap_is_applied_until_the_missing_number_comes(world: World, reader: Reader) -> None:
    producer = Producer({"bootstrap.servers": world.settings.kafka_bootstrap_servers})

    def produce(sequence: int) -> None:
        headers: list[tuple[str, str | bytes | None]] = [
            ("sequence", str(sequence).encode()),
            ("event_id", str(world.record("x").event_id).encode()),
        ]
        producer.produce(world.topic, str(sequence).encode(), partition=0, headers=headers)
        assert producer.flush(10) == 0

    for sequence in (1, 2, 4, 5):
        produce(sequence)
    with running(reader.consumer.run):
        eventually(lambda: stored(world).get(TopicPartition(world.topic, 0), inbox.Position(0, 0, 0)).next_offset == 4)
        beyond = reader.applied()
        for sequence in (3, 4, 5, 6):
            produce(sequence)
        eventually(lambda: len(reader.applied()) == 6)

    assert beyond == [b"1", b"2"]
    assert reader.applied() == [b"1", b"2", b"3", b"4", b"5", b"6"]


def test_positions_reach_the_end_of_the_log_when_nothing_is_left(
    world: World, reader: Reader, published: Relay
) -> None:
    world.append(world.records(60))
    partitions = [TopicPartition(world.topic, number) for number in range(PARTITIONS)]

    with running(reader.consumer.run):
        eventually(lambda: len(reader.applied()) == 60)
        eventually(
            lambda: (
                {partition: position.next_offset for partition, position in stored(world).items()}
                == world.kafka.stable_ends(partitions)
            )
        )


def test_two_consumers_split_the_partitions_and_one_takes_over(world: World, reader: Reader, published: Relay) -> None:
    with running(reader.consumer.run):
        eventually(lambda: reader.consumer.not_ready() is None)
        with ExitStack() as second_life:
            second = Reader(world)
            second_life.enter_context(running(second.consumer.run))
            eventually(lambda: second.consumer.not_ready() is None and len(second.consumer.claimed) in (1, 2))
            world.append(world.records(200))
            eventually(lambda: len(reader.applied()) >= 200)
        world.append(world.records(200, "alone"))
        eventually(lambda: len(reader.applied()) >= 400)

    assert len(reader.applied()) == len(set(reader.applied())) == 400


def test_a_zombie_writes_nothing(world: World, reader: Reader, published: Relay) -> None:
    entered, release = threading.Event(), threading.Event()
    outcomes: list[type[Exception] | None] = []
    handle = reader.handle

    def frozen(batch: Batch) -> None:
        if batch.messages and not entered.is_set():
            entered.set()
            assert release.wait(30)
        try:
            handle(batch)
        except Exception as error:
            outcomes.append(type(error))
            raise
        outcomes.append(None)

    reader.consumer = Consumer(
        reader.group, [world.topic], reader.database, world.kafka, decode, frozen, world.settings
    )
    world.append(world.records(30))
    with running(reader.consumer.run):
        assert entered.wait(30)
        partitions = [TopicPartition(world.topic, number) for number in range(PARTITIONS)]
        with world.database.transaction() as transaction:
            claimed = inbox.claim(transaction, world.kafka.describe([world.topic]), partitions)
        release.set()
        eventually(lambda: len(reader.applied()) >= 30)

    assert outcomes[0] is Superseded
    assert all(position.epoch == 2 for position in claimed.values())
    assert len(reader.applied()) == len(set(reader.applied())) == 30


def test_a_record_too_large_for_a_dead_letter_is_kept_whole_in_the_database(world: World, reader: Reader) -> None:
    zeros = bytes(3_000_000)  # the broker's limit is on compressed bytes
    producer = Producer(
        {
            "bootstrap.servers": world.settings.kafka_bootstrap_servers,
            "compression.type": "zstd",
            "message.max.bytes": 8 << 20,
        }
    )
    producer.produce(world.topic, zeros, key=b"key", partition=0)
    assert producer.flush(10) == 0

    with running(reader.consumer.run, reader.relay.run):
        eventually(lambda: len(letters_in_topic(world)) == 1)

    ((value, headers),) = letters_in_topic(world)
    assert value is None
    assert b"do not fit" in (headers["dlq.omitted"] or b"")
    with world.database.connection() as connection:
        assert fetch(connection, "SELECT length(value) FROM dead_letters") == [(3_000_000,)]


def test_a_gap_is_known_after_a_restart(world: World, reader: Reader) -> None:
    producer = Producer({"bootstrap.servers": world.settings.kafka_bootstrap_servers})
    headers: list[tuple[str, str | bytes | None]] = [("sequence", b"3"), ("event_id", str(world.record("x").event_id))]
    producer.produce(world.topic, b"3", partition=0, headers=headers)
    assert producer.flush(10) == 0
    place = TopicPartition(world.topic, 0)

    with running(reader.consumer.run):
        eventually(lambda: place in stored(world) and stored(world)[place].waiting_for == 1)
    again = Reader(world)
    with running(again.consumer.run):
        eventually(lambda: again.consumer.not_ready() is None)
        eventually(lambda: stored(world)[place].epoch == 2)

    assert stored(world)[place].waiting_for == 1


def test_a_log_that_was_cut_below_the_position_is_read_again(world: World, reader: Reader, published: Relay) -> None:
    world.append(world.records(30))
    with running(reader.consumer.run):
        eventually(lambda: len(reader.applied()) == 30)
    with world.database.transaction() as transaction:
        run(transaction, "UPDATE inbox SET next_offset = 1_000")

    world.append(world.records(30, "later"))
    with running(reader.consumer.run):
        eventually(lambda: len(reader.applied()) == 60)

    assert len(set(reader.applied())) == 60


def letters_in_topic(world: World) -> list[tuple[object, dict[str, bytes | None]]]:
    partitions = [TopicPartition(world.dead_letter_topic, number) for number in range(PARTITIONS)]
    return [
        (message.value(), dict(message.headers() or []))  # type: ignore[arg-type]
        for message in world.kafka.read(world.kafka.starts(partitions), world.kafka.stable_ends(partitions))
    ]
