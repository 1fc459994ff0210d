"""Rule 2: writers that need the same heads in opposite orders wait for each other, and nobody sees a later number first."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from services.messaging import outbox
from services.messaging.database import Database
from services.messaging.tests.conftest import PARTITIONS, World, running

WRITERS = 20
SEED = 20261123


def test_parallel_writers_in_opposite_orders_neither_deadlock_nor_show_a_hole(world: World) -> None:
    settings = world.settings.model_copy(update={"database_writers": WRITERS})
    database, holes = Database(world.url, settings, application="writers"), list[str]()
    world.opened.append(database)

    def write(writer: int) -> None:
        chance = random.Random(SEED + writer)
        for _ in range(8):
            records = [world.record(f"key-{key}", topic=topic) for topic in world.topics for key in range(6)]
            chance.shuffle(records)
            with database.transaction() as transaction:
                outbox.append(transaction, records, PARTITIONS)

    def watch(stopping: threading.Event) -> None:
        while not stopping.is_set():
            holes.extend(missing(world))

    with running(watch), ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(WRITERS)))

    assert not holes
    assert not missing(world)
    assert count(world) == WRITERS * 8 * 12


def missing(world: World) -> list[str]:
    """Numbers that are not there while later ones are, as one reader sees it at one moment."""
    found = []
    with world.database.connection() as connection:
        for topic in world.topics:
            rows = outbox.read(connection, topic, dict.fromkeys(range(PARTITIONS), 0), 100_000)
            for partition in range(PARTITIONS):
                numbers = [row.sequence for row in rows if row.partition == partition]
                if numbers != list(range(1, len(numbers) + 1)):
                    found.append(f"{topic}[{partition}]: {numbers}")
    return found


def count(world: World) -> int:
    with world.database.connection() as connection:
        return sum(outbox.heads(connection, world.topics).values())
