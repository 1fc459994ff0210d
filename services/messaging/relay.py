"""The relay: publishes the outbox in order, exactly once, from the position that it reads from the log.

Rules 3, 5 and 7 of the argument in ARCHITECTURE.md. Having the lease, it makes a new producer (which fences the
predecessor), waits until nothing is undecided, reads its position from the log, and publishes from position + 1. At any
doubt it drops the producer and starts there again. Every process carries a relay; the lease decides which one publishes.
"""

import os
import random
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from uuid import uuid4

import structlog

from services.messaging import lease, metrics, notes
from services.messaging.database import Database, Transaction
from services.messaging.errors import DependencyUnavailable, LeaseLost, RefusedToWrite, RepairImpossible, is_transient
from services.messaging.kafka import Kafka
from services.messaging.memory import Memory
from services.messaging.notes import Note
from services.messaging.publisher import Doubt, Publisher, RecordRefused
from services.messaging.publishing import Publishing, Stops
from services.messaging.records import OutboxRow
from services.messaging.settings import MessagingSettings
from services.messaging.survey import Survey, survey

log = structlog.get_logger()

RETRY_PAUSE_SECONDS = 1.0  # between starts; up to half as long again by chance, so that relays do not march in step
STABLE_POLL_SECONDS = 0.05


