"""Reads the services' databases: one snapshot of each, streamed row by row.

The snapshots are taken against the flow, inventory first and orders last, so that whatever an earlier one shows has its
cause in a later one: a payment without its order is a finding even while orders are coming in.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from services.messaging.tables import outbox_table
from verification.addresses import Addresses, NotReachable

SERVICES = ("inventory", "payments", "orders")
READS: Mapping[str, tuple[str, ...]] = {
    "inventory": ("shop.payments",),
    "payments": ("shop.orders", "shop.inventory"),
    "orders": ("shop.payments", "shop.inventory"),
}
"""Which topics a service consumes."""
FETCH_ROWS = 5_000
CONNECT_SECONDS = 10

Row = tuple[Any, ...]
Snapshots = Mapping[str, psycopg.Connection[Row]]

_DIGEST = "md5(coalesce(key, ''::bytea) || coalesce(value, ''::bytea))"

QUERIES: Mapping[str, tuple[str, str]] = {
    "products": (
        "inventory",
        "SELECT sku, name, unit_price_minor, currency, version, on_hand, initial_on_hand, extract(epoch FROM created_at)::float8"
        " FROM products",
    ),
    "adjustments": ("inventory", "SELECT idempotency_key, sku, delta FROM adjustments"),
    "decisions": (
        "inventory",
        "SELECT order_id::text, payment_id::text, outcome, reason, wanted, extract(epoch FROM decided_at)::float8 FROM stock_decisions",
    ),
    "payments": (
        "payments",
        "SELECT payment_id::text, order_id::text, state, amount_minor, currency, payment_method, lines, decline_reason,"
        " extract(epoch FROM created_at)::float8 FROM payments",
    ),
    "refunds": (
        "payments",
        "SELECT refund_id::text, payment_id::text, order_id::text, state, amount_minor, currency, reason,"
        " extract(epoch FROM created_at)::float8 FROM refunds",
    ),
    "requests": (
        "payments",
        "SELECT request_id::text, order_id::text, kind, attempts, extract(epoch FROM now() - next_attempt_at)::float8"
        " FROM provider_requests",
    ),
    "orders": (
        "orders",
        "SELECT order_id::text, status, failure_reason, currency, payment_method, customer_id, total_minor, lines,"
        " refund_amount_minor, extract(epoch FROM created_at)::float8, extract(epoch FROM updated_at)::float8 FROM orders",
    ),
    "keys": ("orders", "SELECT key, order_id::text FROM idempotency_keys"),
    "copies": ("orders", "SELECT sku, name, unit_price_minor, currency, version FROM products"),
}
"""By scratch table: whose database, and the rows as the table wants them."""


def connect(addresses: Addresses, service: str) -> psycopg.Connection[Row]:
    """Open a service's database for reading. Raises NotReachable."""
    try:
        return psycopg.connect(
            getattr(addresses, f"{service}_database"),
            connect_timeout=CONNECT_SECONDS,
            application_name="reconcile",
            options="-c default_transaction_read_only=on -c TimeZone=UTC",
        )
    except psycopg.OperationalError as error:
        raise NotReachable(f"the database of {service} does not answer: {error}") from error


@contextmanager
def snapshots(addresses: Addresses) -> Iterator[Snapshots]:
    """Take a snapshot of each service's database, against the flow."""
    with ExitStack() as stack:
        taken = {}
        for service in SERVICES:
            connection = stack.enter_context(connect(addresses, service))
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("SELECT FROM outbox_head")  # a snapshot is taken by the first statement
            taken[service] = connection
        yield taken


def rows(taken: Snapshots, table: str) -> Iterator[Row]:
    """Stream the rows of a scratch table that one service has."""
    service, query = QUERIES[table]
    shape = _SHAPES.get(table, tuple)
    for row in stream(taken[service], query):
        yield shape(row)


def shared(taken: Snapshots, table: str) -> Iterator[Row]:
    """Stream the rows of a table that every service has, the service's name first."""
    for service, connection in taken.items():
        for row in stream(connection, _SHARED[table]):
            yield (service, *row)


def outboxes(taken: Snapshots) -> Iterator[Row]:
    """Stream all outbox rows that are still kept."""
    for connection in taken.values():
        for (topic,) in connection.execute("SELECT DISTINCT topic FROM outbox_head").fetchall():
            query = sql.SQL("SELECT partition, sequence, event_id::text, {digest} FROM {table}").format(
                digest=sql.SQL(_DIGEST), table=sql.Identifier(outbox_table(topic))
            )
            for row in stream(connection, query):
                yield (topic, *row)


_SHARED = {
    "heads": "SELECT topic, partition, last_sequence FROM outbox_head",
    "inbox": "SELECT topic, partition, next_offset, last_sequence FROM inbox",
    "republications": "SELECT topic, partition, first_sequence, next_sequence, finished_at IS NULL FROM republication",
    "dead_letters": f"""SELECT id::text, state, reason, topic, partition, "offset", encode(key, 'escape'), {_DIGEST},
        extract(epoch FROM created_at)::float8 FROM dead_letters""",  # noqa: S608 - our own words
}


def stream(connection: psycopg.Connection[Row], query: str | sql.Composed) -> Iterator[Row]:
    """Fetch rows from a cursor on the server, some thousand at a time."""
    with connection.cursor(name="reconcile") as cursor:
        cursor.itersize = FETCH_ROWS
        cursor.execute(query.encode() if isinstance(query, str) else query)
        yield from cursor


def canonical_pieces(lines: Iterable[Mapping[str, Any]]) -> str:
    """Pieces by product as canonical JSON."""
    pieces: Counter[str] = Counter()
    for line in lines:
        pieces[line["sku"]] += line["quantity"]
    return json.dumps(pieces, sort_keys=True)


def canonical_lines(lines: Iterable[Mapping[str, Any]]) -> str:
    """Pieces by product and price as canonical JSON: lines of one product may be kept as one."""
    pieces: Counter[tuple[str, int]] = Counter()
    for line in lines:
        pieces[line["sku"], line["unit_price_minor"]] += line["quantity"]
    return json.dumps(sorted((sku, price, count) for (sku, price), count in pieces.items()))


def _order(row: Row) -> Row:
    *before, lines, refund, created_at, updated_at = row
    return (*before, canonical_lines(lines), canonical_pieces(lines), refund, created_at, updated_at)


def _decision(row: Row) -> Row:
    order_id, payment_id, outcome, reason, wanted, decided_at = row
    return (order_id, payment_id, outcome, reason, json.dumps(wanted, sort_keys=True), decided_at)


def _payment(row: Row) -> Row:
    *before, lines, decline_reason, created_at = row
    return (*before, canonical_lines(lines), decline_reason, created_at)


_SHAPES: Mapping[str, Callable[[Row], Row]] = {"orders": _order, "decisions": _decision, "payments": _payment}


def one(connection: psycopg.Connection[Row], query: str, parameters: Sequence[Any] = ()) -> Any:
    """Fetch a single value."""
    row = connection.execute(query.encode(), parameters).fetchone()
    return row[0] if row else None
