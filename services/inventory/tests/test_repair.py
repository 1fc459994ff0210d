"""A database of inventory that knows nothing any more comes back from its own log, and from what it reads again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, LiteralString

import pytest

from services.conftest import Feed, forget_everything
from services.events.shop.inventory import ProductListed, StockAdjusted, StockDeducted
from services.inventory.handlers import Handlers, ListProducts
from services.inventory.repair import InventoryOwner
from services.inventory.tests.events import NOW, adjusting, captured, listing, order
from services.messaging.database import fetch
from services.messaging.errors import RepairImpossible
from services.messaging.records import Message
from services.process.service import Service

TABLES: dict[str, LiteralString] = {
    "products": "SELECT sku, name, unit_price_minor, currency, version, on_hand, initial_on_hand FROM products ORDER BY sku",
    "decisions": "SELECT order_id, payment_id, outcome, reason, wanted FROM stock_decisions ORDER BY order_id",
    "adjustments": "SELECT idempotency_key, sku, delta, reason, on_hand FROM adjustments ORDER BY 1",
}


def tables(service: Service) -> dict[str, Any]:
    with service.database.connection() as connection:
        return {name: fetch(connection, query) for name, query in TABLES.items()}


def put_back(service: Service, known: list[Message]) -> list[Any]:
    """Put events back; the events told besides."""
    owner = InventoryOwner(service.wire, lambda: NOW)
    with service.database.transaction() as transaction:
        owner.put_back(transaction, known)
        return [service.wire.decode("shop.inventory", record.value)[0] for record in owner.finish(transaction)]


def lived(handlers: Handlers, fed: Feed) -> None:
    handlers.write([ListProducts((listing("a", 10), listing("b", 1))), adjusting("k1", "a", 5)])
    handlers.write([ListProducts((listing("a", 99, name="Another name"),)), adjusting("k2", "a", -1)])
    handlers.handle(fed.batch(*PAID))


PAID = [captured(("a", 4), ("b", 1), order_id=order(1)), captured(("b", 1), order_id=order(2))]


def test_everything_comes_back(service: Service, handlers: Handlers, feed: Callable[[Service], Feed]) -> None:
    fed = feed(service)
    lived(handlers, fed)
    before = tables(service)

    told = put_back(service, forget_everything(service))
    handlers.handle(fed.batch(*PAID))

    assert told == []
    assert tables(service) == before


def test_what_is_known_is_not_counted_again(
    service: Service, handlers: Handlers, feed: Callable[[Service], Feed]
) -> None:
    lived(handlers, feed(service))
    known = forget_everything(service)
    put_back(service, known)
    before = tables(service)

    put_back(service, known)

    assert tables(service) == before


def test_pieces_that_never_came_in_become_an_adjustment(
    service: Service, handlers: Handlers, feed: Callable[[Service], Feed]
) -> None:
    """The delivery was not published before the database was lost, the deduction that needed it was."""
    lived(handlers, feed(service))
    known = [message for message in forget_everything(service) if not isinstance(message.event, StockAdjusted)]
    for index, message in enumerate(known):
        if isinstance(message.event, ProductListed) and message.event.version == 1 and message.event.sku == "a":
            known[index] = replace(message, event=replace(message.event, initial_on_hand=1))

    (squared,) = put_back(service, known)

    assert isinstance(squared, StockAdjusted)
    assert (squared.sku, squared.delta, squared.on_hand) == ("a", 3, 0)
    on_hand = {row[0]: row[5] for row in tables(service)["products"]}
    assert on_hand == {"a": 0, "b": 0}


def test_an_event_that_does_not_say_enough_cannot_be_put_back(
    service: Service, handlers: Handlers, feed: Callable[[Service], Feed]
) -> None:
    lived(handlers, feed(service))
    known = forget_everything(service)
    deducted = [
        replace(message, event=replace(message.event, payment_id=None))
        for message in known
        if isinstance(message.event, StockDeducted)
    ]
    listed = [
        replace(message, event=replace(message.event, initial_on_hand=None))
        for message in known
        if isinstance(message.event, ProductListed)
    ]

    with pytest.raises(RepairImpossible, match="does not name its payment"):
        put_back(service, deducted)
    with pytest.raises(RepairImpossible, match="how many pieces"):
        put_back(service, listed)


def test_a_decision_that_the_log_tells_otherwise_is_named(
    service: Service, handlers: Handlers, feed: Callable[[Service], Feed]
) -> None:
    fed = feed(service)
    lived(handlers, fed)
    known = forget_everything(service)
    handlers.handle(fed.batch(*PAID))  # without the products: both are rejected

    with pytest.raises(RepairImpossible, match=f"about order {order(1)} otherwise"):
        put_back(service, known)
