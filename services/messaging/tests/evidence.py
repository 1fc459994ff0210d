"""What must hold after any drill: the log is the outbox, once and in order."""

from uuid import UUID

from services.messaging import outbox
from services.messaging.headers import identity
from services.messaging.kafka import headers_of, place
from services.messaging.records import TopicPartition
from services.messaging.tests.conftest import PARTITIONS, World

Entry = tuple[int, UUID, object]


def visible(world: World) -> dict[TopicPartition, list[Entry]]:
    """Number, event id and value of every committed record of the world's topic, per partition in log order."""
    partitions = [TopicPartition(world.topic, number) for number in range(PARTITIONS)]
    seen: dict[TopicPartition, list[Entry]] = {partition: [] for partition in partitions}
    for message in world.kafka.read(world.kafka.starts(partitions), world.kafka.stable_ends(partitions)):
        own = identity(headers_of(message))
        assert own is not None
        seen[place(message)[0]].append((own.sequence, own.event_id, message.value()))
    return seen


def count_visible(world: World) -> int:
    """Committed records of the world's topic."""
    return sum(map(len, visible(world).values()))


def appended(world: World) -> dict[TopicPartition, list[Entry]]:
    """The same of the rows in the outbox."""
    rows: dict[TopicPartition, list[Entry]] = {TopicPartition(world.topic, number): [] for number in range(PARTITIONS)}
    with world.database.connection() as connection:
        for row in outbox.read(connection, world.topic, dict.fromkeys(range(PARTITIONS), 0), 1_000_000):
            rows[TopicPartition(world.topic, row.partition)].append((row.sequence, row.event_id, row.value))
    return rows


def assert_published_once(world: World) -> None:
    """Nothing lost, nothing doubled, numbers dense from 1, event ids and values as in the outbox."""
    log, rows = visible(world), appended(world)
    for partition, entries in rows.items():
        assert [entry[0] for entry in log[partition]] == list(range(1, len(entries) + 1))
        assert log[partition] == entries
