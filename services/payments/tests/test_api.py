"""The REST interface over real parts, without a network in between."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from services.events.shop.payments import DeclineReason
from services.payments import domain
from services.payments.api import PaymentsApi, router
from services.payments.domain import Captured, Declined, Refunded
from services.payments.handlers import Answered
from services.payments.tests.conftest import World
from services.payments.tests.events import ORDER, order, placed, rejected
from services.process import http

NOON = "2026-11-23T12:00:00Z"


@pytest.fixture
def client(world: World) -> Iterator[TestClient]:
    app = http.application("Payments", "under test", world.service.settings)
    app.include_router(router(PaymentsApi(world.service.database)))
    with TestClient(app, raise_server_exceptions=False) as opened:
        yield opened


def answer_all(world: World, answer: Captured | Declined | Refunded) -> None:
    world.handlers.record([Answered(request, answer) for _, request in world.waiting.take(10)])


def test_a_payment_is_followed_to_its_refund(client: TestClient, world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    requested = client.get(f"/payments/{ORDER}").json()
    answer_all(world, Captured())
    captured = client.get(f"/payments/{ORDER}").json()
    world.handlers.handle(world.fed.batch(rejected()))
    answer_all(world, Refunded())
    refunded = client.get(f"/payments/{ORDER}").json()

    payment_id = domain.payment_id_of(ORDER)
    assert requested == {
        "payment_id": str(payment_id),
        "order_id": str(ORDER),
        "status": "REQUESTED",
        "amount_minor": 500,
        "currency": "EUR",
        "decline_reason": None,
        "attempts": 0,
        "refund": None,
        "created_at": NOON,
        "updated_at": NOON,
    }
    assert captured == requested | {"status": "CAPTURED", "attempts": 1}
    assert refunded["refund"] == {
        "refund_id": str(domain.refund_id_of(payment_id)),
        "status": "REFUNDED",
        "amount_minor": 500,
        "reason": "OUT_OF_STOCK",
        "attempts": 1,
        "created_at": NOON,
        "updated_at": NOON,
    }


def test_a_declined_payment_says_why(client: TestClient, world: World) -> None:
    world.handlers.handle(world.fed.batch(placed(order(1))))
    answer_all(world, Declined(DeclineReason.CARD_DECLINED))

    answer = client.get(f"/payments/{order(1)}").json()

    assert (answer["status"], answer["decline_reason"]) == ("DECLINED", "CARD_DECLINED")


ERRORS = [
    ("GET", f"/payments/{ORDER}", 404),
    ("GET", "/payments/not-a-uuid", 404),
    ("GET", "/payments/a%00b", 404),
    ("GET", "/payments", 404),
    ("POST", f"/payments/{ORDER}", 405),
]


def test_every_error_is_a_problem(client: TestClient, subtests: pytest.Subtests) -> None:
    for method, path, status in ERRORS:
        with subtests.test(method=method, path=path):
            answer = client.request(method, path)

            assert answer.status_code == status
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["status"] == status
