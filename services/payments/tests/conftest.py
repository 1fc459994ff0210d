"""Payments on a real database, with a provider that does what a test tells it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from services.conftest import Feed, OpenService
from services.messaging import inbox
from services.messaging.database import fetch, run
from services.messaging.records import TopicPartition
from services.payments.charger import Charger
from services.payments.domain import Captured, Declined, Refunded
from services.payments.gateway import PaymentGateway
from services.payments.handlers import Handlers
from services.payments.main import CONTRACT
from services.payments.settings import Settings
from services.payments.simulated_provider import SimulatedProvider, simulated_provider
from services.payments.tests.events import NOW
from services.payments.waiting import Waiting
from services.process.migrations import migrate
from services.process.service import Service

WAIT_SECONDS = 30.0


@dataclass
class ScriptedProvider:
    """Does what ``script`` says before it answers; counts calls and charges by idempotency key."""

    script: Callable[[UUID, int], None] = lambda key, attempt: None
    """(idempotency key, number of the call) to nothing, or an error that is raised."""
    calls: dict[UUID, int] = field(default_factory=dict)
    charged: dict[UUID, int] = field(default_factory=dict)
    refunded: dict[UUID, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def charge(
        self, idempotency_key: UUID, amount_minor: int, currency: str, payment_method: str
    ) -> Captured | Declined:
        self._act(idempotency_key)
        self.charged[idempotency_key] = amount_minor
        return Captured()

    def refund(self, idempotency_key: UUID, charge_key: UUID, amount_minor: int, currency: str) -> Refunded:
        self._act(idempotency_key)
        self.refunded[idempotency_key] = amount_minor
        return Refunded()

    def _act(self, key: UUID) -> None:
        with self.lock:
            self.calls[key] = self.calls.get(key, 0) + 1
            number = self.calls[key]
        self.script(key, number)


@dataclass(frozen=True)
class World:
    """A worker of payments without its consumer: what it would have read is handed over by the test."""

    service: Service
    fed: Feed
    settings: Settings
    handlers: Handlers
    waiting: Waiting

    def another(self, **changed: Any) -> "World":
        """A second process on the same database."""
        settings = Settings.model_validate(self.settings.model_dump(exclude={"database_url"}) | changed)
        return made_of(self.service, self.fed, settings)

    def charger(self, gateway: PaymentGateway) -> Charger:
        return Charger(gateway, self.handlers, self.waiting, self.settings)

    @contextmanager
    def charging(self, gateway: PaymentGateway) -> Iterator[None]:
        """Run a charger until the block ends; an error of it fails the test."""
        stopping, errors = threading.Event(), list[BaseException]()

        def guarded() -> None:
            try:
                self.charger(gateway).run(stopping)
            except BaseException as error:  # noqa: BLE001 - raised in the test
                errors.append(error)

        thread = threading.Thread(target=guarded)
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join(WAIT_SECONDS)
        assert not errors, errors
        assert not thread.is_alive()

    def rows(self, query: Any) -> Sequence[tuple[Any, ...]]:
        with self.service.database.connection() as connection:
            return fetch(connection, query)

    def states(self) -> dict[UUID, str]:
        """States of all payments, or of the refund where there is one, by order."""
        return dict(
            self.rows(
                "SELECT order_id, coalesce(refunds.state, payments.state)"
                " FROM payments LEFT JOIN refunds USING (order_id)"
            )
        )

    def published(self) -> list[Any]:
        """The events in the outbox, partition by partition."""
        rows = self.rows("SELECT value FROM outbox_shop_payments ORDER BY partition, sequence")
        return [self.service.wire.decode("shop.payments", value)[0] for (value,) in rows]

    def charged(self) -> int:
        """How many charges the simulated provider has made."""
        ((charged,),) = self.rows("SELECT count(*) FROM simulated_provider WHERE outcome = 'CHARGED'")
        return int(charged)

    def expire_claims(self) -> None:
        """As if the time of all claims and pauses had passed."""
        with self.service.database.transaction() as transaction:
            run(transaction, "UPDATE provider_requests SET next_attempt_at = now()")

    def eventually(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; fails when it does not come."""
        pause = threading.Event()
        for _ in range(int(WAIT_SECONDS / 0.02)):
            if condition():
                return
            pause.wait(0.02)
        raise AssertionError(f"it did not come to pass in time: {self.states()}")


def made_of(service: Service, fed: Feed, settings: Settings) -> World:
    waiting = Waiting(settings.provider_waiting_max, settings.provider_claim_seconds / 2)
    handlers = Handlers(
        service.database,
        service.relay,
        service.wire,
        settings.topic_partitions,
        lambda: NOW,
        waiting,
        settings.retries,
        settings.provider_claim_seconds,
        chance=lambda: 0.0,
    )
    return World(service, fed, settings, handlers, waiting)


@pytest.fixture
def world(open_service: OpenService, feed: Callable[[Service], Feed]) -> World:
    service = open_service(CONTRACT)
    cluster = service.kafka.describe(list(CONTRACT.reads))
    with service.database.transaction() as transaction:
        inbox.claim(transaction, cluster, [TopicPartition(topic, 0) for topic in CONTRACT.reads])
    settings = Settings.model_validate(
        service.settings.model_dump()
        | {
            "provider_retry_first_seconds": 0.05,
            "provider_retry_max_seconds": 0.1,
            "provider_attempts_max": 4,
            "provider_poll_seconds": 0.02,
            "provider_pause_seconds": 0.2,
        }
    )
    return made_of(service, feed(service), settings)


OpenProvider = Callable[[], SimulatedProvider]


@pytest.fixture
def open_provider(database: str) -> Iterator[OpenProvider]:
    """Opens the simulated provider as one process after the other would."""
    settings = Settings()
    migrate(CONTRACT.service, database, settings, CONTRACT.own_topics)
    with ExitStack() as opened:
        yield lambda: opened.enter_context(simulated_provider(database, settings))
