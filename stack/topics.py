"""Topics as the contracts describe them, and Kafka's own internal ones.

`python -m stack.topics` makes those of schemas/contracts.toml on the cluster of KAFKA_BOOTSTRAP_SERVERS.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from codegen.contracts import Contracts
from stack.errors import StackError

REQUEST_SECONDS = 30.0
WARM_UP_NAME = "stack.warm-up"


@dataclass(frozen=True)
class TopicSettings:
    """What a topic must be like."""

    partitions: int
    retention: timedelta
    max_message_bytes: int

    @property
    def configuration(self) -> dict[str, str]:
        """The settings as Kafka names them."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention // timedelta(milliseconds=1)),
            "max.message.bytes": str(self.max_message_bytes),
        }


def ensure(bootstrap_servers: str, wanted: Mapping[str, TopicSettings]) -> None:
    """Create the topics that are missing and set the settings of all.

    The number of partitions of an existing topic is never changed: which key lies in which partition hangs on it.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    # Replication: -1 leaves it to the cluster's default, 1 on this machine and 3 in a real cluster.
    topics = [NewTopic(name, it.partitions, -1, config=it.configuration) for name, it in wanted.items()]
    existing: list[str] = []
    for name, created in admin.create_topics(topics, operation_timeout=REQUEST_SECONDS).items():
        try:
            created.result(REQUEST_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            existing.append(name)
    _refuse_other_partitions(admin, {name: wanted[name] for name in existing})
    _set_configuration(admin, {name: wanted[name] for name in existing})


def ensure_contracts(bootstrap_servers: str, contracts: Contracts) -> None:
    """Create and set the topics that the contracts name."""
    wanted = {
        name: TopicSettings(topic.partitions, topic.retention, topic.max_message_bytes)
        for name, topic in contracts.topics.items()
    }
    ensure(bootstrap_servers, wanted)


def warm_up(bootstrap_servers: str) -> None:
    """Have the broker make its internal topics now: the first transaction and the first group need not wait for them."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    existing = admin.list_topics(timeout=REQUEST_SECONDS).topics
    if "__transaction_state" not in existing:
        producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "transactional.id": WARM_UP_NAME,
                "retry.backoff.ms": 50,
                "log_level": 0,
            }
        )
        producer.init_transactions(REQUEST_SECONDS)
    if "__consumer_offsets" not in existing:
        for described in admin.describe_consumer_groups([WARM_UP_NAME], request_timeout=REQUEST_SECONDS).values():
            described.exception(REQUEST_SECONDS)  # there is no such group; asking was what counts


def _refuse_other_partitions(admin: AdminClient, wanted: Mapping[str, TopicSettings]) -> None:
    found = admin.list_topics(timeout=REQUEST_SECONDS).topics
    for name, it in wanted.items():
        if len(found[name].partitions) != it.partitions:
            raise StackError(
                f"topic {name} has {len(found[name].partitions)} partitions, the contracts say {it.partitions}; "
                "keys would move to other partitions while events are in flight"
            )


def _set_configuration(admin: AdminClient, wanted: Mapping[str, TopicSettings]) -> None:
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                for key, value in it.configuration.items()
            ],
        )
        for name, it in wanted.items()
    ]
    if resources:
        for altered in admin.incremental_alter_configs(resources, request_timeout=REQUEST_SECONDS).values():
            altered.result(REQUEST_SECONDS)


if __name__ == "__main__":
    ensure_contracts(os.environ["KAFKA_BOOTSTRAP_SERVERS"], Contracts.load(Path("schemas")))
