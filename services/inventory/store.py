"""Inventory's tables as values: one set-based statement per kind and batch.

Locks are taken in one order everywhere: new products are inserted sorted by number, then existing ones locked likewise,
outbox heads last.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

from services.events.shop.inventory import RejectionReason
from services.inventory.domain import Adjustment, Decision, Product
from services.messaging.database import Transaction, fetch, run

_CREATE = """
INSERT INTO products
    (sku, name, unit_price_minor, currency, version, on_hand, initial_on_hand, created_at, updated_at)
SELECT sku, name, unit_price_minor, currency, version, on_hand, on_hand, created_at, updated_at
FROM unnest(
    %b::text[], %b::text[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::timestamptz[], %b::timestamptz[]
) AS item (sku, name, unit_price_minor, currency, version, on_hand, created_at, updated_at)
ORDER BY sku COLLATE "C"
ON CONFLICT (sku) DO NOTHING
RETURNING sku
"""

_SAVE = """
UPDATE products SET
    name = item.name, unit_price_minor = item.unit_price_minor, version = item.version, on_hand = item.on_hand,
    updated_at = item.updated_at
FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[], %b::timestamptz[])
    AS item (sku, name, unit_price_minor, version, on_hand, updated_at)
WHERE products.sku = item.sku
"""

_SAVE_ON_HAND = """
UPDATE products SET on_hand = item.on_hand
FROM unnest(%b::text[], %b::bigint[]) AS item (sku, on_hand)
WHERE products.sku = item.sku
"""

_SAVE_DECISIONS = """
INSERT INTO stock_decisions (order_id, payment_id, outcome, reason, wanted, decided_at)
SELECT order_id, payment_id, outcome, reason, wanted::jsonb, decided_at
FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %s::text[], %b::text[], %b::timestamptz[])
    AS item (order_id, payment_id, outcome, reason, wanted, decided_at)
ORDER BY order_id
"""

_SAVE_ADJUSTMENTS = """
INSERT INTO adjustments (idempotency_key, sku, delta, reason, on_hand, adjusted_at)
SELECT * FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::text[], %b::bigint[], %b::timestamptz[])
    AS item (idempotency_key, sku, delta, reason, on_hand, adjusted_at)
ORDER BY idempotency_key
"""

_PRODUCT = "SELECT sku, name, unit_price_minor, currency, version, on_hand, created_at, updated_at FROM products"


# Deciding paid orders


def lock_on_hand(transaction: Transaction, skus: Collection[str]) -> dict[str, int]:
    """Lock the products of these numbers; pieces on hand by number, without those that do not exist."""
    query = "SELECT sku, on_hand FROM products WHERE sku = ANY(%b) ORDER BY sku FOR NO KEY UPDATE"
    return dict(fetch(transaction, query, [list(skus)]))


def save_on_hand(transaction: Transaction, on_hand: Iterable[tuple[str, int]]) -> None:
    """Write the stock of locked products."""
    if rows := list(on_hand):
        run(transaction, _SAVE_ON_HAND, _columns(rows, 2))


def decisions(transaction: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Decision]:
    """What was decided before about these orders."""
    query = (
        "SELECT order_id, payment_id, wanted, reason, decided_at FROM stock_decisions WHERE order_id = ANY(%b::uuid[])"
    )
    return {
        order_id: Decision(order_id, payment_id, wanted, RejectionReason(reason) if reason else None, decided_at)
        for order_id, payment_id, wanted, reason, decided_at in fetch(transaction, query, [list(order_ids)])
    }


def save_decisions(transaction: Transaction, decided: Iterable[Decision]) -> None:
    """Keep new decisions; an order that has one already is an IntegrityError."""
    run(transaction, _SAVE_DECISIONS, _columns(map(_decision_row, decided), 6))


def _decision_row(each: Decision) -> Sequence[Any]:
    outcome, reason = ("REJECTED", each.reason.value) if each.reason else ("DEDUCTED", None)
    return each.order_id, each.payment_id, outcome, reason, json.dumps(each.wanted), each.decided_at


# What people ask for


def create(transaction: Transaction, products: Iterable[Product]) -> set[str]:
    """Insert the products that do not exist yet; returns their numbers. Waits for others who are inserting the same."""
    rows = (
        (
            each.sku,
            each.name,
            each.unit_price_minor,
            each.currency,
            each.version,
            each.on_hand,
            each.created_at,
            each.updated_at,
        )
        for each in products
    )
    return {sku for (sku,) in fetch(transaction, _CREATE, _columns(rows, 8))}


def lock(transaction: Transaction, skus: Collection[str]) -> dict[str, Product]:
    """Lock these products; those that do not exist are left out."""
    query = f"{_PRODUCT} WHERE sku = ANY(%b) ORDER BY sku FOR NO KEY UPDATE"
    return {row[0]: Product(*row) for row in fetch(transaction, query, [list(skus)])}


def save(transaction: Transaction, products: Iterable[Product]) -> None:
    """Write name, price, version and stock of locked products."""
    rows = (
        (each.sku, each.name, each.unit_price_minor, each.version, each.on_hand, each.updated_at) for each in products
    )
    run(transaction, _SAVE, _columns(rows, 6))


def adjustments(transaction: Transaction, keys: Collection[str]) -> dict[str, Adjustment]:
    """The adjustments made under these idempotency keys."""
    query = (
        "SELECT idempotency_key, sku, delta, reason, on_hand, adjusted_at FROM adjustments"
        " WHERE idempotency_key = ANY(%b)"
    )
    return {row[0]: Adjustment(*row) for row in fetch(transaction, query, [list(keys)])}


def save_adjustments(transaction: Transaction, made: Iterable[Adjustment]) -> None:
    """Keep new adjustments; a key that exists already is an IntegrityError."""
    run(transaction, _SAVE_ADJUSTMENTS, _columns(map(_adjustment_row, made), 6))


def _adjustment_row(each: Adjustment) -> Sequence[Any]:
    return each.idempotency_key, each.sku, each.delta, each.reason, each.on_hand, each.adjusted_at


# Repair


def put_back_decisions(transaction: Transaction, decided: Iterable[Decision]) -> set[UUID]:
    """Keep decisions that are not there yet; returns their orders."""
    rows = [_decision_row(each) for each in decided]
    query = f"{_SAVE_DECISIONS} ON CONFLICT (order_id) DO NOTHING RETURNING order_id"
    return {order_id for (order_id,) in fetch(transaction, query, _columns(rows, 6))}


def put_back_adjustments(transaction: Transaction, made: Iterable[Adjustment]) -> set[str]:
    """Keep adjustments that are not there yet; returns their idempotency keys."""
    rows = [_adjustment_row(each) for each in made]
    query = f"{_SAVE_ADJUSTMENTS} ON CONFLICT (idempotency_key) DO NOTHING RETURNING idempotency_key"
    return {key for (key,) in fetch(transaction, query, _columns(rows, 6))}


# Reading


def product(transaction: Transaction, sku: str) -> Product | None:
    """One product."""
    rows = fetch(transaction, f"{_PRODUCT} WHERE sku = %s", [sku])
    return Product(*rows[0]) if rows else None


def products(transaction: Transaction, after: str, limit: int) -> list[Product]:
    """Products in the order of their numbers, those after a number."""
    rows = fetch(transaction, f"{_PRODUCT} WHERE sku > %s ORDER BY sku LIMIT %s", [after, limit])
    return [Product(*row) for row in rows]


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    columns: list[list[Any]] = [[] for _ in range(width)]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return columns
