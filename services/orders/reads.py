"""What clients are shown: orders, timelines, products. Ordinary queries, by SQLAlchemy Core."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, column, select, table, text

from services.messaging import notes
from services.messaging.database import Transaction, fetch
from services.messaging.records import TopicPartition
from services.orders.domain import FINAL, Product

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
_EVENTS = text(
    'SELECT topic, partition, sequence, "offset", schema_id, subject, schema_version, value'
    " FROM order_events WHERE order_id = :order_id ORDER BY position"
).bindparams(bindparam("order_id"))


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One event of an order, where it stands in Kafka and how it was written; ``value`` is still framed Avro."""

    topic: str
    partition: int
    sequence: int
    offset: int | None
    schema_id: int
    subject: str
    schema_version: int
    value: bytes


def orders(transaction: Transaction, order_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Orders by id; one that does not exist is left out."""
    found = transaction.execute(select(_ORDERS).where(_ORDERS.c.order_id.in_(order_ids)))
    return {row.order_id: row for row in found}


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


def final_ones(transaction: Transaction, order_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the orders that will not change their status any more."""
    query = "SELECT order_id FROM orders WHERE order_id = ANY(%b::uuid[]) AND status = ANY(%s)"
    return {
        order_id for (order_id,) in fetch(transaction, query, [list(order_ids), [status.value for status in FINAL]])
    }


def timeline(transaction: Transaction, order_id: UUID) -> list[TimelineRow]:
    """Every event of an order in the order it took effect; an own event's offset comes from the outbox notes."""
    rows = [TimelineRow(*row) for row in transaction.execute(_EVENTS, {"order_id": order_id})]
    own = [(TopicPartition(row.topic, row.partition), row.sequence) for row in rows if row.offset is None]
    offsets = notes.offsets(transaction, own)
    return [
        row
        if row.offset is not None
        else TimelineRow(
            row.topic, row.partition, row.sequence, offsets.get((TopicPartition(row.topic, row.partition), row.sequence)),
            row.schema_id, row.subject, row.schema_version, row.value,
        )
        for row in rows
    ]  # fmt: skip


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
