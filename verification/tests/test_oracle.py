"""The oracle finds what must not be, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from verification import oracle
from verification.oracle import Outcome, allowed, came_to, judge, judge_final, outcome
from verification.shopping import Line, Order, Plan, Product, demand, is_scarce, stock, total_minor

PRICES = {"r-tea": 300, "r-cup": 900, "r-air": 0}


def order(number: int, *lines: tuple[str, int], method: str = "tok_visa") -> Order:
    return Order(number, "alice", method, tuple(Line(f"r-{sku}", quantity) for sku, quantity in lines))


@dataclass(frozen=True)
class Answer:
    """What the services answer, with the order's document at the end."""

    code: int | None
    order_id: str | None = None
    final: Mapping[str, Any] | None = None

    def kept(self) -> oracle.Answer:
        return oracle.Answer(self.code, self.order_id, came_to(self.final) if self.final else None)


def plan(*orders: Order, tea: int = 10, cup: int = 10, air: int = 10) -> Plan:
    shelf = {"r-tea": tea, "r-cup": cup, "r-air": air}
    products = [Product(sku, sku, price, shelf[sku]) for sku, price in PRICES.items()]
    return Plan("r", "test", products, orders)


def final(placed: Order, status: str, reason: str | None = None, refund: int | None = None) -> dict[str, Any]:
    return {
        "order_id": f"id-{placed.number}",
        "status": status,
        "failure_reason": reason,
        "customer_id": placed.customer_id,
        "currency": placed.currency,
        "total_minor": total_minor(placed, PRICES),
        "lines": [
            {"sku": line.sku, "quantity": line.quantity, "unit_price_minor": PRICES[line.sku]} for line in placed.lines
        ],
        "refund": None if refund is None else {"amount_minor": refund},
    }


def completed(placed: Order, **changed: object) -> Answer:
    return Answer(202, f"id-{placed.number}", {**final(placed, "COMPLETED"), **changed})


def out_of_stock(placed: Order, refund: int | None) -> Answer:
    return Answer(202, f"id-{placed.number}", final(placed, "FAILED", "OUT_OF_STOCK", refund))


def left(tea: int = 10, cup: int = 10, air: int = 10) -> Mapping[str, int]:
    return {"r-tea": tea, "r-cup": cup, "r-air": air}


def rules(run: Plan, answers: list[Answer], on_hand: Mapping[str, int]) -> list[str]:
    by_document = [
        violation
        for placed, answer in zip(run.orders, answers, strict=True)
        if answer.final is not None
        for violation in judge_final(placed, answer.final, PRICES)
    ]
    by_outcome = judge(run, [answer.kept() for answer in answers], on_hand)
    return [violation.rule for violation in (*by_outcome, *by_document)]


@pytest.mark.parametrize(
    ("placed", "tea", "expected"),
    [
        (order(0, ("tea", 3)), 10, {Outcome.COMPLETED}),
        (order(0, ("tea", 3)), 2, {Outcome.COMPLETED, Outcome.OUT_OF_STOCK}),
        (order(0, ("tea", 3), method="tok_declined"), 2, {Outcome.PAYMENT_DECLINED}),
        (order(0, ("tea", 3), method="never_heard_of"), 10, {Outcome.PAYMENT_DECLINED}),
        (order(0, ("air", 3), method="tok_declined"), 10, {Outcome.COMPLETED}),  # costs nothing, so nobody is asked
        (order(0, ("tea", 0)), 10, {Outcome.REFUSED}),
        (order(0, ("tea", 1_000_001)), 10, {Outcome.REFUSED}),
        (order(0), 10, {Outcome.REFUSED}),
        (order(0, *[("tea", 1)] * 201), 1_000, {Outcome.REFUSED}),
    ],
)
def test_outcome_follows_from_price_stock_and_payment_method(placed: Order, tea: int, expected: set[Outcome]) -> None:
    assert [*allowed(plan(placed, tea=tea))] == [expected]


