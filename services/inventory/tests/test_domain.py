"""The shelf's decisions, without any database."""

from dataclasses import replace
from uuid import uuid5

import pytest

from services.events.shop.inventory import RejectionReason, Shortage, StockDeducted, StockLine, StockRejected
from services.inventory import domain
from services.inventory.domain import (
    ON_HAND_MAX,
    CurrencyFixed,
    InvariantBroken,
    KeyReused,
    StockOutOfBounds,
    UnknownProduct,
)
from services.inventory.tests.events import NOW, TRACE, adjusting, captured, listing

OUT, UNKNOWN = RejectionReason.OUT_OF_STOCK, RejectionReason.UNKNOWN_PRODUCT


@pytest.mark.parametrize(
    ("lines", "on_hand", "reason", "shortages"),
    [
        ([("a", 3)], {"a": 3}, None, []),
        ([("a", 4)], {"a": 3}, OUT, [("a", 4, 3)]),
        ([("b", 1), ("a", 1)], {"a": 1, "b": 1}, None, []),
        ([("a", 1), ("b", 2)], {"a": 1, "b": 1}, OUT, [("b", 2, 1)]),
        ([("a", 2), ("a", 2)], {"a": 3}, OUT, [("a", 4, 3)]),  # two lines count as their sum
        ([("a", 2), ("a", 1)], {"a": 3}, None, []),
        ([("a", 1), ("x", 1)], {"a": 1}, UNKNOWN, [("x", 1, 0)]),
        ([("x", 1), ("a", 9)], {"a": 1}, UNKNOWN, [("a", 9, 1), ("x", 1, 0)]),  # unknown says more than too few
        ([("a", 1)], {"a": 0}, OUT, [("a", 1, 0)]),
    ],
)
def test_all_lines_are_taken_or_none(
    lines: list[tuple[str, int]],
    on_hand: dict[str, int],
    reason: RejectionReason | None,
    shortages: list[tuple[str, int, int]],
) -> None:
    decision, event = domain.decide(None, captured(*lines), on_hand, NOW)

    assert decision.reason is reason
    if reason is None:
        assert isinstance(event, StockDeducted)
        assert event.lines == [StockLine(sku=sku, quantity=count) for sku, count in decision.wanted.items()]
        assert [line.sku for line in event.lines] == sorted({sku for sku, _ in lines})
    else:
        assert isinstance(event, StockRejected)
        assert event.reason is reason
        assert event.shortages == [Shortage(sku=s, requested=r, available=a) for s, r, a in shortages]


def test_an_event_follows_from_its_cause() -> None:
    cause = captured(("a", 1))

    _, event = domain.decide(None, cause, {"a": 1}, NOW)
    _, again = domain.decide(None, cause, {"a": 1}, NOW)

    assert event == again
    assert event is not None
    assert event.header.cause_id == cause.header.event_id
    assert event.header.event_id == uuid5(cause.header.event_id, StockDeducted.NAME)
    assert event.header.trace_parent == TRACE


def test_an_order_is_decided_once() -> None:
    decision, _ = domain.decide(None, captured(("a", 1), ("b", 1)), {"a": 1, "b": 1}, NOW)

    assert domain.decide(decision, captured(("b", 1), ("a", 1)), {}, NOW) == (decision, None)


@pytest.mark.parametrize(
    "other", [captured(("a", 2)), captured(("b", 1)), captured(("a", 1), payment="another payment")]
)
def test_an_order_that_is_paid_for_otherwise_breaks_the_invariant(other: object) -> None:
    decision, _ = domain.decide(None, captured(("a", 1)), {"a": 1}, NOW)

    with pytest.raises(InvariantBroken):
        domain.decide(decision, other, {"a": 9, "b": 9}, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("lines", [[], [("a", 0)], [("a", -1)], [("a", 2_147_483_647), ("a", 1)]])
def test_impossible_lines_break_the_invariant(lines: list[tuple[str, int]]) -> None:
    with pytest.raises(InvariantBroken):
        domain.decide(None, captured(*lines), {"a": 10**12}, NOW)


def test_a_first_listing_counts_its_stock() -> None:
    product, event = domain.list_product(None, listing("a", on_hand=7), NOW)

    assert (product.version, product.on_hand) == (1, 7)
    assert event is not None
    assert (event.version, event.header.cause_id, event.header.trace_parent) == (1, None, TRACE)


@pytest.mark.parametrize(("change", "version"), [({}, 1), ({"price": 101}, 2), ({"name": "Another"}, 2)])
def test_a_later_listing_counts_a_change_and_leaves_the_stock(change: dict[str, object], version: int) -> None:
    known, first = domain.list_product(None, listing("a", on_hand=7), NOW)

    product, event = domain.list_product(known, listing("a", on_hand=99, **change), NOW)  # type: ignore[arg-type]

    assert (product.version, product.on_hand) == (version, 7)
    assert (event is not None) == (version == 2)
    assert event is None or first is None or event.header.event_id != first.header.event_id


def test_a_currency_never_changes() -> None:
    known, _ = domain.list_product(None, listing("a"), NOW)

    with pytest.raises(CurrencyFixed):
        domain.list_product(known, listing("a", currency="USD"), NOW)


@pytest.mark.parametrize(("delta", "on_hand"), [(5, 15), (-10, 0), (0, 10), (ON_HAND_MAX - 10, ON_HAND_MAX)])
def test_an_adjustment_moves_the_stock(delta: int, on_hand: int) -> None:
    known, _ = domain.list_product(None, listing("a", on_hand=10), NOW)

    product, made, event = domain.adjust(known, adjusting("k", "a", delta), NOW)

    assert product == replace(known, on_hand=on_hand)
    assert (made.on_hand, event.on_hand, event.delta) == (on_hand, on_hand, delta)


@pytest.mark.parametrize("delta", [-11, ON_HAND_MAX - 9])
def test_an_adjustment_out_of_bounds_is_refused(delta: int) -> None:
    known, _ = domain.list_product(None, listing("a", on_hand=10), NOW)

    with pytest.raises(StockOutOfBounds):
        domain.adjust(known, adjusting("k", "a", delta), NOW)


def test_an_adjustment_of_an_unknown_product_is_refused() -> None:
    with pytest.raises(UnknownProduct):
        domain.adjust(None, adjusting("k", "a", 1), NOW)


@pytest.mark.parametrize("other", [adjusting("k", "a", 2), adjusting("k", "b", 1), adjusting("k", "a", 1, "count")])
def test_a_key_stands_for_one_adjustment(other: domain.AdjustStock) -> None:
    known, _ = domain.list_product(None, listing("a"), NOW)
    _, made, _ = domain.adjust(known, adjusting("k", "a", 1), NOW)

    assert domain.repeat(made, adjusting("k", "a", 1)) == made
    with pytest.raises(KeyReused):
        domain.repeat(made, other)
