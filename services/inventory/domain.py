"""Stock: what paying for an order, listing a product and adjusting its stock do to the shelf.

Rules: stock is decided once per order, all lines or none, never below zero; the same product on two lines counts as the
sum. A product's version counts the changes of its name and price; its currency never changes. Pure: time comes in as data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from services.events.shop.common import EventHeader, OrderLine
from services.events.shop.inventory import (
    ProductListed,
    RejectionReason,
    Shortage,
    StockAdjusted,
    StockDeducted,
    StockLine,
    StockRejected,
)
from services.events.shop.payments import PaymentCaptured

ON_HAND_MAX = 1_000_000_000_000_000  # exact in every JSON reader (2**53), far below bigint
PIECES_MAX = 2_147_483_647  # of one product in one order: Avro's int
PRODUCT_EVENTS = UUID("7c1d3b52-4a0f-5e0e-9a55-0f6f3c9d2f11")
"""Namespace of the ids of events that have no event as their cause."""


class InvariantBroken(Exception):
    """A message contradicts what this service knows; nothing was changed."""


class Refused(Exception):
    """A request contradicts the state of the shelf; nothing was changed."""


class UnknownProduct(Refused):
    """There is no product of this number."""


class CurrencyFixed(Refused):
    """The product is listed in another currency, which never changes."""


class StockOutOfBounds(Refused):
    """The adjustment would bring the stock below zero or above what can be counted."""


class KeyReused(Refused):
    """The idempotency key was used for another adjustment."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product as listed, and how many pieces of it are there."""

    sku: str
    name: str
    unit_price_minor: int
    currency: str
    version: int
    on_hand: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a paid order's stock, once and for all. ``reason`` is None where it was deducted."""

    order_id: UUID
    payment_id: UUID
    wanted: Mapping[str, int]
    reason: RejectionReason | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A correction by hand that was made; ``on_hand`` is the stock after it."""

    idempotency_key: str
    sku: str
    delta: int
    reason: str
    on_hand: int
    adjusted_at: datetime


# A paid order: take its lines, or say which are short


def wanted(lines: Sequence[OrderLine]) -> dict[str, int]:
    """Pieces per product, in the order of their numbers. Raises InvariantBroken for lines that no order can have."""
    pieces: dict[str, int] = {}
    for line in lines:
        if line.quantity < 1:
            raise InvariantBroken(f"{line.quantity} pieces of {line.sku!r} cannot be deducted")
        pieces[line.sku] = pieces.get(line.sku, 0) + line.quantity
    if not pieces or max(pieces.values()) > PIECES_MAX:
        raise InvariantBroken(f"an order has lines, and at most {PIECES_MAX} pieces of a product")
    return dict(sorted(pieces.items()))


def decide(
    known: Decision | None, captured: PaymentCaptured, on_hand: Mapping[str, int], now: datetime
) -> tuple[Decision, StockDeducted | StockRejected | None]:
    """Decide a paid order's stock; ``on_hand`` has no entry for an unknown product.

    An order that was decided stays as it is, without an event. Raises InvariantBroken when it was paid for otherwise.
    """
    pieces = wanted(captured.lines)
    if known is not None:
        if (known.payment_id, known.wanted) != (captured.payment_id, pieces):
            raise InvariantBroken(f"order {captured.order_id} was decided for other lines or another payment")
        return known, None
    short = [sku for sku, count in pieces.items() if on_hand.get(sku, 0) < count]
    if not short:
        return Decision(captured.order_id, captured.payment_id, pieces, None, now), _deducted(captured, pieces, now)
    unknown = any(sku not in on_hand for sku in short)
    reason = RejectionReason.UNKNOWN_PRODUCT if unknown else RejectionReason.OUT_OF_STOCK
    shortages = [Shortage(sku=sku, requested=pieces[sku], available=on_hand.get(sku, 0)) for sku in short]
    rejected = StockRejected(
        header=caused_by(captured.header, StockRejected.NAME, now),
        order_id=captured.order_id,
        reason=reason,
        shortages=shortages,
        payment_id=captured.payment_id,
        lines=_lines_of(pieces),
    )
    return Decision(captured.order_id, captured.payment_id, pieces, reason, now), rejected


def _deducted(captured: PaymentCaptured, pieces: Mapping[str, int], now: datetime) -> StockDeducted:
    return StockDeducted(
        header=caused_by(captured.header, StockDeducted.NAME, now),
        order_id=captured.order_id,
        lines=_lines_of(pieces),
        payment_id=captured.payment_id,
    )


def _lines_of(pieces: Mapping[str, int]) -> list[StockLine]:
    return [StockLine(sku=sku, quantity=count) for sku, count in pieces.items()]


def caused_by(cause: EventHeader, name: str, now: datetime) -> EventHeader:
    """The header of an event that follows from another: its id is derived, so that a re-run makes the same one."""
    return EventHeader(
        event_id=uuid5(cause.event_id, name),
        occurred_at=now,
        cause_id=cause.event_id,
        trace_parent=cause.trace_parent,
    )


# A person's request: list a product, adjust its stock


@dataclass(frozen=True, slots=True)
class ListProduct:
    """List a product, or change its name and price. ``on_hand`` counts for a new one only."""

    sku: str
    name: str
    unit_price_minor: int
    currency: str
    on_hand: int
    trace_parent: str | None = None


@dataclass(frozen=True, slots=True)
class AdjustStock:
    """Add pieces (or remove them, with a negative delta), once per idempotency key."""

    idempotency_key: str
    sku: str
    delta: int
    reason: str
    trace_parent: str | None = None


def new_product(command: ListProduct, now: datetime) -> Product:
    """The product of a first listing."""
    return Product(
        command.sku, command.name, command.unit_price_minor, command.currency, 1, command.on_hand, now, now
    )  # fmt: skip


def list_product(known: Product | None, command: ListProduct, now: datetime) -> tuple[Product, ProductListed | None]:
    """List a product; no event when nothing has changed. Raises CurrencyFixed."""
    if known is None:
        product = new_product(command, now)
    elif known.currency != command.currency:
        raise CurrencyFixed(f"product {command.sku} is listed in {known.currency}; list another product instead")
    elif (known.name, known.unit_price_minor) == (command.name, command.unit_price_minor):
        return known, None
    else:
        product = replace(
            known,
            name=command.name,
            unit_price_minor=command.unit_price_minor,
            version=known.version + 1,
            updated_at=now,
        )
    listed = ProductListed(
        header=_asked_for(f"{ProductListed.NAME}/{product.sku}/{product.version}", command.trace_parent, now),
        sku=product.sku,
        name=product.name,
        unit_price_minor=product.unit_price_minor,
        currency=product.currency,
        version=product.version,
        initial_on_hand=product.on_hand if known is None else None,
    )
    return product, listed


def adjust(known: Product | None, command: AdjustStock, now: datetime) -> tuple[Product, Adjustment, StockAdjusted]:
    """Correct a product's stock. Raises UnknownProduct and StockOutOfBounds."""
    if known is None:
        raise UnknownProduct(f"there is no product {command.sku}")
    on_hand = known.on_hand + command.delta
    if not 0 <= on_hand <= ON_HAND_MAX:
        raise StockOutOfBounds(
            f"{known.on_hand} pieces of {command.sku} on hand, {command.delta:+d} would make {on_hand}; "
            f"0 to {ON_HAND_MAX} are possible"
        )
    adjusted = StockAdjusted(
        header=_asked_for(f"{StockAdjusted.NAME}/{command.idempotency_key}", command.trace_parent, now),
        sku=command.sku,
        delta=command.delta,
        on_hand=on_hand,
        reason=command.reason,
        idempotency_key=command.idempotency_key,
    )
    made = Adjustment(command.idempotency_key, command.sku, command.delta, command.reason, on_hand, now)
    return replace(known, on_hand=on_hand), made, adjusted


