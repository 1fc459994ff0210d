"""Dead letters over REST, on each service's database."""

import base64
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient

from codegen.errors import RegistryUnreachable
from services.conftest import Feed, OpenService
from services.inventory.main import CONTRACT as INVENTORY
from services.messaging import dead_letters
from services.messaging.database import run
from services.messaging.dead_letters import FOREIGN_RECORD, INVARIANT_BROKEN, UNDECODABLE
from services.messaging.records import DeadLetter, Message
from services.orders.main import CONTRACT as ORDERS
from services.orders.tests.events import captured
from services.payments.main import CONTRACT as PAYMENTS
from services.process import http
from services.process.dead_letters import DeadLettersApi, router
from services.process.service import Contract, Service

ORDER = UUID("01935a2b-0000-7000-8000-000000000001")
KEYS = [str(ORDER).encode(), b"cup", None, b"\xff\x00", str(ORDER).upper().encode(), b"0" * 36, b"1" * 10_000]
"""A record's key, by number of the letter; letters beyond begin again."""


@pytest.fixture(params=[ORDERS, PAYMENTS, INVENTORY], ids=lambda contract: contract.service)
def service(request: pytest.FixtureRequest, open_service: OpenService) -> Service:
    contract: Contract = request.param
    return open_service(contract)


@pytest.fixture
def orders(open_service: OpenService) -> Service:
    return open_service(ORDERS)


def client_of(service: Service) -> TestClient:
    app = http.application("Dead letters", "under test", service.settings)
    app.include_router(router(DeadLettersApi(service.database, service.wire)))
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with client_of(service) as opened:
        yield opened


def park(service: Service, *letters: DeadLetter) -> list[str]:
    """Keep letters, each in a transaction of its own; their ids, the newest first."""
    for letter in letters:
        with service.database.transaction() as transaction:
            dead_letters.park(transaction, service.contract.service, service.contract.dead_letter_topic, [letter])
    return [str(dead_letters.dead_letter_id(service.contract.service, letter)) for letter in reversed(letters)]


def letter(number: int, reason: str = UNDECODABLE) -> DeadLetter:
    message = Message("shop.payments", number % 6, number, KEYS[number % len(KEYS)], b"\x00\xff", (("sequence", b"x"),))
    return DeadLetter(message, "topic-id", reason, f"error {number}", attempts=number)


def ids(client: TestClient, **filters: Any) -> list[str]:
    answer = client.get("/dead-letters", params=filters)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def test_dead_letters_are_listed_by_page_the_newest_first(client: TestClient, service: Service) -> None:
    parked = park(service, *map(letter, range(7)))
    first = client.get("/dead-letters", params={"limit": 4}).json()
    second = client.get("/dead-letters", params={"limit": 4, "cursor": first["next"]}).json()

    assert [item["id"] for item in first["items"] + second["items"]] == parked
    assert second["next"] is None
    assert first["items"][-1] == {
        "id": parked[3],
        "state": "open",
        "reason": "UNDECODABLE",
        "service": service.contract.service,
        "order_id": None,
        "topic": "shop.payments",
        "partition": 3,
        "offset": 3,
        "attempts": 3,
        "error": "error 3",
        "created_at": first["items"][-1]["created_at"],
    }


def test_letters_of_one_moment_are_neither_lost_nor_doubled_between_pages(client: TestClient, service: Service) -> None:
    parked = park(service, *map(letter, range(9)))
    with service.database.connection() as connection:
        run(connection, "UPDATE dead_letters SET created_at = '2026-11-23 12:00:00.123456Z'")
        connection.commit()
    listed, cursor = list[str](), None
    while cursor is not None or not listed:
        page = client.get("/dead-letters", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        listed += [item["id"] for item in page["items"]]
        cursor = page["next"]

    assert sorted(listed) == sorted(parked)


def test_dead_letters_are_filtered(client: TestClient, service: Service) -> None:
    parked = park(service, *map(letter, range(6)), letter(6, FOREIGN_RECORD))[::-1]
    with service.database.connection() as connection:
        run(connection, "UPDATE dead_letters SET state = 'discarded' WHERE id = %s", [UUID(parked[1])])
        connection.commit()

    assert ids(client, state="discarded") == [parked[1]]
    assert ids(client, state="open", order_id=str(ORDER)) == [parked[4], parked[0]]
    assert ids(client, order_id=str(uuid4())) == []
    assert ids(client, reason="FOREIGN_RECORD") == [parked[6]]
    assert ids(client, reason="NO_SUCH_REASON") == []
    assert len(ids(client)) == 7


def test_a_letter_tells_its_record(client: TestClient, service: Service) -> None:
    (parked,) = park(service, letter(3, FOREIGN_RECORD))
    told = client.get(f"/dead-letters/{parked}").json()

    assert (told["key"], told["key_text"]) == (base64.b64encode(b"\xff\x00").decode(), None)
    assert told["headers"] == [{"name": "sequence", "value": base64.b64encode(b"x").decode(), "text": "x"}]
    assert told["value"] == base64.b64encode(b"\x00\xff").decode()
    assert (told["event"], told["payload"]) == (None, None)
    assert "no framed record" in told["unreadable"]


def test_a_letter_tells_its_event_where_it_can_be_read(orders: Service) -> None:
    read = Feed(orders.wire).message(captured(ORDER))
    parked = park(orders, DeadLetter(read, "topic-id", INVARIANT_BROKEN, "no such order"))
    with client_of(orders) as client:
        told = client.get(f"/dead-letters/{parked[0]}").json()

    assert (told["event"], told["payload"]["order_id"], told["unreadable"]) == ("PaymentCaptured", str(ORDER), None)
    assert told["sequence"] == 1


def test_a_letter_is_told_without_its_event_while_the_registry_is_away(
    orders: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: int) -> str:
        raise RegistryUnreachable("no answer")

    monkeypatch.setattr(orders.registry, "schema_by_id", away)
    message = Message("shop.payments", 0, 7, None, b"\x00\x00\x0f\xff\xff\x00", ())
    parked = park(orders, DeadLetter(message, "topic-id", UNDECODABLE, "error"))
    with client_of(orders) as client:
        answer = client.get(f"/dead-letters/{parked[0]}")

    assert answer.status_code == 200
    assert (answer.json()["payload"], answer.json()["unreadable"]) == (None, "no answer")


REFUSED = [
    ("/dead-letters/not-a-uuid", 404),
    (f"/dead-letters/{ORDER}", 404),
    ("/dead-letters/a%00b", 404),
    ("/dead-letters?state=lost", 422),
    ("/dead-letters?order_id=7", 422),
    ("/dead-letters?reason=%00", 422),
    ("/dead-letters?limit=0", 422),
    ("/dead-letters?limit=501", 422),
    ("/dead-letters?cursor=x", 422),
    (f"/dead-letters?cursor={'g' * 46}", 422),
    (f"/dead-letters?cursor={'0' * 47}", 422),
    (f"/dead-letters?cursor={'f' * 46}", 200),
    ("/dead-letters?cursor=%00", 422),
]


def test_what_is_not_known_or_not_valid_is_a_problem(client: TestClient, subtests: pytest.Subtests) -> None:
    for path, status in REFUSED:
        with subtests.test(path=path):
            answer = client.get(path)

            assert answer.status_code == status
            assert answer.headers["Content-Type"] == (
                "application/problem+json" if status >= 400 else "application/json"
            )
