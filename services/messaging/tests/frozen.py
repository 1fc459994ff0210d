"""A process of the kit that stops itself (SIGSTOP) at its worst moment, once: ``Frozen``, and the program behind it.

The program wraps one function so that the whole process stops in it, with whatever it holds then: an open transaction in
Kafka, row locks, a position it believes in. Whoever started it thaws it (SIGCONT) after others have taken over.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid5

import psutil
from confluent_kafka import Producer

from services.messaging import inbox, notes, outbox, publisher
from services.messaging import relay as relay_module
from services.messaging.consumer import Consumer
from services.messaging.database import Database, run
from services.messaging.kafka import Kafka
from services.messaging.memory import Memory
from services.messaging.publishing import Publishing
from services.messaging.records import Batch, OutboxRow, Record, SchemaUse
from services.messaging.relay import Relay
from services.messaging.settings import MessagingSettings
from services.messaging.tests.conftest import NAMES, PARTITIONS, World, eventually
from services.messaging.writer import Writer

PROJECT = Path(__file__).parents[3]
OWN_ROWS = 9  # what the program appends by itself

APPLIED = """
CREATE TABLE applied (ordinal bigserial, partition int, sequence bigint, value bytea)
"""
"""What was applied, in order; without a key on purpose: what is applied twice stands there twice."""


def relay_of(world: World) -> Relay:
    """A relay of the world's only service."""
    return Relay(f"kit-{world.topic}", world.kept, world.open("relay"), world.kafka, world.settings)


class Worker:
    """A consumer of the world's topic: writes down what it applies, and answers each message with an event."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.database = world.open("worker")
        self.relay = relay_of(world)
        group = f"worker-{world.topic}"
        self.consumer = Consumer(
            group, [world.topic], self.database, world.kafka, decode, lambda batch: self.handle(batch), world.settings
        )

    def handle(self, batch: Batch) -> None:
        with self.database.transaction() as transaction:
            inbox.advance(transaction, batch.advances)
            for message in batch.messages:
                place = [message.partition, message.sequence, message.value]
                run(transaction, "INSERT INTO applied (partition, sequence, value) VALUES (%s, %s, %s)", place)
            answers = [
                Record(self.world.dead_letter_topic, message.key, message.value, uuid5(NAMES, str(message.event_id)))
                for message in batch.messages
            ]
            rows = outbox.append(transaction, answers, PARTITIONS)
        self.relay.offer(rows)


def decode(_: str, value: bytes | None) -> tuple[object | None, SchemaUse]:
    """Every value is an event."""
    return value, SchemaUse("subject", 1, 1)


# Whoever starts the program


class Frozen:
    """A program in the world's service, from its start to its end. ``moment`` None: it does not stop by itself."""

    def __init__(self, world: World, role: str, moment: str | None, folder: Path) -> None:
        self.world, self.role, self.moment = world, role, moment
        self._log = folder / f"{role}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        world = self.world
        told = json.dumps([world.topic, world.dead_letter_topic, world.url, world.settings.model_dump()])
        command = [sys.executable, "-m", __name__, self.role, self.moment or "", told]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, stdout=log, stderr=log
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.kill()  # works on a stopped process, too
        self._process.wait()
        if error is not None:
            error.add_note(f"{self.role}: {self._log.read_text()}")

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def is_stopped(self) -> bool:
        """Whether it is frozen now."""
        return psutil.Process(self.pid).status() == psutil.STATUS_STOPPED

    def freeze(self) -> None:
        """Stop it wherever it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def says(self, *words: str) -> bool:
        """Whether one line of its log has all of these words."""
        return any(all(word in line for word in words) for line in self._log.read_text().splitlines())


# The program


def stop() -> None:
    """Stop this process with all its threads, this one at once: a signal to the process may reach another one first."""
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


@dataclass(frozen=True, slots=True)
class Moment:
    """The function in which the process stops once, at its begin or after it has returned something."""

    owner: Any
    name: str
    begin: bool = False

    def arm(self) -> None:
        """Wrap the function."""
        call: Callable[..., Any] = getattr(self.owner, self.name)
        armed = threading.Semaphore(1)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            if self.begin and armed.acquire(blocking=False):
                stop()
            result = call(*arguments, **named)
            if not self.begin and result != [] and armed.acquire(blocking=False):
                stop()
            return result

        setattr(self.owner, self.name, wrapped)


class _DeliversFirst(Producer):
    """A producer that commits when its records are in the log."""

    def commit_transaction(self, timeout: float = -1) -> None:
        assert self.flush(10) == 0
        super().commit_transaction(timeout)


MOMENTS = {
    "relay: log surveyed": Moment(relay_module, "survey"),
    "relay: position read, nothing published": Moment(Relay, "_begin"),
    "relay: rows gathered, nothing published": Moment(Publishing, "_gather"),
    "relay: rows taken from memory": Moment(Memory, "take"),
    "relay: records produced, not committed": Moment(_DeliversFirst, "flush"),
    "relay: committed, not noted": Moment(notes, "write", begin=True),
    "consumer: messages read, nothing applied": Moment(Worker, "handle", begin=True),
    "consumer: rows locked, not committed": Moment(inbox, "advance"),
    "consumer: committed, not known": Moment(Relay, "offer", begin=True),
    "writer: heads locked, not committed": Moment(outbox, "append"),
}


def main(role: str, moment: str, told: str) -> None:
    """Run one role until killed."""
    topic, dead_letter_topic, url, values = json.loads(told)
    settings = MessagingSettings.model_validate(values)
    database = Database(url, settings, application="program")
    world = World(topic, dead_letter_topic, url, database, Kafka(settings.kafka_bootstrap_servers), settings)
    if moment:
        MOMENTS[moment].arm()
        if MOMENTS[moment].owner is _DeliversFirst:
            publisher.Producer = _DeliversFirst  # type: ignore[attr-defined]
    ROLES[role](world)
    threading.Event().wait()


def _beside(loop: Callable[[threading.Event], None]) -> None:
    threading.Thread(target=loop, args=[threading.Event()], daemon=True).start()


def _relay(world: World) -> None:
    _beside(relay_of(world).run)


def _offering_relay(world: World) -> None:
    relay = relay_of(world)
    _beside(relay.run)
    eventually(lambda: relay.not_ready() is None)
    relay.offer(world.append(world.records(OWN_ROWS, "own")))


def _consumer(world: World) -> None:
    _beside(Worker(world).consumer.run)


def _worker(world: World) -> None:
    worker = Worker(world)
    _beside(worker.relay.run)
    _beside(worker.consumer.run)


def _writer(world: World) -> None:
    def write(requests: list[str]) -> list[list[OutboxRow]]:
        records = [record for request in requests for record in world.records(OWN_ROWS, request)]
        return [world.append(records)]

    writer: Writer[str, list[OutboxRow]] = Writer(write, world.settings)  # type: ignore[arg-type]
    future = writer.submit("own")
    _beside(lambda _: writer.run())
    future.result()


ROLES = {
    "relay": _relay,
    "offering-relay": _offering_relay,
    "consumer": _consumer,
    "worker": _worker,
    "writer": _writer,
}

if __name__ == "__main__":
    main(*sys.argv[1:])
