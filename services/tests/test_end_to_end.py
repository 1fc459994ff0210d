"""The whole system, by its REST interfaces and its topics: the story, orders under SIGKILL, records nobody can apply."""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import confluent_kafka
import httpx
import pytest

from services.messaging import outbox
from services.messaging.database import Database
from services.messaging.records import Record
from services.messaging.settings import MessagingSettings
from services.tests.system import PROCESSES, Pipeline
from verification import log_reader, synthetic
from verification.addresses import Addresses
from verification.load import run
from verification.log_reader import LogRecord
from verification.oracle import outcome
from verification.patience import ANSWER_SECONDS_MAX, final_order, send

pytestmark = pytest.mark.timeout(300)

USED_BY_ALL = {
    "shop.orders": "shop.orders.OrderPlaced",
    "shop.payments": "shop.payments.PaymentCaptured",
    "shop.inventory": "shop.inventory.StockRejected",
}
CONSUMERS = {
    "shop.orders": ("payments",),
    "shop.payments": ("orders", "inventory"),
    "shop.inventory": ("orders", "payments"),
}
DEAD_LETTERS = ("shop.orders.dlq", "shop.payments.dlq", "shop.inventory.dlq")
TOPICS = (*CONSUMERS, *DEAD_LETTERS)
PARTITIONS = 6
METHODS = {
    "tok_declined": 0.05,
    "tok_insufficient_funds": 0.02,
    "never-heard-of": 0.01,
    "tok_flaky": 0.02,
    "tok_timeout": 0.02,
}
WAIT_SECONDS = 90.0
POLL_SECONDS = 0.1


def until(look: Callable[[], Any], what: str, timeout_seconds: float = WAIT_SECONDS) -> Any:
    limit = time.monotonic() + timeout_seconds
    while not (found := look()):
        assert time.monotonic() < limit, f"{what}: not within {timeout_seconds:g} s"
        time.sleep(POLL_SECONDS)
    return found


def order(sku: str, quantity: int = 1, method: str = "tok_visa") -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": quantity}]
    return {"customer_id": "ada", "currency": "EUR", "payment_method": method, "lines": lines}


def place(here: Addresses, placed: Mapping[str, Any], *, final: bool = True) -> dict[str, Any]:
    with httpx.Client(timeout=ANSWER_SECONDS_MAX) as http:
        answer = send(http, "POST", f"{here.orders}/orders", placed, {"Idempotency-Key": str(uuid.uuid4())})
        assert answer.status_code == 202, answer.text
        document: dict[str, Any] = answer.json()
        return final_order(http, here.orders, document) if final else document


def list_product(here: Addresses, on_hand: int) -> str:
    sku = f"product-{uuid.uuid4().hex[:8]}"
    product = {"name": "Tea", "unit_price_minor": 250, "currency": "EUR", "on_hand": on_hand}
    with httpx.Client() as http:
        answer = send(http, "PUT", f"{here.inventory}/products/{sku}", product)
    assert answer.status_code in (200, 201), answer.text
    return sku


def assert_reconciled(pipeline: Pipeline, *options: str) -> None:
    compared = pipeline("reconcile", "--json", *options)
    report = json.loads(compared.stdout)
    assert report["findings"] == []
    assert report["still"]
    assert compared.returncode == 0


@pytest.fixture(scope="module", autouse=True)
def undecidable(here: Addresses) -> dict[str, Any]:
    """An order that the provider never decides; placed first, since giving up takes its time."""
    return place(here, order(list_product(here, 1), method="tok_error"), final=False)


def test_demo_tells_the_story_and_leaves_a_running_system_running(pipeline: Pipeline) -> None:
    told = pipeline("demo", "--once")

    assert told.returncode == 0, told.stdout + told.stderr
    for word in ("COMPLETED", "PAYMENT_DECLINED", "OUT_OF_STOCK", "shop.inventory", "/docs"):
        assert word in told.stdout
    assert set(PROCESSES) <= pipeline.pids().keys()


def test_orders_end_for_the_right_reason_while_every_process_is_killed(pipeline: Pipeline, here: Addresses) -> None:
    plan = synthetic.plan(uuid.uuid4().hex[:8], seed=11, orders=500, methods=METHODS)
    kills = dict(zip(range(40, 40 + 70 * len(PROCESSES), 70), PROCESSES, strict=True))
    killed: set[str] = set()

    def kill(what: str, done: int, _: int) -> None:
        due = {name for count, name in kills.items() if done >= count} if what == "orders answered" else set()
        killed.update(name for name in due - killed if pipeline.kill(name) is not None)

    finished = asyncio.run(run(plan, rate=25, addresses=here, tell=kill))

    assert killed == set(PROCESSES)
    assert finished.violations == []
    assert {"COMPLETED", "OUT_OF_STOCK", "PAYMENT_DECLINED"} == {outcome(answer) for answer in finished.answers}
    until(lambda: set(PROCESSES) <= pipeline.pids().keys(), "every process is back")
    assert_reconciled(pipeline)


