"""Several processes of everything: what they share, and what moves when one of them is killed."""

import asyncio
import json
import os
import uuid
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from signal import SIGKILL

import httpx
import psutil
import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from services.tests.system import SERVICES, Pipeline
from stack.tests.waiting import until
from verification import log_reader, synthetic
from verification.addresses import Addresses
from verification.completions import Sent
from verification.load import run
from verification.patience import send
from verification.shopping import Plan

pytestmark = pytest.mark.timeout(300)

KINDS = ("api", "api-2", "worker-1", "worker-2")
REPLICAS = {f"{service}-{kind}" for service in SERVICES for kind in KINDS}
READS = {
    "orders": {"shop.payments", "shop.inventory"},
    "payments": {"shop.orders", "shop.inventory"},
    "inventory": {"shop.payments"},
}
PARTITIONS = 6
READY_SECONDS_MAX = 90.0
LEASE_SECONDS_MAX = 15.0
"""4 s of lease, and a start of the next relay on a busy machine."""


def ports(pipeline: Pipeline) -> dict[str, int]:
    """Of each process its own port."""
    return {name: port for name, port in pipeline.state.addresses().items() if name in REPLICAS}


def strangers() -> httpx.Client:
    """Customers who have nothing to do with each other: a connection for each request."""
    return httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))


def healthy(http: httpx.Client, url: str) -> int:
    """The process that answers at this address."""
    return int(http.get(f"{url}/healthz").raise_for_status().json()["pid"])


def answering(here: Addresses) -> set[int]:
    """The processes that answer a few customers at once on the port of orders."""
    with ThreadPoolExecutor(16) as customers, strangers() as http:
        return set(customers.map(lambda _: healthy(http, here.orders), range(64)))


def own_address(pipeline: Pipeline, name: str) -> str:
    return f"http://127.0.0.1:{ports(pipeline)[name]}"


def test_status_names_all_of_them(pipeline: Pipeline) -> None:
    shown = json.loads(pipeline("status", "--json").stdout)

    assert shown["ready"]
    assert {entry["name"] for entry in shown["processes"]} == REPLICAS | {"kafka", "registry", "postgres"}


@pytest.mark.parametrize("service", SERVICES)
def test_workers_of_a_service_share_its_partitions_and_the_topics_alike(
    pipeline: Pipeline, here: Addresses, service: str
) -> None:
    admin = AdminClient({"bootstrap.servers": here.kafka})

    described = admin.describe_consumer_groups([service])[service].result(30)

    shares = [
        {(each.topic, each.partition) for each in member.assignment.topic_partitions} for member in described.members
    ]

    assert len(shares) == 2
    assert shares[0].isdisjoint(shares[1])
    assert set.union(*shares) == {(topic, number) for topic in READS[service] for number in range(PARTITIONS)}
    for share in shares:
        assert len(share) == PARTITIONS // 2 * len(READS[service])
        assert len({number for _, number in share}) == PARTITIONS // 2  # both topics alike: an order has one worker


def test_api_processes_share_a_port_and_both_are_asked(pipeline: Pipeline, here: Addresses) -> None:
    pids = pipeline.pids()
    both = {pids["orders-api"], pids["orders-api-2"]}
    seen: set[int] = set()

    def asked() -> bool:
        seen.update(answering(here))
        return seen >= both

    until(asked)

    assert seen == both
    with strangers() as http:
        assert {healthy(http, own_address(pipeline, name)) for name in ("orders-api", "orders-api-2")} == both


def test_requests_with_one_key_on_both_api_processes_make_one_order(pipeline: Pipeline, here: Addresses) -> None:
    sku = f"tea-{uuid.uuid4().hex[:8]}"
    product = {"name": "Tea", "unit_price_minor": 250, "currency": "EUR", "on_hand": 10}
    with httpx.Client() as http:
        assert send(http, "PUT", f"{here.inventory}/products/{sku}", product).status_code == 201
    wanted = {
        "customer_id": "ada",
        "currency": "EUR",
        "payment_method": "tok_visa",
        "lines": [{"sku": sku, "quantity": 1}],
    }
    addresses = [own_address(pipeline, name) for name in ("orders-api", "orders-api-2")] * 20
    key = {"Idempotency-Key": str(uuid.uuid4())}

    with ThreadPoolExecutor(len(addresses)) as customers, strangers() as http:
        answers = list(customers.map(lambda each: send(http, "POST", f"{each}/orders", wanted, key), addresses))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["order_id"] for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


