"""What clients are shown: orders, timelines, products. Ordinary queries, by SQLAlchemy Core."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, column, select, table

from services.messaging import notes
from services.messaging.database import Transaction, fetch
from services.messaging.records import TopicPartition
from services.orders.domain import FINAL, OrderStatus, Product

_ORDERS = table(
    "orders",
    *map(
        column,
        (
            "order_id", "customer_id", "status", "failure_reason", "total_minor", "currency", "lines",
            "refund_amount_minor", "refunded_at", "created_at", "updated_at",
        ),
    ),
)  # fmt: skip
_PRODUCTS = table("products", *map(column, ("sku", "name", "unit_price_minor", "currency", "version")))
_EVENTS = """
SELECT event.order_id, wanted.after, event.position, event.topic, event.partition, event.sequence, event."offset",
    event.schema_id, event.subject, event.schema_version, event.value
FROM unnest(%b::uuid[], %b::bigint[]) AS wanted (order_id, after)
CROSS JOIN LATERAL (
    SELECT * FROM order_events WHERE order_id = wanted.order_id AND position > wanted.after ORDER BY position LIMIT %s
) AS event
ORDER BY event.order_id, wanted.after, event.position
"""
_EVENTS_MAX = 1_000  # an order has a dozen at most; the limit keeps PostgreSQL at one index scan for each

After = tuple[UUID, int]
"""An order, and the position of its timeline after which events are wanted."""


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One event of an order, where it stands in Kafka and how it was written; ``value`` is still framed Avro.

    ``position`` grows along the order's timeline: whoever adds to it holds the order's row lock.
    """

    position: int
    topic: str
    partition: int
    sequence: int
    offset: int | None
    schema_id: int
    subject: str
    schema_version: int
    value: bytes

    @property
    def place(self) -> tuple[TopicPartition, int]:
        """Topic partition and number."""
        return TopicPartition(self.topic, self.partition), self.sequence


def orders(transaction: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Orders by id; one that does not exist is left out."""
    found = transaction.execute(select(_ORDERS).where(_ORDERS.c.order_id.in_(order_ids)))
    return {row.order_id: row for row in found}


def placed(transaction: Transaction, order_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the orders that exist."""
    found = fetch(transaction, "SELECT order_id FROM orders WHERE order_id = ANY(%b::uuid[])", [list(order_ids)])
    return {order_id for (order_id,) in found}


def order_page(
    transaction: Transaction, *, status: str | None, customer_id: str | None, before: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Orders, the newest first (an order's id begins with its time), those before an id where one is given."""
    query = select(_ORDERS).order_by(_ORDERS.c.order_id.desc()).limit(limit)
    if status is not None:
        query = query.where(_ORDERS.c.status == status)
    if customer_id is not None:
        query = query.where(_ORDERS.c.customer_id == customer_id)
    if before is not None:
        query = query.where(_ORDERS.c.order_id < before)
    return transaction.execute(query).all()


def final_ones(transaction: Transaction, order_ids: Collection[UUID]) -> dict[UUID, OrderStatus]:
    """Those of the orders that will not change their status any more, with it."""
    query = "SELECT order_id, status FROM orders WHERE order_id = ANY(%b::uuid[]) AND status = ANY(%s)"
    found = fetch(transaction, query, [list(order_ids), [status.value for status in FINAL]])
    return {order_id: OrderStatus(status) for order_id, status in found}


def timeline(transaction: Transaction, order_id: UUID) -> list[TimelineRow]:
    """Every event of an order in the order it took effect; empty for an unknown order."""
    return events(transaction, [(order_id, 0)]).get((order_id, 0), [])


def events(transaction: Transaction, wanted: Collection[After]) -> dict[After, list[TimelineRow]]:
    """What came after each of these positions; who has no news is left out. An own event's offset is in the outbox notes."""
    columns = [[order_id for order_id, _ in wanted], [after for _, after in wanted]]
    found: dict[After, list[TimelineRow]] = {}
    for order_id, after, *row in fetch(transaction, _EVENTS, [*columns, _EVENTS_MAX]):
        found.setdefault((order_id, after), []).append(TimelineRow(*row))
    own = {row.place for rows in found.values() for row in rows if row.offset is None}
    offsets = notes.offsets(transaction, sorted(own)) if own else {}
    return {
        key: [replace(row, offset=offsets.get(row.place)) if row.offset is None else row for row in rows]
        for key, rows in found.items()
    }


def product_page(transaction: Transaction, *, after: str | None, limit: int) -> list[Product]:
    """The product list as orders knows it, by sku."""
    query = select(_PRODUCTS).order_by(_PRODUCTS.c.sku).limit(limit)
    if after is not None:
        query = query.where(_PRODUCTS.c.sku > after)
    return [Product(*row) for row in transaction.execute(query)]


def next_offsets(transaction: Transaction, topic: str) -> dict[TopicPartition, int]:
    """How far this service has read a topic: next offsets by partition."""
    rows = fetch(transaction, "SELECT topic, partition, next_offset FROM inbox WHERE topic = %s", [topic])
    return {TopicPartition(name, partition): next_offset for name, partition, next_offset in rows}
