"""Orders and rejections as other services tell them, for tests."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from services.events.shop.common import EventHeader, OrderLine
from services.events.shop.inventory import RejectionReason, StockRejected
from services.events.shop.orders import OrderPlaced

NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
ORDER = UUID("01935a2b-0000-7000-8000-000000000001")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def order(number: int) -> UUID:
    return uuid5(ORDER, str(number))


def placed(
    order_id: UUID = ORDER, method: str = "tok_visa", price: int = 250, quantity: int = 2, *, again: str = ""
) -> OrderPlaced:
    return OrderPlaced(
        header=EventHeader(event_id=uuid5(order_id, f"placed {again}"), occurred_at=NOW, trace_parent=TRACE),
        order_id=order_id,
        customer_id="customer",
        currency="EUR",
        payment_method=method,
        total_minor=price * quantity,
        lines=[OrderLine(sku="cup", quantity=quantity, unit_price_minor=price)],
    )


def rejected(
    order_id: UUID = ORDER, reason: RejectionReason = RejectionReason.OUT_OF_STOCK, *, again: str = ""
) -> StockRejected:
    return StockRejected(
        header=EventHeader(event_id=uuid5(order_id, f"rejected {again}"), occurred_at=NOW, trace_parent=TRACE),
        order_id=order_id,
        reason=reason,
        shortages=[],
    )
