"""The REST interface over real parts, without a network in between: answers, keys, refusals."""

import json
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.conftest import Feed
from services.orders.handlers import Handlers
from services.orders.tests.events import captured, deducted

JSON = {"Content-Type": "application/json"}
ORDER = {"customer_id": "c", "currency": "EUR", "payment_method": "tok_visa", "lines": [{"sku": "cup", "quantity": 2}]}


def test_an_order_is_taken_and_can_be_followed(client: TestClient, handlers: Handlers, fed: Feed) -> None:
    taken = client.post("/orders", json=ORDER)
    order_id = taken.json()["order_id"]
    handlers.handle(fed.batch(captured(UUID(order_id)), deducted(UUID(order_id))))
    followed = client.get(taken.headers["Location"])
    timeline = client.get(f"/orders/{order_id}/timeline").json()

    assert taken.status_code == 202
    assert taken.json() | {"order_id": "", "created_at": "", "updated_at": ""} == {
        "order_id": "",
        "customer_id": "c",
        "status": "PENDING",
        "failure_reason": None,
        "total_minor": 500,
        "currency": "EUR",
        "lines": [{"sku": "cup", "quantity": 2, "unit_price_minor": 250}],
        "refund": None,
        "created_at": "",
        "updated_at": "",
    }
    assert followed.json()["status"] == "COMPLETED"
    assert [entry["event"] for entry in timeline] == [
        "OrderPlaced",
        "PaymentCaptured",
        "StockDeducted",
        "OrderCompleted",
    ]
    assert timeline[0]["offset"] is None  # not in Kafka: no relay runs in this test
    assert timeline[0]["payload"]["total_minor"] == 500
    assert timeline[1]["subject"] == "shop.payments-shop.payments.PaymentCaptured"


def test_the_same_key_and_body_give_the_same_order(client: TestClient, fed: Feed) -> None:
    first = client.post("/orders", json=ORDER, headers={"Idempotency-Key": "k 1"})
    again = client.post("/orders", json=dict(reversed(ORDER.items())), headers={"Idempotency-Key": "k 1"})
    other = client.post("/orders", json=ORDER | {"customer_id": "d"}, headers={"Idempotency-Key": "k 1"})

    assert (first.status_code, again.status_code, other.status_code) == (202, 202, 422)
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_waiting_ends_when_the_order_is_final(client: TestClient, handlers: Handlers, fed: Feed) -> None:
    order_id = client.post("/orders", json=ORDER).json()["order_id"]
    finishing = Thread(target=lambda: handlers.handle(fed.batch(captured(UUID(order_id)), deducted(UUID(order_id)))))
    finishing.start()
    answer = client.get(f"/orders/{order_id}", headers={"Prefer": "wait=30"})
    finishing.join()

    assert answer.json()["status"] == "COMPLETED"


def test_waiting_ends_with_the_time(client: TestClient, fed: Feed) -> None:
    answer = client.post("/orders", json=ORDER, headers={"Prefer": "respond-async, wait=1"})

    assert (answer.status_code, answer.json()["status"]) == (202, "PENDING")


def test_orders_are_listed_by_page_the_newest_first(client: TestClient, fed: Feed) -> None:
    placed = [
        client.post("/orders", json=ORDER | {"customer_id": f"c{number % 2}"}).json()["order_id"] for number in range(7)
    ]

    first = client.get("/orders", params={"limit": 4}).json()
    second = client.get("/orders", params={"limit": 4, "cursor": first["next"]}).json()
    of_one = client.get("/orders", params={"customer_id": "c1", "status": "PENDING"}).json()

    assert [order["order_id"] for order in first["items"] + second["items"]] == placed[::-1]
    assert second["next"] is None
    assert len(of_one["items"]) == 3


def test_products_are_what_inventory_has_listed(client: TestClient, fed: Feed) -> None:
    page = client.get("/products", params={"limit": 1}).json()

    assert page == {"items": [{"sku": "cup", "name": "Cup", "unit_price_minor": 250, "currency": "EUR"}], "next": "cup"}
    assert client.get("/products/plate").json()["unit_price_minor"] == 300


