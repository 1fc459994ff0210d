"""The two places that open inventory's transactions: a batch of payments, and a batch of requests.

Everything between the first statement and COMMIT is here: positions, locks in order, a pure fold, set-based writes, outbox.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from services.events.shop.inventory import ProductListed, StockAdjusted, StockDeducted, StockRejected
from services.events.shop.payments import PaymentCaptured
from services.inventory import domain, metrics, store
from services.inventory.domain import (
    Adjustment,
    AdjustStock,
    Decision,
    InvariantBroken,
    ListProduct,
    Product,
    Refused,
)
from services.messaging import dead_letters, inbox, outbox
from services.messaging.database import Database, Transaction
from services.messaging.dead_letters import INVARIANT_BROKEN
from services.messaging.errors import PoisonMessage, TryAgain
from services.messaging.records import Batch
from services.messaging.relay import Relay
from services.messaging.wire import Wire

SERVICE = "inventory"
DEAD_LETTER_TOPIC = "shop.inventory.dlq"

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Applies batches of payments and of requests, each in one transaction."""

    database: Database
    relay: Relay
    wire: Wire
    partitions: int
    clock: Clock

    def handle(self, batch: Batch) -> None:
        """Decide the stock of a batch of paid orders once: positions, stock, decisions and events commit together."""
        captured = [message.event for message in batch.messages if isinstance(message.event, PaymentCaptured)]
        now, decided, events = self.clock(), list[Decision](), list[StockDeducted | StockRejected]()
        with self.database.transaction() as transaction:
            inbox.advance(transaction, batch.advances)  # fences out a zombie before anything else
            if captured:
                decided, events = _decide(transaction, captured, now)
            parked = dead_letters.park(transaction, SERVICE, DEAD_LETTER_TOPIC, batch.dead_letters)
            rows = outbox.append(transaction, [*map(self.wire.record, events), *parked], self.partitions)
        self.relay.offer(rows)
        _count(decided)

    def write(self, requests: "Sequence[Request]") -> "Sequence[Answer]":
        """Answer a batch of requests in one transaction, in order, each on what the ones before have left."""
        now = self.clock()
        with self.database.transaction() as transaction:
            shelf = _open_shelf(transaction, requests, now)
            answers = [shelf.answer(request) for request in requests]
            shelf.save(transaction)
            rows = outbox.append(transaction, map(self.wire.record, shelf.events), self.partitions)
        self.relay.offer(rows)
        metrics.LISTED.inc(sum(isinstance(event, ProductListed) for event in shelf.events))
        metrics.ADJUSTED.inc(sum(isinstance(event, StockAdjusted) for event in shelf.events))
        return answers


# Payments: deduct what was paid for


def _decide(
    transaction: Transaction, captured: Sequence[PaymentCaptured], now: datetime
) -> tuple[list[Decision], list[StockDeducted | StockRejected]]:
    """Decide in log order, each order on what the ones before have left. Raises PoisonMessage."""
    known = store.decisions(transaction, {each.order_id for each in captured})
    on_hand = store.lock_on_hand(transaction, {line.sku for each in captured for line in each.lines})
    before, decided, events = dict(on_hand), [], []
    for each in captured:
        try:
            decision, event = domain.decide(known.get(each.order_id), each, on_hand, now)
        except InvariantBroken as broken:
            raise PoisonMessage(INVARIANT_BROKEN, str(broken)) from broken
        if event is None:
            continue
        if decision.reason is None:
            for sku, pieces in decision.wanted.items():
                on_hand[sku] -= pieces
        known[each.order_id] = decision
        decided.append(decision)
        events.append(event)
    if decided:
        store.save_on_hand(transaction, [(sku, count) for sku, count in on_hand.items() if count != before[sku]])
        store.save_decisions(transaction, decided)
    return decided, events


def _count(decided: Sequence[Decision]) -> None:
    for decision in decided:
        metrics.DECISIONS.labels(decision.reason.value if decision.reason else "DEDUCTED").inc()
        if decision.reason is None:
            metrics.DEDUCTED.inc(sum(decision.wanted.values()))


# Requests: list products, adjust stock


@dataclass(frozen=True, slots=True)
class ListProducts:
    """One request that lists products; each is judged by itself."""

    products: tuple[ListProduct, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A product after its listing; ``created`` says whether it is new."""

    product: Product
    created: bool


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An adjustment that was made, now or (``replayed``) when its key was first used."""

    adjustment: Adjustment
    replayed: bool


Request = ListProducts | AdjustStock
Answer = tuple[Listed | Refused, ...] | Adjusted | Refused


class Contended(TryAgain):
    """Another process has used the same idempotency key this moment; the transaction is run again."""


def _open_shelf(transaction: Transaction, requests: Sequence[Request], now: datetime) -> "Shelf":
    first: dict[str, ListProduct] = {}
    for request in requests:
        if isinstance(request, ListProducts):
            for command in request.products:
                first.setdefault(command.sku, command)
    adjusting = [request for request in requests if isinstance(request, AdjustStock)]
    new = {sku: domain.new_product(command, now) for sku, command in first.items()}
    created = store.create(transaction, new.values()) if new else set()
    products = store.lock(transaction, ({each.sku for each in adjusting} | new.keys()) - created)
    # locked first: a request with the same key for the same product has been committed, or waits for us
    made = store.adjustments(transaction, {each.idempotency_key for each in adjusting}) if adjusting else {}
    return Shelf(now, products, made, stored=products | {sku: new[sku] for sku in created})


@dataclass(slots=True)
class Shelf:
    """The products and adjustments that a batch of requests is about, as they change request by request."""

    now: datetime
    products: dict[str, Product]
    adjustments: dict[str, Adjustment]
    stored: dict[str, Product]
    """What the database has, products included that this transaction has just made room for."""
    events: list[ProductListed | StockAdjusted] = field(default_factory=list)
    _made: list[Adjustment] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Apply one request."""
        try:
            if isinstance(request, ListProducts):
                return tuple(self._list(command) for command in request.products)
            return self._adjust(request)
        except Refused as refused:
            return refused

    def _list(self, command: ListProduct) -> Listed | Refused:
        known = self.products.get(command.sku)
        try:
            product, event = domain.list_product(known, command, self.now)
        except Refused as refused:
            return refused
        self.products[command.sku] = product
        if event is not None:
            self.events.append(event)
        return Listed(product, created=known is None)

    def _adjust(self, command: AdjustStock) -> Adjusted:
        made = self.adjustments.get(command.idempotency_key)
        if made is not None:
            return Adjusted(domain.repeat(made, command), replayed=True)
        product, adjustment, event = domain.adjust(self.products.get(command.sku), command, self.now)
        self.products[command.sku] = product
        self.adjustments[command.idempotency_key] = adjustment
        self._made.append(adjustment)
        self.events.append(event)
        return Adjusted(adjustment, replayed=False)

    def save(self, transaction: Transaction) -> None:
        """Write what has changed. Raises Contended when another process has used one of the keys meanwhile."""
        changed = [product for sku, product in self.products.items() if product != self.stored[sku]]
        if changed:
            store.save(transaction, changed)
        if not self._made:
            return
        try:
            store.save_adjustments(transaction, self._made)
        except psycopg.errors.UniqueViolation as error:
            raise Contended from error
