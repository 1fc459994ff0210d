"""The places that open payments' transactions: a batch of messages, taking requests, and recording the provider's answers.

The provider is asked in none of them (see charger.py).
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from uuid import UUID

from services.events.shop.inventory import StockRejected
from services.events.shop.orders import OrderPlaced
from services.messaging import dead_letters, inbox, outbox
from services.messaging.database import Database
from services.messaging.dead_letters import INVARIANT_BROKEN, RETRIES_EXHAUSTED
from services.messaging.errors import PoisonMessage
from services.messaging.records import Batch, Message
from services.messaging.relay import Relay
from services.messaging.wire import Wire
from services.payments import domain, metrics, store
from services.payments.domain import (
    Answer,
    Captured,
    Cause,
    Declined,
    GivenUp,
    InvariantBroken,
    Payment,
    PaymentState,
    ProviderRequest,
    Published,
    Refund,
    Refunded,
    RefundState,
    RetryPolicy,
    Undecided,
)
from services.payments.store import NewRequest, Postponement
from services.payments.waiting import Waiting

SERVICE = "payments"
DEAD_LETTER_TOPIC = "shop.payments.dlq"

Clock = Callable[[], datetime]
Chance = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of one attempt at a request."""

    request: ProviderRequest
    answer: Answer


@dataclass(frozen=True, slots=True)
class Handlers:
    """Applies batches of messages and of answers, each in one transaction."""

    database: Database
    relay: Relay
    wire: Wire
    partitions: int
    clock: Clock
    waiting: Waiting
    retries: RetryPolicy
    claim_seconds: float
    chance: Chance = random.random

    def handle(self, batch: Batch) -> None:
        """Record what a batch asks for, once; the provider is asked after COMMIT."""
        room, begun, now = self.waiting.room(), monotonic(), self.clock()
        with self.database.transaction() as transaction:
            inbox.advance(transaction, batch.advances)  # fences out a zombie before anything else
            order_ids = {_event(message).order_id for message in batch.messages}
            ledger = Ledger(store.payments(transaction, order_ids), store.refunds(transaction, order_ids))
            for message in batch.messages:
                ledger.apply(message, now)
            store.insert_payments(transaction, ledger.new_payments)
            store.complete_payments(transaction, ledger.completed)
            store.insert_refunds(transaction, ledger.new_refunds)
            claims = [self.claim_seconds if index < room else 0.0 for index in range(len(ledger.requests))]
            requests = store.insert_requests(
                transaction, list(map(NewRequest, ledger.requests, ledger.asked_by, claims))
            )
            parked = dead_letters.park(transaction, SERVICE, DEAD_LETTER_TOPIC, batch.dead_letters)
            rows = outbox.append(transaction, [*map(self.wire.record, ledger.events), *parked], self.partitions)
        self.relay.offer(rows)
        self.waiting.offer(requests[:room], begun)
        _count([*ledger.new_payments, *ledger.new_refunds])

    def claim(self, most: int) -> list[ProviderRequest]:
        """Take requests that are due and that no other process has taken."""
        with self.database.transaction() as transaction:
            return store.claim(transaction, most, self.claim_seconds)

    def put_back(self, requests: Sequence[ProviderRequest], delay_seconds: float) -> None:
        """Let anybody take requests that were not asked, where they are still this process's to give."""
        with self.database.transaction() as transaction:
            store.put_back(transaction, requests, delay_seconds)

    def record(self, answered: Sequence[Answered], given_up_as: str = RETRIES_EXHAUSTED) -> None:
        """Record a batch of answers: states, events, next attempts and dead letters commit together.

        An answer to what another process has recorded meanwhile changes nothing. ``given_up_as`` is the reason of dead
        letters.
        """
        now = self.clock()
        with self.database.transaction() as transaction:
            made = store.lock_requests(transaction, {each.request.request_id for each in answered})
            settled = self._settle(answered, made, now)
            store.save_payments(transaction, settled.payments)
            store.save_refunds(transaction, settled.refunds)
            letters = store.dead_letters(transaction, settled.given_up, settled.attempts, given_up_as)
            store.postpone(transaction, settled.postponed)
            store.delete_requests(transaction, settled.done)
            parked = dead_letters.park(transaction, SERVICE, DEAD_LETTER_TOPIC, letters)
            rows = outbox.append(transaction, [*map(self.wire.record, settled.events), *parked], self.partitions)
        self.relay.offer(rows)
        _count([*settled.payments, *settled.refunds])

    def _settle(self, answered: Sequence[Answered], made: dict[UUID, int], now: datetime) -> "Settled":
        settled = Settled()
        for each in answered:
            attempts = made.get(each.request.request_id)
            stale = isinstance(each.answer, Undecided | GivenUp) and attempts != each.request.subject.attempts
            if attempts is None or stale:
                continue  # another process has recorded an answer since this one asked
            del made[each.request.request_id]
            settled.apply(each.request, attempts, domain.bounded(each.answer, attempts + 1, self.retries), now)
            if isinstance(each.answer, Undecided) and each.request.request_id not in settled.given_up:
                delay = self.retries.delay_seconds(attempts + 1, self.chance())
                settled.postponed.append(Postponement(each.request.request_id, attempts + 1, delay))
        return settled