NOT_AN_ORDER: list[tuple[dict[str, Any], str]] = [
    ({"lines": [{"sku": "saucer", "quantity": 1}]}, "unknown products: saucer"),
    ({"currency": "USD"}, "not sold in USD"),
    ({"currency": "eur"}, "not valid"),
    ({"lines": []}, "not valid"),
    ({"lines": [{"sku": "cup", "quantity": 0}]}, "not valid"),
    ({"lines": [{"sku": "cup", "quantity": 1_000_001}]}, "not valid"),
    ({"lines": [{"sku": "cup", "quantity": "2"}]}, "not valid"),
    ({"lines": [{"sku": "cup", "quantity": 2.0}]}, "not valid"),
    ({"lines": [{"sku": "cup", "quantity": True}]}, "not valid"),
    ({"lines": [{"sku": "a b", "quantity": 1}]}, "not valid"),
    ({"lines": [{"sku": "cup\n", "quantity": 1}]}, "not valid"),
    ({"lines": [{"sku": "cup", "quantity": 1}] * 201}, "not valid"),
    ({"lines": [{"sku": "cup", "quantity": 1, "price": 1}]}, "not valid"),
    ({"customer_id": ""}, "not valid"),
    ({"customer_id": "c" * 129}, "not valid"),
    ({"customer_id": "a\x00b"}, "not valid"),
    ({"customer_id": None}, "not valid"),
    ({"payment_method": "tok visa"}, "not valid"),
    ({"discount": 5}, "not valid"),
    ({"customer_id": "\ud800"}, "not valid"),
]

NOT_JSON = [b"", b"{", b"[]", b"null", b"\xff", b'{"customer_id": "\\ud800"}', b"[" * 100_000, b'{"a": NaN}']
NOT_A_KEY = [b"", b"\xe9", b"k" * 256, b"a\tb"]

ERRORS = [
    ("GET", "/orders/not-a-uuid", 404),
    ("GET", "/orders/01935a2b-0000-7000-8000-000000000001", 404),
    ("GET", "/orders/01935a2b-0000-7000-8000-000000000001/timeline", 404),
    ("GET", "/products/nothing", 404),
    ("GET", "/products/a%00b", 404),
    ("GET", "/orders?status=LOST", 422),
    ("GET", "/orders?limit=0", 422),
    ("GET", "/orders?limit=501", 422),
    ("GET", "/orders?cursor=x", 422),
    ("GET", "/orders?customer_id=%00", 422),
    ("GET", "/products?cursor=%00", 422),
    ("GET", "/nowhere", 404),
    ("DELETE", "/orders", 405),
    ("PUT", "/orders/01935a2b-0000-7000-8000-000000000001", 405),
]


def test_what_is_not_a_valid_order_is_refused(client: TestClient, fed: Feed, subtests: pytest.Subtests) -> None:
    for changed, words in NOT_AN_ORDER:
        with subtests.test(changed=str(changed)[:60]):
            answer = client.post("/orders", content=json.dumps(ORDER | changed), headers=JSON)

            assert answer.status_code == 422
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert words in answer.json()["detail"]


def test_what_is_not_json_is_refused(client: TestClient, subtests: pytest.Subtests) -> None:
    for body in NOT_JSON:
        with subtests.test(body=body[:30]):
            answer = client.post("/orders", content=body, headers=JSON)

            assert answer.status_code == 422
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_key_must_be_printable_ascii(client: TestClient, fed: Feed, subtests: pytest.Subtests) -> None:
    for key in NOT_A_KEY:
        with subtests.test(key=key[:30]):
            answer = client.post("/orders", json=ORDER, headers=[(b"Idempotency-Key", key)])

            assert answer.status_code == 422


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    declared = client.post("/orders", content=b"x" * 300_000, headers=JSON)
    streamed = client.post("/orders", content=iter([b"x" * 100_000] * 3), headers=JSON)

    assert (declared.status_code, streamed.status_code) == (413, 413)


def test_every_error_is_a_problem(client: TestClient, subtests: pytest.Subtests) -> None:
    for method, path, status in ERRORS:
        with subtests.test(method=method, path=path):
            answer = client.request(method, path)

            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["status"] == status
            if status == 405:
                assert answer.headers["Allow"] == {"/orders": "GET, POST"}.get(path, "GET")
