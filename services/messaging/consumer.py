"""The consumer loop: reads committed records, sifts them, and has each batch applied in one database transaction.

The inbox row is the position (rule 6). After any rollback the stored positions are read again and every partition is
assigned from there; the group's own offsets are never used. The group protocol is the classic one with the range
assignor: a service that reads two topics gets the same partitions of both, so one process handles all events of an order.
"""

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic

import confluent_kafka
import structlog
from confluent_kafka import Consumer as KafkaConsumer
from confluent_kafka import KafkaException
from confluent_kafka import Message as KafkaMessage

from services.messaging import inbox, metrics
from services.messaging.database import Database
from services.messaging.dead_letters import INVARIANT_BROKEN
from services.messaging.errors import PoisonMessage, RefusedToWrite, Superseded, is_fault_of_a_message, is_transient
from services.messaging.kafka import (
    Kafka,
    headers_of,
    is_end_of_partition,
    is_fatal,
    key_and_value,
    place,
    poll_messages,
)
from services.messaging.records import Batch, DeadLetter, Message, TopicPartition
from services.messaging.settings import MessagingSettings
from services.messaging.sifting import Cursor, Decode, advances, sift

log = structlog.get_logger()

Handler = Callable[[Batch], None]
"""Applies a batch in one transaction whose first statement is ``inbox.advance``. Raises what went wrong."""

GAP_LOOK_SECONDS = 1.0  # how often the inbox rows of partitions with a gap are looked at: a person may have moved them
IDLE_ADVANCE_SECONDS = 0.25  # how often positions move over what is nobody's message (transaction markers)
FIRST_BACKOFF_SECONDS = 0.1