@dataclass(slots=True)
class Ledger:
    """The payments and refunds that a batch is about, by order, as they change message by message."""

    payments: dict[UUID, Payment]
    refunds: dict[UUID, Refund]
    new_payments: list[Payment] = field(default_factory=list)
    new_refunds: list[Refund] = field(default_factory=list)
    completed: list[Payment] = field(default_factory=list)
    """Payments that a repair has put back, whose order is read again."""
    events: list[Published] = field(default_factory=list)
    requests: list[ProviderRequest] = field(default_factory=list)
    asked_by: list[Message] = field(default_factory=list)
    """The message behind each request."""

    def apply(self, message: Message, now: datetime) -> None:
        """Apply one message. Raises PoisonMessage, having changed nothing."""
        try:
            event = _event(message)
            if isinstance(event, OrderPlaced):
                self._place(event, message, now)
            else:
                self._reject(event, message, now)
        except InvariantBroken as broken:
            raise PoisonMessage(INVARIANT_BROKEN, str(broken)) from broken

    def _place(self, placed: OrderPlaced, message: Message, now: datetime) -> None:
        known = self.payments.get(placed.order_id)
        payment, events = domain.request_payment(known, placed, now)
        if known is not None and known.put_back:
            self.payments[placed.order_id] = payment
            self.completed.append(payment)
        if known is None:
            self.payments[placed.order_id] = payment
            self.new_payments.append(payment)
            self.events.extend(events)
            if payment.state is PaymentState.REQUESTED:
                self._ask(ProviderRequest(payment, Cause.of(placed.header)), message)

    def _reject(self, rejected: StockRejected, message: Message, now: datetime) -> None:
        known = self.refunds.get(rejected.order_id)
        refund, events = domain.request_refund(self.payments.get(rejected.order_id), known, rejected, now)
        if known is None:
            self.refunds[rejected.order_id] = refund
            self.new_refunds.append(refund)
            self.events.extend(events)
            if refund.state is RefundState.REQUESTED:
                self._ask(ProviderRequest(refund, Cause.of(rejected.header)), message)

    def _ask(self, request: ProviderRequest, message: Message) -> None:
        self.requests.append(request)
        self.asked_by.append(message)


@dataclass(slots=True)
class Settled:
    """What a batch of answers comes to."""

    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    events: list[Published] = field(default_factory=list)
    done: list[UUID] = field(default_factory=list)
    postponed: list[Postponement] = field(default_factory=list)
    given_up: dict[UUID, str] = field(default_factory=dict)
    attempts: dict[UUID, int] = field(default_factory=dict)

    def apply(self, request: ProviderRequest, attempts: int, answer: Answer, now: datetime) -> None:
        """Apply one answer to a request of which so many attempts had been made."""
        subject = replace(request.subject, attempts=attempts)
        if isinstance(subject, Payment):
            assert not isinstance(answer, Refunded)
            payment, events = domain.settle_charge(subject, answer, request.cause, now)
            self.payments.append(payment)
        else:
            assert not isinstance(answer, Captured | Declined)
            refund, events = domain.settle_refund(subject, answer, request.cause, now)
            self.refunds.append(refund)
        self.events.extend(events)
        if isinstance(answer, GivenUp):
            self.given_up[request.request_id] = answer.error
            self.attempts[request.request_id] = attempts + 1
        if not isinstance(answer, Undecided):
            self.done.append(request.request_id)


def _event(message: Message) -> OrderPlaced | StockRejected:
    assert isinstance(message.event, OrderPlaced | StockRejected)
    return message.event


def _count(changed: Sequence[Payment | Refund]) -> None:
    for each in changed:
        if isinstance(each, Refund):
            if each.state is not RefundState.REQUESTED:
                metrics.REFUNDS.labels(each.state.value).inc()
        elif each.state is not PaymentState.REQUESTED:
            metrics.PAYMENTS.labels(each.state.value, each.decline_reason.value if each.decline_reason else "").inc()
