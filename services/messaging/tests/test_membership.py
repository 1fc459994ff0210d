"""A consumer with a name of its own in its group (static membership, KIP-345), on a real broker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException

from services.messaging import inbox
from services.messaging.consumer import Consumer
from services.messaging.records import Batch, SchemaUse, TopicPartition
from services.messaging.tests.conftest import PARTITIONS, World, eventually, running

SESSION_SECONDS = 30.0
"""Longer than any test waits: whoever gets a partition within has not waited for a session to end."""


def member(world: World, name: str) -> Consumer:
    database = world.open(name)

    def handle(batch: Batch) -> None:
        with database.transaction() as transaction:
            inbox.advance(transaction, batch.advances)

    settings = world.settings.model_copy(
        update={"consumer_instance": name, "consumer_session_timeout_seconds": SESSION_SECONDS}
    )
    use = SchemaUse("subject", 1, 1)
    return Consumer(
        f"named-{world.topic}", [world.topic], database, world.kafka, lambda _, value: (value, use), handle, settings
    )


def takeovers(world: World) -> dict[TopicPartition, int]:
    """How often each partition has been claimed."""
    with world.database.connection() as connection:
        return {place: position.epoch for place, position in inbox.positions(connection, [world.topic]).items()}


def test_one_that_comes_back_has_its_partitions_at_once_and_the_other_keeps_its_own(world: World) -> None:
    stays, goes = member(world, "stays"), member(world, "goes")
    with running(stays.run):
        with running(goes.run):
            eventually(lambda: bool(goes.claimed and stays.claimed) and len(goes.claimed | stays.claimed) == PARTITIONS)
            eventually(lambda: goes.not_ready() is None and stays.not_ready() is None)
            before, of_goes, of_stays = takeovers(world), goes.claimed, stays.claimed
        # closed: one with a name does not leave its group, so it is as if it had been killed
        comes_back = member(world, "goes")
        with running(comes_back.run):
            eventually(lambda: comes_back.not_ready() is None and comes_back.claimed == of_goes, SESSION_SECONDS / 2)

            assert takeovers(world) == before | {place: before[place] + 1 for place in of_goes}
            assert stays.claimed == of_stays


@contextmanager
def beside(consumer: Consumer) -> Iterator[list[BaseException]]:
    """Run a consumer in a thread; what it raises."""
    raised: list[BaseException] = []
    stopping = threading.Event()

    def run() -> None:
        try:
            consumer.run(stopping)
        except KafkaException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield raised
    finally:
        stopping.set()
        thread.join()


def test_one_whose_name_another_took_ends(world: World) -> None:
    first, second = member(world, "the same"), member(world, "the same")
    with beside(first) as raised:
        eventually(lambda: len(first.claimed) == PARTITIONS)
        with running(second.run):
            eventually(lambda: bool(raised))
            eventually(lambda: len(second.claimed) == PARTITIONS)

    assert "fenced" in str(raised[0])
