"""Whatever is sent: no 5xx, every error a problem with the right status, nothing stored, and the service works after."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi.testclient import TestClient

from services.conftest import Feed, OpenService
from services.inventory import main as inventory
from services.inventory.settings import Settings as InventorySettings
from services.messaging.database import fetch
from services.orders import main as orders
from services.orders.settings import Settings as OrdersSettings
from services.orders.tests.events import listed
from services.payments import main as payments
from services.payments.settings import Settings as PaymentsSettings
from services.process.run import Api
from services.process.service import Service
from services.process.tests.hostile import CUP, NOBODY, ORDER, RAW, TABLE, Hostile
from services.process.tests.serving import served, written

PROBLEM = "application/problem+json"
STORED = {
    "o": ("orders", "idempotency_keys", "order_events", "products", "outbox_shop_orders", "dead_letters"),
    "p": ("payments", "refunds", "provider_requests", "outbox_shop_payments", "dead_letters"),
    "i": ("products", "adjustments", "stock_decisions", "outbox_shop_inventory", "dead_letters"),
}


def opened(letter: str, open_service: OpenService) -> tuple[Service, Api]:
    """A service with its whole REST interface; orders knows the product "cup"."""
    module: Any = {"o": orders, "p": payments, "i": inventory}[letter]
    settings: Any = {"o": OrdersSettings, "p": PaymentsSettings, "i": InventorySettings}[letter]
    service = open_service(module.CONTRACT)
    if letter == "o":
        orders._handlers(service).handle(Feed(service.wire).batch(listed("cup")))
    changed = {"product_wait_seconds": 0.05} if letter == "o" else {}
    return service, module.rest(service, settings.model_validate(service.settings.model_dump() | changed))


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[Any]]:
    """What is logged, kept from the standard output, which belongs to each subtest in turn while threads are writing."""
    with structlog.testing.capture_logs() as lines:
        yield lines


def rows(service: Service, letter: str) -> dict[str, int]:
    with service.database.connection() as connection:
        return {table: fetch(connection, "SELECT count(*) FROM " + table)[0][0] for table in STORED[letter]}


def works(client: Any, letter: str) -> str:
    """Does something useful; the id of the order that came of it, if it is orders."""
    if letter == "o":
        taken = client.post("/orders", content=ORDER, headers={"Content-Type": "application/json"})
        assert taken.status_code == 202, taken.text
        return str(taken.json()["order_id"])
    if letter == "i":
        assert client.put("/products/cup", json=json.loads(CUP)).status_code in (200, 201)
    assert client.get("/healthz").status_code == 200
    return NOBODY


def send(client: TestClient, row: Hostile, order_id: str) -> Any:
    method, _, path = row.request.partition(" ")
    headers = [
        (name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in row.headers.items()
    ]
    if row.content_type is not None:
        headers.append((b"Content-Type", row.content_type.encode("latin-1")))
    return client.request(method, path.replace("{order}", order_id), content=row.body, headers=headers)


@pytest.mark.parametrize("letter", ["o", "p", "i"])
def test_hostile_requests_are_refused_and_change_nothing(
    letter: str, open_service: OpenService, subtests: pytest.Subtests, logged: list[Any]
) -> None:
    service, api = opened(letter, open_service)
    with written(api), TestClient(api.app, raise_server_exceptions=False) as client:
        order_id = works(client, letter)
        before = rows(service, letter)
        for row in [row for row in TABLE if letter in row.services]:
            with subtests.test(request=row.request[:60], body=ascii(row.body)[:60], headers=ascii(row.headers)[:60]):
                answer = send(client, row, order_id)

                assert answer.status_code == row.status, answer.text[:300]
                if row.status >= 400 and not row.request.startswith("HEAD"):
                    assert answer.headers["Content-Type"] == PROBLEM
                    assert answer.json()["status"] == row.status
        after = rows(service, letter)
        works(client, letter)

    assert after == before
    assert not [line for line in logged if line["log_level"] in ("warning", "error")]


def exchange(address: tuple[str, int], sent: bytes) -> bytes:
    """Send bytes on a connection of their own; everything that is answered until the server closes or says no more."""
    with socket.create_connection(address, timeout=10) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # it was refused before it was sent: there is an answer all the same
            pass
        received = b""
        while not _is_whole(received) and (chunk := connection.recv(65_536)):
            received += chunk
        return received


def _is_whole(received: bytes) -> bool:
    head, separator, body = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(separator) and len(body) >= sum(lengths)


def test_hostile_bytes_are_answered_with_a_problem(
    open_service: OpenService, subtests: pytest.Subtests, logged: list[Any]
) -> None:
    service, api = opened("o", open_service)
    with written(api), served(api.app, service.settings, api.let_go) as address:
        before = rows(service, "o")
        url = httpx.URL(address)
        for sent, status in RAW:
            with subtests.test(sent=ascii(sent)[:90]):
                received = exchange((url.host, url.port or 0), sent)
                head, _, body = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")

                assert head.startswith(f"HTTP/1.1 {status} ".encode()), received[:300]
                assert f"content-type: {PROBLEM}".encode() in head.lower()
                assert json.loads(body)["status"] == status
        after = rows(service, "o")
        with httpx.Client(base_url=address) as client:
            works(client, "o")

    assert after == before
    assert not [line for line in logged if line["log_level"] in ("warning", "error")]


@pytest.mark.parametrize("letter", ["o", "p", "i"])
def test_who_is_not_ready_says_when_to_come_back(letter: str, open_service: OpenService) -> None:
    api = opened(letter, open_service)[1]
    with TestClient(api.app, raise_server_exceptions=False) as client:
        answer = client.get("/readyz")  # no relay runs

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.headers["Content-Type"] == PROBLEM


def test_there_are_enough_of_them() -> None:
    assert len(TABLE) + len(RAW) >= 150
    assert {letter for row in TABLE for letter in row.services} == {"o", "p", "i"}
