"""Orders over real parts: its handlers, the product list fed to them, and its REST interface without a network between."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Thread

import pytest
from fastapi.testclient import TestClient

from services.conftest import Feed, OpenService
from services.messaging.writer import Writer
from services.orders.api import BODY_LIMITS, OrdersApi, router
from services.orders.handlers import Handlers
from services.orders.main import CONTRACT
from services.orders.placing import Writing
from services.orders.settings import Settings
from services.orders.tests.events import NOW, listed
from services.process import http
from services.process.service import Service


@pytest.fixture
def service(open_service: OpenService) -> Service:
    return open_service(CONTRACT)


@pytest.fixture
def handlers(service: Service) -> Handlers:
    return Handlers(service.database, service.relay, service.wire, service.settings.topic_partitions, lambda: NOW)


@pytest.fixture
def fed(service: Service, handlers: Handlers, feed: Callable[[Service], Feed]) -> Feed:
    """A feed, after the product list has arrived."""
    made = feed(service)
    handlers.handle(made.batch(listed("cup", 250), listed("plate", 300)))
    return made


@pytest.fixture
def product_wait_seconds() -> float:
    return 0.2


@pytest.fixture
def settings(service: Service, product_wait_seconds: float) -> Settings:
    return Settings.model_validate(service.settings.model_dump() | {"product_wait_seconds": product_wait_seconds})


@pytest.fixture
def client(service: Service, handlers: Handlers, settings: Settings) -> Iterator[TestClient]:
    writer: Writing = Writer(handlers.place, settings)
    app = http.application("Orders", "under test", settings, body_limits=BODY_LIMITS)
    app.include_router(router(OrdersApi(service.database, service.wire, service.kafka, writer, settings)))
    with ExitStack() as closing:
        thread = Thread(target=writer.run)
        thread.start()
        closing.callback(thread.join)
        closing.callback(writer.close)
        yield closing.enter_context(TestClient(app, raise_server_exceptions=False))
