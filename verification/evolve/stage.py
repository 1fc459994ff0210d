"""What the steps of the rehearsal are made of: commands, rollouts, periods, and insisting on what is seen."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
from prometheus_client.parser import text_string_to_metric_families

from codegen.errors import ContractsError
from codegen.registry.client import Registry
from stack import rollout, status
from stack.errors import StackError
from stack.ports import HOST
from stack.services import PROJECT
from stack.state import StateFolder
from verification.addresses import Addresses
from verification.evolve import versions
from verification.evolve.telling import Teller
from verification.evolve.topic import ORDER_PLACED, Period, Standing, Topic, counted, of_period
from verification.evolve.traffic import Traffic

Answered = TypeVar("Answered")

ORDERS_AT_LEAST = 10
"""So many orders, and those of a second, are placed in each period before the next thing is changed."""
WAIT_SECONDS_MAX = 60.0
POLL_SECONDS = 0.1
REQUEST_SECONDS_MAX = 30.0


class NotAsTold(StackError):
    """Something did not come out as it should."""


@dataclass(slots=True)
class Seen:
    """What the steps have seen, for tables and the document."""

    commands: list[dict[str, Any]] = field(default_factory=list)
    rollouts: list[dict[str, Any]] = field(default_factory=list)
    periods: list[dict[str, Any]] = field(default_factory=list)
    turns: dict[int, list[str]] = field(default_factory=dict)
    """By partition: which schemas' records follow each other in the log."""
    decoded: dict[str, int] = field(default_factory=dict)
    consumed: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Stage:
    """A running system with orders coming in, its topic, and where all is told."""

    state: StateFolder
    addresses: Addresses
    traffic: Traffic
    topic: Topic
    teller: Teller
    folders: dict[str, Path]
    """Of each version's code; v1 is the project's own."""
    seen: Seen = field(default_factory=Seen)
    labels: dict[int, str] = field(default_factory=dict)
    """What is said for a schema id."""
    periods: list[Period] = field(default_factory=list)

    # Commands

    def contracts(self, version: str, *arguments: str, code: int = 0) -> versions.Ran:
        """Run `contracts` in a version's folder, show it, and insist on its exit code."""
        self.teller.waiting(f"contracts {arguments[0]}")
        ran = versions.contracts(self.folders[version], *arguments)
        self.teller.command(ran)
        self.seen.commands.append({"version": version, "command": ran.command, "exit_code": ran.code})
        self.expect(ran.code == code, f"`{ran.command}` ended with {ran.code}, expected {code}: {' '.join(ran.lines)}")
        return ran

    def registered_versions(self, subject: str) -> list[int]:
        """The versions that the registry has of a subject."""
        return self._ask_registry(lambda registry: registry.versions(subject))

    def learn(self, label: str, subject: str, schema: str) -> None:
        """Find out the id of a registered schema, and call it so from now on."""
        found = self._ask_registry(lambda registry: registry.lookup(subject, schema))
        self.expect(found.id not in self.labels, f"{label} has the schema id of {self.labels.get(found.id)}")
        self.labels[found.id] = label

    def _ask_registry(self, ask: Callable[[Registry], Answered]) -> Answered:
        try:
            with Registry(self.addresses.registry) as registry:
                return ask(registry)
        except ContractsError as error:
            raise NotAsTold(f"the registry: {error}") from error

    # Rollouts

    def roll_out(self, service: str, version: str) -> None:
        """Replace a service's processes by such of a version, replica by replica."""
        folder = None if self.folders[version] == PROJECT else self.folders[version]
        for names in waves(self._process_names(), service):
            self.teller.waiting(f"{', '.join(names)}: to {version}")
            began = time.monotonic()
            for done in rollout.roll_out(self.state, names, folder):
                self.expect(done.folder == self.folders[version], f"{done.name} runs the code of {done.folder}")
                self.seen.rollouts.append({"process": done.name, "version": version, "pid": done.pid})
            seconds = time.monotonic() - began
            self.teller.say(f"{', '.join(names)}: now [bold]{version}[/bold], ready after {seconds:.1f} s")
            self.traffic.check()

    def _process_names(self) -> list[str]:
        return [entry["name"] for entry in status.read(self.state)["processes"]]

    # Periods

    def enter(self, name: str) -> None:
        """Begin a period: what occurs from now on belongs to it."""
        self.periods.append(Period(name, datetime.now(UTC)))

    def now(self) -> list[Standing]:
        """The records of the present period so far."""
        return of_period(tuple(self.topic.records), self.periods, len(self.periods) - 1)

    def wait_for_orders(self, name: str = ORDER_PLACED, count: int = ORDERS_AT_LEAST) -> None:
        """Wait until so many events of a type, and a second's orders, stand in the topic of this period."""
        self.until(
            lambda: len(found := self.now()) >= self.traffic.rate and sum(each.name == name for each in found) >= count,
            lambda: f"{name.rpartition('.')[2]} in shop.orders, {self.traffic.answered} orders so far",
        )

    def expect_written(self, *labels: str) -> None:
        """Insist on which schemas the events of this period were written with."""
        found = counted(self.now(), self.labels)
        self.expect(set(found) == set(labels), f"written with {dict(found)}, expected {' and '.join(labels)} alone")

    def count_periods(self) -> list[dict[str, Any]]:
        """Each period with how many records of each schema it has, as all that was read says now."""
        records = tuple(self.topic.records)
        return [
            {"period": period.name, **counted(of_period(records, self.periods, number), self.labels)}
            for number, period in enumerate(self.periods)
        ]

    # Looking

    def figures(self, service: str, metric: str, label: str, **wanted: str) -> dict[str, int]:
        """A metric of a service's workers, added up by one of its labels."""
        ports = self.state.addresses()
        found: dict[str, int] = {}
        for name in self._process_names():
            if not name.startswith(f"{service}-worker"):
                continue
            for sample in _samples(f"http://{HOST}:{ports[name]}/metrics", metric):
                if wanted.items() <= sample.labels.items():
                    found[sample.labels[label]] = found.get(sample.labels[label], 0) + int(sample.value)
        return found

    def until(self, holds: Callable[[], bool], what: Callable[[], str]) -> None:
        """Wait until this holds. Raises NotAsTold when it does not in time, and what went wrong beside it."""
        give_up_at = time.monotonic() + WAIT_SECONDS_MAX
        while not holds():
            self.teller.waiting(f"Waiting for {what()}")
            self.traffic.check()
            self.expect(self.topic.failure is None, f"the topic cannot be read: {self.topic.failure}")
            self.expect(time.monotonic() < give_up_at, f"waited {WAIT_SECONDS_MAX:g} s for {what()}")
            time.sleep(POLL_SECONDS)

    def expect(self, condition: bool, message: str) -> None:
        """Insist on something."""
        if not condition:
            raise NotAsTold(message)


def waves(names: Sequence[str], service: str) -> Iterator[list[str]]:
    """The processes of a service in the order in which they are replaced: the first of each kind, then the second, ..."""
    own = sorted((name for name in names if name.startswith(f"{service}-")), key=_replica)
    for _, wave in itertools.groupby(own, key=_replica):
        yield sorted(wave)


def _replica(name: str) -> int:
    """`orders-api` is the first of its kind, `orders-api-2` and `orders-worker-2` the second."""
    last = name.rpartition("-")[2]
    return int(last) if last.isdigit() else 1


def _samples(url: str, metric: str) -> Iterator[Any]:
    try:
        answer = httpx.get(url, timeout=REQUEST_SECONDS_MAX, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        raise NotAsTold(f"{url} does not answer: {error!r}") from error
    for family in text_string_to_metric_families(answer.text):
        yield from (sample for sample in family.samples if sample.name == metric)
