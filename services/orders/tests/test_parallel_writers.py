"""Rule 2: twenty writers with the same Idempotency-Keys in different orders wait for each other; none deadlocks."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import psycopg
import pytest
from uuid_utils.compat import uuid7

from services.conftest import Feed, OpenService
from services.messaging import outbox
from services.messaging.database import Database
from services.orders.domain import PlaceOrder, RequestedLine
from services.orders.handlers import Handlers, Placed, Replayed
from services.orders.main import CONTRACT
from services.orders.tests.events import NOW, listed
from services.process.service import Service

WRITERS = 20
KEYS = 20
SEED = 20261123
SLOWLY = """
CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN new; END $$;
CREATE TRIGGER slowly BEFORE INSERT ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION slowly();
"""
"""Each row takes 10 ms, so that the writers' statements overlap."""


@pytest.fixture
def handlers(open_service: OpenService, feed: Callable[[Service], Feed], database: str) -> Iterator[Handlers]:
    """Handlers with a connection for each writer; two products are listed."""
    service = open_service(CONTRACT)
    with psycopg.connect(database) as connection:
        connection.execute(SLOWLY)
    settings = service.settings.model_copy(update={"database_writers": WRITERS})
    wide = Database(database, settings, application="writers")
    made = Handlers(wide, service.relay, service.wire, settings.topic_partitions, lambda: NOW)
    made.handle(feed(service).batch(listed("cup", 250), listed("plate", 300)))
    yield made
    wide.close()


def request(key: str) -> PlaceOrder:
    lines = (RequestedLine("cup", 2), RequestedLine("plate", 1))
    return PlaceOrder(UUID(int=uuid7().int), "customer", "EUR", "tok_visa", lines, NOW, idempotency_key=key)


def test_parallel_writers_with_the_same_keys_in_any_order_place_each_order_once(handlers: Handlers) -> None:
    together = Barrier(WRITERS, timeout=60)

    def place(writer: int) -> Counter[type]:
        requests = [request(f"key-{number}") for number in range(KEYS)]
        random.Random(SEED + writer).shuffle(requests)
        with handlers.database.transaction():
            together.wait()  # every writer has its connection
        together.wait()
        return Counter(map(type, handlers.place(requests)))

    with ThreadPoolExecutor(WRITERS) as writers:
        answers = sum(writers.map(place, range(WRITERS)), Counter[type]())

    assert answers == {Placed: KEYS, Replayed: KEYS * (WRITERS - 1)}
    with handlers.database.connection() as connection:
        assert sum(outbox.heads(connection, ["shop.orders"]).values()) == KEYS
