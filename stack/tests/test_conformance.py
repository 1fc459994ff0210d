"""What every backend must give: real transactions, a registry that refuses, SQL, and data that survive a SIGKILL of each part.

`external` is pointed at what `local` started; who breaks a part is always its owner.
"""

import json
import re
import time
import uuid
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]

from services.messaging.errors import DependencyUnavailable
from services.messaging.kafka import Kafka
from services.messaging.records import TopicPartition as Partition
from stack import databases, topics
from stack.backend import Endpoints
from stack.errors import StackError
from stack.external import KAFKA, POSTGRES, REGISTRY, External
from stack.local import Running
from stack.postgres import database_url
from stack.state import StateFolder
from stack.tests.waiting import until

WAIT_SECONDS = 30.0
ORDER = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "string"}]}
ORDER_WITH_ANOTHER_ID = {"type": "record", "name": "Order", "fields": [{"name": "id", "type": "long"}]}
SETTINGS = topics.TopicSettings(partitions=2, retention=timedelta(days=1), max_message_bytes=2_097_152)


@pytest.fixture(params=["local", "external"])
def endpoints(request: pytest.FixtureRequest, kafka: str, registry: str, postgres: str) -> Endpoints:
    if request.param == "local":
        return Endpoints(kafka, registry, postgres)
    return External({KAFKA: kafka, REGISTRY: registry, POSTGRES: postgres}).endpoints()


@pytest.fixture
def topic(endpoints: Endpoints) -> str:
    name = f"test-{uuid.uuid4().hex}"
    topics.ensure(endpoints.kafka, {name: SETTINGS})
    return name


def test_committed_records_are_read_and_aborted_ones_are_not(endpoints: Endpoints, topic: str) -> None:
    publish(endpoints.kafka, topic, "first")
    publish(endpoints.kafka, topic, "aborted", commit=False)
    publish(endpoints.kafka, topic, "second")

    assert read(endpoints.kafka, topic, 2) == ["first", "second"]


def test_topics_are_as_described_also_when_they_were_there_before(endpoints: Endpoints, topic: str) -> None:
    longer = topics.TopicSettings(2, timedelta(days=30), SETTINGS.max_message_bytes)

    topics.ensure(endpoints.kafka, {topic: longer})

    assert configuration(endpoints.kafka, topic)["retention.ms"] == str(30 * 86_400_000)
    assert configuration(endpoints.kafka, topic)["max.message.bytes"] == "2097152"


def test_the_number_of_partitions_never_changes(endpoints: Endpoints, topic: str) -> None:
    with pytest.raises(StackError, match=f"{topic} has 2 partitions, the contracts say 3"):
        topics.ensure(endpoints.kafka, {topic: topics.TopicSettings(3, timedelta(days=1), 1_048_576)})


def test_a_topic_nobody_described_is_not_made_by_writing_to_it(endpoints: Endpoints) -> None:
    producer = Producer({"bootstrap.servers": endpoints.kafka, "allow.auto.create.topics": True, "log_level": 0})

    assert producer.list_topics("unheard-of", timeout=WAIT_SECONDS).topics["unheard-of"].error is not None


def test_an_incompatible_schema_is_refused(endpoints: Endpoints) -> None:
    subject = f"test-{uuid.uuid4().hex}"
    register(endpoints.registry, subject, ORDER).raise_for_status()
    level = {"compatibility": "FULL_TRANSITIVE"}
    httpx.put(f"{endpoints.registry}/config/{subject}", json=level, trust_env=False).raise_for_status()

    refused = register(endpoints.registry, subject, ORDER_WITH_ANOTHER_ID)

    assert refused.status_code in (409, 422)


def test_a_database_belongs_to_its_role_and_to_nobody_else(endpoints: Endpoints) -> None:
    names = [f"test_{uuid.uuid4().hex}" for _ in range(2)]
    assert endpoints.postgres
    for name in names:
        databases.ensure(endpoints.postgres, name, "before")
        databases.ensure(endpoints.postgres, name, "secret")  # again: the password is the newest

    with psycopg.connect(database_url(endpoints.postgres, names[0], names[0], "secret")) as connection:
        connection.execute("CREATE TABLE a (b int)")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(database_url(endpoints.postgres, names[0], names[1], "secret"))
    for name in names:
        databases.drop(endpoints.postgres, name)


