"""Each service's database restored from the past while orders are coming in: the log wins, and every row is explained."""

import json
import os
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString

import httpx
import psycopg
import pytest
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import AdminClient
from psycopg import sql

from services.messaging.kafka import Kafka
from services.messaging.records import TopicPartition, partition_of
from services.tests.system import SERVICES, Pipeline
from services.tests.test_end_to_end import until
from stack import status
from verification.addresses import Addresses

pytestmark = pytest.mark.timeout(300)

CONNECT_SECONDS = 10
KAFKA_SECONDS = 60
PAUSE_SECONDS = 0.02
FORGOTTEN_ORDERS = 100
PARTITIONS = 6


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

    def everybody_has_read_the_list(self, at: TopicPartition) -> None:
        """Wait until orders knows every product and every consumer stands at the end of a partition."""
        kafka = Kafka(self._here.kafka)
        for sku in self.skus:
            until(lambda: httpx.get(f"{self._here.orders}/products/{sku}").status_code == 200, f"orders knows {sku}")  # noqa: B023
        until(lambda: _read_by(self._here, at) == {kafka.stable_ends([at])[at]}, f"everybody is at the end of {at}")

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


def _run(admin: psycopg.Connection[Any], statement: LiteralString, *names: str) -> None:
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
    reconciled = pipeline("reconcile", "--json", "--allow-undecodable")
    assert reconciled.returncode == 0, json.dumps(json.loads(reconciled.stdout)["findings"][:10], indent=1)
    assert pipeline("repair").returncode == 0


def test_what_a_frozen_consumer_could_not_read_in_time_is_sent_again(pipeline: Pipeline, here: Addresses) -> None:
    traffic, kafka = Traffic(here), Kafka(here.kafka)
    traffic.list_products()
    with traffic.flowing():
        traffic.until_more(20)
        with _frozen(pipeline, "payments-worker"):
            traffic.until_more(60)
            _cut(here, "shop.orders", kafka.stable_ends(kafka.partitions("shop.orders")))
        until(lambda: len(_waiting(here)) == PARTITIONS, "payments waits for what it misses, in every partition")

    repaired = pipeline("repair")

    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert "sent again" in repaired.stdout
    assert _waiting(here) == []
    reconciled = pipeline("reconcile", "--json", "--allow-undecodable")
    assert reconciled.returncode == 0, json.dumps(json.loads(reconciled.stdout)["findings"][:10], indent=1)


def test_events_are_sent_again_on_request_and_change_nothing(pipeline: Pipeline, here: Addresses) -> None:
    traffic, kafka = Traffic(here), Kafka(here.kafka)
    at = TopicPartition("shop.inventory", partition_of(traffic.skus[0].encode(), PARTITIONS))
    traffic.list_products()
    traffic.everybody_has_read_the_list(at)
    before = kafka.stable_ends([at])[at]

    sent = pipeline("republish", "--topic", at.topic, "--partition", str(at.partition), "--from", "1")

    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert kafka.stable_ends([at])[at] > before
    assert pipeline("reconcile", "--allow-undecodable").returncode == 0
    refused = pipeline("republish", "--topic", at.topic, "--partition", str(at.partition), "--from", "999999999")
    assert refused.returncode == 1
    assert "the outbox keeps numbers 1 to" in " ".join(refused.stderr.split())


def test_a_beginning_that_is_gone_is_given_up_only_when_a_person_says_so(pipeline: Pipeline, here: Addresses) -> None:
    """Numbers of adjustments, which nobody but their writer uses, are lost in log and outbox."""
    traffic, kafka = Traffic(here), Kafka(here.kafka)
    traffic.list_products()
    at = TopicPartition("shop.inventory", partition_of(traffic.skus[0].encode(), PARTITIONS))
    traffic.everybody_has_read_the_list(at)
    with _frozen(pipeline, "orders-worker", "payments-worker"):
        before = kafka.stable_ends([at])[at]
        for number in range(3):
            assert traffic.adjust(f"{traffic.skus[0]}-gone-{number}").status_code == 200
        until(lambda: kafka.stable_ends([at])[at] >= before + 3, "the adjustments are published")
        _cut(here, at.topic, kafka.stable_ends([at]))
        with psycopg.connect(here.inventory_database, connect_timeout=CONNECT_SECONDS) as database:
            database.execute("DELETE FROM outbox_shop_inventory WHERE partition = %s", [at.partition])
    assert traffic.adjust(f"{traffic.skus[0]}-later").status_code == 200
    until(lambda: _waiting(here), "payments waits for what is gone")

    asked = pipeline("repair")
    adopted = pipeline("repair", "--adopt")

    assert asked.returncode == 100, asked.stdout + asked.stderr
    assert "pipeline repair --adopt" in asked.stdout
    assert adopted.returncode == 0, adopted.stdout + adopted.stderr
    assert f"goes on without {at} numbers" in adopted.stdout
    assert _waiting(here) == []
    assert pipeline("reconcile", "--allow-undecodable").returncode == 0


@contextmanager
def _frozen(pipeline: Pipeline, *names: str) -> Iterator[None]:
    """Freeze all processes whose names begin so."""
    workers = [pid for name, pid in pipeline.pids().items() if name.startswith(names)]
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)


def _read_by(here: Addresses, at: TopicPartition) -> set[int]:
    """Up to which offset the consumers of a partition have read."""
    offsets = set[int]()
    for url in (here.orders_database, here.payments_database):
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as database:
            query = "SELECT next_offset FROM inbox WHERE topic = %s AND partition = %s"
            offsets.update(offset for (offset,) in database.execute(query, list(at)).fetchall())
    return offsets


def _cut(here: Addresses, topic: str, ends: Mapping[TopicPartition, int]) -> None:
    """Delete what a topic holds now, as retention does."""
    admin = AdminClient({"bootstrap.servers": here.kafka})
    for future in admin.delete_records([Place(topic, at.partition, end) for at, end in ends.items()]).values():
        future.result(KAFKA_SECONDS)


def _waiting(here: Addresses) -> list[Any]:
    with psycopg.connect(here.payments_database, connect_timeout=CONNECT_SECONDS) as database:
        return database.execute(
            "SELECT topic, partition, waiting_for FROM inbox WHERE waiting_for IS NOT NULL"
        ).fetchall()
