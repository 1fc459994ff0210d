"""The one place that opens transactions: what arrives from Kafka, and what arrives over HTTP."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter as Metric

from services.events.shop.inventory import ProductListed
from services.events.shop.orders import OrderCompleted, OrderFailed, OrderPlaced
from services.messaging import dead_letters, inbox, outbox
from services.messaging.database import Database, Transaction
from services.messaging.dead_letters import INVARIANT_BROKEN
from services.messaging.errors import PoisonMessage
from services.messaging.records import Batch, Message, OutboxRow
from services.messaging.relay import Relay
from services.messaging.wire import Wire
from services.orders import domain, reads, store
from services.orders.domain import Consumed, IllegalTransition, OrderRefused, OrderState, PlaceOrder
from services.orders.store import OrderEvent, StoredKey

SERVICE = "orders"
DEAD_LETTER_TOPIC = "shop.orders.dlq"
TOPIC = "shop.orders"

PLACED = Metric("orders_placed_total", "Orders taken")
FINISHED = Metric("orders_finished_total", "Orders that became final", ["status", "reason"])

Clock = Callable[[], datetime]


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Handlers:
    """Applies batches of messages and of requests, each in one transaction."""

    database: Database
    relay: Relay
    wire: Wire
    partitions: int
    clock: Clock
    admits: Callable[[], bool] = _always
    """Whether new orders are taken (rule 12); a process that takes none need not ask."""

    def handle(self, batch: Batch) -> None:
        """Apply a batch once: inbox position, new state and outbox rows commit together or not at all."""
        now = self.clock()
        with self.database.transaction() as transaction:
            inbox.advance(transaction, batch.advances)  # fences out a zombie before anything else
            store.list_products(transaction, [m.event for m in batch.messages if isinstance(m.event, ProductListed)])
            order_messages = [message for message in batch.messages if not isinstance(message.event, ProductListed)]
            before = store.lock(transaction, [_event(message).order_id for message in order_messages])
            after, steps = fold(before, order_messages, now)
            store.save(transaction, [order for order_id, order in after.items() if order != before[order_id]], now)
            parked = dead_letters.park(transaction, SERVICE, DEAD_LETTER_TOPIC, batch.dead_letters)
            published = [event for _, events in steps for event in events]
            rows = outbox.append(transaction, [*map(self.wire.record, published), *parked], self.partitions)
            store.remember(transaction, self._timeline(steps, rows))
        self.relay.offer(rows)
        _count(published)

    def _timeline(self, steps: "Sequence[Step]", rows: Sequence[OutboxRow]) -> list[OrderEvent]:
        """Each message followed by what it led to: the order in which things took effect."""
        appended = {row.event_id: row for row in rows}
        timeline: list[OrderEvent] = []
        for message, events in steps:
            timeline.append(OrderEvent.consumed(_event(message).order_id, message))
            for event in events:
                use = self.wire.schema_of(type(event))
                timeline.append(OrderEvent.published(event.order_id, appended[event.header.event_id], use))
        return timeline

    def place(self, wishes: Sequence[PlaceOrder]) -> "list[Answer]":
        """Take a batch of orders in one transaction; each is judged by itself."""
        if not self.admits():
            return self._turn_away(wishes)
        with self.database.transaction() as transaction:
            used = store.keys(transaction, [wish.idempotency_key for wish in wishes if wish.idempotency_key])
            placing, answers = self._judge(transaction, wishes, used)
            claims = store.keys_of(placing.values())
            free = store.claim_keys(transaction, claims)
            lost = store.keys(transaction, sorted(claims.keys() - free))
            for index, wish in enumerate(wishes):
                if wish.idempotency_key in lost:  # another process was faster with the same key
                    answers[index] = _replay(wish, lost[wish.idempotency_key])
                    placing.pop(index, None)
            new = store.insert(transaction, list(placing.values()))
            events = [event for event in placing.values() if event.order_id in new]
            rows = outbox.append(transaction, map(self.wire.record, events), self.partitions)
            use = self.wire.schema_of(OrderPlaced)
            by_id = {event.header.event_id: event.order_id for event in events}
            store.remember(transaction, [OrderEvent.published(by_id[row.event_id], row, use) for row in rows])
        self.relay.offer(rows)
        PLACED.inc(len(events))
        return [answers.get(index) or _placed(placing[index], new) for index in range(len(wishes))]

    def _turn_away(self, wishes: Sequence[PlaceOrder]) -> "list[Answer]":
        """Take no new order and store nothing; who was taken before is answered with the order.

        That is whose key was used, and who was written by an earlier attempt whose COMMIT got no answer.
        """
        with self.database.connection() as connection:
            used = store.keys(connection, [wish.idempotency_key for wish in wishes if wish.idempotency_key])
            placed = reads.placed(connection, [wish.order_id for wish in wishes])
        return [
            _replay(wish, used[wish.idempotency_key])
            if wish.idempotency_key in used
            else Replayed(wish.order_id)
            if wish.order_id in placed
            else TurnedAway()
            for wish in wishes
        ]

    def _judge(
        self, transaction: Transaction, wishes: Sequence[PlaceOrder], used: Mapping[str, StoredKey]
    ) -> "tuple[dict[int, OrderPlaced], dict[int, Answer]]":
        """Tell apart what is to be placed, by index, and what is answered otherwise. A refusal uses no key up."""
        products = store.products(transaction, [line.sku for wish in wishes for line in wish.lines])
        placing: dict[int, OrderPlaced] = {}
        answers: dict[int, Answer] = {}
        seen: dict[str, StoredKey] = dict(used)
        for index, wish in enumerate(wishes):
            if wish.idempotency_key in seen:
                answers[index] = _replay(wish, seen[wish.idempotency_key])
                continue
            try:
                placing[index] = domain.place(wish, products)
            except OrderRefused as refusal:
                answers[index] = Refused(refusal)
                continue
            seen |= store.keys_of([placing[index]])
        return placing, answers


# Messages

Step = tuple[Message, list[OrderCompleted | OrderFailed]]


def fold(
    orders: Mapping[UUID, OrderState], messages: Sequence[Message], now: datetime
) -> tuple[dict[UUID, OrderState], list[Step]]:
    """Apply messages in log order: two messages of one order build on each other.

    Raises PoisonMessage for one that contradicts its order, or whose order does not exist.
    """
    after, steps = dict(orders), []
    for message in messages:
        event = _event(message)
        if event.order_id not in after:
            raise PoisonMessage(INVARIANT_BROKEN, f"there is no order {event.order_id}")
        try:
            after[event.order_id], events = domain.decide(after[event.order_id], event, now)
        except IllegalTransition as illegal:
            raise PoisonMessage(INVARIANT_BROKEN, str(illegal)) from illegal
        steps.append((message, events))
    return after, steps


def _event(message: Message) -> Consumed:
    assert isinstance(message.event, Consumed)
    return message.event


def _count(published: Sequence[OrderCompleted | OrderFailed]) -> None:
    finished = Counter(
        ("FAILED", event.reason.value) if isinstance(event, OrderFailed) else ("COMPLETED", "") for event in published
    )
    for (status, reason), count in finished.items():
        FINISHED.labels(status, reason).inc(count)


# Requests


@dataclass(frozen=True, slots=True)
class Placed:
    """The order was taken now."""

    event: OrderPlaced


@dataclass(frozen=True, slots=True)
class Replayed:
    """The order was taken before: under the same key, or by an earlier attempt whose COMMIT got no answer."""

    order_id: UUID


@dataclass(frozen=True, slots=True)
class Refused:
    """The order cannot be priced."""

    refusal: OrderRefused


@dataclass(frozen=True, slots=True)
class KeyReused:
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """Too many orders are on their way; nothing was stored, and the same request may be taken later."""


Answer = Placed | Replayed | Refused | KeyReused | TurnedAway


def _placed(event: OrderPlaced, new: Collection[UUID]) -> Answer:
    """The order was placed now, or by an earlier attempt whose COMMIT got no answer (perhaps at another price)."""
    return Placed(event) if event.order_id in new else Replayed(event.order_id)


def _replay(wish: PlaceOrder, used: StoredKey) -> Answer:
    return Replayed(used.order_id) if used.fingerprint == domain.fingerprint(wish) else KeyReused()
