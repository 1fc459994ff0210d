"""Orders of a batch: each judged by itself, their keys shared with single orders."""

import json
from threading import Thread
from time import monotonic
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.conftest import Feed
from services.messaging.database import fetch
from services.messaging.errors import DependencyUnavailable
from services.messaging.tests.conftest import eventually
from services.orders import placing, store
from services.orders.handlers import Handlers
from services.orders.tests.events import listed
from services.process.service import Service

JSON = {"Content-Type": "application/json"}
ORDER: dict[str, Any] = {
    "customer_id": "c",
    "currency": "EUR",
    "payment_method": "tok_visa",
    "lines": [{"sku": "cup", "quantity": 2}],
}


def send(client: TestClient, *orders: object) -> Any:
    answer = client.post("/orders/batch", content=json.dumps({"orders": orders}), headers=JSON)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    return answer.json()["results"]


def orders(service: Service) -> int:
    with service.database.connection() as connection:
        return int(fetch(connection, "SELECT count(*) FROM orders")[0][0])


def test_each_order_is_judged_by_itself(client: TestClient, service: Service, fed: Feed) -> None:
    results = send(
        client,
        ORDER,
        ORDER | {"lines": []},
        ORDER | {"currency": "USD"},
        ORDER | {"lines": [{"sku": "saucer", "quantity": 1}]},
        ORDER | {"idempotency_key": "é"},
        ORDER | {"idempotency_key": ""},
        ORDER | {"idempotency_key": "k" * 256},
        ORDER | {"idempotency_key": 7},
        "no order",
        None,
        ORDER | {"customer_id": "d", "idempotency_key": None},
    )

    assert [result["code"] for result in results] == [202, *[422] * 9, 202]
    assert [sorted(result) for result in results] == [
        ["code", "order", "replayed"],
        *[["code", "problem", "replayed"]] * 9,
        ["code", "order", "replayed"],
    ]
    assert results[0]["order"] == client.get(f"/orders/{results[0]['order']['order_id']}").json()
    assert results[1]["problem"]["errors"][0]["pointer"] == "/lines"
    assert results[3]["problem"]["detail"] == "unknown products: saucer"
    assert orders(service) == 2


def test_keys_are_shared_with_single_orders_and_within_the_batch(client: TestClient, fed: Feed) -> None:
    single = client.post("/orders", json=ORDER, headers={"Idempotency-Key": "single"}).json()
    results = send(
        client,
        ORDER | {"idempotency_key": "single"},
        ORDER | {"idempotency_key": "new"},
        ORDER | {"idempotency_key": "new"},
        ORDER | {"idempotency_key": "new", "customer_id": "another"},
        ORDER,
        ORDER,
    )
    again = client.post("/orders", json=ORDER, headers={"Idempotency-Key": "new"})

    assert [(result["code"], result["replayed"]) for result in results] == [
        (202, True),
        (202, False),
        (202, True),
        (422, False),
        (202, False),
        (202, False),
    ]
    assert results[0]["order"] == single
    assert results[1]["order"] == results[2]["order"] == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert results[4]["order"]["order_id"] != results[5]["order"]["order_id"]


def test_the_same_batch_again_is_the_same_orders(client: TestClient, service: Service, fed: Feed) -> None:
    batch = [ORDER | {"idempotency_key": f"k{number}"} for number in range(500)]
    first, again = send(client, *batch), send(client, *batch)

    assert [result["order"] for result in again] == [result["order"] for result in first]
    assert {result["replayed"] for result in first} == {False}
    assert {result["replayed"] for result in again} == {True}
    assert orders(service) == 500


def test_a_batch_waits_once_for_all_its_products(client: TestClient, handlers: Handlers, fed: Feed) -> None:
    unknown = [ORDER | {"lines": [{"sku": f"unknown-{number}", "quantity": 1}]} for number in range(100)]
    begun = monotonic()
    results = send(client, *unknown, ORDER)
    seconds = monotonic() - begun

    assert [result["code"] for result in results] == [422] * 100 + [202]
    assert seconds < 100 * 0.2  # what they would wait one after the other


def test_a_product_listed_meanwhile_is_waited_for(client: TestClient, handlers: Handlers, fed: Feed) -> None:
    results: list[Any] = []
    late = ORDER | {"lines": [{"sku": "late", "quantity": 1}], "idempotency_key": "k"}
    sending = Thread(target=lambda: results.extend(send(client, late, ORDER, late)))
    sending.start()
    eventually(lambda: len(client.get("/orders").json()["items"]) == 1)  # the others are written and wait for nobody
    handlers.handle(fed.batch(listed("late")))
    sending.join()

    assert [(result["code"], result["replayed"]) for result in results] == [(202, False), (202, False), (202, True)]


