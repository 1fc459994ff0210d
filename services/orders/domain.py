"""What an order may become. Pure: no I/O, no clock, no chance.

Two topics have no order between them: StockDeducted can arrive before PaymentCaptured, PaymentRefunded before
StockRejected. The table has a row for every arrival order and for late events of final orders, so the end state does not
depend on it. What is not in the table contradicts what is known, and raises.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID, uuid5

from services.events.shop.common import EventHeader, OrderLine
from services.events.shop.inventory import RejectionReason, StockDeducted, StockRejected
from services.events.shop.orders import FailureReason, OrderCompleted, OrderFailed, OrderPlaced
from services.events.shop.payments import PaymentCaptured, PaymentDeclined, PaymentRefunded

Consumed = PaymentCaptured | PaymentDeclined | PaymentRefunded | StockDeducted | StockRejected
Published = OrderPlaced | OrderCompleted | OrderFailed


class OrderStatus(StrEnum):
    """What a customer sees."""

    PENDING = "PENDING"
    PAID = "PAID"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class Situation(StrEnum):
    """Where an order stands: its status, and of FAILED whether money was taken."""

    PENDING = "PENDING"
    PAID = "PAID"
    COMPLETED = "COMPLETED"
    UNPAID = "FAILED, nothing paid"
    UNDELIVERABLE = "FAILED, paid but not deliverable"


class IllegalTransition(Exception):
    """The event contradicts what is known of the order."""


@dataclass(frozen=True, slots=True)
class Refund:
    """Money given back."""

    amount_minor: int
    refunded_at: datetime


@dataclass(frozen=True, slots=True)
class OrderState:
    """What decides about an order's next step."""

    order_id: UUID
    status: OrderStatus = OrderStatus.PENDING
    failure_reason: FailureReason | None = None
    refund: Refund | None = None

    @property
    def situation(self) -> Situation:
        """Where the order stands."""
        if self.status is not OrderStatus.FAILED:
            return Situation(self.status.value)
        return Situation.UNPAID if self.failure_reason in PAYMENT_FAILURES else Situation.UNDELIVERABLE


PAYMENT_FAILURES = frozenset({FailureReason.PAYMENT_DECLINED, FailureReason.PAYMENT_ERROR})
FINAL = frozenset({OrderStatus.COMPLETED, OrderStatus.FAILED})

TRANSITIONS: Mapping[tuple[Situation, type[Consumed]], Situation] = {
    (Situation.PENDING, PaymentCaptured): Situation.PAID,
    (Situation.PENDING, PaymentDeclined): Situation.UNPAID,
    (Situation.PENDING, StockDeducted): Situation.COMPLETED,  # PaymentCaptured is still on its way
    (Situation.PENDING, StockRejected): Situation.UNDELIVERABLE,  # likewise
    (Situation.PENDING, PaymentRefunded): Situation.UNDELIVERABLE,  # PaymentCaptured and StockRejected are
    (Situation.PAID, PaymentCaptured): Situation.PAID,
    (Situation.PAID, StockDeducted): Situation.COMPLETED,
    (Situation.PAID, StockRejected): Situation.UNDELIVERABLE,
    (Situation.PAID, PaymentRefunded): Situation.UNDELIVERABLE,  # StockRejected is still on its way
    (Situation.COMPLETED, PaymentCaptured): Situation.COMPLETED,  # late
    (Situation.COMPLETED, StockDeducted): Situation.COMPLETED,
    (Situation.UNPAID, PaymentDeclined): Situation.UNPAID,
    (Situation.UNDELIVERABLE, PaymentCaptured): Situation.UNDELIVERABLE,  # late
    (Situation.UNDELIVERABLE, StockRejected): Situation.UNDELIVERABLE,  # after PaymentRefunded
    (Situation.UNDELIVERABLE, PaymentRefunded): Situation.UNDELIVERABLE,  # after StockRejected
}
"""Situation and event to the next situation."""


def decide(order: OrderState, event: Consumed, now: datetime) -> tuple[OrderState, list[OrderCompleted | OrderFailed]]:
    """Apply one event: the order's next state, and what is to be told of it.

    Raises IllegalTransition, having changed nothing.
    """
    situation = TRANSITIONS.get((order.situation, type(event)))
    if situation is None:
        raise IllegalTransition(
            f"order {order.order_id} is {order.situation.value}: {type(event).__name__} cannot follow"
        )
    following = _with_refund(_in_situation(order, situation, event), event)
    if following.status is order.status or following.status not in FINAL:
        return following, []
    return following, [_final_event(following, event.header, now)]


def _in_situation(order: OrderState, situation: Situation, event: Consumed) -> OrderState:
    if situation is order.situation:
        return order
    if situation in (Situation.UNPAID, Situation.UNDELIVERABLE):
        return replace(order, status=OrderStatus.FAILED, failure_reason=_failure_reason(event))
    return replace(order, status=OrderStatus(situation.value))


