"""Rule 2: twenty writers with the same products in different orders wait for each other; none deadlocks."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from services.conftest import Feed, OpenService
from services.inventory.handlers import Handlers, Listed, ListProducts
from services.inventory.main import CONTRACT
from services.inventory.tests.events import NOW, adjusting, captured, listing, order
from services.messaging.database import Database, fetch

WRITERS = 20
ROUNDS = 4
SKUS = [f"sku-{number:03}" for number in range(200)]  # so many that the statements of a round overlap
SEED = 20261123


@pytest.fixture
def handlers(open_service: OpenService, database: str) -> Iterator[Handlers]:
    """Handlers with a connection for each writer."""
    service = open_service(CONTRACT)
    settings = service.settings.model_copy(update={"database_writers": WRITERS})
    wide = Database(database, settings, application="writers")
    yield Handlers(wide, service.relay, service.wire, settings.topic_partitions, lambda: NOW)
    wide.close()


def test_parallel_writers_of_the_same_products_in_any_order_create_adjust_and_deduct_each_once(
    handlers: Handlers,
) -> None:
    together = Barrier(WRITERS, timeout=60)

    def write(writer: int) -> int:
        chance, created = random.Random(SEED + writer), 0
        for turn in range(ROUNDS):
            skus = [f"{turn}-{sku}" for sku in chance.sample(SKUS, len(SKUS))]
            together.wait()
            (listed,) = handlers.write([ListProducts(tuple(listing(sku, 100) for sku in skus))])
            handlers.write([adjusting(f"{writer}-{sku}", sku, 1) for sku in chance.sample(skus, len(skus))])
            paid = captured(*((sku, 2) for sku in chance.sample(skus, len(skus))), order_id=order(turn * 100 + writer))
            handlers.handle(Feed(handlers.wire).batch(paid))
            assert isinstance(listed, tuple)
            created += sum(isinstance(each, Listed) and each.created for each in listed)
        return created

    with ThreadPoolExecutor(WRITERS) as writers:
        created = sum(writers.map(write, range(WRITERS)))

    assert created == ROUNDS * len(SKUS)
    with handlers.database.connection() as connection:
        assert fetch(connection, "SELECT DISTINCT on_hand FROM products") == [(100 + WRITERS - 2 * WRITERS,)]