@pytest.mark.parametrize("product_wait_seconds", [20.0])
def test_a_batch_that_waits_for_a_product_keeps_no_other_waiting(
    client: TestClient, handlers: Handlers, fed: Feed
) -> None:
    results: list[Any] = []
    late = ORDER | {"lines": [{"sku": "late", "quantity": 1}]}
    sending = Thread(target=lambda: results.extend(send(client, late, ORDER)))
    sending.start()
    eventually(lambda: len(client.get("/orders").json()["items"]) == 1)
    (another,) = send(client, ORDER)
    waits_still = not results
    handlers.handle(fed.batch(listed("late")))
    sending.join()

    assert another["code"] == 202
    assert waits_still
    assert [result["code"] for result in results] == [202, 202]


@pytest.mark.parametrize("product_wait_seconds", [20.0])
def test_one_batch_too_many_is_to_come_back(
    client: TestClient, handlers: Handlers, fed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placing, "BATCHES_MAX", 1)
    late = ORDER | {"lines": [{"sku": "late", "quantity": 1}]}
    sending = Thread(target=send, args=[client, late, ORDER])
    sending.start()
    eventually(lambda: len(client.get("/orders").json()["items"]) == 1)
    refused = client.post("/orders/batch", json={"orders": [ORDER]})
    handlers.handle(fed.batch(listed("late")))
    sending.join()

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert [result["code"] for result in send(client, ORDER)] == [202]


@pytest.mark.parametrize("product_wait_seconds", [2.0])
def test_those_who_wait_for_products_share_one_look(
    client: TestClient, service: Service, fed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, opened, connection = 20, list[None](), service.database.connection

    def counted() -> Any:
        opened.append(None)
        return connection()

    monkeypatch.setattr(service.database, "connection", counted)
    answers: list[int] = []
    unknown = [ORDER | {"lines": [{"sku": f"unknown-{number}", "quantity": 1}]} for number in range(waiting)]
    threads = [
        Thread(target=lambda order=order: answers.append(client.post("/orders", json=order).status_code))
        for order in unknown
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [422] * waiting
    assert len(opened) < 2 * 2.0 / 0.05 + 2 * waiting  # one look in 50 ms and one for each in the end; not 40 for each


def unreadable(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> Any:
        raise DependencyUnavailable

    monkeypatch.setattr(service.database, "connection", away)


def test_orders_that_are_stored_are_answered_when_nothing_can_be_read(
    client: TestClient, service: Service, fed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(client, ORDER | {"idempotency_key": "before"})
    with monkeypatch.context() as patch:
        unreadable(service, patch)
        new = client.post("/orders/batch", json={"orders": [ORDER]})
        mixed = client.post("/orders/batch", json={"orders": [ORDER | {"idempotency_key": "before"}, ORDER]})
        single = client.post("/orders", json=ORDER, headers={"Prefer": "wait=5"})

    assert [result["code"] for result in new.json()["results"]] == [202]
    assert [result["code"] for result in mixed.json()["results"]] == [503, 202]
    assert mixed.headers["Retry-After"] == "1"
    assert (single.status_code, single.json()["status"]) == (202, "PENDING")
    assert client.get(single.headers["Location"]).json() == single.json()
    assert orders(service) == 4


NOT_A_BATCH = [b"", b"{", b"[]", b"null", b"\xff", b'{"orders": []}', b'{"orders": {}}', b'{"orders": [], "a": 1}']


def test_what_is_not_a_batch_is_refused(client: TestClient, fed: Feed, subtests: pytest.Subtests) -> None:
    for body in [*NOT_A_BATCH, json.dumps({"orders": [ORDER] * 501}).encode()]:
        with subtests.test(body=body[:30]):
            answer = client.post("/orders/batch", content=body, headers=JSON)

            assert answer.status_code == 422
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_batch_may_be_larger_than_an_order(client: TestClient, fed: Feed) -> None:
    padded = json.dumps({"orders": [ORDER]}).encode() + b" " * (1 << 20)
    taken = client.post("/orders/batch", content=padded, headers=JSON)
    refused = client.post("/orders/batch", content=padded + b" " * (8 << 20), headers=JSON)

    assert (taken.status_code, refused.status_code) == (202, 413)


def test_while_the_database_is_away_the_whole_batch_is_to_come_back(
    client: TestClient, fed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise DependencyUnavailable

    monkeypatch.setattr(store, "insert", away)
    answer = client.post("/orders/batch", json={"orders": [ORDER, ORDER]})

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
