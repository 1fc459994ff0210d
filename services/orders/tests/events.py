"""Events of one order as other services tell them, for tests."""

from datetime import UTC, datetime
from uuid import NAMESPACE_OID, UUID, uuid5

from services.events.shop.common import EventHeader
from services.events.shop.inventory import ProductListed, RejectionReason, StockDeducted, StockRejected
from services.events.shop.payments import DeclineReason, PaymentCaptured, PaymentDeclined, PaymentRefunded

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ORDER = UUID("01935a2b-0000-7000-8000-000000000001")


def header(name: str, order_id: UUID = ORDER) -> EventHeader:
    return EventHeader(event_id=uuid5(order_id, f"test {name}"), occurred_at=NOW)


def captured(order_id: UUID = ORDER) -> PaymentCaptured:
    payment = uuid5(order_id, "payment")
    return PaymentCaptured(
        header=header("captured", order_id),
        order_id=order_id,
        payment_id=payment,
        amount_minor=500,
        currency="EUR",
        lines=[],
    )


def declined(order_id: UUID = ORDER) -> PaymentDeclined:
    payment, reason = uuid5(order_id, "payment"), DeclineReason.CARD_DECLINED
    return PaymentDeclined(header=header("declined", order_id), order_id=order_id, payment_id=payment, reason=reason)


def refunded(order_id: UUID = ORDER) -> PaymentRefunded:
    return PaymentRefunded(
        header=header("refunded", order_id),
        order_id=order_id,
        payment_id=uuid5(order_id, "payment"),
        refund_id=uuid5(order_id, "refund"),
        amount_minor=500,
        currency="EUR",
        reason=RejectionReason.OUT_OF_STOCK,
    )


def deducted(order_id: UUID = ORDER) -> StockDeducted:
    return StockDeducted(header=header("deducted", order_id), order_id=order_id, lines=[])


def rejected(order_id: UUID = ORDER) -> StockRejected:
    reason = RejectionReason.OUT_OF_STOCK
    return StockRejected(header=header("rejected", order_id), order_id=order_id, reason=reason, shortages=[])


def listed(sku: str, price: int = 250, version: int = 1, currency: str = "EUR") -> ProductListed:
    event_id = uuid5(NAMESPACE_OID, f"{sku}/{version}")
    return ProductListed(
        header=EventHeader(event_id=event_id, occurred_at=NOW),
        sku=sku,
        name=sku.title(),
        unit_price_minor=price,
        currency=currency,
        version=version,
    )
