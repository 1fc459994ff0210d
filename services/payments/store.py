"""Payments' tables as values: one set-based statement per kind and batch.

A payment or refund with an open request is changed only under the lock of that request's row; request rows are locked in
the order of their ids, outbox heads last.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, LiteralString
from uuid import UUID

from services.events.shop.common import OrderLine
from services.events.shop.inventory import RejectionReason
from services.events.shop.payments import DeclineReason
from services.messaging.database import Transaction, fetch, run
from services.messaging.headers import packed, unpacked
from services.messaging.records import DeadLetter, Message
from services.payments.domain import Cause, Payment, PaymentState, ProviderRequest, Refund, RefundState

_PAYMENTS = """
SELECT payment_id, order_id, state, amount_minor, currency, payment_method, lines, created_at, updated_at, attempts,
       decline_reason, put_back
FROM payments WHERE order_id = ANY(%b::uuid[])
"""

_REFUNDS = """
SELECT refund_id, payment_id, order_id, state, amount_minor, currency, reason, created_at, updated_at, attempts
FROM refunds WHERE order_id = ANY(%b::uuid[])
"""

_INSERT_PAYMENTS = """
INSERT INTO payments
    (order_id, payment_id, state, amount_minor, currency, payment_method, lines, created_at, updated_at)
SELECT order_id, payment_id, state, amount_minor, currency, payment_method, lines::jsonb, created_at, created_at
FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::text[], %b::timestamptz[])
    AS item (order_id, payment_id, state, amount_minor, currency, payment_method, lines, created_at)
ORDER BY order_id
"""

_INSERT_REFUNDS = """
INSERT INTO refunds
    (order_id, refund_id, payment_id, state, amount_minor, currency, reason, created_at, updated_at)
SELECT order_id, refund_id, payment_id, state, amount_minor, currency, reason, created_at, created_at
FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::text[], %b::text[], %b::timestamptz[])
    AS item (order_id, refund_id, payment_id, state, amount_minor, currency, reason, created_at)
ORDER BY order_id
"""

# The inbox row that this transaction has moved knows the id of the topic the record came from.
_INSERT_REQUESTS = """
INSERT INTO provider_requests
    (request_id, order_id, kind, next_attempt_at, trace_parent, cause_id, topic, topic_id, partition, "offset", sequence,
     event_id, key, value, headers)
SELECT request_id, order_id, kind, clock_timestamp() + make_interval(secs => claim_seconds), trace_parent, cause_id,
       topic, inbox.topic_id, partition, "offset", sequence, event_id, key, value, headers
FROM unnest(
    %s::uuid[], %s::uuid[], %s::text[], %s::float8[], %s::text[], %s::uuid[], %s::text[], %s::int[], %s::bigint[],
    %s::bigint[], %s::uuid[], %s::bytea[], %s::bytea[], %s::text[]
) AS item (request_id, order_id, kind, claim_seconds, trace_parent, cause_id, topic, partition, "offset", sequence,
           event_id, key, value, headers)
JOIN inbox USING (topic, partition)
ORDER BY request_id
RETURNING request_id, next_attempt_at
"""

_CLAIM = """
WITH due AS (
    SELECT request_id FROM provider_requests WHERE next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE provider_requests SET next_attempt_at = now() + make_interval(secs => %s)
FROM due WHERE provider_requests.request_id = due.request_id
RETURNING order_id, kind, cause_id, trace_parent, next_attempt_at
"""

_LOCK_REQUESTS = """
SELECT request_id, attempts FROM provider_requests WHERE request_id = ANY(%b::uuid[]) ORDER BY request_id FOR UPDATE
"""

_SAVE_PAYMENTS = """
UPDATE payments SET state = item.state, decline_reason = item.decline_reason, attempts = item.attempts,
    updated_at = item.updated_at
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::timestamptz[])
    AS item (order_id, state, decline_reason, attempts, updated_at)
WHERE payments.order_id = item.order_id
"""

_SAVE_REFUNDS = """
UPDATE refunds SET state = item.state, attempts = item.attempts, updated_at = item.updated_at
FROM unnest(%s::uuid[], %s::text[], %s::int[], %s::timestamptz[]) AS item (order_id, state, attempts, updated_at)
WHERE refunds.order_id = item.order_id
"""

_COMPLETE_PAYMENTS = """
UPDATE payments SET amount_minor = item.amount_minor, currency = item.currency, payment_method = item.payment_method,
    lines = item.lines::jsonb, put_back = false
FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::text[])
    AS item (order_id, amount_minor, currency, payment_method, lines)
WHERE payments.order_id = item.order_id
"""

_PUT_BACK_PAYMENTS = """
INSERT INTO payments (order_id, payment_id, state, amount_minor, currency, payment_method, lines, created_at, updated_at,
    decline_reason, put_back)
SELECT order_id, payment_id, state, amount_minor, currency, payment_method, lines::jsonb, created_at, updated_at,
       decline_reason, put_back
FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
            %s::timestamptz[], %s::text[], %s::boolean[])
    AS item (order_id, payment_id, state, amount_minor, currency, payment_method, lines, created_at, updated_at,
             decline_reason, put_back)
ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, decline_reason = excluded.decline_reason,
    updated_at = excluded.updated_at
"""

_PUT_BACK_REFUNDS = """
INSERT INTO refunds (order_id, refund_id, payment_id, state, amount_minor, currency, reason, created_at, updated_at)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[],
                     %s::timestamptz[], %s::timestamptz[])
ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, updated_at = excluded.updated_at
"""

_POSTPONE = """
UPDATE provider_requests SET attempts = item.attempts,
    next_attempt_at = clock_timestamp() + make_interval(secs => item.delay_seconds)
FROM unnest(%s::uuid[], %s::int[], %s::float8[]) AS item (request_id, attempts, delay_seconds)
WHERE provider_requests.request_id = item.request_id
"""

# Whoever takes or postpones a request writes another time: where it stands unchanged, the claim is still ours.
_PUT_BACK = """
WITH locked AS (
    SELECT request_id
    FROM provider_requests JOIN unnest(%b::uuid[], %b::timestamptz[]) AS ours (request_id, claimed_until) USING (request_id)
    WHERE next_attempt_at = claimed_until
    ORDER BY request_id FOR UPDATE OF provider_requests
)
UPDATE provider_requests SET next_attempt_at = clock_timestamp() + make_interval(secs => %s)
FROM locked WHERE provider_requests.request_id = locked.request_id
"""

_RECORDS = """
SELECT request_id, topic_id, topic, partition, "offset", key, value, headers, sequence, event_id
FROM provider_requests WHERE request_id = ANY(%b::uuid[])
"""


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request, the message that led to it, and for how long this process claims it."""

    request: ProviderRequest
    message: Message
    claim_seconds: float


@dataclass(frozen=True, slots=True)
class Postponement:
    """A request that is to be tried again after a while; ``attempts`` are those made."""

    request_id: UUID
    attempts: int
    delay_seconds: float


def payments(transaction: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Payment]:
    """Payments by order id; an order without one is left out."""
    found = {}
    for row in fetch(transaction, _PAYMENTS, [list(order_ids)]) if order_ids else ():
        (
            payment_id,
            order_id,
            state,
            amount_minor,
            currency,
            method,
            lines,
            created_at,
            updated_at,
            attempts,
            reason,
            put_back,
        ) = row
        found[order_id] = Payment(
            payment_id, order_id, PaymentState(state), amount_minor, currency, method,
            [OrderLine(**line) for line in lines], created_at, updated_at, attempts,
            DeclineReason(reason) if reason else None, put_back,
        )  # fmt: skip
    return found


def refunds(transaction: Transaction, order_ids: Collection[UUID]) -> dict[UUID, Refund]:
    """Refunds by order id; an order without one is left out."""
    found = {}
    for row in fetch(transaction, _REFUNDS, [list(order_ids)]) if order_ids else ():
        refund_id, payment_id, order_id, state, amount_minor, currency, reason, created_at, updated_at, attempts = row
        found[order_id] = Refund(
            refund_id, payment_id, order_id, RefundState(state), amount_minor, currency, RejectionReason(reason),
            created_at, updated_at, attempts,
        )  # fmt: skip
    return found


def insert_payments(transaction: Transaction, new: Sequence[Payment]) -> None:
    """Keep new payments; an order that has one is an IntegrityError."""
    rows = [
        (
            each.order_id, each.payment_id, each.state.value, each.amount_minor, each.currency, each.payment_method,
            _lines_text(each.lines), each.created_at,
        )
        for each in new
    ]  # fmt: skip
    _write(transaction, _INSERT_PAYMENTS, rows)


def insert_refunds(transaction: Transaction, new: Sequence[Refund]) -> None:
    """Keep new refunds; an order that has one is an IntegrityError."""
    rows = [
        (
            each.order_id, each.refund_id, each.payment_id, each.state.value, each.amount_minor, each.currency,
            each.reason.value, each.created_at,
        )
        for each in new
    ]  # fmt: skip
    _write(transaction, _INSERT_REFUNDS, rows)


def insert_requests(transaction: Transaction, new: Sequence[NewRequest]) -> list[ProviderRequest]:
    """Keep new requests with the record that led to each, for as long as they are open; returns them as claimed."""
    if not new:
        return []
    rows = [
        (
            each.request.request_id, each.request.subject.order_id, _kind(each.request), each.claim_seconds,
            each.request.cause.trace_parent, each.request.cause.event_id, each.message.topic, each.message.partition,
            each.message.offset, each.message.sequence, each.message.event_id, each.message.key, each.message.value,
            packed(each.message.headers),
        )
        for each in new
    ]  # fmt: skip
    claimed_until = dict(fetch(transaction, _INSERT_REQUESTS, _columns(rows)))
    assert len(claimed_until) == len(rows), "every record came from a partition that this transaction has moved"
    return [replace(each.request, claimed_until=claimed_until[each.request.request_id]) for each in new]


