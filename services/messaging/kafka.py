"""Asking the cluster: who it is, which topics it has, where a log begins and ends, what it holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

import confluent_kafka
from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicCollection
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from services.messaging.errors import DependencyUnavailable, Unprepared
from services.messaging.records import Headers, TopicPartition

Item = TypeVar("Item")

REQUEST_TIMEOUT_SECONDS = 10.0  # a broker that answers later is as good as gone
READ_MESSAGES_MAX = 5_000
EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's id and its topics' ids: a topic made anew under an old name is another topic."""

    cluster_id: str
    topic_ids: Mapping[str, str]
    partitions: Mapping[str, int]


class _OutdatedMetadata(DependencyUnavailable):
    """The client knows the leader of a partition as it was before."""


class Kafka:
    """An administrator's view of the cluster; made once per process."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._admin = self._connected()

    def _connected(self) -> AdminClient:
        # log_level 2: what a broker that is away means is told by whoever asked
        return AdminClient({"bootstrap.servers": self.bootstrap_servers, "socket.timeout.ms": 10_000, "log_level": 2})

    def describe(self, topics: Sequence[str]) -> Cluster:
        """Ids and partition counts of these topics. Raises Unprepared for a topic that does not exist."""
        cluster = _answer(self._admin.describe_cluster(request_timeout=REQUEST_TIMEOUT_SECONDS))
        futures = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=REQUEST_TIMEOUT_SECONDS)
        described = {topic: _answer(future, topic) for topic, future in futures.items()}
        return Cluster(
            cluster.cluster_id,
            {topic: str(answer.topic_id) for topic, answer in described.items()},
            {topic: len(answer.partitions) for topic, answer in described.items()},
        )

    def partitions(self, *topics: str) -> list[TopicPartition]:
        """Every partition of these topics."""
        counts = self.describe(topics).partitions
        return [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]

    def starts(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Log start offsets."""
        return self._offsets(partitions, EARLIEST, IsolationLevel.READ_UNCOMMITTED)

    def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """High watermarks, open transactions included."""
        return self._offsets(partitions, LATEST, IsolationLevel.READ_UNCOMMITTED)

    def stable_ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Last stable offsets: everything before them is decided."""
        return self._offsets(partitions, LATEST, IsolationLevel.READ_COMMITTED)

    def _offsets(
        self, partitions: Sequence[TopicPartition], spec: OffsetSpec, isolation: IsolationLevel
    ) -> dict[TopicPartition, int]:
        try:
            return self._ask_offsets(partitions, spec, isolation)
        except _OutdatedMetadata:
            # An administrative client remembers partitions' leader epochs for minutes, and asks with them again and
            # again after the broker has come back with newer ones (librdkafka 2.16).
            self._admin = self._connected()
            return self._ask_offsets(partitions, spec, isolation)

    def _ask_offsets(
        self, partitions: Sequence[TopicPartition], spec: OffsetSpec, isolation: IsolationLevel
    ) -> dict[TopicPartition, int]:
        asked = {confluent_kafka.TopicPartition(partition.topic, partition.partition): spec for partition in partitions}
        if not asked:
            return {}
        futures = self._admin.list_offsets(asked, isolation_level=isolation, request_timeout=REQUEST_TIMEOUT_SECONDS)
        return {
            TopicPartition(asked_for.topic, asked_for.partition): _answer(future, asked_for.topic).offset
            for asked_for, future in futures.items()
        }

    def read(
        self,
        begins: Mapping[TopicPartition, int],
        ends: Mapping[TopicPartition, int],
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
    ) -> Iterator[KafkaMessage]:
        """Committed records from ``begins`` up to but without ``ends``; partitions interleaved, each in log order.

        Raises DependencyUnavailable when nothing arrives for ``timeout_seconds``.
        """
        unread = {partition for partition, begin in begins.items() if begin < ends[partition]}
        if not unread:
            return
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap_servers,
                "group.id": "log-reader",  # never joined: partitions are assigned by hand and nothing is committed
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
            }
        )
        try:
            consumer.assign(
                [
                    confluent_kafka.TopicPartition(partition.topic, partition.partition, begins[partition])
                    for partition in unread
                ]
            )
            yield from _read_until(consumer, unread, ends, timeout_seconds)
        except KafkaException as error:
            raise DependencyUnavailable(f"the log cannot be read: {error.args[0].str()}") from error
        finally:
            consumer.close()


def _read_until(
    consumer: Consumer, unread: set[TopicPartition], ends: Mapping[TopicPartition, int], timeout_seconds: float
) -> Iterator[KafkaMessage]:
    deadline = monotonic() + timeout_seconds
    while unread:
        messages = poll_messages(consumer, READ_MESSAGES_MAX, 0.1)
        if messages:
            deadline = monotonic() + timeout_seconds
        elif monotonic() > deadline:
            raise DependencyUnavailable(f"no record and no end of {sorted(unread)} within {timeout_seconds:g} s")
        for message in messages:
            partition, offset = place(message)
            if not is_end_of_partition(message) and offset < ends[partition]:
                yield message
            if is_end_of_partition(message) or offset >= ends[partition] - 1:
                unread.discard(partition)


def poll_messages(consumer: Consumer, most: int, timeout_seconds: float) -> list[KafkaMessage]:
    """What has arrived: waits for a first message only, then takes what is there (``consume(n, t)`` waits for all n).

    Messages that say "end of partition" are among them. Raises KafkaException for every other error.
    """
    first = consumer.poll(timeout_seconds)
    if first is None:
        return []
    messages = [first, *consumer.consume(most - 1, 0)] if most > 1 else [first]
    for message in messages:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
    return messages


def chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """The same items in lists of this length, the last of what is left."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def is_fatal(error: BaseException) -> bool:
    """Whether a client that met this error is of no use any more: another one took its name in the group, for instance."""
    cause = error.args[0] if isinstance(error, KafkaException) else None
    return isinstance(cause, KafkaError) and (cause.fatal() or cause.code() == KafkaError._FATAL)


def is_end_of_partition(message: KafkaMessage) -> bool:
    """Whether the message only says that everything up to its offset has been read."""
    return message.error() is not None


def place(message: KafkaMessage) -> tuple[TopicPartition, int]:
    """Topic partition and offset of a message from the broker."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return TopicPartition(topic, partition), offset


def key_and_value(message: KafkaMessage) -> tuple[bytes | None, bytes | None]:
    """A message's key and value as bytes."""
    return _bytes(message.key()), _bytes(message.value())


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def headers_of(message: KafkaMessage) -> Headers:
    """A message's headers as bytes, in order."""
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return tuple((name, value.encode() if isinstance(value, str) else value) for name, value in pairs)


def _answer(future: "Future[Any]", topic: str = "") -> Any:
    try:
        return future.result(timeout=REQUEST_TIMEOUT_SECONDS + 1)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise Unprepared(f"topic {topic} does not exist: `pipeline up` creates topics, services do not") from error
        outdated = error.args[0].code() in {KafkaError.FENCED_LEADER_EPOCH, KafkaError.UNKNOWN_LEADER_EPOCH}
        refusal = _OutdatedMetadata if outdated else DependencyUnavailable
        raise refusal(f"Kafka did not answer: {error.args[0].str()}") from error
    except TimeoutError as error:
        raise DependencyUnavailable("Kafka did not answer in time") from error
