"""Databases restored from the past, logs that were cut, other clusters: what refuses is mended, and nothing is lost."""

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

import pytest
from confluent_kafka import Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient
from psycopg import sql

from services.messaging import adoption, outbox, republishing
from services.messaging.database import Transaction, fetch, run
from services.messaging.errors import ForeignLog, LogAheadOfDatabase, NotInOutbox, RepairImpossible
from services.messaging.headers import identity, stamped
from services.messaging.kafka import headers_of, place
from services.messaging.records import Message, OutboxRow, Record, SchemaUse, TopicPartition
from services.messaging.relay import Relay
from services.messaging.repair import Renumbered, Repaired, repair
from services.messaging.survey import survey
from services.messaging.tables import outbox_table
from services.messaging.tests.conftest import PARTITIONS, World, eventually, running
from services.messaging.tests.test_consumer import Reader, letters_in_topic, reader, stored  # noqa: F401 - a fixture
from services.messaging.tests.test_refusal import forget
from services.messaging.tests.test_relay import is_dense, log_of, relay_of


class Ledger:
    """An owner that writes down what it is told."""

    def __init__(self, told: Sequence[Record] = ()) -> None:
        self.values: list[bytes | None] = []
        self.moved: list[Renumbered] = []
        self.told = told

    def renumber(self, _: Transaction, moved: Sequence[Renumbered]) -> None:
        self.moved.extend(moved)

    def put_back(self, _: Transaction, messages: Sequence[Message]) -> None:
        self.values.extend(message.value for message in messages)

    def finish(self, _: Transaction) -> Iterable[Record]:
        return self.told


def publish(world: World, records: Sequence[Record]) -> None:
    already = sum(map(len, log_of(world).values()))
    with running(relay_of(world).run):
        world.append(records)
        eventually(lambda: sum(map(len, log_of(world).values())) == already + len(records))


def ids_in_log(world: World) -> dict[TopicPartition, list[UUID]]:
    partitions = [TopicPartition(topic, number) for topic in world.topics for number in range(PARTITIONS)]
    ids: dict[TopicPartition, list[UUID]] = {partition: [] for partition in partitions}
    for message in world.kafka.read(world.kafka.starts(partitions), world.kafka.stable_ends(partitions)):
        own = identity(headers_of(message))
        assert own is not None
        ids[place(message)[0]].append(own.event_id)
    return ids


def ids_in_outbox(world: World) -> dict[TopicPartition, list[UUID]]:
    with world.database.connection() as connection:
        return {
            TopicPartition(topic, partition): [
                row.event_id for row in outbox.read(connection, topic, {partition: 0}, 10_000)
            ]
            for topic in world.topics
            for partition in range(PARTITIONS)
        }


def mend(world: World, owner: Ledger | None = None) -> Repaired:
    def decode(_: str, value: bytes | None) -> tuple[object, SchemaUse]:
        return value, SchemaUse("subject", 1, 1)

    relay = relay_of(world)
    with relay.standing_still(20) as renew, world.database.transaction() as transaction:
        return repair(transaction, world.kafka, "kit", world.topics, decode, owner or Ledger(), lambda _: renew())


def test_forgotten_events_are_put_back_under_their_numbers(world: World) -> None:
    records = world.records(60)
    publish(world, records)
    forget(world)
    owner = Ledger()

    done = mend(world, owner)

    assert done == Repaired(put_back=60 - 5 * PARTITIONS)
    assert len(owner.values) == 60 - 5 * PARTITIONS
    assert set(owner.values) < {record.value for record in records}
    assert ids_in_outbox(world) == ids_in_log(world)
    publish(world, world.records(30, "later"))
    assert is_dense(log_of(world))


