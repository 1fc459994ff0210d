"""What must have become of a run's orders, decided without looking at how the services work.

Pure. Prices, payment methods and the stock at the beginning are known, so is what each order must end as; only who gets
the last pieces of a scarce product is open. Since a run's products are its own and nobody restocks them, their stock only
falls: an order that failed for want of stock must still find too few pieces of one of its products at the end.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from verification.shopping import Order, Plan, demand, is_paid, is_valid, total_minor

ACCEPTED = 202
REFUSED = 422


class Outcome(StrEnum):
    """What an order comes to."""

    REFUSED = "REFUSED"
    COMPLETED = "COMPLETED"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    OUT_OF_STOCK = "OUT_OF_STOCK"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the services said of an order."""

    code: int | None
    """HTTP status of the last answer to the request that placed it; None when none ever came."""
    order_id: str | None = None
    final: str | None = None
    """What the order has come to at the end of the run: why it failed, or its status. None where there is no such order."""


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must not be: the rule, whom it concerns, what is there instead."""

    rule: str
    subject: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: {self.text}"


def allowed(plan: Plan) -> Iterator[frozenset[Outcome]]:
    """What each order of the run may come to, in their order."""
    prices = plan.prices()
    shelf = {product.sku: product.on_hand for product in plan.products}
    wanted = demand(plan.orders, prices)
    scarce = frozenset(sku for sku, pieces in wanted.items() if pieces > shelf[sku])
    return (_allowed(order, prices, scarce) for order in plan.orders)


def _allowed(order: Order, prices: Mapping[str, int], scarce: frozenset[str]) -> frozenset[Outcome]:
    if not is_valid(order):
        return frozenset({Outcome.REFUSED})
    if not is_paid(order, prices):
        return frozenset({Outcome.PAYMENT_DECLINED})
    if scarce.isdisjoint(line.sku for line in order.lines):
        return frozenset({Outcome.COMPLETED})
    return frozenset({Outcome.COMPLETED, Outcome.OUT_OF_STOCK})


def came_to(order: Mapping[str, Any]) -> str:
    """What an order document has come to: why it failed, or its status."""
    return str(order["failure_reason"] if order["status"] == "FAILED" else order["status"])


def outcome(answer: Answer) -> str | None:
    """What an order came to: an Outcome, or a state or reason that no run expects; None without an answer."""
    if answer.code != ACCEPTED:
        return Outcome.REFUSED if answer.code == REFUSED else None if answer.code is None else f"HTTP {answer.code}"
    return answer.final or "UNKNOWN"


def judge(plan: Plan, answers: Sequence[Answer], on_hand: Mapping[str, int]) -> Iterator[Violation]:
    """Compare a finished run with what must be. `on_hand` is each product's stock at the end."""
    for order, answer, expected in zip(plan.orders, answers, allowed(plan), strict=True):
        if (found := outcome(answer)) not in expected:
            subject = answer.order_id or plan.key(order)
            yield Violation("outcome", subject, f"{found or 'no answer'}, expected {' or '.join(sorted(expected))}")
    yield from _judge_ids(plan, answers)
    yield from _judge_stock(plan, answers, on_hand)


def judge_final(order: Order, final: Mapping[str, Any], prices: Mapping[str, int]) -> Iterator[Violation]:
    """Compare an order's document at the end of the run with what was ordered."""
    yield from _judge_content(final["order_id"], order, final, prices)
    yield from _judge_refund(final["order_id"], final, refunded=came_to(final) == Outcome.OUT_OF_STOCK)


def _judge_content(
    subject: str, order: Order, final: Mapping[str, Any], prices: Mapping[str, int]
) -> Iterator[Violation]:
    expected = {
        "customer_id": order.customer_id,
        "currency": order.currency,
        "total_minor": total_minor(order, prices),
    }
    for name, wanted in expected.items():
        if final[name] != wanted:
            yield Violation("content", subject, f"{name} is {final[name]!r}, expected {wanted!r}")
    pieces = {(sku, prices[sku]): quantity for sku, quantity in order.pieces().items()}
    if _summed(final["lines"]) != pieces:
        yield Violation("content", subject, f"lines are {final['lines']}, expected {pieces}")


def _judge_refund(subject: str, final: Mapping[str, Any], *, refunded: bool) -> Iterator[Violation]:
    refund = final["refund"]
    if refunded and refund is None:
        yield Violation("refund", subject, "paid and then out of stock, but the money was not given back")
    elif refunded and refund["amount_minor"] != final["total_minor"]:
        yield Violation("refund", subject, f"{refund['amount_minor']} given back of {final['total_minor']}")
    elif not refunded and refund is not None:
        yield Violation("refund", subject, f"{final['status']}, yet {refund['amount_minor']} given back")


def _judge_ids(plan: Plan, answers: Sequence[Answer]) -> Iterator[Violation]:
    """Two requests with keys of their own are two orders."""
    seen: set[str] = set()
    doubled: dict[str, list[str]] = {}
    for answer in answers:
        if answer.order_id is not None and answer.order_id in seen:
            doubled[answer.order_id] = []
        seen.add(answer.order_id or "")
    for order, answer in zip(plan.orders, answers, strict=True):
        if answer.order_id in doubled:
            doubled[answer.order_id].append(plan.key(order))
    for order_id, keys in doubled.items():
        yield Violation("identity", order_id, f"one order for the keys {', '.join(keys)}")


def _judge_stock(plan: Plan, answers: Sequence[Answer], on_hand: Mapping[str, int]) -> Iterator[Violation]:
    """All or nothing, never below zero, never refused while there was enough."""
    taken: Counter[str] = Counter()
    for order, answer in zip(plan.orders, answers, strict=True):
        if outcome(answer) == Outcome.COMPLETED:
            taken.update(order.pieces())
    for product in plan.products:
        left = on_hand.get(product.sku)
        if left is None:
            yield Violation("stock", product.sku, "the product is not there any more")
        elif left < 0 or left != product.on_hand - taken[product.sku]:
            text = f"{left} on hand; {product.on_hand} at first, {taken[product.sku]} in completed orders"
            yield Violation("stock", product.sku, text)
    for order, answer in zip(plan.orders, answers, strict=True):
        if outcome(answer) != Outcome.OUT_OF_STOCK:
            continue
        pieces = order.pieces()
        if all(on_hand.get(sku, 0) >= wanted for sku, wanted in pieces.items()):
            subject = answer.order_id or plan.key(order)
            yield Violation("out of stock", subject, f"all it wants is still there: {pieces}")


def _summed(lines: Sequence[Mapping[str, Any]]) -> Mapping[tuple[str, int], int]:
    """Pieces by product and price: lines of one product may be kept as one."""
    pieces: Counter[tuple[str, int]] = Counter()
    for line in lines:
        pieces[line["sku"], line["unit_price_minor"]] += line["quantity"]
    return pieces
