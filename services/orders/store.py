"""Orders in PostgreSQL. Hot statements take a whole batch as arrays; ordinary reads are SQLAlchemy Core (see reads.py)."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.events.shop.inventory import ProductListed
from services.events.shop.orders import FailureReason, OrderCompleted, OrderFailed, OrderPlaced
from services.messaging.database import Transaction, fetch, run
from services.messaging.records import Message, OutboxRow, SchemaUse
from services.messaging.repair import Renumbered
from services.orders.domain import OrderState, OrderStatus, Product, Refund, fingerprint

_LOCK = """
SELECT order_id, status, failure_reason, refund_amount_minor, refunded_at FROM orders
WHERE order_id = ANY(%b::uuid[]) ORDER BY order_id FOR UPDATE
"""

_SAVE = """
UPDATE orders SET status = changed.status, failure_reason = changed.failure_reason,
    refund_amount_minor = changed.refund_amount_minor, refunded_at = changed.refunded_at, updated_at = %s
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[])
    AS changed (order_id, status, failure_reason, refund_amount_minor, refunded_at)
WHERE orders.order_id = changed.order_id
"""

_INSERT = """
INSERT INTO orders
    (order_id, customer_id, status, currency, payment_method, total_minor, lines, created_at, updated_at)
SELECT order_id, customer_id, 'PENDING', currency, payment_method, total_minor, lines::jsonb, created_at, created_at
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[])
    AS placed (order_id, customer_id, currency, payment_method, total_minor, lines, created_at)
ON CONFLICT (order_id) DO NOTHING
RETURNING order_id
"""

_CLAIM_KEYS = """
INSERT INTO idempotency_keys (key, fingerprint, order_id)
SELECT key, fingerprint, order_id FROM unnest(%s::text[], %b::bytea[], %b::uuid[]) AS claimed (key, fingerprint, order_id)
ORDER BY key
ON CONFLICT (key) DO NOTHING
RETURNING key
"""

_LIST = """
INSERT INTO products (sku, name, unit_price_minor, currency, version)
SELECT sku, name, unit_price_minor, currency, version
FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::text[], %s::bigint[])
    AS listed (sku, name, unit_price_minor, currency, version)
ORDER BY sku
ON CONFLICT (sku) DO UPDATE SET name = excluded.name, unit_price_minor = excluded.unit_price_minor,
    currency = excluded.currency, version = excluded.version
WHERE products.version < excluded.version
"""

_REMEMBER = """
INSERT INTO order_events (order_id, topic, partition, sequence, "offset", schema_id, subject, schema_version, value)
SELECT * FROM unnest(
    %b::uuid[], %s::text[], %b::int[], %b::bigint[], %b::bigint[], %b::int[], %s::text[], %b::int[], %b::bytea[]
)
"""

_RENUMBER = """
UPDATE order_events SET sequence = moved.after
FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::bigint[], %s::bigint[]) AS moved (order_id, topic, partition, before, after)
WHERE order_events.order_id = moved.order_id AND order_events.topic = moved.topic
  AND order_events.partition = moved.partition AND order_events.sequence = moved.before AND "offset" IS NULL
"""

_FORGET = """
DELETE FROM order_events
USING unnest(%s::uuid[], %s::text[], %s::int[], %s::bigint[]) AS moved (order_id, topic, partition, before)
WHERE order_events.order_id = moved.order_id AND order_events.topic = moved.topic
  AND order_events.partition = moved.partition AND order_events.sequence = moved.before AND "offset" IS NULL
"""

POSITIONS_SKIPPED = 1_000_000_000  # more than a forgotten past can have given out; positions are 64 bits wide
_SKIP = """
SELECT setval(pg_get_serial_sequence('order_events', 'position'), nextval(pg_get_serial_sequence('order_events', 'position')) + %s)
"""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An Idempotency-Key that was used: for which request, and which order came of it."""

    fingerprint: bytes
    order_id: UUID


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """An event of an order as it stands in Kafka; ``offset`` is None for an own event."""

    order_id: UUID
    topic: str
    partition: int
    sequence: int
    offset: int | None
    schema: SchemaUse
    value: bytes

    @classmethod
    def consumed(cls, order_id: UUID, message: Message) -> "OrderEvent":
        """An event of another service, as it was read."""
        assert message.sequence is not None
        assert message.schema is not None
        assert message.value is not None
        place = (message.topic, message.partition, message.sequence, message.offset)
        return cls(order_id, *place, message.schema, message.value)

    @classmethod
    def put_back(cls, message: Message) -> "OrderEvent":
        """An own event that was read from the log again."""
        assert isinstance(message.event, OrderPlaced | OrderCompleted | OrderFailed)
        assert message.sequence is not None
        assert message.schema is not None
        assert message.value is not None
        place = (message.topic, message.partition, message.sequence, message.offset)
        return cls(message.event.order_id, *place, message.schema, message.value)

    @classmethod
    def published(cls, order_id: UUID, row: OutboxRow, schema: SchemaUse) -> "OrderEvent":
        """An own event, as it was appended to the outbox."""
        assert row.value is not None
        return cls(order_id, row.topic, row.partition, row.sequence, None, schema, row.value)