def test_what_was_never_published_follows_the_log(world: World) -> None:
    publish(world, world.records(60))
    forget(world)
    world.append(world.records(30, "fresh"))  # by a process that has not looked: these numbers are taken
    owner = Ledger()

    done = mend(world, owner)

    assert done == Repaired(put_back=60 - 5 * PARTITIONS, renumbered=30)
    assert all(each.after is not None and each.after > each.before > 5 for each in owner.moved)
    with running(relay_of(world).run):
        eventually(lambda: sum(map(len, log_of(world).values())) == 90)
    assert is_dense(log_of(world))
    assert ids_in_outbox(world) == ids_in_log(world)


def test_an_event_that_was_made_again_is_not_published_again(world: World) -> None:
    records = world.records(60)
    publish(world, records)
    forget(world)
    known = {event_id for ids in ids_in_outbox(world).values() for event_id in ids}
    made_again = [record for record in records if record.event_id not in known]
    world.append(made_again[::-1])  # what a handler that runs again makes: the same events, in another order

    done = mend(world)

    assert done == Repaired(put_back=45, dropped=45)
    publish(world, world.records(20, "later"))
    assert is_dense(log_of(world))
    assert ids_in_outbox(world) == ids_in_log(world)
    assert max(Counter(event_id for ids in ids_in_log(world).values() for event_id in ids).values()) == 1


def test_what_the_owner_has_to_tell_besides_follows_too(world: World) -> None:
    publish(world, world.records(60))
    forget(world)

    done = mend(world, Ledger(told=[world.record("one", b"squared")]))

    assert done.told == 1
    with running(relay_of(world).run):
        eventually(lambda: sum(map(len, log_of(world).values())) == 61)
    assert is_dense(log_of(world))


def test_forgotten_dead_letters_are_kept_again(world: World, reader: Reader) -> None:  # noqa: F811
    writer = Relay(f"writer-{world.topic}", {world.topic: 3600.0}, world.open("writer"), world.kafka, world.settings)
    with running(writer.run, reader.consumer.run, reader.relay.run):  # one topic, one writer
        world.append([world.record("one", value) for value in (b"a", b"garbage", b"b")])
        eventually(lambda: len(reader.applied()) == 2)
        eventually(lambda: len(letters_in_topic(world)) == 1)
    columns = 'reason, error, attempts, topic, topic_id, partition, "offset", sequence, event_id, key, value, headers'
    with world.database.transaction() as transaction:
        kept = fetch(transaction, sql.SQL("SELECT id, {} FROM dead_letters").format(sql.SQL(columns)))
        run(transaction, "DELETE FROM dead_letters")
        run(transaction, sql.SQL("DELETE FROM {}").format(sql.Identifier(outbox_table(world.dead_letter_topic))))
        run(transaction, "UPDATE outbox_head SET last_sequence = 0 WHERE topic = %s", [world.dead_letter_topic])
        run(transaction, "DELETE FROM outbox_note WHERE topic = %s", [world.dead_letter_topic])

    done = mend(world)

    assert done == Repaired(put_back=1)
    with world.database.connection() as connection:
        assert fetch(connection, sql.SQL("SELECT id, {} FROM dead_letters").format(sql.SQL(columns))) == kept


def test_a_log_that_has_lost_records_cannot_repair(world: World) -> None:
    publish(world, [world.record("one", str(number).encode()) for number in range(20)])
    forget(world)
    at = next(partition for partition, records in log_of(world).items() if records)
    cut(world, at, 10)  # the database knows numbers up to 5, the log begins with 11

    with pytest.raises(RepairImpossible, match="has no number 6"):
        mend(world)


def test_what_was_sent_again_into_a_hole_is_known_and_repaired(world: World) -> None:
    """The log says 1, 2, 4, 3, 4, 5: number 3 was lost, and sent again with all that follow."""
    records = [world.record("one", str(number).encode()) for number in range(1, 6)]
    world.append(records)
    (at,) = [at for at, ids in ids_in_outbox(world).items() if ids]
    producer = Producer({"bootstrap.servers": world.settings.kafka_bootstrap_servers})
    for number in (1, 2, 4, 3, 4, 5):
        record = records[number - 1]
        row = OutboxRow(*at, number, record.event_id, record.key, record.value)
        producer.produce(world.topic, record.value, record.key, at.partition, headers=stamped(row))
    assert producer.flush(10) == 0
    with world.database.transaction() as transaction:
        outbox.take_after(transaction, at, 2)
        outbox.set_head(transaction, at, 2)

    done = mend(world)

    assert done == Repaired(put_back=3)
    assert ids_in_outbox(world)[at] == [record.event_id for record in records]
    with world.database.connection() as connection:
        survey(connection, world.kafka, world.topics)
        assert republishing.reached(connection, at) == 5


