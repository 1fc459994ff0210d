"""Rule 2: twenty writers with the same products in different orders wait for each other; none deadlocks."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from services.conftest import Feed, OpenService
from services.inventory.handlers import Handlers, Listed, ListProducts
from services.inventory.main import CONTRACT
from services.inventory.tests.events import NOW, adjusting, captured, listing, order
from services.messaging.database import Database, fetch

WRITERS = 20
SKUS = [f"sku-{number:02}" for number in range(20)]
SEED = 20261123
SLOWLY = """
CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN new; END $$;
CREATE TRIGGER slowly BEFORE INSERT ON products FOR EACH ROW EXECUTE FUNCTION slowly();
"""
"""Each row takes 10 ms, so that the writers' statements overlap."""


@pytest.fixture
def handlers(open_service: OpenService, database: str) -> Iterator[Handlers]:
    """Handlers with a connection for each writer."""
    service = open_service(CONTRACT)
    with psycopg.connect(database) as connection:
        connection.execute(SLOWLY)
    settings = service.settings.model_copy(update={"database_writers": WRITERS})
    wide = Database(database, settings, application="writers")
    yield Handlers(wide, service.relay, service.wire, settings.topic_partitions, lambda: NOW)
    wide.close()


def shuffled(chance: random.Random) -> list[str]:
    return chance.sample(SKUS, len(SKUS))


def test_parallel_writers_of_the_same_products_in_any_order_create_adjust_and_deduct_each_once(
    handlers: Handlers,
) -> None:
    together = Barrier(WRITERS, timeout=60)

    def write(writer: int) -> int:
        chance = random.Random(SEED + writer)
        with handlers.database.transaction():
            together.wait()  # every writer has its connection
        together.wait()
        (listed,) = handlers.write([ListProducts(tuple(listing(sku, 100) for sku in shuffled(chance)))])
        handlers.write([adjusting(f"{writer}-{sku}", sku, 1) for sku in shuffled(chance)])
        paid = captured(*((sku, 2) for sku in shuffled(chance)), order_id=order(writer))
        handlers.handle(Feed(handlers.wire).batch(paid))
        assert isinstance(listed, tuple)
        return sum(isinstance(each, Listed) and each.created for each in listed)

    with ThreadPoolExecutor(WRITERS) as writers:
        created = sum(writers.map(write, range(WRITERS)))

    assert created == len(SKUS)
    with handlers.database.connection() as connection:
        assert fetch(connection, "SELECT DISTINCT on_hand FROM products") == [(100 + WRITERS - 2 * WRITERS,)]
