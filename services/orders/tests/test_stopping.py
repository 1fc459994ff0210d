"""A real process that is told to stop while orders are on their way: whoever was accepted is answered, and it is true."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import psycopg
import pytest

from services.messaging.database import fetch
from services.messaging.tests.conftest import eventually
from services.process.service import Service
from services.process.tests.serving import free_port

ORDERS = 100
PROGRAM = """
import sys
from dataclasses import replace
from services.orders.main import CONTRACT, rest
from services.orders.settings import Settings
from services.process import logs
from services.process.service import assemble

settings = Settings()
logs.configure("warning", service="orders")
service = assemble(CONTRACT, settings, settings.database_url)
service.database.guard = None  # the topics outlive a test's database
api = rest(service, settings)
sys.exit(replace(api, loops={name: loop for name, loop in api.loops.items() if name != "relay"}).serve(settings))
"""


@contextmanager
def process(service: Service, database: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The REST interface of orders as a process of its own, without a relay; answers when the block begins."""
    settings = service.settings
    environment = os.environ | {
        "ORDERS_DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "SCHEMA_REGISTRY_URL": settings.schema_registry_url,
        "HTTP_PORT": str(port),
    }
    with subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment) as running:
        try:
            eventually(lambda: _listens(port))
            yield running
        finally:
            running.kill()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


def _request(number: int) -> bytes:
    line = {"sku": "cup", "quantity": 1}
    body = json.dumps({"customer_id": "c", "currency": "EUR", "payment_method": "t", "lines": [line]}).encode()
    head = f"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k{number}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _answer(connection: socket.socket) -> tuple[int, UUID]:
    """Status and order of the answer, read until the server closes."""
    received = b""
    while chunk := connection.recv(65_536):
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), UUID(json.loads(body)["order_id"])


@pytest.mark.usefixtures("fed")
def test_what_was_accepted_is_answered_and_stored(service: Service, database: str) -> None:
    port = free_port()
    with process(service, database, port) as running, ExitStack() as open_connections:
        connections = []
        with psycopg.connect(database) as other:
            other.execute("LOCK TABLE idempotency_keys")  # nobody is answered before it is released
            for number in range(ORDERS):
                connection = open_connections.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
                connection.sendall(_request(number))
                connections.append(connection)
            running.send_signal(signal.SIGTERM)
            eventually(lambda: not _listens(port))
        answers = [_answer(connection) for connection in connections]
        code = running.wait(30)

    with service.database.connection() as reading:
        stored = {order_id for (order_id,) in fetch(reading, "SELECT order_id FROM orders")}
    assert code == 0
    assert {status for status, _ in answers} == {202}
    assert stored == {order_id for _, order_id in answers}
    assert len(stored) == ORDERS
