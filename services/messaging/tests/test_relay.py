"""The relay on a real broker: everything once, in order, from the position in the log."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from services.messaging import metrics, notes
from services.messaging.database import fetch
from services.messaging.headers import identity
from services.messaging.kafka import headers_of, place
from services.messaging.records import TopicPartition, partition_of
from services.messaging.relay import Relay
from services.messaging.tests.conftest import World, eventually, running


def relay_of(world: World) -> Relay:
    return Relay(f"kit-{world.topic}", world.kept, world.open("relay"), world.kafka, world.settings)


def log_of(world: World) -> Mapping[TopicPartition, list[tuple[int, bytes | None]]]:
    """What a reader of committed records sees: (sequence, value) per partition, foreign records under 0."""
    partitions = [TopicPartition(topic, number) for topic in world.topics for number in range(3)]
    seen: dict[TopicPartition, list[tuple[int, bytes | None]]] = defaultdict(list)
    for message in world.kafka.read(world.kafka.starts(partitions), world.kafka.stable_ends(partitions)):
        own = identity(headers_of(message))
        value = message.value()
        seen[place(message)[0]].append((own.sequence if own else 0, value if isinstance(value, bytes) else None))
    return seen


def is_dense(log: Mapping[TopicPartition, list[tuple[int, bytes | None]]]) -> bool:
    return all([sequence for sequence, _ in records] == list(range(1, len(records) + 1)) for records in log.values())


def test_what_was_committed_is_published_once_and_in_order(world: World) -> None:
    relay = relay_of(world)
    before = world.records(500, "before")
    world.append(before)

    with running(relay.run):
        for batch in range(20):
            relay.offer(world.append(world.records(50, f"batch{batch}")))
        eventually(lambda: sum(map(len, log_of(world).values())) == 1_500)

    log = log_of(world)
    assert is_dense(log)
    assert all(count == 1 for count in Counter(value for records in log.values() for _, value in records).values())


def test_a_relay_that_starts_again_goes_on_where_the_log_ends(world: World) -> None:
    for round_number in range(3):
        with running(relay_of(world).run):
            world.append(world.records(100, f"round{round_number}"))
            eventually(lambda: sum(map(len, log_of(world).values())) == 100 * (round_number + 1))  # noqa: B023

    assert is_dense(log_of(world))


def test_lost_notes_are_found_again_in_the_log(world: World) -> None:
    with running(relay_of(world).run):
        world.append(world.records(100))
        eventually(lambda: sum(map(len, log_of(world).values())) == 100)
    with world.database.transaction() as transaction:
        fetch(transaction, "DELETE FROM outbox_note")

    with running(relay_of(world).run):
        world.append(world.records(10, "later"))
        eventually(lambda: sum(map(len, log_of(world).values())) == 110)

    assert is_dense(log_of(world))
    with world.database.connection() as connection:
        numbered = [
            (TopicPartition(world.topic, partition), sequence)
            for partition in range(3)
            for sequence in range(1, len(log_of(world)[TopicPartition(world.topic, partition)]) + 1)
        ]
        assert len(notes.offsets(connection, numbered)) == 110


def test_foreign_records_between_ours_change_nothing(world: World) -> None:
    with running(relay_of(world).run):
        world.append(world.records(30))
        eventually(lambda: sum(map(len, log_of(world).values())) == 30)
    producer = Producer({"bootstrap.servers": world.settings.kafka_bootstrap_servers})
    for partition in range(3):
        producer.produce(world.topic, b"stranger", partition=partition, headers=[("sequence", b"007")])
    assert producer.flush(10) == 0

    with running(relay_of(world).run):
        world.append(world.records(30, "later"))
        eventually(lambda: sum(map(len, log_of(world).values())) == 63)

    own = {partition: [record for record in records if record[0]] for partition, records in log_of(world).items()}
    assert is_dense(own)


def test_two_relays_share_a_lease(world: World) -> None:
    one, other = relay_of(world), relay_of(world)
    with running(one.run, other.run):
        eventually(lambda: one.not_ready() is None and other.not_ready() is None)
        for batch in range(30):
            world.append(world.records(20, f"batch{batch}"))
        eventually(lambda: sum(map(len, log_of(world).values())) == 600)

    assert is_dense(log_of(world))


def test_a_record_that_kafka_refuses_stops_its_partition_only(world: World) -> None:
    admin = AdminClient({"bootstrap.servers": world.settings.kafka_bootstrap_servers})
    limit = ConfigEntry("max.message.bytes", "5000", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, world.topic, incremental_configs=[limit])
    admin.incremental_alter_configs([resource])[resource].result(30)
    refused = world.record("one", random.Random(1).randbytes(50_000))
    other = next(key for key in map(str, range(100)) if partition_of(key.encode(), 3) != partition_of(b"one", 3))
    starts_before = metrics.RELAY_STARTS._value.get()

    with running(relay_of(world).run):
        world.append(
            [world.record("one", b"before"), refused, world.record("one", b"after"), world.record(other, b"0")]
        )
        for number in range(1, 30):
            world.append([world.record(other, str(number).encode())])
            eventually(lambda: sum(map(len, log_of(world).values())) == 2 + number)  # noqa: B023

    log = log_of(world)
    assert log[TopicPartition(world.topic, partition_of(b"one", 3))] == [(1, b"before")]
    assert metrics.RELAY_STARTS._value.get() - starts_before == 3
