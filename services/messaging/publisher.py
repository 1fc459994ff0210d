"""One transactional producer's life: rows go in, offsets come out, and any doubt ends it (rule 5).

Why: librdkafka sends an EndTxn again, without a word, when the connection it went out on is lost. If the first one was only
late, the broker takes it for the end of the *next* transaction, and says yes: half of that becomes visible. Kafka's remedy
(KIP-890) is a new epoch with each EndTxn of version 5; librdkafka has version 1. A new producer has a new epoch, too.
"""

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Self

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from services.messaging import headers
from services.messaging.errors import MessagingError
from services.messaging.records import OutboxRow, TopicPartition

log = structlog.get_logger()

PERMANENT = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.INVALID_MSG})


class Doubt(MessagingError):
    """What became of a transaction is not known for certain: this producer must not be used again."""


class RecordRefused(MessagingError):
    """Kafka refuses one record for good; nothing of its transaction became visible."""

    def __init__(self, row: OutboxRow, error: KafkaError, *, certain: bool) -> None:
        self.partition = TopicPartition(row.topic, row.partition)
        self.sequence = row.sequence
        self.certain = certain
        """Whether it is this record: the broker refuses all records of a partition that came with the one at fault."""
        super().__init__(f"{self.partition} number {row.sequence}, event {row.event_id}: {error.str()}")


class _LostConnections(logging.Handler):
    """Listens to librdkafka's log, the only place where it tells of a connection that it lost and made again.

    Connections that were idle for a minute are closed without a line there; they are no loss.
    """

    def __init__(self) -> None:
        super().__init__()
        self.last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("FAIL ") and " in state UP" in text:  # other states: it was never there
            self.last = text
        log.info("kafka_producer", level_name=record.levelname, text=text)


class Publisher:
    """A transactional producer that is thrown away at the first doubt.

    Making one fences every predecessor with the same transactional id and ends its transaction (KIP-98).
    """

    def __init__(self, bootstrap_servers: str, transactional_id: str, transaction_timeout_seconds: float) -> None:
        self._timeout_seconds = transaction_timeout_seconds
        self._lost = _LostConnections()
        logger = logging.Logger("producer")
        logger.addHandler(self._lost)
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap_servers,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": int(transaction_timeout_seconds * 1000),
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 1,  # commit flushes anyway
                "compression.type": "lz4",
                "message.max.bytes": 2 << 20,
                "queue.buffering.max.messages": 1_000_000,  # a transaction is bounded by the relay
                "retry.backoff.ms": 1,  # after each commit the broker answers CONCURRENT_TRANSACTIONS for a moment
            },
            logger=logger,
        )
        _doubting(self._producer.init_transactions, transaction_timeout_seconds)

    def publish(self, rows: Sequence[OutboxRow]) -> list[int]:
        """Publish the rows in one transaction and return their offsets, in the rows' order.

        Raises Doubt when it is not certain that all of them are committed, RecordRefused when it is certain that none is
        and one of them never can be. Either way the publisher is to be dropped.
        """
        offsets: list[int] = [-1] * len(rows)
        refusals: list[tuple[OutboxRow, KafkaError]] = []
        begun = monotonic()
        self._doubt_lost_connection()
        _doubting(self._producer.begin_transaction)
        for index, row in enumerate(rows):
            self._produce(row, index, offsets, refusals)
        try:
            _doubting(self._producer.commit_transaction, self._timeout_seconds)
        except Doubt as doubt:
            for row, error in refusals:
                if error.code() in PERMANENT:
                    together = sum((each.topic, each.partition) == (row.topic, row.partition) for each in rows)
                    raise RecordRefused(row, error, certain=together == 1) from doubt
            raise
        self._doubt_lost_connection()
        if monotonic() - begun > self._timeout_seconds / 2:
            raise Doubt(f"a transaction took {monotonic() - begun:.1f} s")
        if refusals or -1 in offsets:
            raise Doubt("a transaction was committed without a delivery report for each record")
        return offsets

    def _doubt_lost_connection(self) -> None:
        """A request that was on its way may still arrive, whatever was answered to its repetition."""
        _doubting(self._producer.poll, 0)  # the log is told here; the line is older than any answer to a repetition
        if self._lost.last is not None:
            raise Doubt(self._lost.last)

    def _produce(
        self, row: OutboxRow, index: int, offsets: list[int], refusals: list[tuple[OutboxRow, KafkaError]]
    ) -> None:
        def delivered(error: KafkaError | None, message: KafkaMessage) -> None:
            if error is not None:
                refusals.append((row, error))
            else:
                offset = message.offset()
                offsets[index] = -1 if offset is None else offset

        try:
            self._producer.produce(
                row.topic,
                value=row.value,
                key=row.key,
                partition=row.partition,
                headers=headers.stamped(row),
                on_delivery=delivered,
            )
        except KafkaException as error:
            if error.args[0].code() in PERMANENT:
                raise RecordRefused(row, error.args[0], certain=True) from error
            raise Doubt(f"produce: {error.args[0].str()}") from error
        except BufferError as error:
            raise Doubt("the producer's queue is full") from error

    def drop(self) -> None:
        """Forget the producer without aborting: what it has begun is ended by its successor."""
        self._producer.purge(in_queue=True, in_flight=True, blocking=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()


def _doubting(call: Callable[..., object], *arguments: float) -> None:
    try:
        call(*arguments)
    except KafkaException as error:
        raise Doubt(f"{call.__name__}: {error.args[0].str()}") from error
    except SystemError as error:  # the binding's answer to a fatal error (fenced) and a delivery report in one call
        raise Doubt(f"{call.__name__}: {error.__cause__ or error}") from error