class Relay:
    """Publishes one service's topics while it holds the lease of its group.

    ``topics``: how long each keeps its records, in seconds. ``database`` is the relay's own: what it writes (lease, notes,
    ranges) need not wait for the disk.
    """

    def __init__(
        self,
        service: str,
        topics: Mapping[str, float],
        database: Database,
        kafka: Kafka,
        settings: MessagingSettings,
    ) -> None:
        self._topics = dict(topics)
        self._database = database
        self._kafka = kafka
        self._settings = settings
        self._group = f"{service}.0"
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:8]}"
        self._memory = Memory(settings.relay_memory_rows_max)
        self._stops = Stops()
        self._begun = False
        self.refusal: str | None = None

    def offer(self, rows: Iterable[OutboxRow]) -> None:
        """Hand over rows whose COMMIT has returned; they need not be read back."""
        self._memory.offer(rows)

    def run(self, stopping: threading.Event) -> None:
        """Publish until told to stop; every doubt, lost lease or outage ends in a new start."""
        while not stopping.is_set():
            try:
                self._lead(stopping)
            except LeaseLost:
                log.info("relay_lease_lost", group=self._group)
            except RefusedToWrite as refused:
                self.refusal = str(refused)
                log.error("relay_refuses", group=self._group, reason=self.refusal)
            except RecordRefused as refused:
                self._stops.note(refused)
                log.error("relay_record_refused", certain=refused.certain, reason=str(refused))
            except (Doubt, DependencyUnavailable) as doubt:
                log.warning("relay_starts_again", group=self._group, cause=type(doubt).__name__, reason=str(doubt))
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("relay_database_unavailable", group=self._group, reason=str(error).splitlines()[0])
            finally:
                self._memory.empty(keep=False)
                metrics.RELAY_LEADING.set(0)
                metrics.RELAY_REFUSING.set(self.refusal is not None)
                metrics.RELAY_STUCK.set(len(self._stops.refused))
            stopping.wait(RETRY_PAUSE_SECONDS * random.uniform(1, 1.5))  # noqa: S311 - a pause, not a secret

    def _lead(self, stopping: threading.Event) -> None:
        """Take the lease, find the position, publish until something is in doubt."""
        with self._database.connection() as connection:
            if not self._take_to_start(connection):
                self._look_at_others(connection)
                return
            try:
                log.info("relay_starts", group=self._group, holder=self._holder)
                metrics.RELAY_STARTS.inc()
                with self._new_publisher() as publisher:
                    self._begin(connection, publisher).run(stopping)
            finally:  # renewed by progress only: whoever failed lets another one try
                self._release(connection)

    @contextmanager
    def standing_still(self, wait_seconds: float) -> Iterator[Callable[[], None]]:
        """See to it that no relay of the group publishes meanwhile; yields what is to be called every few seconds.

        Raises LeaseLost when another relay goes on publishing for ``wait_seconds``, RepairImpossible when what the log holds
        is not decided.
        """
        give_up_at, pause = monotonic() + wait_seconds, threading.Event()
        with self._database.connection() as connection:
            while not self._take_to_start(connection):
                if monotonic() > give_up_at:
                    raise LeaseLost(f"a relay of {self._group} publishes, and does not stop")
                pause.wait(STABLE_POLL_SECONDS)
            try:
                with self._new_publisher():  # fences whoever still believes to have the lease
                    if undecided := self._wait_until_stable(connection):
                        raise RepairImpossible(
                            f"another producer's transaction is open in {', '.join(undecided)}: end it, and repair again"
                        )
                    yield lambda: self._go_on_starting(connection)
            finally:
                self._release(connection)

    def _take_to_start(self, connection: Transaction) -> bool:
        """Take the lease for as long as a step of the start may last, or its successor would fence it before it began."""
        step_seconds = self._settings.relay_transaction_timeout_seconds + self._settings.relay_lease_seconds
        held = lease.take(connection, self._group, self._holder, step_seconds)
        connection.commit()
        return held

    def _go_on_starting(self, connection: Transaction) -> None:
        if not self._take_to_start(connection):
            raise LeaseLost

    def _look_at_others(self, connection: Transaction) -> None:
        """Another relay that publishes is as good as this one, and says that what this one refused for is mended."""
        if lease.somebody_publishes(connection, self._group):
            self._begun = True
            self.refusal = None
        connection.commit()

    def not_ready(self) -> str | None:
        """Why this process should not be used: a refusal, or no relay of the group has begun since it started.

        A relay that is held up later is no reason: what is committed meanwhile is published afterwards.
        """
        if self.refusal is not None:
            return self.refusal
        return None if self._begun else "no relay publishes yet"

    def _new_publisher(self) -> Publisher:
        return Publisher(
            self._settings.kafka_bootstrap_servers,
            f"relay.{self._group}",
            self._settings.relay_transaction_timeout_seconds,
        )

    def _begin(self, connection: Transaction, publisher: Publisher) -> Publishing:
        """Rule 3: producer first, position second. Reading the position before fencing is a duplicate waiting to happen."""
        if undecided := self._wait_until_stable(connection):
            reason = "another producer's transaction is open; going on"
            log.warning("relay_unstable_log", partitions=undecided, reason=reason)
        surveyed = survey(
            connection, self._kafka, list(self._topics), progress=lambda: self._go_on_starting(connection)
        )
        _note_what_was_found(connection, surveyed)
        if not self._renew(connection):
            raise LeaseLost
        self.refusal = None
        self._begun = True
        self._memory.empty(keep=True)
        metrics.RELAY_LEADING.set(1)
        positions = {partition: walk.position for partition, walk in surveyed.walks.items()}
        log.info("relay_publishes", group=self._group, published=sum(positions.values()))
        return Publishing(
            connection=connection,
            publisher=publisher,
            memory=self._memory,
            cluster=surveyed.cluster,
            positions=positions,
            stops=self._stops,
            topics=self._topics,
            settings=self._settings,
            renew=self._renew,
        )

    def _wait_until_stable(self, connection: Transaction) -> list[str]:
        """Wait until no transaction is open in our topics: what it holds back could not be read.

        Returns the partitions where one still is after ``relay_stable_wait_seconds``.
        """
        partitions = self._kafka.partitions(*self._topics)
        deadline = monotonic() + self._settings.relay_stable_wait_seconds
        pause = threading.Event()
        while (ends := self._kafka.ends(partitions)) != (stable := self._kafka.stable_ends(partitions)):
            if monotonic() > deadline:
                return [str(partition) for partition in partitions if ends[partition] != stable[partition]]
            self._go_on_starting(connection)
            pause.wait(STABLE_POLL_SECONDS)
        return []

    def _renew(self, connection: Transaction) -> bool:
        held = lease.take(connection, self._group, self._holder, self._settings.relay_lease_seconds, publishing=True)
        connection.commit()
        return held

    def _release(self, connection: Transaction) -> None:
        try:
            connection.rollback()
            lease.release(connection, self._group, self._holder)
            connection.commit()
        except Exception as error:
            if not is_transient(error):
                raise
            log.info("relay_lease_left_to_expire", group=self._group)


def _note_what_was_found(connection: Transaction, surveyed: Survey) -> None:
    """Runs found in the log get their notes before publishing goes on; notes that the log contradicts are forgotten."""
    cluster = surveyed.cluster
    for partition, walk in surveyed.walks.items():
        notes.forget_after(connection, partition, walk.began)
    found = [Note.of(run, partition, cluster) for partition, walk in surveyed.walks.items() for run in walk.runs]
    if found:
        notes.write(connection, found)
    connection.commit()