def test_independent_reader_finds_dense_numbers_and_nothing_twice(here: Addresses) -> None:
    """Before records that nobody can decode are produced below: so far everything of ours can be."""
    found = log_reader.survey_topics(here.kafka, here.registry, TOPICS)

    assert found.keys() == {(topic, partition) for topic in TOPICS for partition in range(PARTITIONS)}
    assert sum(each.own for each in found.values()) > 2_000
    assert [place for place, each in found.items() if place[0] in CONSUMERS and not each.own] == []
    assert {place: each.findings for place, each in found.items() if each.findings} == {}
    assert [place for place, each in found.items() if place[0] in CONSUMERS and each.undecodable] == []


@pytest.fixture(scope="module")
def poisoned(here: Addresses) -> dict[tuple[str, bytes], str]:
    """Records nobody can apply, in each topic: reason by topic and value."""
    producer = confluent_kafka.Producer({"bootstrap.servers": here.kafka})
    made = {}
    for number, topic in enumerate(CONSUMERS):
        records = log_reader.read(here.kafka, here.registry, [topic])
        genuine = next(record for record in records if record.name == USED_BY_ALL[topic])
        assert genuine.value is not None
        half_numbered: list[tuple[str, str | bytes | None]] = [("sequence", b"1"), ("trace", b"\x00\xff")]
        for value, headers in ((genuine.value, half_numbered), (b"\x00\xff junk %d" % number, half_numbered[:0])):
            producer.produce(topic, key=genuine.key, value=value, headers=headers, partition=genuine.partition)
            made[topic, value] = "FOREIGN_RECORD"
        cut, unknown = genuine.value[:-3], b"\x00\x7f\xff\xff\xff%d" % number
        with appending(here, topic) as database, database.transaction() as transaction:
            poison = [Record(topic, genuine.key, value, uuid.uuid4()) for value in (cut, unknown)]
            outbox.append(transaction, poison, PARTITIONS)
        made |= {(topic, cut): "UNDECODABLE", (topic, unknown): "UNKNOWN_SCHEMA"}
    assert producer.flush(30) == 0
    return made


class appending:  # noqa: N801 - reads as a statement
    """The database of a topic's writer, to append to its outbox what its service never would."""

    def __init__(self, here: Addresses, topic: str) -> None:
        url = getattr(here, f"{topic.removeprefix('shop.')}_database")
        self._database = Database(url, MessagingSettings(), application="test")

    def __enter__(self) -> Database:
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.close()


def dead_letters(here: Addresses) -> Iterator[LogRecord]:
    return log_reader.read(here.kafka, here.registry, DEAD_LETTERS)


def test_records_nobody_can_apply_stop_nothing_and_are_parked_untouched(
    pipeline: Pipeline, here: Addresses, poisoned: dict[tuple[str, bytes], str]
) -> None:
    expected = {
        (f"shop.{service}.dlq", topic, value, reason)
        for (topic, value), reason in poisoned.items()
        for service in CONSUMERS[topic]
    }

    def parked() -> set[tuple[str, str, bytes, str]]:
        return {
            (record.topic, headers["kafka_dlt-original-topic"], record.value or b"", headers["dlq.reason"])
            for record in dead_letters(here)
            for headers in [{name: (value or b"").decode("latin-1") for name, value in record.headers}]
        }

    until(lambda: expected <= parked(), "everything is parked")

    sku = list_product(here, 12)
    orders = [place(here, order(sku)) for _ in range(12)]
    assert {(each["status"], each["failure_reason"]) for each in orders} == {("COMPLETED", None)}
    kept = next(record for record in dead_letters(here) if ("dlq.original.trace", b"\x00\xff") in record.headers)
    assert ("dlq.original.sequence", b"1") in kept.headers
    assert_reconciled(pipeline, "--allow-undecodable")


def test_payment_that_nobody_can_decide_becomes_a_dead_letter(here: Addresses, undecidable: dict[str, Any]) -> None:
    given_up = ("dlq.reason", b"RETRIES_EXHAUSTED")

    [letter] = until(lambda: [record for record in dead_letters(here) if given_up in record.headers], "the dead letter")

    assert letter.topic == "shop.payments.dlq"
    assert letter.key == undecidable["order_id"].encode()
    assert letter.name == "shop.orders.OrderPlaced"
    status = httpx.get(f"{here.orders}/orders/{undecidable['order_id']}").json()["status"]
    assert status == "PENDING"
