"""Inventory over real parts."""

import pytest

from services.conftest import OpenService
from services.inventory.handlers import Handlers
from services.inventory.main import CONTRACT
from services.inventory.tests.events import NOW
from services.process.service import Service


@pytest.fixture
def service(open_service: OpenService) -> Service:
    return open_service(CONTRACT)


@pytest.fixture
def handlers(service: Service) -> Handlers:
    return Handlers(service.database, service.relay, service.wire, service.settings.topic_partitions, lambda: NOW)
