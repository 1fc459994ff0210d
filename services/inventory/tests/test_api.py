"""The REST interface over real parts, without a network in between: answers, keys, refusals."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest
from fastapi.testclient import TestClient

from services.inventory.api import BODY_LIMITS, InventoryApi, Writing, router
from services.inventory.handlers import Handlers
from services.inventory.settings import Settings
from services.inventory.tests.events import TRACE
from services.messaging.database import fetch
from services.messaging.writer import Writer
from services.process import http
from services.process.service import Service

JSON = {"Content-Type": "application/json"}
CUP: dict[str, Any] = {"name": "Espresso cup", "unit_price_minor": 450, "currency": "EUR", "on_hand": 10}
MORE = {"delta": 5, "reason": "delivery"}


@pytest.fixture
def client(service: Service, handlers: Handlers) -> Iterator[TestClient]:
    settings = Settings.model_validate(service.settings.model_dump())
    writer: Writing = Writer(handlers.write, settings)
    app = http.application("Inventory", "under test", settings, body_limits=BODY_LIMITS)
    app.include_router(router(InventoryApi(service.database, writer, settings)))
    with ExitStack() as closing:
        thread = Thread(target=writer.run)
        thread.start()
        closing.callback(thread.join)
        closing.callback(writer.close)
        yield closing.enter_context(TestClient(app, raise_server_exceptions=False))


def test_a_product_is_listed_changed_and_left_alone(client: TestClient) -> None:
    new = client.put("/products/cup", json=CUP)
    same = client.put("/products/cup", json=CUP | {"on_hand": 99})
    dearer = client.put("/products/cup", json=CUP | {"unit_price_minor": 500})
    foreign = client.put("/products/cup", json=CUP | {"currency": "USD"})

    assert [answer.status_code for answer in (new, same, dearer, foreign)] == [201, 200, 200, 409]
    assert new.headers["Location"] == "/products/cup"
    assert new.json() == {
        "sku": "cup",
        **CUP,
        "version": 1,
        "created_at": "2026-11-23T12:00:00Z",
        "updated_at": "2026-11-23T12:00:00Z",
    }
    assert same.json() == new.json()
    assert client.get("/products/cup").json() == dearer.json() == new.json() | {"unit_price_minor": 500, "version": 2}


def test_products_of_a_batch_are_judged_one_by_one(client: TestClient) -> None:
    client.put("/products/cup", json=CUP)
    answer = client.post(
        "/products/batch",
        json={
            "products": [
                {"sku": "plate", **CUP},
                {"sku": "cup", **CUP, "name": "Another"},
                {"sku": "cup", **CUP, "currency": "USD"},
                {"sku": "a b", **CUP},
                {"sku": "bowl", **CUP, "unit_price_minor": "450"},
                "no product",
            ]
        },
    )
    results = answer.json()["results"]

    assert answer.status_code == 200
    assert [result["code"] for result in results] == [201, 200, 409, 422, 422, 422]
    assert results[0]["product"] == client.get("/products/plate").json()
    assert results[2]["problem"]["status"] == 409
    assert results[4]["problem"]["errors"][0]["pointer"] == "/unit_price_minor"
    assert client.get("/products/bowl").status_code == 404


def test_five_thousand_products_are_one_request(client: TestClient) -> None:
    products = [{"sku": f"sku-{number:04}", **CUP} for number in range(5_000)]
    answer = client.post("/products/batch", json={"products": products})
    too_many = client.post("/products/batch", json={"products": [*products, {"sku": "more", **CUP}]})

    assert {result["code"] for result in answer.json()["results"]} == {201}
    assert [result["product"]["sku"] for result in answer.json()["results"]] == [each["sku"] for each in products]
    assert too_many.status_code == 422


def test_products_are_listed_by_page(client: TestClient) -> None:
    for sku in ("b", "a", "C", "a.b"):
        client.put(f"/products/{sku}", json=CUP)

    first = client.get("/products", params={"limit": 3}).json()
    second = client.get("/products", params={"limit": 3, "cursor": first["next"]}).json()

    assert [product["sku"] for product in first["items"]] == ["C", "a", "a.b"]
    assert [product["sku"] for product in second["items"]] == ["b"]
    assert second["next"] is None


def test_an_adjustment_is_made_once_per_key(client: TestClient) -> None:
    client.put("/products/cup", json=CUP)
    first = client.post("/products/cup/adjustments", json=MORE, headers={"Idempotency-Key": "k 1"})
    client.post("/products/cup/adjustments", json=MORE, headers={"Idempotency-Key": "k 2"})
    again = client.post(
        "/products/cup/adjustments", json=dict(reversed(MORE.items())), headers={"Idempotency-Key": "k 1"}
    )
    other = client.post("/products/cup/adjustments", json=MORE | {"delta": 6}, headers={"Idempotency-Key": "k 1"})

    assert [answer.status_code for answer in (first, again, other)] == [200, 200, 422]
    assert first.json() == {"sku": "cup", **MORE, "on_hand": 15, "adjusted_at": "2026-11-23T12:00:00Z"}
    assert again.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert client.get("/products/cup").json()["on_hand"] == 20


def test_adjustments_that_cannot_be_made_are_refused(client: TestClient) -> None:
    client.put("/products/cup", json=CUP)
    refusals = [
        client.post(f"/products/{sku}/adjustments", json=MORE | {"delta": delta}, headers={"Idempotency-Key": "k"})
        for sku, delta in [("cup", -11), ("nothing", 1), ("a%00b", 1), ("a%20b", 1), ("cup", 10**9 + 1)]
    ]
    keyless = client.post("/products/cup/adjustments", json=MORE)

    assert [answer.status_code for answer in refusals] == [409, 404, 404, 404, 422]
    assert keyless.status_code == 422
    assert client.get("/products/cup").json()["on_hand"] == 10


def test_the_trace_of_a_request_is_passed_on(client: TestClient, service: Service) -> None:
    client.put("/products/cup", json=CUP, headers={"traceparent": TRACE})
    client.put("/products/plate", json=CUP, headers={"traceparent": "no trace"})

    with service.database.connection() as connection:
        rows = fetch(connection, "SELECT value FROM outbox_shop_inventory")
    events: list[Any] = [service.wire.decode("shop.inventory", value)[0] for (value,) in rows]
    assert {event.sku: event.header.trace_parent for event in events} == {"cup": TRACE, "plate": None}


NOT_A_PRODUCT: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "n" * 201},
    {"name": "a\x00b"},
    {"name": "\ud800"},
    {"name": None},
    {"unit_price_minor": -1},
    {"unit_price_minor": 1_000_000_001},
    {"unit_price_minor": 4.5},
    {"unit_price_minor": 450.0},
    {"unit_price_minor": True},
    {"unit_price_minor": "450"},
    {"unit_price_minor": 10**400},
    {"currency": "eur"},
    {"currency": "ABC"},
    {"currency": "EUR\n"},
    {"on_hand": -1},
    {"on_hand": 1_000_000_001},
    {"discount": 1},
    {"\ud800": 1},
]

ERRORS = [
    ("GET", "/products/nothing", 404),
    ("GET", "/products/a%00b", 404),
    ("GET", "/products/%FF", 404),
    ("GET", "/products?limit=0", 422),
    ("GET", "/products?limit=1001", 422),
    ("GET", "/products?cursor=%00", 422),
    ("GET", "/nowhere", 404),
    ("DELETE", "/products/cup", 405),
    ("GET", "/products/cup/adjustments", 405),
]

NOT_A_KEY = [b"", b"\xe9", b"k" * 256, b"a\tb"]


def test_what_is_not_a_valid_product_is_refused(client: TestClient, subtests: pytest.Subtests) -> None:
    for changed in NOT_A_PRODUCT:
        with subtests.test(changed=ascii(changed)[:60]):
            alone = client.put("/products/cup", content=json.dumps(CUP | changed), headers=JSON)
            batch = client.post(
                "/products/batch", content=json.dumps({"products": [{"sku": "cup", **CUP, **changed}]}), headers=JSON
            )

            assert alone.status_code == 422
            assert alone.headers["Content-Type"] == "application/problem+json"
            assert batch.status_code == 200
            assert batch.json()["results"][0]["code"] == 422
    assert client.get("/products").json()["items"] == []


def test_a_product_number_must_be_valid(client: TestClient, subtests: pytest.Subtests) -> None:
    for sku in ("a%20b", "s" * 65, "a%00", "%C3%A9", "a%0A"):
        with subtests.test(sku=sku):
            assert client.put(f"/products/{sku}", json=CUP).status_code == 422


def test_a_key_must_be_printable_ascii(client: TestClient, subtests: pytest.Subtests) -> None:
    client.put("/products/cup", json=CUP)
    for key in NOT_A_KEY:
        with subtests.test(key=key[:30]):
            answer = client.post("/products/cup/adjustments", json=MORE, headers=[(b"Idempotency-Key", key)])

            assert answer.status_code == 422
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_what_is_not_a_batch_is_refused(client: TestClient, subtests: pytest.Subtests) -> None:
    for body in [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"products": []}',
        b'{"products": 1}',
        b'{"products": [], "a": 1}',
    ]:
        with subtests.test(body=body):
            answer = client.post("/products/batch", content=body, headers=JSON)

            assert answer.status_code == 422
            assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    alone = client.put("/products/cup", content=b" " * 300_000 + json.dumps(CUP).encode(), headers=JSON)
    batch = client.post("/products/batch", content=b" " * (8 << 20) + b"{}", headers=JSON)

    assert (alone.status_code, batch.status_code) == (413, 413)


def test_every_error_is_a_problem(client: TestClient, subtests: pytest.Subtests) -> None:
    for method, path, status in ERRORS:
        with subtests.test(method=method, path=path):
            answer = client.request(method, path)

            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["status"] == status


def test_openapi_shows_a_batch_as_products(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]

    items = schemas["BatchRequest"]["properties"]["products"]["items"]
    assert items["anyOf"][0] == {"$ref": "#/components/schemas/BatchProductRequest"}
    assert schemas["ProductRequest"]["examples"] == [CUP]
