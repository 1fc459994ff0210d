"""Rule 1: a key's partition is the one that librdkafka's ``consistent`` partitioner chooses."""

import random

from confluent_kafka import Message, Producer

from services.messaging.records import partition_of
from services.messaging.tests.conftest import PARTITIONS, World

SEED = 20261123


def test_a_key_goes_where_librdkafkas_consistent_partitioner_puts_it(world: World) -> None:
    chance = random.Random(SEED)
    keys = [b"", b"\x00", "schlüssel".encode(), *(chance.randbytes(chance.randint(1, 60)) for _ in range(300))]
    chosen: dict[bytes | str | None, int | None] = {}

    def delivered(_: object, message: Message) -> None:
        chosen[message.key()] = message.partition()

    producer = Producer({"bootstrap.servers": world.settings.kafka_bootstrap_servers, "partitioner": "consistent"})
    for key in keys:
        producer.produce(world.topic, b"value", key=key, on_delivery=delivered)
    assert producer.flush(10) == 0

    assert chosen == {key: partition_of(key, PARTITIONS) for key in keys}
    assert set(chosen.values()) == set(range(PARTITIONS))