def lock(transaction: Transaction, order_ids: Iterable[UUID]) -> dict[UUID, OrderState]:
    """The state of these orders, locked in the order of their ids; one that does not exist is left out."""
    found = {}
    for order_id, status, reason, amount, refunded_at in fetch(transaction, _LOCK, [sorted(set(order_ids))]):
        refund = None if refunded_at is None else Refund(amount, refunded_at)
        found[order_id] = OrderState(order_id, OrderStatus(status), FailureReason(reason) if reason else None, refund)
    return found


def save(transaction: Transaction, orders: Sequence[OrderState], now: datetime) -> None:
    """Write the state of locked orders."""
    if orders:
        columns = [
            [order.order_id for order in orders],
            [order.status.value for order in orders],
            [order.failure_reason and order.failure_reason.value for order in orders],
            [order.refund and order.refund.amount_minor for order in orders],
            [order.refund and order.refund.refunded_at for order in orders],
        ]
        run(transaction, _SAVE, [now, *columns])


def insert(transaction: Transaction, placed: Sequence[OrderPlaced]) -> set[UUID]:
    """Insert new orders; returns the ids of those that were not there yet."""
    columns = [
        [order.order_id for order in placed],
        [order.customer_id for order in placed],
        [order.currency for order in placed],
        [order.payment_method for order in placed],
        [order.total_minor for order in placed],
        [json.dumps(lines_of(order), separators=(",", ":")) for order in placed],
        [order.header.occurred_at for order in placed],
    ]
    return {order_id for (order_id,) in fetch(transaction, _INSERT, columns)} if placed else set()


def lines_of(order: OrderPlaced) -> list[dict[str, str | int]]:
    """The lines as they are stored and answered."""
    return [
        {"sku": line.sku, "quantity": line.quantity, "unit_price_minor": line.unit_price_minor} for line in order.lines
    ]


def keys(transaction: Transaction, wanted: Sequence[str]) -> dict[str, StoredKey]:
    """Those of the Idempotency-Keys that have been used."""
    query = "SELECT key, fingerprint, order_id FROM idempotency_keys WHERE key = ANY(%s)"
    if not wanted:
        return {}
    return {
        key: StoredKey(fingerprint, order_id)
        for key, fingerprint, order_id in fetch(transaction, query, [list(wanted)])
    }


def keys_of(placed: Iterable[OrderPlaced]) -> dict[str, StoredKey]:
    """The Idempotency-Keys that these orders use, where they have one."""
    return {
        each.idempotency_key: StoredKey(fingerprint(each), each.order_id) for each in placed if each.idempotency_key
    }


def claim_keys(transaction: Transaction, claims: Mapping[str, StoredKey]) -> set[str]:
    """Use keys up, waiting for whoever is using one at the same time; returns those that were still free."""
    if not claims:
        return set()
    columns = [
        list(claims),
        [claim.fingerprint for claim in claims.values()],
        [claim.order_id for claim in claims.values()],
    ]
    return {key for (key,) in fetch(transaction, _CLAIM_KEYS, columns)}


def products(transaction: Transaction, skus: Iterable[str]) -> dict[str, Product]:
    """What is known of these products."""
    query = "SELECT sku, name, unit_price_minor, currency, version FROM products WHERE sku = ANY(%s)"
    return {row[0]: Product(*row) for row in fetch(transaction, query, [sorted(set(skus))])}


def list_products(transaction: Transaction, listed: Iterable[ProductListed]) -> None:
    """Take over listings; an older version of a product changes nothing."""
    newest: dict[str, ProductListed] = {}
    for product in listed:
        if product.sku not in newest or newest[product.sku].version < product.version:
            newest[product.sku] = product
    if newest:
        rows = [(p.sku, p.name, p.unit_price_minor, p.currency, p.version) for p in newest.values()]
        run(transaction, _LIST, [list(column) for column in zip(*rows, strict=True)])


def remember(transaction: Transaction, events: Sequence[OrderEvent]) -> None:
    """Add events to the timelines of their orders, in the order given."""
    if events:
        rows = [
            (
                event.order_id, event.topic, event.partition, event.sequence, event.offset,
                event.schema.schema_id, event.schema.subject, event.schema.version, event.value,
            )
            for event in events
        ]  # fmt: skip
        run(transaction, _REMEMBER, [list(column) for column in zip(*rows, strict=True)])


def renumber(transaction: Transaction, moved: Sequence[Renumbered]) -> None:
    """Have timelines name the new numbers of own events; an event that the log has under another number is left out.

    Only entries without an offset can be meant: the others are of events that are in the log.
    """
    gone = [each for each in moved if each.after is None]  # first: another may get the number
    run(transaction, _FORGET, _places(gone))
    kept = [each for each in moved if each.after is not None]
    run(transaction, _RENUMBER, [*_places(kept), [each.after for each in kept]])


def _places(moved: Sequence[Renumbered]) -> list[list[Any]]:
    return [
        [UUID((each.key or b"").decode()) for each in moved],
        [each.partition.topic for each in moved],
        [each.partition.partition for each in moved],
        [each.before for each in moved],
    ]


def skip_positions(transaction: Transaction) -> None:
    """Go on far behind the positions that were given out and forgotten: clients hold them as ``Last-Event-ID``."""
    fetch(transaction, _SKIP, [POSITIONS_SKIPPED])