def claim(transaction: Transaction, limit: int, claim_seconds: float) -> list[ProviderRequest]:
    """Take requests that are due and that nobody else has taken; they are ours for so long."""
    taken = fetch(transaction, _CLAIM, [limit, claim_seconds])
    charges = payments(transaction, {order_id for order_id, kind, *_ in taken if kind == "charge"})
    returns = refunds(transaction, {order_id for order_id, kind, *_ in taken if kind == "refund"})
    return [
        ProviderRequest((charges if kind == "charge" else returns)[order_id], Cause(cause_id, trace_parent), until)
        for order_id, kind, cause_id, trace_parent, until in taken
    ]


def lock_requests(transaction: Transaction, request_ids: Collection[UUID]) -> dict[UUID, int]:
    """Lock requests that are still open; the attempts made, by request id."""
    return dict(fetch(transaction, _LOCK_REQUESTS, [list(request_ids)]))


def complete_payments(transaction: Transaction, completed: Iterable[Payment]) -> None:
    """Write what was ordered into payments that were put back without it."""
    rows = [
        (each.order_id, each.amount_minor, each.currency, each.payment_method, _lines_text(each.lines))
        for each in completed
    ]
    _write(transaction, _COMPLETE_PAYMENTS, rows)


def put_back_payments(transaction: Transaction, payments: Iterable[Payment]) -> None:
    """Keep payments as the log says, and ask the provider no more about them."""
    rows = [
        (
            each.order_id, each.payment_id, each.state.value, each.amount_minor, each.currency, each.payment_method,
            _lines_text(each.lines), each.created_at, each.updated_at, each.decline_reason and each.decline_reason.value,
            each.put_back,
        )
        for each in payments
    ]  # fmt: skip
    _write(transaction, _PUT_BACK_PAYMENTS, rows)


def put_back_refunds(transaction: Transaction, refunds: Iterable[Refund]) -> None:
    """Keep refunds as the log says, and ask the provider no more about them."""
    rows = [
        (
            each.order_id, each.refund_id, each.payment_id, each.state.value, each.amount_minor, each.currency,
            each.reason.value, each.created_at, each.updated_at,
        )
        for each in refunds
    ]  # fmt: skip
    _write(transaction, _PUT_BACK_REFUNDS, rows)


def save_payments(transaction: Transaction, changed: Iterable[Payment]) -> None:
    """Write the state of payments whose requests are locked."""
    rows = [
        (
            each.order_id,
            each.state.value,
            each.decline_reason and each.decline_reason.value,
            each.attempts,
            each.updated_at,
        )
        for each in changed
    ]
    _write(transaction, _SAVE_PAYMENTS, rows)


def save_refunds(transaction: Transaction, changed: Iterable[Refund]) -> None:
    """Write the state of refunds whose requests are locked."""
    rows = [(each.order_id, each.state.value, each.attempts, each.updated_at) for each in changed]
    _write(transaction, _SAVE_REFUNDS, rows)


def postpone(transaction: Transaction, postponements: Iterable[Postponement]) -> None:
    """Have locked requests tried again later."""
    rows = [(each.request_id, each.attempts, each.delay_seconds) for each in postponements]
    _write(transaction, _POSTPONE, rows)


def put_back(transaction: Transaction, requests: Collection[ProviderRequest], delay_seconds: float) -> None:
    """Give up the claim on requests that were not asked; anybody may take them after the delay.

    A request that is no longer ours, because another process has taken it since, or has recorded an answer, is left alone.
    """
    claims = [[each.request_id for each in requests], [each.claimed_until for each in requests]]
    run(transaction, _PUT_BACK, [*claims, delay_seconds])


def delete_requests(transaction: Transaction, request_ids: Collection[UUID]) -> None:
    """Delete locked requests that need no more asking."""
    if request_ids:
        run(transaction, "DELETE FROM provider_requests WHERE request_id = ANY(%b::uuid[])", [list(request_ids)])


def dead_letters(
    transaction: Transaction, errors: dict[UUID, str], attempts: dict[UUID, int], reason: str
) -> list[DeadLetter]:
    """The records behind locked requests, as dead letters with these errors."""
    if not errors:
        return []
    return [
        DeadLetter(
            Message(topic, partition, offset, key, value, unpacked(headers), sequence, event_id),
            topic_id, reason, errors[request_id], attempts[request_id],
        )
        for request_id, topic_id, topic, partition, offset, key, value, headers, sequence, event_id in fetch(
            transaction, _RECORDS, [list(errors)]
        )
    ]  # fmt: skip


def _kind(request: ProviderRequest) -> str:
    return "charge" if isinstance(request.subject, Payment) else "refund"


def _lines_text(lines: Sequence[OrderLine]) -> str:
    return json.dumps(
        [{"sku": each.sku, "quantity": each.quantity, "unit_price_minor": each.unit_price_minor} for each in lines]
    )


def _write(transaction: Transaction, query: LiteralString, rows: Sequence[tuple[Any, ...]]) -> int:
    return run(transaction, query, _columns(rows)) if rows else 0


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
