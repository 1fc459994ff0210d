"""What a load run does, fixed before it begins: the products, and who orders what, paid how.

Pure. Every run sells products of its own (`<run>-<name>`): stock counts at creation only and what an earlier run left is
unknown, so a run on a used system, or beside another, never blames what was there before.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SCARCE_ONE_IN = 50
"""One product in so many gets half of its demand, so that some orders run out."""
LINES_MAX = 200
QUANTITY_MAX = 1_000_000
STOCK_MAX = 1_000_000_000

ACCEPTED_METHODS = frozenset({"tok_visa", "tok_flaky", "tok_timeout"})
"""The simulated provider takes these in the end, every other one it declines (`tok_error`, which it never decides, is not
for load)."""


@dataclass(frozen=True, slots=True)
class Line:
    """So many pieces of a product."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Product:
    """A product as it is listed before the first order."""

    sku: str
    name: str
    unit_price_minor: int
    on_hand: int
    currency: str = "USD"

    def document(self) -> dict[str, Any]:
        """What the inventory service is sent."""
        return {
            "sku": self.sku,
            "name": self.name,
            "unit_price_minor": self.unit_price_minor,
            "currency": self.currency,
            "on_hand": self.on_hand,
        }


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is sent. `number` counts from 0 in the order of sending."""

    number: int
    customer_id: str
    payment_method: str
    lines: tuple[Line, ...]
    currency: str = "USD"

    def document(self) -> dict[str, Any]:
        """What the orders service is sent."""
        return {
            "customer_id": self.customer_id,
            "currency": self.currency,
            "payment_method": self.payment_method,
            "lines": [{"sku": line.sku, "quantity": line.quantity} for line in self.lines],
        }

    def pieces(self) -> Mapping[str, int]:
        """Pieces by product: one on two lines counts as the sum."""
        pieces: Counter[str] = Counter()
        for line in self.lines:
            pieces[line.sku] += line.quantity
        return pieces


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: products to list, then orders in the order in which they are sent."""

    run: str
    source: str
    """Where the orders come from, in a few words."""
    products: Sequence[Product]
    orders: Sequence[Order]

    def prices(self) -> Mapping[str, int]:
        """What a piece of each product costs."""
        return {product.sku: product.unit_price_minor for product in self.products}

    def key(self, order: Order) -> str:
        """The Idempotency-Key under which an order is sent, and sent again."""
        return f"{self.run}-{order.number}"


def is_valid(order: Order) -> bool:
    """Whether the orders service should accept it; what it refuses is answered with 422."""
    return 1 <= len(order.lines) <= LINES_MAX and all(1 <= line.quantity <= QUANTITY_MAX for line in order.lines)


def total_minor(order: Order, prices: Mapping[str, int]) -> int:
    """What the order costs."""
    return sum(line.quantity * prices[line.sku] for line in order.lines)


def is_paid(order: Order, prices: Mapping[str, int]) -> bool:
    """Whether the payment goes through: a total of 0 always does, without asking the provider."""
    return order.payment_method in ACCEPTED_METHODS or total_minor(order, prices) == 0


def demand(orders: Iterable[Order], prices: Mapping[str, int]) -> Mapping[str, int]:
    """Pieces by product that orders ask the inventory for: those that are valid and paid."""
    wanted: Counter[str] = Counter()
    for order in orders:
        if is_valid(order) and is_paid(order, prices):
            wanted.update(order.pieces())
    return wanted


def is_scarce(name: str) -> bool:
    """Whether a product, by its name without the run's prefix, gets half of its demand. The same in every run."""
    return zlib.crc32(name.encode()) % SCARCE_ONE_IN == 0


def stock(wanted: int, *, scarce: bool) -> int:
    """Pieces to put on the shelf."""
    return min(wanted // 2 if scarce else wanted, STOCK_MAX)