def test_records_survive_the_broker(endpoints: Endpoints, topic: str, real_parts: Running) -> None:
    publish(endpoints.kafka, topic, "before")

    real_parts.kill("kafka")
    real_parts.start("kafka")

    publish(endpoints.kafka, topic, "after")
    assert read(endpoints.kafka, topic, 2) == ["before", "after"]


def test_who_asked_before_the_broker_died_is_answered_afterwards(
    endpoints: Endpoints, topic: str, real_parts: Running
) -> None:
    kafka = Kafka(endpoints.kafka)
    partitions = kafka.partitions(topic)
    before = kafka.ends(partitions)

    real_parts.kill("kafka")
    real_parts.start("kafka")

    publish(endpoints.kafka, topic, "after")
    until(lambda: _led(kafka, partitions))
    assert sum(kafka.ends(partitions).values()) > sum(before.values())


def _led(kafka: Kafka, partitions: list[Partition]) -> bool:
    """Whether every partition has a leader again: one is elected after the other."""
    try:
        return bool(kafka.ends(partitions))
    except DependencyUnavailable:
        return False


def test_schemas_survive_the_registry(endpoints: Endpoints, real_parts: Running) -> None:
    subject = f"test-{uuid.uuid4().hex}"
    before = register(endpoints.registry, subject, ORDER).json()["id"]

    real_parts.kill("registry")
    real_parts.start("registry")

    assert register(endpoints.registry, subject, ORDER).json()["id"] == before


def test_rows_survive_the_database_server_and_the_registry_finds_it_again(
    endpoints: Endpoints, database: str, real_parts: Running
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    real_parts.kill("postgres")
    real_parts.start("postgres")

    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    until(lambda: register(endpoints.registry, f"test-{uuid.uuid4().hex}", ORDER).is_success)


def test_the_broker_has_the_newest_transactions(kafka: str, state_folder: Path) -> None:
    formatted = StateFolder(state_folder).log("kafka-data").read_text(encoding="utf-8")

    assert re.search(r"name='transaction.version', featureLevel=2", formatted)


def publish(kafka: str, topic: str, value: str, *, commit: bool = True) -> None:
    settings = {"bootstrap.servers": kafka, "transactional.id": f"test.{topic}", "retry.backoff.ms": 10, "log_level": 0}
    producer = Producer(settings)
    producer.init_transactions(WAIT_SECONDS)
    producer.begin_transaction()
    producer.produce(topic, value=value.encode(), partition=0)
    producer.flush(WAIT_SECONDS)
    if commit:
        producer.commit_transaction(WAIT_SECONDS)
    else:
        producer.abort_transaction(WAIT_SECONDS)


def read(kafka: str, topic: str, count: int) -> list[str]:
    settings = {
        "bootstrap.servers": kafka,
        "group.id": f"test.{topic}",
        "isolation.level": "read_committed",
        "log_level": 0,
    }
    consumer = Consumer(settings)
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        values: list[str] = []
        until = time.monotonic() + WAIT_SECONDS
        while len(values) < count and time.monotonic() < until:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                values.append((message.value() or b"").decode())
        return values
    finally:
        consumer.close()


def configuration(kafka: str, topic: str) -> dict[str, str]:
    client = AdminClient({"bootstrap.servers": kafka})
    resource = ConfigResource(ResourceType.TOPIC, topic)
    (described,) = client.describe_configs([resource]).values()
    return {name: entry.value for name, entry in described.result(WAIT_SECONDS).items()}


def register(registry: str, subject: str, schema: object) -> httpx.Response:
    url = f"{registry}/subjects/{subject}/versions"
    return httpx.post(url, json={"schema": json.dumps(schema)}, trust_env=False, timeout=WAIT_SECONDS)
