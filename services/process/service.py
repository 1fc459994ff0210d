"""What every process of a service is made of: its database, its relay, and its events on the wire."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from codegen.registry.client import Registry
from services.messaging.consumer import Consumer, Handler
from services.messaging.database import Database
from services.messaging.errors import DependencyUnavailable, Unprepared
from services.messaging.kafka import Kafka
from services.messaging.relay import Relay
from services.messaging.survey import guard
from services.messaging.wire import Event, Wire
from services.process.operations import Check, database_check
from services.process.settings import ProcessSettings

log = structlog.get_logger()

Made = TypeVar("Made")

DEPENDENCY_WAIT_SECONDS = 60.0  # after a reboot everything starts at once; later the supervisor tries again
DEPENDENCY_PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Contract:
    """Which events a service writes and reads, by topic, and how their records are keyed."""

    service: str
    dead_letter_topic: str
    """The topic of what the service cannot process: one topic, one writer."""
    writes: Mapping[str, Sequence[type[Event]]]
    reads: Mapping[str, Sequence[type[Event]]]
    key_of: Callable[[Any], str]

    @property
    def own_topics(self) -> list[str]:
        """The topics whose only writer this service is, the dead letter topic last."""
        return [*self.writes, self.dead_letter_topic]


@dataclass(frozen=True, slots=True)
class Service:
    """The parts of one process."""

    contract: Contract
    settings: ProcessSettings
    database: Database
    kafka: Kafka
    registry: Registry
    wire: Wire
    relay: Relay
    relay_database: Database

    def checks(self) -> dict[str, Check]:
        """What every process looks at before it calls itself ready."""
        return {"database": database_check(self.database), "relay": self.relay.not_ready}

    def consumer(self, handler: Handler) -> Consumer:
        """A consumer of everything this service reads."""
        contract = self.contract
        return Consumer(
            contract.service, list(contract.reads), self.database, self.kafka, self.wire.decode, handler, self.settings
        )

    def close(self) -> None:
        """Close the connections."""
        self.database.close()
        self.relay_database.close()
        self.registry.close()


def assemble(contract: Contract, settings: ProcessSettings, database_url: str) -> Service:
    """Make the parts, waiting for Kafka and the registry for a while.

    Raises Unprepared where a topic or schema is missing, DependencyUnavailable where a part does not answer in time.
    """
    kafka = Kafka(settings.kafka_bootstrap_servers)
    registry = Registry(settings.schema_registry_url, timeout_seconds=settings.schema_registry_timeout_seconds)
    wire = _patiently(lambda: Wire(registry, contract.writes, contract.reads, contract.key_of))
    _patiently(lambda: _check_topics(kafka, contract, settings.topic_partitions))
    name = contract.service
    database = Database(database_url, settings, application=name, guard=guard(kafka, contract.own_topics))
    relay_database = Database(database_url, settings, application=f"{name}-relay", wait_for_disk=False)
    relay = Relay(name, _kept_for(contract, settings), relay_database, kafka, settings)
    return Service(contract, settings, database, kafka, registry, wire, relay, relay_database)


def _kept_for(contract: Contract, settings: ProcessSettings) -> dict[str, float]:
    """How long each own topic keeps its records, in seconds."""
    kept = dict.fromkeys(contract.own_topics, settings.outbox_retention_seconds)
    return kept | {contract.dead_letter_topic: settings.dead_letter_retention_seconds}


def _check_topics(kafka: Kafka, contract: Contract, partitions: int) -> None:
    """The key to partition map must be the same everywhere: all topics have the number of partitions that is set."""
    topics = [*contract.own_topics, *contract.reads]
    for topic, found in kafka.describe(topics).partitions.items():
        if found != partitions:
            raise Unprepared(f"{topic} has {found} partitions, TOPIC_PARTITIONS is {partitions}")


def _patiently(make: Callable[[], Made]) -> Made:
    deadline = time.monotonic() + DEPENDENCY_WAIT_SECONDS
    while True:
        try:
            return make()
        except DependencyUnavailable as error:
            if time.monotonic() > deadline:
                raise
            log.info("waiting_for_dependency", reason=str(error))
            time.sleep(DEPENDENCY_PAUSE_SECONDS)
