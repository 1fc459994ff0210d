"""Each service's database restored from the past while orders are coming in: the log wins, and every row is explained."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from services.tests.system import SERVICES, Pipeline
from services.tests.test_end_to_end import until
from stack import status
from verification.addresses import Addresses

pytestmark = pytest.mark.timeout(300)

CONNECT_SECONDS = 10
PAUSE_SECONDS = 0.02
FORGOTTEN_ORDERS = 100


class Traffic:
    """A customer who orders the same few products again and again, until told to stop."""

    def __init__(self, here: Addresses) -> None:
        self._here = here
        self._stopping = threading.Event()
        self.skus = [f"repair-{uuid.uuid4().hex[:8]}" for _ in range(5)]
        self.accepted: list[tuple[str, str, dict[str, Any]]] = []
        """Order id, Idempotency-Key and request."""

    def list_products(self) -> None:
        products = [
            {"sku": sku, "name": sku, "unit_price_minor": 100, "currency": "EUR", "on_hand": 300} for sku in self.skus
        ]
        answer = httpx.post(f"{self._here.inventory}/products/batch", json={"products": products}, timeout=30)
        assert {result["code"] for result in answer.json()["results"]} == {201}

    def place(self, client: httpx.Client, key: str, request: dict[str, Any]) -> str | None:
        try:
            answer = client.post(f"{self._here.orders}/orders", json=request, headers={"Idempotency-Key": key})
        except httpx.TransportError:
            return None
        assert answer.status_code in (202, 503), answer.text
        return str(answer.json()["order_id"]) if answer.status_code == 202 else None

    def run(self) -> None:
        with httpx.Client(timeout=30) as client:
            number = 0
            while not self._stopping.wait(PAUSE_SECONDS):
                number += 1
                key, request = f"{self.skus[0]}-{number}", {
                    "customer_id": "repair",
                    "currency": "EUR",
                    "payment_method": "tok_declined" if number % 10 == 0 else "tok_visa",
                    "lines": [{"sku": self.skus[number % 5], "quantity": 1 + number % 3}],
                }  # fmt: skip
                if order_id := self.place(client, key, request):
                    self.accepted.append((order_id, key, request))

    @contextmanager
    def flowing(self) -> Iterator[None]:
        customer = threading.Thread(target=self.run)
        customer.start()
        try:
            yield
        finally:
            self._stopping.set()
            customer.join()

    def until_more(self, count: int) -> None:
        wanted = len(self.accepted) + count
        until(lambda: len(self.accepted) >= wanted, f"{count} more orders")

    def adjust(self, key: str) -> httpx.Response:
        return httpx.post(
            f"{self._here.inventory}/products/{self.skus[0]}/adjustments",
            json={"delta": 7, "reason": "delivery"},
            headers={"Idempotency-Key": key},
            timeout=30,
        )


def snapshot(server: str, service: str) -> None:
    """Keep a copy of a service's database as it is now; nobody is connected for a moment."""
    with psycopg.connect(server, autocommit=True, connect_timeout=CONNECT_SECONDS) as admin:
        _run(admin, "ALTER DATABASE {} ALLOW_CONNECTIONS false", service)
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [service])
        until(lambda: not _sessions(admin, service), "nobody connected")
        _run(admin, "CREATE DATABASE {} TEMPLATE {} OWNER {}", f"{service}_past", service, service)
        _run(admin, "ALTER DATABASE {} ALLOW_CONNECTIONS true", service)


def restore(server: str, service: str) -> None:
    """Put the copy in the place of a service's database."""
    with psycopg.connect(server, autocommit=True, connect_timeout=CONNECT_SECONDS) as admin:
        _run(admin, "DROP DATABASE {} WITH (FORCE)", service)
        _run(admin, "ALTER DATABASE {} RENAME TO {}", f"{service}_past", service)


def _run(admin: psycopg.Connection[Any], statement: str, *names: str) -> None:
    admin.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _sessions(admin: psycopg.Connection[Any], service: str) -> int:
    row = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [service]).fetchone()
    assert row is not None
    return int(row[0])


def refusal(address: str) -> str:
    """Why an API is not ready; empty while it is."""
    try:
        answer = httpx.get(f"{address}/readyz", timeout=10)
    except httpx.TransportError:
        return ""
    return "" if answer.status_code == 200 else str(answer.json()["detail"])


def test_databases_restored_from_the_past_are_repaired_under_load(pipeline: Pipeline, here: Addresses) -> None:
    server, traffic = status.read(pipeline.state)["endpoints"]["postgres"], Traffic(here)
    traffic.list_products()

    with traffic.flowing():
        for service in SERVICES:
            traffic.until_more(FORGOTTEN_ORDERS // 2)
            snapshot(server, service)
            traffic.until_more(FORGOTTEN_ORDERS)
            adjusted = traffic.adjust(f"{traffic.skus[0]}-{service}")
            assert adjusted.status_code == 200, adjusted.text
            restore(server, service)
            until(lambda: "pipeline repair" in refusal(getattr(here, service)), f"{service} refuses")  # noqa: B023
            repaired = pipeline("repair")
            assert repaired.returncode == 0, repaired.stdout + repaired.stderr
            assert "put back" in next(line for line in repaired.stdout.splitlines() if line.startswith(f"{service}:"))
            until(pipeline.ready, f"everything is ready after the repair of {service}")

    again = traffic.adjust(f"{traffic.skus[0]}-inventory")
    assert again.headers.get("Idempotent-Replayed") == "true"
    with httpx.Client(timeout=30) as client:
        known = [each for each in traffic.accepted if client.get(f"{here.orders}/orders/{each[0]}").status_code == 200]
        repeated = [traffic.place(client, key, request) for _, key, request in known]
    assert repeated == [order_id for order_id, _, _ in known]
    lost = len(traffic.accepted) - len(known)  # accepted, not published yet, and forgotten by the only one who knew
    assert lost <= 10, f"of {len(traffic.accepted)}"
    reconciled = pipeline("reconcile", "--json")
    assert reconciled.returncode == 0, json.dumps(json.loads(reconciled.stdout)["findings"][:10], indent=1)
    assert pipeline("repair").returncode == 0
