"""What contracts.toml says of the services is what their programs do."""

from pathlib import Path

import pytest

from codegen.contracts import Contracts
from services.inventory.main import CONTRACT as INVENTORY
from services.orders.main import CONTRACT as ORDERS
from services.payments.main import CONTRACT as PAYMENTS
from services.process.service import Contract

PROJECT = Path(__file__).parents[3]


def _full_name(event: type) -> str:
    return f"{event.__module__.removeprefix('services.events.')}.{event.__name__}"


@pytest.mark.parametrize("contract", [ORDERS, PAYMENTS, INVENTORY], ids=lambda contract: contract.service)
def test_contracts_toml_says_what_a_service_consumes_and_writes(contract: Contract) -> None:
    contracts = Contracts.load(PROJECT / "schemas")

    described = contracts.services[contract.service]
    written = {topic.name: set(topic.events) for topic in contracts.topics.values() if topic.writer == contract.service}

    assert set(described.consumes) == {_full_name(event) for events in contract.reads.values() for event in events}
    assert described.code == PROJECT / "services" / contract.service
    assert {topic: {_full_name(event) for event in events} for topic, events in contract.writes.items()} == {
        topic: events for topic, events in written.items() if events
    }