def repeat(made: Adjustment, command: AdjustStock) -> Adjustment:
    """The adjustment that a repeated request made the first time. Raises KeyReused for another request."""
    if (made.sku, made.delta, made.reason) != (command.sku, command.delta, command.reason):
        raise KeyReused(f"the idempotency key was used for {made.delta:+d} pieces of {made.sku}")
    return made


# Repair: what this service told once is true, whatever its database has forgotten


class Untold(Exception):
    """The event does not say enough: an earlier version of this service wrote it."""


def put_back_product(known: Product | None, listed: ProductListed) -> Product:
    """A product as its own listing says; stock of a known one is not touched by a listing. Raises Untold."""
    told_at = listed.header.occurred_at
    if known is None:
        if listed.initial_on_hand is None:
            raise Untold(f"the log does not tell how many pieces of {listed.sku} there were at first")
        return Product(
            listed.sku, listed.name, listed.unit_price_minor, listed.currency, listed.version, listed.initial_on_hand,
            told_at, told_at,
        )  # fmt: skip
    if known.version > listed.version:
        return known
    return replace(
        known, name=listed.name, unit_price_minor=listed.unit_price_minor, version=listed.version, updated_at=told_at
    )


def put_back_decision(event: StockDeducted | StockRejected) -> Decision:
    """A decision as its own event says. Raises Untold."""
    if event.payment_id is None:
        raise Untold(f"the event of order {event.order_id} does not name its payment")
    pieces = {line.sku: line.quantity for line in event.lines}
    reason = event.reason if isinstance(event, StockRejected) else None
    return Decision(event.order_id, event.payment_id, pieces, reason, event.header.occurred_at)


def put_back_adjustment(event: StockAdjusted) -> Adjustment:
    """An adjustment as its own event says. Raises Untold."""
    if event.idempotency_key is None:
        raise Untold(f"an adjustment of {event.sku} does not name its idempotency key")
    return Adjustment(
        event.idempotency_key, event.sku, event.delta, event.reason, event.on_hand, event.header.occurred_at
    )


def square(product: Product, on_hand: int, now: datetime) -> tuple[Adjustment, StockAdjusted] | None:
    """The correction where what is told comes to less than nothing: pieces that came in were never told of."""
    if on_hand >= 0:
        return None
    key = f"repair/{product.sku}/{now.isoformat()}"
    command = AdjustStock(key, product.sku, -on_hand, "repair: more was taken than is told to have come in")
    _, adjustment, event = adjust(replace(product, on_hand=on_hand), command, now)
    return adjustment, event


def _asked_for(name: str, trace_parent: str | None, now: datetime) -> EventHeader:
    return EventHeader(event_id=uuid5(PRODUCT_EVENTS, name), occurred_at=now, cause_id=None, trace_parent=trace_parent)
