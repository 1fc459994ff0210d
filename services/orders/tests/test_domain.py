"""The state machine as a table, and its claim: the end state does not depend on the order of arrival."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from services.events.shop.orders import FailureReason, OrderCompleted, OrderFailed, OrderPlaced
from services.orders.domain import (
    TRANSITIONS,
    Consumed,
    IllegalTransition,
    OrderState,
    OrderStatus,
    PlaceOrder,
    Product,
    Refund,
    RequestedLine,
    Situation,
    UnknownProducts,
    WrongCurrency,
    decide,
    place,
)
from services.orders.tests.events import NOW, ORDER, captured, declined, deducted, refunded, rejected

STORIES: dict[str, tuple[list[Consumed], OrderState]] = {
    "delivered": ([captured(), deducted()], OrderState(ORDER, OrderStatus.COMPLETED)),
    "declined": ([declined()], OrderState(ORDER, OrderStatus.FAILED, FailureReason.PAYMENT_DECLINED)),
    "out of stock": (
        [captured(), rejected(), refunded()],
        OrderState(ORDER, OrderStatus.FAILED, FailureReason.OUT_OF_STOCK, Refund(500, NOW)),
    ),
}


def live(events: Sequence[Consumed]) -> tuple[OrderState, list[OrderCompleted | OrderFailed]]:
    state, published = OrderState(ORDER), []
    for event in events:
        state, told = decide(state, event, NOW)
        published += told
    return state, published


@pytest.mark.parametrize("story", STORIES)
def test_the_end_does_not_depend_on_the_order_of_arrival(story: str) -> None:
    events, expected = STORIES[story]
    twice: list[Consumed] = [*events, *events]  # every event redelivered once, anywhere
    for arrival in permutations(range(len(twice))):
        state, published = live([twice[index] for index in arrival])

        assert state == expected
        assert len(published) == 1


def test_every_situation_and_event_is_decided_or_refused() -> None:
    reached: dict[Situation, list[Consumed]] = {
        Situation.PENDING: [],
        Situation.PAID: [captured()],
        Situation.COMPLETED: [captured(), deducted()],
        Situation.UNPAID: [declined()],
        Situation.UNDELIVERABLE: [captured(), rejected()],
    }
    for situation, history in reached.items():
        for event in (captured(), declined(), deducted(), rejected(), refunded()):
            state, _ = live(history)
            assert state.situation is situation
            if (situation, type(event)) in TRANSITIONS:
                assert decide(state, event, NOW)[0].situation is TRANSITIONS[situation, type(event)]
            else:
                with pytest.raises(IllegalTransition, match=type(event).__name__):
                    decide(state, event, NOW)


def test_a_final_event_has_the_same_id_however_often_it_is_decided() -> None:
    first, second = live([captured(), deducted()])[1], live([captured(), deducted()])[1]

    assert first == second
    assert first[0].header.cause_id == deducted().header.event_id


def product(sku: str, price: int, currency: str = "EUR") -> Product:
    return Product(sku, sku, price, currency, 1)


def command(*lines: tuple[str, int], currency: str = "EUR") -> PlaceOrder:
    return PlaceOrder(ORDER, "customer", currency, "tok_visa", tuple(RequestedLine(*line) for line in lines), NOW)


def test_an_order_is_priced_with_the_product_list() -> None:
    placed = place(command(("a", 2), ("b", 1), ("a", 3)), {"a": product("a", 250), "b": product("b", 0)})

    assert isinstance(placed, OrderPlaced)
    assert placed.total_minor == 5 * 250
    assert [(line.sku, line.quantity) for line in placed.lines] == [("a", 2), ("b", 1), ("a", 3)]


def test_unknown_products_are_named() -> None:
    with pytest.raises(UnknownProducts, match="unknown products: b, c"):
        place(command(("c", 1), ("a", 1), ("b", 1)), {"a": product("a", 250)})


def test_another_currency_is_refused() -> None:
    with pytest.raises(WrongCurrency, match=r"not sold in USD: a \(EUR\)"):
        place(command(("a", 1), currency="USD"), {"a": product("a", 250)})