def test_an_undecided_log_cannot_repair(world: World) -> None:
    settings = world.settings.model_copy(update={"relay_stable_wait_seconds": 0.1})
    relay = Relay(f"kit-{world.topic}", world.kept, world.open("relay"), world.kafka, settings)
    stranger = Producer(
        {"bootstrap.servers": world.settings.kafka_bootstrap_servers, "transactional.id": f"stranger-{world.topic}"}
    )
    stranger.init_transactions(30)
    stranger.begin_transaction()
    stranger.produce(world.topic, b"open", partition=0)
    stranger.flush(10)

    with pytest.raises(RepairImpossible, match="transaction is open"), relay.standing_still(20):
        raise AssertionError("it stands still")
    stranger.abort_transaction(10)
    with relay.standing_still(20):
        pass


def test_a_relay_at_work_notices_that_its_database_went_back(world: World) -> None:
    relay = relay_of(world)
    with running(relay.run):
        world.append(world.records(60))
        eventually(lambda: sum(map(len, log_of(world).values())) == 60)
        forget(world)
        eventually(lambda: relay.refusal is not None)

    assert "pipeline repair" in (relay.refusal or "")
    assert mend(world) == Repaired(put_back=60 - 5 * PARTITIONS)


def test_a_repaired_database_may_write(world: World) -> None:
    publish(world, world.records(60))
    forget(world)
    with pytest.raises(LogAheadOfDatabase, match="pipeline repair"), world.database.connection() as connection:
        survey(connection, world.kafka, world.topics)

    mend(world)

    with world.database.connection() as connection:
        survey(connection, world.kafka, world.topics)


# Republishing


def cut(world: World, at: TopicPartition, offset: int) -> None:
    """Delete the records of a partition before an offset, as retention does."""
    admin = AdminClient({"bootstrap.servers": world.settings.kafka_bootstrap_servers})
    for future in admin.delete_records([Place(at.topic, at.partition, offset)]).values():
        future.result(30)


def waiting(world: World) -> dict[int, int | None]:
    return {at.partition: position.waiting_for for at, position in stored(world).items()}


def test_a_consumer_that_lags_behind_the_log_gets_what_it_misses(world: World, reader: Reader) -> None:  # noqa: F811
    records = world.records(150)
    publish(world, records)
    for partition in range(PARTITIONS):
        cut(world, TopicPartition(world.topic, partition), 8)

    with running(relay_of(world).run, reader.consumer.run):
        eventually(lambda: set(waiting(world).values()) == {1})
        beyond_the_gap = reader.applied()
        with world.database.transaction() as transaction:
            for partition in range(PARTITIONS):
                republishing.request(transaction, TopicPartition(world.topic, partition), 1)
        world.append(world.records(30, "meanwhile"))
        eventually(lambda: len(reader.applied()) >= 180)
        eventually(lambda: set(waiting(world).values()) == {None})

    assert beyond_the_gap == []
    assert len(reader.applied()) == len(set(reader.applied())) == 180
    with world.database.connection() as connection:
        assert fetch(connection, "SELECT first_sequence FROM republication WHERE finished_at IS NOT NULL") == [(1,)] * 3


