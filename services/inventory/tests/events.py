"""Payments of orders as the payments service tells them, for tests."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.events.shop.common import EventHeader, OrderLine
from services.events.shop.payments import PaymentCaptured
from services.inventory.domain import AdjustStock, ListProduct

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ORDER = UUID("01935a2b-0000-7000-8000-000000000001")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def order(number: int) -> UUID:
    return uuid5(ORDER, str(number))


def captured(*lines: tuple[str, int], order_id: UUID = ORDER, payment: str = "payment") -> PaymentCaptured:
    return PaymentCaptured(
        header=EventHeader(event_id=uuid5(order_id, f"captured {payment}"), occurred_at=NOW, trace_parent=TRACE),
        order_id=order_id,
        payment_id=uuid5(order_id, payment),
        amount_minor=100 * sum(quantity for _, quantity in lines),
        currency="EUR",
        lines=[OrderLine(sku=sku, quantity=quantity, unit_price_minor=100) for sku, quantity in lines],
    )


def listing(sku: str, on_hand: int = 10, price: int = 100, name: str = "A thing", currency: str = "EUR") -> ListProduct:
    return ListProduct(sku, name, price, currency, on_hand, TRACE)


def adjusting(key: str, sku: str, delta: int, reason: str = "delivery") -> AdjustStock:
    return AdjustStock(key, sku, delta, reason)
