"""Making databases and log agree again: what `pipeline repair` and `pipeline republish` do (rules 4 and 9 in ARCHITECTURE.md).

What is done to one service, `python -m services.<service>.main repair` does too; here it is done for one after the other,
and what two services have to do together is seen to: a consumer misses a number, its owner sends it again.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from time import monotonic, sleep
from typing import Any

from codegen.contracts import Contracts
from services.messaging import republishing
from services.messaging.database import Database, fetch
from services.messaging.errors import MessagingError, NotInOutbox
from services.messaging.records import TopicPartition
from services.messaging.settings import MessagingSettings
from services.process import logs, repair
from services.process.roles import Program
from stack import status
from stack.errors import NotConfigured, StackError
from stack.preparation import SCHEMAS
from stack.services import Service, present
from stack.state import StateFolder

POLL_SECONDS = 0.2
REPUBLISH_SECONDS_MAX = 120.0
"""A relay takes a request up within seconds; this long without any progress, and nobody sends."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Gap:
    """A number that a service waits for: nothing beyond it is applied."""

    service: str
    partition: TopicPartition
    missing: int


class Mending:
    """Access to the databases of one system, by the configuration of its services."""

    def __init__(self, environment: Mapping[str, str], tell: Tell, show: Tell) -> None:
        """``tell``: what was done; ``show``: what is going on at the moment."""
        self._environment = environment
        self._tell = tell
        self._show = show
        os.environ.update(environment)  # where the services' settings come from
        logs.configure("error")
        self._services = {service.name: service for service in present()}
        self._topics = Contracts.load(SCHEMAS).topics

    def repair(self, *, adopt: bool) -> bool:
        """Repair every service; tell whether nothing is left that needs `adopt`."""
        settled = True
        for service in self._services.values():
            settled = self._repair_one(service, adopt=adopt) and settled
        sent = [gap for gap in self.gaps() if self._send_again(gap)]
        if sent:
            self._wait_until_closed(sent)
        for name in sorted({gap.service for gap in self.gaps()}) if adopt else ():
            self._adopt_beginning(self._services[name])
        for gap in self.gaps():
            settled = False
            what_now = (
                "nothing stands behind it in the log yet: come back when something does"
                if adopt
                else "go on without what is missing: pipeline repair --adopt"
            )
            self._tell(
                f"{gap.service} waits for {gap.partition} number {gap.missing}, and its owner does not have it any more; "
                + what_now
            )
        return settled

    def _repair_one(self, service: Service, *, adopt: bool) -> bool:
        program = _program(service)
        with program.mended(program.settings()) as opened:
            if adopt:
                self._show(f"{service.name}: adopting the log")
                adopted = repair.adopt_log(opened)
                self._report(service, {"notes and positions of another log given up": adopted})
            self._show(f"{service.name}: comparing database and log")
            try:
                done = repair.put_back(opened, partial(program.owner, opened))
            except MessagingError as error:  # the others are repaired all the same
                self._tell(f"{service.name}: {error}")
                return False
        self._report(service, {f"events {name.replace('_', ' ')}": count for name, count in asdict(done).items()})
        return True

    def _adopt_beginning(self, service: Service) -> None:
        program = _program(service)
        with program.mended(program.settings()) as opened:
            for each in repair.adopt_beginning(opened):
                self._tell(f"{service.name}: goes on without {each.partition} numbers {each.first} to {each.last}")

    def _report(self, service: Service, done: Mapping[str, int]) -> None:
        said = [f"{count} {what}" for what, count in done.items() if count]
        self._tell(f"{service.name}: {', '.join(said) or 'nothing to do'}")

    # Gaps

    def gaps(self) -> list[Gap]:
        """The numbers that services wait for."""
        found = []
        for name in self._services:
            with self._database(name) as database, database.connection() as connection:
                query = "SELECT topic, partition, waiting_for FROM inbox WHERE waiting_for IS NOT NULL ORDER BY 1, 2"
                found += [Gap(name, TopicPartition(*at), missing) for *at, missing in fetch(connection, query)]
        return found

    def _send_again(self, gap: Gap) -> bool:
        try:
            self.republish(gap.partition, gap.missing)
        except NotInOutbox:
            return False
        return True

    def _wait_until_closed(self, gaps: list[Gap]) -> None:
        give_up_at = monotonic() + REPUBLISH_SECONDS_MAX
        while still := set(gaps) & set(self.gaps()):
            if monotonic() > give_up_at:
                raise StackError(
                    f"sent again, but still missing after {REPUBLISH_SECONDS_MAX:g} s: {sorted(map(str, still))}"
                )
            sleep(POLL_SECONDS)

    def republish(self, partition: TopicPartition, first: int) -> None:
        """Have the owner send the events of a partition again from a number on, and wait until it has.

        Raises NotInOutbox where it does not have the number (any more).
        """
        owner = self._owner(partition)
        with self._database(owner) as database:
            with database.transaction() as transaction:
                last = republishing.request(transaction, partition, first)
            reached = self._wait_until_sent(owner, database, partition, first)
        if reached <= first:
            raise StackError(
                f"{owner} could not send {partition} {first} again: see `republication_impossible` in its log"
            )
        self._tell(f"{owner}: {partition} {first} to {max(last, reached - 1)} sent again")

    def _wait_until_sent(self, owner: str, database: Database, partition: TopicPartition, first: int) -> int:
        """Wait as long as the relay gets on; the number behind the last one that was sent."""
        give_up_at, following, still_open = monotonic() + REPUBLISH_SECONDS_MAX, first, True
        while still_open:
            self._show(f"{owner}: sending {partition} again, {following} is next")
            if monotonic() > give_up_at:
                raise StackError(f"asked, but no relay of {owner} sends: is it running, and does it refuse to write?")
            sleep(POLL_SECONDS)
            with database.connection() as connection:
                still_open, now = (
                    partition in republishing.requested(connection),
                    republishing.reached(connection, partition),
                )
            if now != following:
                following, give_up_at = now, monotonic() + REPUBLISH_SECONDS_MAX
        return following

    def _owner(self, partition: TopicPartition) -> str:
        topic = self._topics.get(partition.topic)
        if topic is None:
            raise StackError(f"{partition.topic} is no topic of the contracts: {', '.join(sorted(self._topics))}")
        if not 0 <= partition.partition < topic.partitions:
            raise StackError(f"{partition.topic} has partitions 0 to {topic.partitions - 1}")
        return topic.writer

    @contextmanager
    def _database(self, service: str) -> Iterator[Database]:
        opened = Database(
            self._environment[self._services[service].database_variable], MessagingSettings(), application="pipeline"
        )
        try:
            yield opened
        finally:
            opened.close()


def _program(service: Service) -> Program[Any]:
    program: Program[Any] = import_module(f"services.{service.name}.main").PROGRAM
    return program


def environment(state: StateFolder) -> dict[str, str]:
    """How the services of a system are configured: by the environment, else as the running system of the state folder says."""
    now = status.read(state)
    known = now.get("environment", {}) if now["supervised"] else {}
    variables = [
        "KAFKA_BOOTSTRAP_SERVERS",
        "SCHEMA_REGISTRY_URL",
        *(service.database_variable for service in present()),
    ]
    found = {name: os.environ.get(name) or known.get(name, "") for name in variables}
    if missing := [name for name, value in found.items() if not value]:
        raise NotConfigured(
            "No system runs here: start it with `pipeline up --detach`, name its folder with --state-dir, or set "
            + ", ".join(missing)
        )
    return {**known, **found}