def test_copies_are_dropped_by_who_has_applied_them_and_do_not_move_the_position(
    world: World,
    reader: Reader,  # noqa: F811
) -> None:
    records = world.records(150)
    with running(relay_of(world).run, reader.consumer.run):
        world.append(records)
        eventually(lambda: len(reader.applied()) == 150)
        with world.database.transaction() as transaction:
            for partition in range(PARTITIONS):
                republishing.request(transaction, TopicPartition(world.topic, partition), 3)
        eventually(lambda: sum(map(len, log_of(world).values())) == 300 - 2 * PARTITIONS)
    with running(relay_of(world).run, reader.consumer.run):  # a start reads its position past the copies
        world.append(world.records(30, "later"))
        eventually(lambda: len(reader.applied()) >= 180)

    assert len(reader.applied()) == len(set(reader.applied())) == 180
    for at, seen in log_of(world).items():
        numbers = [sequence for sequence, _ in seen]
        assert sorted(set(numbers)) == list(range(1, max(numbers, default=0) + 1)), at


def test_a_republication_survives_its_relay(world: World, reader: Reader) -> None:  # noqa: F811
    publish(world, world.records(150))
    for partition in range(PARTITIONS):
        cut(world, TopicPartition(world.topic, partition), 8)
    with world.database.transaction() as transaction:
        for partition in range(PARTITIONS):
            republishing.request(transaction, TopicPartition(world.topic, partition), 1)

    with running(reader.consumer.run):
        eventually(lambda: set(waiting(world).values()) == {1})
        with running(relay_of(world).run):
            eventually(lambda: len(reader.applied()) >= 150)

    assert len(reader.applied()) == len(set(reader.applied())) == 150


@pytest.mark.parametrize("number", [0, 21, 10**9])
def test_what_the_outbox_does_not_have_cannot_be_sent_again(world: World, number: int) -> None:
    world.append([world.record("one") for _ in range(20)])
    (at,) = [at for at, ids in ids_in_outbox(world).items() if ids]

    with pytest.raises(NotInOutbox, match="keeps numbers 1 to 20"), world.database.transaction() as transaction:
        republishing.request(transaction, at, number)


# Adopting


def test_a_beginning_that_nobody_can_send_again_is_adopted_openly(world: World, reader: Reader) -> None:  # noqa: F811
    publish(world, world.records(150))
    for partition in range(PARTITIONS):
        cut(world, TopicPartition(world.topic, partition), 8)

    with running(reader.consumer.run, relay_of(world).run):
        eventually(lambda: set(waiting(world).values()) == {1})
        given_up = adoption.adopt_beginnings(world.database, world.kafka, [world.topic])
        eventually(lambda: len(reader.applied()) >= 150 - 8 * PARTITIONS)
        world.append(world.records(30, "later"))
        eventually(lambda: len(reader.applied()) >= 180 - 8 * PARTITIONS)

    assert [(each.first, each.last) for each in given_up] == [(1, 8)] * PARTITIONS
    assert len(reader.applied()) == len(set(reader.applied())) == 180 - 8 * PARTITIONS


def test_a_topic_made_anew_gets_what_the_outbox_keeps_once_it_is_adopted(
    world: World,
    reader: Reader,  # noqa: F811
) -> None:
    with running(relay_of(world).run, reader.consumer.run):
        world.append(world.records(150))
        eventually(lambda: len(reader.applied()) == 150)
    with world.database.transaction() as transaction:  # as if all of it had been another topic's
        run(transaction, "UPDATE outbox_note SET topic_id = 'another'")
        run(transaction, "UPDATE inbox SET topic_id = 'another', next_offset = 100000")
    with pytest.raises(ForeignLog, match="--adopt"), world.database.connection() as connection:
        survey(connection, world.kafka, world.topics)

    cluster = world.kafka.describe(world.topics)
    with world.database.transaction() as transaction:
        adoption.adopt_log(transaction, cluster, world.topics)
        adoption.adopt_positions(transaction, cluster, [world.topic])
    with running(relay_of(world).run, reader.consumer.run):
        world.append(world.records(30, "later"))
        eventually(lambda: len(reader.applied()) >= 180)

    assert len(reader.applied()) == len(set(reader.applied())) == 180
    assert {position.last_sequence for position in stored(world).values()} == {
        len(ids) for at, ids in ids_in_outbox(world).items() if at.topic == world.topic
    }
