"""Inventory's transactions on a real database: applied, ignored when redelivered, rejected, out of order."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

import pytest

from services.conftest import Feed
from services.events.shop.inventory import ProductListed, RejectionReason, StockAdjusted, StockDeducted, StockRejected
from services.inventory.domain import CurrencyFixed, KeyReused, StockOutOfBounds, UnknownProduct
from services.inventory.handlers import Adjusted, Answer, Handlers, Listed, ListProducts, Request
from services.inventory.tests.events import adjusting, captured, listing, order
from services.messaging.database import fetch
from services.messaging.dead_letters import INVARIANT_BROKEN
from services.messaging.errors import PoisonMessage
from services.messaging.records import Batch
from services.process.service import Service

Published = ProductListed | StockAdjusted | StockDeducted | StockRejected


@pytest.fixture
def fed(service: Service, feed: Callable[[Service], Feed]) -> Feed:
    return feed(service)


def stock(handlers: Handlers, **on_hand: int) -> None:
    handlers.write([ListProducts(tuple(listing(sku, count) for sku, count in on_hand.items()))])


def on_hand(service: Service) -> dict[str, int]:
    with service.database.connection() as connection:
        return dict(fetch(connection, "SELECT sku, on_hand FROM products"))


def published(service: Service, *kinds: type[Any]) -> list[Any]:
    """The events in the outbox, partition by partition, without the listings unless they are asked for."""
    with service.database.connection() as connection:
        rows = fetch(connection, "SELECT value FROM outbox_shop_inventory ORDER BY partition, sequence")
    events = [service.wire.decode("shop.inventory", value)[0] for (value,) in rows]
    return [event for event in events if isinstance(event, kinds or (StockDeducted, StockRejected))]


def test_a_paid_order_is_deducted(service: Service, handlers: Handlers, fed: Feed) -> None:
    stock(handlers, a=5, b=5)
    handlers.handle(fed.batch(captured(("b", 2), ("a", 1))))

    assert on_hand(service) == {"a": 4, "b": 3}
    assert [event.order_id for event in published(service, StockDeducted)] == [captured().order_id]


def test_a_redelivered_payment_is_ignored(service: Service, handlers: Handlers, fed: Feed) -> None:
    stock(handlers, a=5)
    handlers.handle(fed.batch(captured(("a", 1)), captured(("a", 1))))
    handlers.handle(fed.batch(captured(("a", 1))))

    assert on_hand(service) == {"a": 4}
    assert len(published(service)) == 1


def test_an_order_that_cannot_be_served_whole_is_rejected(service: Service, handlers: Handlers, fed: Feed) -> None:
    stock(handlers, a=5, b=1)
    handlers.handle(fed.batch(captured(("a", 1), ("b", 2)), captured(("a", 1), ("x", 1), order_id=order(2))))

    assert on_hand(service) == {"a": 5, "b": 1}
    assert {event.order_id: event.reason for event in published(service, StockRejected)} == {
        captured().order_id: RejectionReason.OUT_OF_STOCK,
        order(2): RejectionReason.UNKNOWN_PRODUCT,
    }


def test_a_rejected_order_stays_rejected(service: Service, handlers: Handlers, fed: Feed) -> None:
    stock(handlers, a=1)
    handlers.handle(fed.batch(captured(("a", 2))))
    handlers.write([adjusting("more", "a", 10)])
    handlers.handle(fed.batch(captured(("a", 2))))

    assert on_hand(service) == {"a": 11}
    assert len(published(service)) == 1


def test_a_payment_before_its_product_is_listed_is_rejected(service: Service, handlers: Handlers, fed: Feed) -> None:
    handlers.handle(fed.batch(captured(("a", 1))))
    stock(handlers, a=5)

    assert on_hand(service) == {"a": 5}
    assert [event.reason for event in published(service)] == [RejectionReason.UNKNOWN_PRODUCT]


def test_orders_of_one_batch_take_what_the_ones_before_left(service: Service, handlers: Handlers, fed: Feed) -> None:
    stock(handlers, a=5)
    handlers.handle(fed.batch(*(captured(("a", 2), order_id=order(number)) for number in range(4))))

    assert on_hand(service) == {"a": 1}
    assert len(published(service, StockDeducted)) == 2
    assert len(published(service, StockRejected)) == 2


def test_a_payment_of_other_lines_is_poison_and_leaves_no_trace(
    service: Service, handlers: Handlers, fed: Feed
) -> None:
    stock(handlers, a=5)
    handlers.handle(fed.batch(captured(("a", 1))))

    with pytest.raises(PoisonMessage) as poison:
        handlers.handle(fed.batch(captured(("a", 1), order_id=order(2)), captured(("a", 2))))

    assert poison.value.reason == INVARIANT_BROKEN
    assert on_hand(service) == {"a": 4}
    assert len(published(service)) == 1


def test_an_idle_batch_changes_nothing(service: Service, handlers: Handlers) -> None:
    handlers.handle(Batch(()))

    assert published(service) == []


def test_many_workers_never_sell_more_than_there_is(service: Service, handlers: Handlers, fed: Feed) -> None:
    """Eight at once, each with products in another order, while the stock is adjusted: none waits for ever, none oversells."""
    skus = [f"p{number}" for number in range(6)]
    stock(handlers, **dict.fromkeys(skus, 30))
    batches = [
        [
            fed.batch(
                *(
                    captured(
                        *((sku, 1) for sku in _turned(skus, worker + turn)[:4]),
                        order_id=order(worker * 100 + turn * 10 + n),
                    )
                    for n in range(3)
                )
            )
            for turn in range(6)
        ]
        for worker in range(8)
    ]
    barrier, failures = Barrier(9), list[BaseException]()

    def work(mine: Sequence[Batch]) -> None:
        try:
            barrier.wait()
            for batch in mine:
                handlers.handle(batch)
        except BaseException as error:  # noqa: BLE001 - raised in the test
            failures.append(error)

    def adjust() -> None:
        barrier.wait()
        for number in range(10):
            handlers.write([adjusting(f"{sku}-{number}", sku, 1) for sku in _turned(skus, number)])

    threads = [*(Thread(target=work, args=[mine]) for mine in batches), Thread(target=adjust)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    taken = dict.fromkeys(skus, 0)
    for event in published(service, StockDeducted):
        for line in event.lines:
            taken[line.sku] += line.quantity
    assert on_hand(service) == {sku: 40 - count for sku, count in taken.items()}
    assert min(on_hand(service).values()) >= 0
    assert len(published(service)) == 8 * 6 * 3
    assert published(service, StockRejected)


def _turned(skus: Sequence[str], by: int) -> list[str]:
    turned = [*skus[by % len(skus) :], *skus[: by % len(skus)]]
    return turned if by % 2 else turned[::-1]


# Requests


def test_a_listing_is_told_when_something_changed(service: Service, handlers: Handlers) -> None:
    same = listing("a", 10)
    answers = handlers.write(
        [ListProducts((same,)), ListProducts((same,)), ListProducts((listing("a", 99, price=7), listing("b")))]
    )

    assert [[listed.created for listed in _listed(answer)] for answer in answers] == [[True], [False], [False, True]]
    assert sorted((event.sku, event.version) for event in published(service, ProductListed)) == [
        ("a", 1),
        ("a", 2),
        ("b", 1),
    ]
    assert on_hand(service) == {"a": 10, "b": 10}


def _listed(answer: Answer) -> list[Listed]:
    assert isinstance(answer, tuple)
    return [each for each in answer if isinstance(each, Listed)]


def test_each_product_of_a_batch_is_judged_by_itself(service: Service, handlers: Handlers) -> None:
    stock(handlers, a=10)
    (answer,) = handlers.write([ListProducts((listing("a", currency="USD"), listing("b")))])

    assert isinstance(answer, tuple)
    assert isinstance(answer[0], CurrencyFixed)
    assert isinstance(answer[1], Listed)
    assert on_hand(service) == {"a": 10, "b": 10}


def test_a_listing_that_was_stored_before_is_left_as_it_is(service: Service, handlers: Handlers) -> None:
    stock(handlers, a=10)
    handlers.write([adjusting("k", "a", -3)])
    stock(handlers, a=50)

    assert on_hand(service) == {"a": 7}
    assert len(published(service, ProductListed)) == 1


def test_an_adjustment_is_made_once_per_key(service: Service, handlers: Handlers) -> None:
    stock(handlers, a=10)
    wanted = adjusting("k", "a", 5)
    first, again = handlers.write([wanted, wanted])
    (later,) = handlers.write([wanted])

    assert isinstance(first, Adjusted)
    assert first.replayed is False
    assert again == later == Adjusted(first.adjustment, replayed=True)
    assert on_hand(service) == {"a": 15}
    assert [event.on_hand for event in published(service, StockAdjusted)] == [15]


def test_refused_adjustments_use_no_key_up(service: Service, handlers: Handlers) -> None:
    stock(handlers, a=10)
    below, unknown, fine, reused = handlers.write(
        [adjusting("k", "a", -11), adjusting("u", "x", 1), adjusting("k", "a", -10), adjusting("k", "a", -1)]
    )

    assert isinstance(below, StockOutOfBounds)
    assert isinstance(unknown, UnknownProduct)
    assert isinstance(fine, Adjusted)
    assert isinstance(reused, KeyReused)
    assert on_hand(service) == {"a": 0}


def test_requests_of_one_batch_build_on_each_other(service: Service, handlers: Handlers) -> None:
    early, _, late = handlers.write([adjusting("k", "a", 1), ListProducts((listing("a", 10),)), adjusting("k", "a", 2)])

    assert isinstance(early, UnknownProduct)
    assert isinstance(late, Adjusted)
    assert on_hand(service) == {"a": 12}


def test_the_same_requests_from_many_processes_are_made_once(service: Service, handlers: Handlers) -> None:
    skus = [f"p{number}" for number in range(20)]
    requests: list[Request] = [ListProducts(tuple(listing(sku, 10) for sku in skus))]
    requests += [adjusting(f"k-{sku}", sku, 1) for sku in skus]
    barrier, answers = Barrier(6), list[Sequence[Answer]]()

    def compete(turn: int) -> None:
        mine = [ListProducts(tuple(listing(sku, 10) for sku in _turned(skus, turn))), *requests[1:]]
        barrier.wait()
        answers.append(handlers.write(mine))

    threads = [Thread(target=compete, args=[turn]) for turn in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 6
    assert sum(listed.created for each in answers for listed in _listed(each[0])) == 20
    assert sum(isinstance(a, Adjusted) and not a.replayed for each in answers for a in each[1:]) == 20
    assert set(on_hand(service).values()) == {11}
    assert len(published(service, ProductListed)) == 20
