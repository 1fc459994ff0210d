"""A small world for the kit: two topics with names of their own, one database, no orders anywhere."""

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from uuid import UUID, uuid4, uuid5

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from services.messaging import outbox, ranges
from services.messaging.database import Database, Guard
from services.messaging.errors import DependencyUnavailable, Unprepared
from services.messaging.kafka import Kafka
from services.messaging.records import Headers, OutboxRow, Record, TopicPartition
from services.messaging.settings import MessagingSettings
from services.messaging.tables import REPUBLICATION, statements

PARTITIONS = 3
WAIT_SECONDS = 45.0
NAMES = UUID("5f7f8a1e-3c7b-4d1c-9a52-0d8e3a6c1b11")


@dataclass(frozen=True)
class World:
    """What a test of the kit stands on."""

    topic: str
    dead_letter_topic: str
    url: str
    database: Database
    kafka: Kafka
    settings: MessagingSettings
    opened: list[Database] = field(default_factory=list)

    def open(self, application: str, *, guard: Guard | None = None) -> Database:
        """Another process's connections to the same database."""
        database = Database(self.url, self.settings, application=application, guard=guard)
        self.opened.append(database)
        return database

    @property
    def topics(self) -> list[str]:
        return [self.topic, self.dead_letter_topic]

    @property
    def kept(self) -> dict[str, float]:
        """The topics with their retention in seconds."""
        return dict.fromkeys(self.topics, 3600.0)

    def append(self, records: Sequence[Record]) -> list[OutboxRow]:
        with self.database.transaction() as transaction:
            return outbox.append(transaction, records, PARTITIONS)

    def record(self, key: str, value: bytes = b"value", *, headers: Headers = (), topic: str | None = None) -> Record:
        return Record(topic or self.topic, key.encode(), value, uuid4(), headers)

    def records(self, count: int, seed: str = "a") -> list[Record]:
        """Records over all partitions with ids that follow from the seed."""
        return [
            Record(
                self.topic,
                f"key-{number % 17}".encode(),
                f"{seed}-{number}".encode(),
                uuid5(NAMES, f"{self.topic}{seed}{number}"),
            )
            for number in range(count)
        ]


def new_topics(bootstrap: str, *names: str, partitions: int = PARTITIONS) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(name, partitions, 1) for name in names]).values():
        future.result()
    kafka, made = Kafka(bootstrap), [TopicPartition(name, number) for name in names for number in range(partitions)]

    def led() -> bool:
        try:
            return len(kafka.starts(made)) == len(made)
        except (DependencyUnavailable, Unprepared):
            return False

    eventually(led)


def test_settings(bootstrap: str, **changed: object) -> MessagingSettings:
    values: dict[str, object] = {
        "kafka_bootstrap_servers": bootstrap,
        "topic_partitions": PARTITIONS,
        "relay_lease_seconds": 2.0,
        "outbox_range_rows": 1_000,
    }
    return MessagingSettings.model_validate(values | changed)


def prepare(url: str, topics: Sequence[str], range_rows: int = 1_000) -> None:
    """What a service's `migrate` does."""
    with psycopg.connect(url) as connection:
        for statement in (*statements(topics), REPUBLICATION):
            connection.execute(statement.encode())
    database = Database(url, MessagingSettings(), application="prepare")
    with database.transaction() as transaction:
        outbox.create_heads(transaction, topics, PARTITIONS)
        for topic in topics:
            ranges.make_ahead(transaction, topic, 0, range_rows)
    database.close()


@pytest.fixture
def world(kafka: str, database: str) -> Iterator[World]:
    name = f"kit-{uuid.uuid4().hex[:12]}"
    new_topics(kafka, name, f"{name}.dlq")
    prepare(database, [name, f"{name}.dlq"])
    settings = test_settings(kafka)
    opened = Database(database, settings, application="test")
    made = World(name, f"{name}.dlq", database, opened, Kafka(kafka), settings)
    yield made
    for each in (opened, *made.opened):
        each.close()


@contextmanager
def running(*loops: Callable[[threading.Event], None]) -> Iterator[threading.Event]:
    """Run loops in threads until the block ends; an error of one fails the test."""
    stopping = threading.Event()
    errors: list[BaseException] = []

    def guarded(loop: Callable[[threading.Event], None]) -> None:
        try:
            loop(stopping)
        except BaseException as error:  # noqa: BLE001 - raised in the test
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=[loop], daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    try:
        yield stopping
    finally:
        stopping.set()
        for thread in threads:
            thread.join(WAIT_SECONDS)
    assert not errors, errors
    assert not any(thread.is_alive() for thread in threads)


def eventually(condition: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Wait for a condition; fails when it does not come."""
    pause, deadline = threading.Event(), monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not come to pass in time"
        pause.wait(0.02)