def holder(here: Addresses, service: str) -> int | None:
    """Process id of the relay that publishes for a service."""
    url = getattr(here, f"{service}_database")
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT holder FROM relay_lease WHERE publishing AND expires_at > clock_timestamp()"
        ).fetchone()
    return int(row[0].split(":")[1]) if row else None


@pytest.mark.parametrize("service", SERVICES)
def test_another_relay_publishes_within_seconds_when_the_publishing_process_is_killed(
    pipeline: Pipeline, here: Addresses, service: str
) -> None:
    until(lambda: holder(here, service) is not None)
    killed = holder(here, service)
    assert killed in pipeline.pids().values()

    os.kill(killed or 0, SIGKILL)

    until(lambda: holder(here, service) not in (None, killed), LEASE_SECONDS_MAX)
    until(pipeline.ready, READY_SECONDS_MAX)


def test_orders_go_on_while_one_api_process_and_one_worker_are_killed(pipeline: Pipeline, here: Addresses) -> None:
    plan = synthetic.plan(uuid.uuid4().hex[:8], seed=4, orders=300)
    victims = {60: "orders-api", 120: "payments-worker-2", 180: "orders-worker-1"}
    killed: list[str] = []

    def kill(what: str, done: int, _: int) -> None:
        for name in [name for count, name in victims.items() if what == "orders answered" and done >= count]:
            if name not in killed and pipeline.kill(name) is not None:
                killed.append(name)

    finished = asyncio.run(run(plan, rate=30, addresses=here, tell=kill))

    assert killed == list(victims.values())
    assert finished.violations == []
    until(pipeline.ready, READY_SECONDS_MAX)
    assert_events_of_each_order_in_order(here, plan, finished.sent)


def assert_events_of_each_order_in_order(here: Addresses, plan: Plan, sent: list[Sent]) -> None:
    """In each topic the events of a key stand in one partition, in the order in which they happened."""
    wanted = {each.order_id for each in sent}
    events: dict[str, list[str]] = defaultdict(list)
    places: dict[str, set[int]] = defaultdict(set)
    for record in log_reader.read(here.kafka, here.registry, ["shop.orders"]):
        order_id = (record.key or b"").decode("ascii", "replace")
        if order_id in wanted and record.name is not None:
            events[order_id].append(record.name.removeprefix("shop.orders."))
            places[order_id].add(record.partition)
    assert len(events) == len(plan.orders)
    assert {len(partitions) for partitions in places.values()} == {1}
    assert {tuple(names) for names in events.values()} == {
        ("OrderPlaced", "OrderCompleted"),
        ("OrderPlaced", "OrderFailed"),
    }


def test_everything_agrees_afterwards(pipeline: Pipeline) -> None:
    compared = pipeline("reconcile", "--json", "--allow-undecodable")

    assert json.loads(compared.stdout)["findings"] == []
    assert compared.returncode == 0


def test_the_number_of_replicas_may_change_from_one_start_to_the_next(pipeline: Pipeline) -> None:
    """The last test of this system: it goes on with one of each process."""
    before, pids = ports(pipeline), pipeline.pids()

    stopped = pipeline("down")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert [name for name, pid in pids.items() if psutil.pid_exists(pid)] == []
    started = pipeline("up", "--detach", "--replicas", "1")

    assert started.returncode == 0, started.stdout + started.stderr
    assert pipeline.pids().keys() & REPLICAS == {name for name in REPLICAS if not name.endswith("-2")}
    assert ports(pipeline) == before  # of all that ever ran: two of each would be where they were
    with httpx.Client() as http:
        assert send(http, "GET", f"{pipeline.addresses().orders}/orders").status_code == 200
