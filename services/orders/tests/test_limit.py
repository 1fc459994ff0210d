"""Rule 12 through the whole REST interface, wired as the process has it."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.messaging.tests.conftest import eventually
from services.orders import main
from services.orders.settings import Settings
from services.process.service import Service
from services.process.tests.serving import written

ORDER: dict[str, Any] = {
    "customer_id": "c",
    "currency": "EUR",
    "payment_method": "tok_visa",
    "lines": [{"sku": "cup", "quantity": 2}],
}
KEY = {"Idempotency-Key": "k"}


@pytest.mark.usefixtures("fed")
def test_over_the_limit_orders_are_to_come_back_and_a_used_key_is_answered(service: Service) -> None:
    settings = Settings.model_validate(service.settings.model_dump() | {"orders_open_max": 1})
    api = main.rest(service, settings)
    with written(api), TestClient(api.app, raise_server_exceptions=False) as client:
        first = client.post("/orders", json=ORDER, headers=KEY)
        eventually(lambda: client.post("/orders", json=ORDER).status_code == 503)
        stored = len(client.get("/orders").json()["items"])
        single = client.post("/orders", json=ORDER)
        batch = client.post("/orders/batch", json={"orders": [ORDER, ORDER | {"idempotency_key": "k"}]})
        replayed = client.post("/orders", json=ORDER, headers=KEY)
        after = len(client.get("/orders").json()["items"])

    assert (single.status_code, single.headers["Retry-After"]) == (503, "1")
    assert single.headers["Content-Type"] == "application/problem+json"
    assert [result["code"] for result in batch.json()["results"]] == [503, 202]
    assert batch.headers["Retry-After"] == "1"
    assert batch.json()["results"][1]["order"] == first.json() == replayed.json()
    assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (202, "true")
    assert after == stored
