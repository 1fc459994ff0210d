"""Fixtures for the services' tests: the shop's topics and schemas, and a service on a database of its own."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from psycopg import sql

from codegen.contracts import Contracts
from codegen.registry import push
from codegen.registry.client import Registry
from codegen.registry.wire_format import frame
from services.messaging import outbox
from services.messaging.database import fetch, run
from services.messaging.records import Batch, Message
from services.messaging.wire import Event, Wire
from services.process.migrations import migrate
from services.process.service import Contract, Service, assemble
from services.process.settings import ProcessSettings
from stack.topics import ensure_contracts

SCHEMAS = Path(__file__).parent.parent / "schemas"
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

OpenService = Callable[[Contract], Service]


@pytest.fixture(scope="session")
def shop(kafka: str, registry: str) -> ProcessSettings:
    """The shop's topics and schemas; the settings of a process that uses them."""
    contracts = Contracts.load(SCHEMAS)
    ensure_contracts(kafka, contracts)
    with Registry(registry) as opened:
        push.apply(contracts, opened, report=lambda _: None)
    return ProcessSettings(kafka_bootstrap_servers=kafka, schema_registry_url=registry)


@pytest.fixture
def open_service(shop: ProcessSettings, database: str) -> Iterator[OpenService]:
    """Opens a service of a contract on an empty database, migrated; closed after the test."""
    opened: list[Service] = []

    def open_one(contract: Contract) -> Service:
        migrate(contract.service, database, shop, contract.own_topics)
        service = assemble(contract, shop, database)
        service.database.guard = None  # topics outlive a test's database: the log is ahead of it on purpose
        opened.append(service)
        return service

    yield open_one
    for service in opened:
        service.close()


class Feed:
    """Makes batches as a consumer hands them over: every event is a message with the next dense number of its topic."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._numbers: dict[str, Iterator[int]] = {}

    def message(self, event: Event) -> Message:
        """An event as it would be read."""
        use = self._wire.schema_of(type(event))
        topic = use.subject.removesuffix(f"-{event.NAME}")
        sequence = next(self._numbers.setdefault(topic, count(1)))
        value = frame(use.schema_id, event.encode())
        return Message(topic, 0, sequence - 1, None, value, (), sequence, event.header.event_id, event, use)

    def batch(self, *events: Event) -> Batch:
        """A batch of events, in their order; it moves no inbox position."""
        return Batch(tuple(self.message(event) for event in events))


@pytest.fixture
def feed() -> Callable[[Service], Feed]:
    """A feed for a service; it writes what other services would have written."""
    return lambda service: Feed(service.wire)


def published(service: Service) -> list[Message]:
    """The service's own events as its log has them once they are published, partition by partition, dead letters left out."""
    messages = []
    with service.database.connection() as connection:
        for topic in service.contract.writes:
            positions = dict.fromkeys(range(service.settings.topic_partitions), 0)
            for row in outbox.read(connection, topic, positions, limit=10_000):
                event, schema = service.wire.decode(topic, row.value)
                messages.append(
                    Message(
                        topic, row.partition, row.sequence - 1, row.key, row.value, row.headers, row.sequence, row.event_id,
                        event, schema,
                    )
                )  # fmt: skip
    return messages


def forget_everything(service: Service) -> list[Message]:
    """Restore a service's database from before its first event; returns what only its log knows now."""
    known = published(service)
    with service.database.transaction() as transaction:
        tables = fetch(
            transaction,
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
            " AND NOT relispartition AND relname NOT IN ('alembic_version', 'outbox_head', 'inbox')",
        )
        names = sql.SQL(", ").join(sql.Identifier(name) for (name,) in tables)
        run(transaction, sql.SQL("TRUNCATE {}").format(names))
        run(transaction, "UPDATE outbox_head SET last_sequence = 0")
    return known