def test_scarce_means_more_wanted_by_all_paid_orders_together_than_there_is() -> None:
    run = plan(order(0, ("tea", 6)), order(1, ("tea", 5)), order(2, ("tea", 9), method="tok_declined"), tea=10)

    assert demand(run.orders, PRICES) == {"r-tea": 11}
    assert [*allowed(run)][:2] == [{Outcome.COMPLETED, Outcome.OUT_OF_STOCK}] * 2


def test_run_as_it_should_be_has_no_violation() -> None:
    first, second, third = order(0, ("tea", 6), ("tea", 1), ("cup", 1)), order(1, ("tea", 5)), order(2, ("tea", 0))
    merged = completed(first)
    assert merged.final is not None
    lines = [
        {"sku": "r-tea", "quantity": 7, "unit_price_minor": 300},
        {"sku": "r-cup", "quantity": 1, "unit_price_minor": 900},
    ]

    for answer in (merged, replace(merged, final={**merged.final, "lines": lines})):
        answers = [answer, out_of_stock(second, refund=1500), Answer(422)]
        assert rules(plan(first, second, third), answers, left(tea=3, cup=9)) == []


PLACED = order(0, ("tea", 6))


@pytest.mark.parametrize(
    ("answer", "on_hand", "expected"),
    [
        (Answer(None), left(), ["outcome"]),
        (Answer(422), left(), ["outcome"]),
        (Answer(500), left(), ["outcome"]),
        (Answer(202, "id"), left(), ["outcome"]),
        (Answer(202, "id", final(PLACED, "PENDING")), left(), ["outcome"]),
        (Answer(202, "id", final(PLACED, "FAILED", "PAYMENT_DECLINED")), left(), ["outcome"]),
        (completed(PLACED), left(), ["stock"]),
        (completed(PLACED), left(tea=-2), ["stock"]),
        (completed(PLACED), {"r-tea": 4}, ["stock", "stock"]),
        (completed(PLACED, total_minor=1), left(tea=4), ["content"]),
        (completed(PLACED, lines=[]), left(tea=4), ["content"]),
        (completed(PLACED, refund={"amount_minor": 1800}), left(tea=4), ["refund"]),
        (out_of_stock(PLACED, 1800), left(), ["outcome", "out of stock"]),
    ],
)
def test_each_violation_is_named(answer: Answer, on_hand: Mapping[str, int], expected: list[str]) -> None:
    assert rules(plan(PLACED), [answer], on_hand) == expected


@pytest.mark.parametrize(("refund", "expected"), [(None, ["refund"]), (1, ["refund"]), (1500, [])])
def test_paid_and_then_out_of_stock_needs_the_whole_refund(refund: int | None, expected: list[str]) -> None:
    first, second = order(0, ("tea", 6)), order(1, ("tea", 5))

    assert rules(plan(first, second), [completed(first), out_of_stock(second, refund)], left(tea=4)) == expected


def test_one_order_for_two_keys_is_a_violation() -> None:
    first, second = order(0, ("tea", 1)), order(1, ("tea", 1))
    same = replace(completed(second), order_id="id-0")

    assert rules(plan(first, second), [completed(first), same], left(tea=8)) == ["identity"]


def test_outcome_of_an_answer_nobody_foresaw_is_told_as_it_is() -> None:
    assert outcome(Answer(413).kept()) == "HTTP 413"
    assert outcome(Answer(202, "id", final(PLACED, "FAILED", "CANCELLED")).kept()) == "CANCELLED"


def test_one_product_in_fifty_gets_half_of_its_demand() -> None:
    scarce = [name for name in map(str, range(10_000)) if is_scarce(name)]

    assert 150 < len(scarce) < 250
    assert (stock(7, scarce=True), stock(7, scarce=False), stock(1, scarce=True)) == (3, 7, 0)
