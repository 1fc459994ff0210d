"""A database of orders that knows nothing any more comes back from its own log, and from what it reads again."""

from collections.abc import Callable
from typing import Any, LiteralString

import pytest

from services.conftest import Feed, forget_everything
from services.messaging.database import fetch
from services.messaging.errors import RepairImpossible
from services.messaging.records import TopicPartition
from services.messaging.repair import Renumbered
from services.orders import store
from services.orders.handlers import Handlers, Placed, Replayed
from services.orders.repair import OrdersOwner
from services.orders.tests.events import captured, declined, deducted, listed, refunded, rejected
from services.orders.tests.test_handlers import request
from services.process.service import Service

TABLES: dict[str, LiteralString] = {
    "orders": "SELECT * FROM orders ORDER BY order_id",
    "keys": "SELECT key, fingerprint, order_id FROM idempotency_keys ORDER BY key",
    "timelines": "SELECT order_id, topic, partition, sequence, subject, value FROM order_events ORDER BY 1, 2, 3, 4",
}


def tables(service: Service) -> dict[str, Any]:
    with service.database.connection() as connection:
        return {name: fetch(connection, query) for name, query in TABLES.items()}


def test_everything_comes_back(service: Service, handlers: Handlers, feed: Callable[[Service], Feed]) -> None:
    fed, wishes = feed(service), [request(key=f"key {number}") for number in range(5)]
    handlers.handle(fed.batch(listed("cup")))
    assert all(isinstance(answer, Placed) for answer in handlers.place(wishes))
    pending, paid, sold, unpaid, short = (wish.order_id for wish in wishes)
    told = fed.batch(
        captured(paid),
        captured(sold),
        deducted(sold),
        declined(unpaid),
        captured(short),
        rejected(short),
        refunded(short),
    )
    handlers.handle(told)
    before = tables(service)

    known = forget_everything(service)
    with service.database.transaction() as transaction:
        OrdersOwner().put_back(transaction, known)
    handlers.handle(told)

    assert pending
    assert tables(service) == before
    assert handlers.place(wishes) == [Replayed(wish.order_id) for wish in wishes]


def test_what_is_known_is_not_changed(service: Service, handlers: Handlers, feed: Callable[[Service], Feed]) -> None:
    handlers.handle(feed(service).batch(listed("cup")))
    handlers.place([request(key="key")])
    known = forget_everything(service)
    with service.database.transaction() as transaction:
        OrdersOwner().put_back(transaction, known)
    before = tables(service)["orders"]

    with service.database.transaction() as transaction:
        OrdersOwner().put_back(transaction, known)

    assert tables(service)["orders"] == before


def test_an_end_without_a_beginning_cannot_be_put_back(
    service: Service, handlers: Handlers, feed: Callable[[Service], Feed]
) -> None:
    fed, wish = feed(service), request()
    handlers.handle(fed.batch(listed("cup")))
    handlers.place([wish])
    handlers.handle(fed.batch(declined(wish.order_id)))
    known = forget_everything(service)

    with pytest.raises(RepairImpossible, match="not that it was placed"), service.database.transaction() as transaction:
        OrdersOwner().put_back(transaction, known[1:])


def test_timelines_follow_other_numbers(service: Service, handlers: Handlers, feed: Callable[[Service], Feed]) -> None:
    handlers.handle(feed(service).batch(listed("cup")))
    wishes = [request() for _ in range(20)]
    handlers.place(wishes)
    with service.database.connection() as connection:
        numbered = fetch(connection, "SELECT topic, partition, sequence FROM order_events ORDER BY position")
    moved = [
        Renumbered(TopicPartition(topic, partition), str(wish.order_id).encode(), number, number + 1)
        for wish, (topic, partition, number) in zip(wishes, numbered, strict=True)
    ]
    gone = moved.pop()

    with service.database.transaction() as transaction:
        store.renumber(transaction, [*moved, gone._replace(after=None)])

    with service.database.connection() as connection:
        now = fetch(connection, "SELECT topic, partition, sequence FROM order_events ORDER BY position")
    assert now == [(topic, partition, number + 1) for topic, partition, number in numbered[:-1]]