class Consumer:
    """Reads topics for one service. All methods but ``ready`` belong to the thread that runs it."""

    def __init__(
        self,
        service: str,
        topics: Sequence[str],
        database: Database,
        kafka: Kafka,
        decode: Decode,
        handler: Handler,
        settings: MessagingSettings,
    ) -> None:
        self._service = service
        self._topics = list(topics)
        self._database = database
        self._kafka = kafka
        self._decode = decode
        self._handler = handler
        self._settings = settings
        self._joined = False
        self._in_step = True  # whether the cursors are what the inbox rows say
        self._wanted: set[TopicPartition] = set()  # what the group has given to this consumer
        self._cursors: dict[TopicPartition, Cursor] = {}  # what it has claimed of that
        self._not_before: dict[TopicPartition, float] = {}  # lost to another: claimed again only if still wanted then
        self._ends: dict[TopicPartition, int] = {}
        self._moved_at = monotonic()
        self._looked_at = monotonic()
        self._failures = 0
        self.refusal: str | None = None

    def not_ready(self) -> str | None:
        """Why this consumer is not at work: the group has not answered, or not every partition it gave is claimed."""
        if self.refusal is not None:
            return self.refusal
        at_work = self._joined and self._in_step and self._wanted <= self.claimed
        return None if at_work else "waiting for its partitions"

    @property
    def claimed(self) -> frozenset[TopicPartition]:
        """The partitions this consumer holds now."""
        return frozenset(self._cursors)

    def run(self, stopping: threading.Event) -> None:
        """Consume until told to stop, then leave the group so that others take over at once.

        One with a name in its group (``consumer_instance``) stays a member for the session time-out: it is coming back.
        """
        consumer = KafkaConsumer(self._configuration())
        consumer.subscribe(self._topics, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
        try:
            while not stopping.is_set():
                self._turn(consumer, stopping)
        finally:
            consumer.close()
            self._joined = False

    def _configuration(self) -> dict[str, object]:
        settings = self._settings
        return {
            "bootstrap.servers": settings.kafka_bootstrap_servers,
            "group.id": self._service,
            **({"group.instance.id": settings.consumer_instance} if settings.consumer_instance else {}),
            "group.protocol": "classic",  # KIP-848 takes the session time-out from the broker: 45 s
            "partition.assignment.strategy": "range",
            "session.timeout.ms": int(settings.consumer_session_timeout_seconds * 1000),
            "heartbeat.interval.ms": int(settings.consumer_heartbeat_seconds * 1000),
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",  # the position is the inbox row; there is no other to fall back to
            "fetch.wait.max.ms": 100,
        }

    def _turn(self, consumer: KafkaConsumer, stopping: threading.Event) -> None:
        """One turn of the loop; whatever fails has changed nothing and is tried again from the stored positions."""
        try:
            if self.refusal is not None:
                self._ask_whether_it_may_write_again()
            if not self._in_step:
                self._read_positions_again(consumer)
            self._claim(consumer)
            batch_max, wait_seconds = self._settings.consumer_batch_messages_max, self._settings.consumer_poll_seconds
            self._take(poll_messages(consumer, batch_max, wait_seconds))
            self._failures = 0
        except Exception as error:
            if isinstance(error, RefusedToWrite):
                self.refusal = str(error)
            elif is_fatal(error) or not (isinstance(error, KafkaException | Superseded) or is_transient(error)):
                raise
            self._step_back(consumer, error)
            stopping.wait(self._backoff_seconds())

    def _ask_whether_it_may_write_again(self) -> None:
        """What was refused may belong to another consumer by now: nothing of this one's would ask."""
        with self._database.transaction():
            self.refusal = None

    def _step_back(self, consumer: KafkaConsumer, error: Exception) -> None:
        """After a rollback nothing is believed: fetch nothing until the stored positions have been read again."""
        cause = type(error).__name__
        metrics.CONSUMER_ROLLBACKS.labels(cause).inc()
        log.warning("consumer_steps_back", service=self._service, cause=cause, reason=str(error).splitlines()[0])
        self._in_step = False
        self._failures += 1
        consumer.assign([])
        consumer.poll(0)  # stay in the group however long a dependency is down

    def _backoff_seconds(self) -> float:
        longest = min(FIRST_BACKOFF_SECONDS * 2.0**self._failures, self._settings.consumer_backoff_max_seconds)
        return random.uniform(longest / 2, longest)  # noqa: S311 - a pause, not a secret

    # Partitions: given by the group, claimed in the inbox, assigned from the stored position

    def _assigned(self, consumer: KafkaConsumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self._wanted = {TopicPartition(partition.topic, partition.partition) for partition in partitions}
        self._joined = True
        self._cursors.clear()
        self._not_before.clear()
        consumer.assign([])  # fetched only once claimed
        log.info("consumer_assigned", service=self._service, partitions=len(partitions))

    def _revoked(self, consumer: KafkaConsumer, partitions: list[confluent_kafka.TopicPartition]) -> None:
        self._wanted.clear()
        self._cursors.clear()
        consumer.unassign()
        log.info("consumer_revoked", service=self._service, partitions=len(partitions))

    def _claim(self, consumer: KafkaConsumer) -> None:
        """Take over what the group has given and nobody here holds yet: epoch + 1 each."""
        now = monotonic()
        missing = [
            partition
            for partition in sorted(self._wanted - self._cursors.keys())
            if now >= self._not_before.get(partition, 0)
        ]
        if not missing:
            return
        cluster = self._kafka.describe(self._topics)
        with self._database.transaction() as transaction:
            claimed = inbox.claim(transaction, cluster, missing)
        for partition, position in claimed.items():
            self._cursors[partition] = Cursor(partition, cluster.topic_ids[partition.topic], position)
            self._not_before.pop(partition, None)
        self._assign(consumer)

    def _read_positions_again(self, consumer: KafkaConsumer) -> None:
        """Go on from the stored positions; a partition that another has claimed is left to it for a heartbeat at least."""
        with self._database.connection() as connection:
            stored = inbox.positions(connection, self._topics)
        for partition, cursor in list(self._cursors.items()):
            if partition in stored and stored[partition].epoch == cursor.stored.epoch:
                self._cursors[partition] = Cursor(partition, cursor.topic_id, stored[partition])
            else:
                del self._cursors[partition]
                self._not_before[partition] = monotonic() + self._settings.consumer_heartbeat_seconds
        self._in_step = True
        self._assign(consumer)

    def _assign(self, consumer: KafkaConsumer) -> None:
        """Fetch every claimed partition from its cursor, within what the log has."""
        starts, ends = self._kafka.starts(list(self._cursors)), self._kafka.ends(list(self._cursors))
        for partition, cursor in self._cursors.items():
            cursor.within(starts[partition], ends[partition])
        self._ends.clear()
        consumer.assign(
            [
                confluent_kafka.TopicPartition(partition.topic, partition.partition, cursor.next_offset)
                for partition, cursor in self._cursors.items()
            ]
        )

    # Batches

    def _take(self, messages: Sequence[KafkaMessage]) -> None:
        records = []
        for message in messages:
            partition, offset = place(message)
            if is_end_of_partition(message):
                self._ends[partition] = offset
            else:
                records.append(Message(*partition, offset, *key_and_value(message), headers_of(message)))
        batch = sift(records, self._cursors, self._decode)
        if monotonic() - self._moved_at > IDLE_ADVANCE_SECONDS:
            self._move_to_ends()
            batch = replace(batch, advances=advances(self._cursors))
        if batch.advances:
            self._apply(batch, records)
        self._tell_gaps()
        self._look_behind_gaps()

    def _move_to_ends(self) -> None:
        """Transaction markers take offsets too: move over them, so that "read everything" can be seen."""
        self._moved_at = monotonic()
        for partition, end in self._ends.items():
            cursor = self._cursors.get(partition)
            if cursor is not None:
                cursor.next_offset = max(cursor.next_offset, end)

    def _apply(self, batch: Batch, records: Sequence[Message]) -> None:
        """Have the batch applied; when that cannot be, find the message at fault and park it."""
        try:
            self._commit(batch)
        except Exception as error:
            if not is_fault_of_a_message(error) or not batch.messages:
                raise
            log.warning("consumer_splits_batch", service=self._service, messages=len(batch.messages), reason=str(error))
            for cursor in self._cursors.values():
                cursor.reset()
            for record in records:
                self._apply_alone(record)

    def _apply_alone(self, record: Message) -> None:
        batch = sift([record], self._cursors, self._decode)
        if not batch.advances:
            return
        try:
            self._commit(batch)
        except Exception as error:
            if not is_fault_of_a_message(error) or not batch.messages:
                raise
            log.exception(
                "consumer_parks_message", topic=record.topic, partition=record.partition, offset=record.offset
            )
            topic_id = self._cursors[TopicPartition(record.topic, record.partition)].topic_id
            reason = error.reason if isinstance(error, PoisonMessage) else INVARIANT_BROKEN
            letters = tuple(
                DeadLetter(message, topic_id, reason, f"{type(error).__name__}: {error}") for message in batch.messages
            )
            self._commit(replace(batch, messages=(), dead_letters=letters, outcomes={(record.topic, "poison"): 1}))

    def _commit(self, batch: Batch) -> None:
        with metrics.CONSUMER_BATCH_SECONDS.time():
            self._handler(batch)
        for cursor in self._cursors.values():
            cursor.committed()
        for (topic, outcome), count in batch.outcomes.items():
            metrics.CONSUMED.labels(topic, outcome).inc(count)
        metrics.CONSUMER_BATCH.observe(len(batch.messages))

    def _look_behind_gaps(self) -> None:
        """Notice that a position was moved over its gap (``adoption``); nothing else would tell while nothing new arrives."""
        waiting = self._behind_gaps()
        if not waiting or monotonic() - self._looked_at < GAP_LOOK_SECONDS:
            return
        self._looked_at = monotonic()
        with self._database.connection() as connection:
            stored = inbox.positions(connection, self._topics)
        epochs = {partition: position.epoch for partition, position in stored.items()}
        if any(epochs.get(cursor.partition) != cursor.stored.epoch for cursor in waiting):
            raise Superseded

    def _behind_gaps(self) -> list[Cursor]:
        """The partitions that wait for a missing number."""
        return [cursor for cursor in self._cursors.values() if cursor.waiting_for is not None]

    def _tell_gaps(self) -> None:
        waiting = self._behind_gaps()
        metrics.CONSUMER_GAPS.set(len(waiting))
        for cursor in waiting:
            if cursor.told_gap != cursor.waiting_for:
                cursor.told_gap = cursor.waiting_for
                log.error(
                    "consumer_gap", service=self._service, partition=str(cursor.partition), missing=cursor.waiting_for
                )
        for partition, cursor in self._cursors.items():
            if partition in self._ends:
                lag = max(0, self._ends[partition] - cursor.next_offset)
                metrics.CONSUMER_LAG.labels(partition.topic, str(partition.partition)).set(lag)
