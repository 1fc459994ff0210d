"""What a relay does between two starts: gather the next rows, publish them in one transaction, note where they went."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

import psycopg
import structlog
from sqlalchemy.exc import SQLAlchemyError

from services.messaging import metrics, notes, outbox, ranges, republishing
from services.messaging.database import Transaction, hot, run
from services.messaging.errors import LeaseLost, LogAheadOfDatabase, OutboxIncomplete
from services.messaging.kafka import Cluster
from services.messaging.memory import Memory
from services.messaging.notes import Note
from services.messaging.position import Run
from services.messaging.publisher import Publisher, RecordRefused
from services.messaging.records import OutboxRow, TopicPartition
from services.messaging.settings import MessagingSettings

log = structlog.get_logger()

Result = TypeVar("Result")

BUSY_SECONDS = 1.0  # how long after the last event head rows are looked at often


@dataclass(slots=True)
class Stops:
    """Partitions with a record that Kafka refuses for good; the others go on."""

    refused: dict[TopicPartition, int] = field(default_factory=dict)
    """The number at which each stops."""
    suspected: set[TopicPartition] = field(default_factory=set)
    """Partitions that send one record at a time, to find the one at fault."""

    def note(self, refusal: RecordRefused) -> None:
        """Remember what a refusal says."""
        if refusal.certain:
            self.refused[refusal.partition] = refusal.sequence
        else:
            self.suspected.add(refusal.partition)

    def forget(self) -> None:
        """Try everything again."""
        self.refused.clear()
        self.suspected.clear()

    def limit(self, partition: TopicPartition, position: int, limit: int) -> int:
        """How many rows after the position may be sent at once, ``limit`` at most."""
        if partition in self.refused:
            limit = min(limit, self.refused[partition] - position - 1)
        return min(limit, 1) if partition in self.suspected else limit


@dataclass(slots=True)
class Publishing:
    """One lease holder's run.

    ``topics``: how long each topic keeps its records, in seconds.
    """

    connection: Transaction
    publisher: Publisher
    memory: Memory
    cluster: Cluster
    positions: dict[TopicPartition, int]
    stops: Stops
    topics: Mapping[str, float]
    settings: MessagingSettings
    renew: Callable[[Transaction], bool]
    copying: dict[TopicPartition, int] = field(default_factory=dict)
    """The next number to be sent again, of partitions that somebody asked it for; their new events wait."""
    _heads_read: float = field(default=float("-inf"))
    _busy_until: float = field(default=0.0)
    _renewed: float = field(default_factory=monotonic)
    _maintained: float = field(default=float("-inf"))
    _turn: int = 0

    def run(self, stopping: threading.Event) -> None:
        """Publish until told to stop. Raises Doubt, RecordRefused, LeaseLost or a database error."""
        self._look_for_copies()
        while not stopping.is_set():
            rows = self._gather()
            if rows:
                self._publish(rows)
                self._busy_until = monotonic() + BUSY_SECONDS
            self._keep_lease()
            self._maintain()
            if rows:
                stopping.wait(self.settings.relay_transaction_gap_seconds)
            else:
                self.memory.wait(self._poll_seconds())

    def _poll_seconds(self) -> float:
        busy = monotonic() < self._busy_until
        return self.settings.relay_busy_poll_seconds if busy else self.settings.relay_idle_poll_seconds

    def _gather(self) -> list[OutboxRow]:
        """The next rows of every partition: from memory, and from the table what memory lacks."""
        limits = self._limits()
        gathered = {
            partition: self.memory.take(partition, self.positions[partition], limit)
            for partition, limit in limits.items()
        }
        if len(self.memory) or monotonic() - self._heads_read >= self._poll_seconds():
            self._read_missing(gathered, limits)
        self._turn += 1  # another partition first each time, so that the byte limit starves none
        gathered |= self._gather_copies()
        order = sorted(gathered, key=lambda partition: (partition.partition + self._turn) % len(self.positions))
        return self._within_bytes([row for partition in order for row in gathered[partition]])

    def _gather_copies(self) -> dict[TopicPartition, list[OutboxRow]]:
        """The next rows of partitions that are sent again, up to the position."""
        gathered = {}
        for partition, following in list(self.copying.items()):
            share = max(1, self.settings.relay_transaction_rows_max // len(self.copying))
            limit = self.stops.limit(partition, following - 1, share)
            if limit <= 0:
                continue
            rows = outbox.read(self.connection, partition.topic, {partition.partition: following - 1}, limit)
            self.connection.rollback()
            if not rows or rows[0].sequence != following:
                log.error("republication_impossible", partition=str(partition), missing=following)
                self._finish_copying(partition, following - 1)
                continue
            gathered[partition] = [row for row in rows if row.sequence <= self.positions[partition]]
        return gathered

    def _look_for_copies(self) -> None:
        """Take up what somebody has asked for; new events of these partitions wait until it is sent."""
        self.copying = {
            partition: following
            for partition, following in republishing.requested(self.connection).items()
            if partition in self.positions
        }
        self.connection.rollback()
        for partition, following in list(self.copying.items()):
            if following > self.positions[partition]:
                self._finish_copying(partition, self.positions[partition])

    def _finish_copying(self, partition: TopicPartition, position: int) -> None:
        """Close a request of which everything up to a position was sent, or cannot be sent."""
        republishing.finish(self.connection, partition, position)
        self.connection.commit()
        del self.copying[partition]

    def _limits(self) -> dict[TopicPartition, int]:
        """How many rows each partition may send now.

        None where Kafka refuses the next row, and none while the partition's published rows are sent again.
        """
        limit = max(1, self.settings.relay_transaction_rows_max // len(self.positions))
        limits = {
            partition: 0 if partition in self.copying else self.stops.limit(partition, position, limit)
            for partition, position in self.positions.items()
        }
        for partition in [partition for partition, allowed in limits.items() if allowed <= 0]:
            del limits[partition]
            self.memory.forget(partition)
        return limits

    def _read_missing(self, gathered: dict[TopicPartition, list[OutboxRow]], limits: dict[TopicPartition, int]) -> None:
        heads = outbox.heads(self.connection, list(self.topics))
        for at, position in self.positions.items():
            if heads.get(at, 0) < position:
                raise LogAheadOfDatabase(
                    f"{at}: {position} numbers were published, the database has given out {heads.get(at, 0)}: it was"
                    " restored from the past while sessions were open"
                )
        reached = {partition: self.positions[partition] + len(rows) for partition, rows in gathered.items()}
        for topic in self.topics:
            behind = {
                partition.partition: position
                for partition, position in reached.items()
                if partition.topic == topic
                and heads.get(partition, 0) > position
                and len(gathered[partition]) < limits[partition]
            }
            if behind:
                rows = outbox.read(self.connection, topic, behind, max(limits.values()))
                for partition, number in behind.items():
                    place = TopicPartition(topic, partition)
                    found = [row for row in rows if row.partition == partition]
                    _refuse_hole(place, number, found)
                    gathered[place].extend(found[: limits[place] - len(gathered[place])])
            backlog = sum(
                head - self.positions.get(partition, head)
                for partition, head in heads.items()
                if partition.topic == topic
            )
            metrics.RELAY_BACKLOG.labels(topic).set(backlog)
        self.connection.rollback()
        self._heads_read = monotonic()

    def _within_bytes(self, rows: list[OutboxRow]) -> list[OutboxRow]:
        total = 0
        for count, row in enumerate(rows):
            total += row.size
            if total > self.settings.relay_transaction_bytes_max and count:
                return rows[:count]
        return rows

    def _publish(self, rows: Sequence[OutboxRow]) -> None:
        with metrics.RELAY_TRANSACTION_SECONDS.time():
            offsets = self.publisher.publish(rows)
        runs: dict[TopicPartition, list[Run]] = {}
        copies: dict[TopicPartition, tuple[int, int]] = {}
        for row, offset in zip(rows, offsets, strict=True):
            partition = TopicPartition(row.topic, row.partition)
            if row.sequence <= self.positions[partition]:  # it neither moves the position nor gets a note
                copies[partition] = (self.copying[partition], row.sequence)
                continue
            self.positions[partition] = row.sequence
            known = runs.setdefault(partition, [])
            if not known or not known[-1].extend(row.sequence, offset, row.event_id):
                known.append(Run(row.sequence, row.sequence, offset, row.event_id))
        notes.write(
            self.connection,
            [Note.of(run, partition, self.cluster) for partition, known in runs.items() for run in known],
        )
        republishing.advance(self.connection, copies)
        self.connection.commit()
        for partition, (_, last) in copies.items():
            self.copying[partition] = last + 1
            if last == self.positions[partition]:
                self._finish_copying(partition, last)
                log.info("republished", partition=str(partition), up_to=last)
        for partition, known in runs.items():
            published = sum(run.last_sequence - run.first_sequence + 1 for run in known)
            metrics.RELAY_PUBLISHED.labels(partition.topic).inc(published)

    def _keep_lease(self) -> None:
        if monotonic() - self._renewed < self.settings.relay_lease_seconds / 4:
            return
        if not self.renew(self.connection):
            raise LeaseLost
        self._renewed = monotonic()
        self._look_for_copies()

    def _maintain(self) -> None:
        """Make ranges ahead, drop what nobody can ask for any more, and try again what Kafka has refused.

        Nothing here is urgent: what does not succeed is put off.
        """
        if monotonic() - self._maintained < self.settings.outbox_maintenance_seconds:
            return
        if self._maintained > float("-inf"):  # not at once after the start that the refusal led to
            self.stops.forget()
            metrics.RELAY_STUCK.set(0)
        self._maintained = monotonic()
        for topic, retention_seconds in self.topics.items():
            try:
                self._maintain_topic(topic, retention_seconds)
            except (psycopg.Error, SQLAlchemyError) as error:
                if self.connection.invalidated or hot(self.connection).closed:
                    raise
                self.connection.rollback()
                log.warning("outbox_maintenance_put_off", topic=topic, reason=str(error).splitlines()[0])
            self._keep_lease()

    def _maintain_topic(self, topic: str, retention_seconds: float) -> None:
        heads = outbox.heads(self.connection, [topic])
        positions = {partition.partition: self.positions[partition] for partition in heads}
        head, rows = max(heads.values(), default=0), self.settings.outbox_range_rows
        made = self._briefly(lambda: ranges.make_ahead(self.connection, topic, head, rows))
        dropped = self._briefly(lambda: ranges.drop_passed(self.connection, topic, positions, retention_seconds))
        self._briefly(lambda: ranges.empty_net(self.connection, topic, positions, retention_seconds))
        if made or dropped:
            log.info("outbox_ranges", topic=topic, made=made, dropped=dropped)

    def _briefly(self, change: Callable[[], Result]) -> Result:
        """A transaction of its own that waits for no lock: whoever comes after it in the queue would wait, too."""
        self.connection.rollback()
        run(self.connection, "SET LOCAL lock_timeout = '200ms'")
        result = change()
        self.connection.commit()
        return result


def _refuse_hole(partition: TopicPartition, position: int, rows: Sequence[OutboxRow]) -> None:
    """What is published must follow the position: rows that are gone cannot be stepped over."""
    expected = position + 1
    if not rows:
        raise OutboxIncomplete(
            f"{partition}: number {expected} was given out and is not in the outbox, nor what follows"
        )
    for row in rows:
        if row.sequence != expected:
            raise OutboxIncomplete(f"{partition}: number {expected} is not in the outbox, {row.sequence} is")
        expected += 1