def _with_refund(order: OrderState, event: Consumed) -> OrderState:
    if not isinstance(event, PaymentRefunded) or order.refund is not None:
        return order
    return replace(order, refund=Refund(event.amount_minor, event.header.occurred_at))


def _failure_reason(event: Consumed) -> FailureReason:
    if isinstance(event, StockRejected | PaymentRefunded):
        return REJECTIONS[event.reason]
    return FailureReason.PAYMENT_DECLINED


REJECTIONS: Mapping[RejectionReason, FailureReason] = {
    RejectionReason.UNKNOWN: FailureReason.UNKNOWN,
    RejectionReason.OUT_OF_STOCK: FailureReason.OUT_OF_STOCK,
    RejectionReason.UNKNOWN_PRODUCT: FailureReason.UNKNOWN_PRODUCT,
}


def _final_event(order: OrderState, cause: EventHeader, now: datetime) -> OrderCompleted | OrderFailed:
    if order.failure_reason is None:
        return OrderCompleted(header=caused_by(cause, OrderCompleted.NAME, now), order_id=order.order_id)
    header = caused_by(cause, OrderFailed.NAME, now)
    return OrderFailed(header=header, order_id=order.order_id, reason=order.failure_reason)


def caused_by(cause: EventHeader, name: str, now: datetime) -> EventHeader:
    """The header of an event that follows from another: its id is derived, so that a re-run makes the same one."""
    return EventHeader(
        event_id=uuid5(cause.event_id, name), occurred_at=now, cause_id=cause.event_id, trace_parent=cause.trace_parent
    )


def put_back(order: OrderState, ended: OrderCompleted | OrderFailed) -> OrderState:
    """An order as its own last event says: what this service told once is true, whatever its database has forgotten."""
    if isinstance(ended, OrderCompleted):
        return replace(order, status=OrderStatus.COMPLETED, failure_reason=None)
    return replace(order, status=OrderStatus.FAILED, failure_reason=ended.reason)


# Placing an order


@dataclass(frozen=True, slots=True)
class Product:
    """What orders knows of a product: its price comes from here, never from the customer."""

    sku: str
    name: str
    unit_price_minor: int
    currency: str
    version: int


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """One line as the customer wants it."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A customer's wish, under the id its order will have."""

    order_id: UUID
    customer_id: str
    currency: str
    payment_method: str
    lines: tuple[RequestedLine, ...]
    placed_at: datetime
    trace_parent: str | None = None
    idempotency_key: str | None = None


class OrderRefused(Exception):
    """The order cannot be priced."""


class UnknownProducts(OrderRefused):
    """Some products are not in the product list (yet)."""

    def __init__(self, skus: Sequence[str]) -> None:
        super().__init__(f"unknown products: {', '.join(skus)}")
        self.skus = skus


class WrongCurrency(OrderRefused):
    """Some products are sold in another currency."""


def place(command: PlaceOrder, products: Mapping[str, Product]) -> OrderPlaced:
    """Price the order with the product list. Raises UnknownProducts or WrongCurrency."""
    skus = sorted({line.sku for line in command.lines})
    unknown = [sku for sku in skus if sku not in products]
    if unknown:
        raise UnknownProducts(unknown)
    foreign = [f"{sku} ({products[sku].currency})" for sku in skus if products[sku].currency != command.currency]
    if foreign:
        raise WrongCurrency(f"not sold in {command.currency}: {', '.join(foreign)}")
    lines = [
        OrderLine(sku=line.sku, quantity=line.quantity, unit_price_minor=products[line.sku].unit_price_minor)
        for line in command.lines
    ]
    header = EventHeader(
        event_id=uuid5(command.order_id, OrderPlaced.NAME),
        occurred_at=command.placed_at,
        cause_id=None,
        trace_parent=command.trace_parent,
    )
    return OrderPlaced(
        header=header,
        order_id=command.order_id,
        customer_id=command.customer_id,
        currency=command.currency,
        payment_method=command.payment_method,
        total_minor=sum(line.quantity * line.unit_price_minor for line in lines),
        lines=lines,
        idempotency_key=command.idempotency_key,
    )


def fingerprint(order: PlaceOrder | OrderPlaced) -> bytes:
    """SHA-256 of what was asked for, whatever the request's white space and the order of its fields.

    The event says the same as the wish it came from, so that the log alone tells which key was used for what.
    """
    wanted = {
        "customer_id": order.customer_id,
        "currency": order.currency,
        "payment_method": order.payment_method,
        "lines": [{"sku": line.sku, "quantity": line.quantity} for line in order.lines],
    }
    return hashlib.sha256(json.dumps(wanted, separators=(",", ":"), ensure_ascii=False).encode()).digest()
