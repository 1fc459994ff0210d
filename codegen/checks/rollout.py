"""Who deploys first: every pair of a writing and a reading service, each before and after it is deployed, judged by itself.

Pure. The configured level is not asked: a pair is safe if every datum of the one is read by the other, and means the same.
Of the four combinations in which two services meet while they are deployed, two decide about the order:

| the new reader reads what the old writer writes | the old reader reads what the new writer writes | order |
| --- | --- | --- |
| yes | yes | any |
| yes | no | the reader first |
| no | yes | the writer first, and the reader when it has read all that was written before |
| no | no | none: the change has to be made in two steps |

A new event is read first, since a reader that does not know it yet would skip it; an event that goes is first no longer
written.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

from codegen.avro.schema import Schema
from codegen.checks import faults
from codegen.checks.breaking import is_same
from codegen.checks.faults import Changed, Fault
from codegen.checks.findings import Category, Severity
from codegen.checks.history import Earlier, Version
from codegen.checks.rules import RULES
from codegen.contracts import Contracts
from codegen.errors import ContractsError

Label = int | str
Deployed = Mapping[str, Mapping[str, Label]]
"""By service and by an event's full name: the version that runs. Where it says nothing, the newest one does."""
UNKNOWN_READERS: Final = "its consumers"
UNKNOWN_WRITER: Final = "its producers"
UNRELEASED: Final = "new"


class Order(StrEnum):
    """Which of two services is deployed first."""

    ANY = "any"
    READER_FIRST = "reader first"
    WRITER_FIRST = "writer first"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Meeting:
    """A version that is written and one that is read; None: the event is not written, or skipped by the reader.

    `faults` say why the reader cannot read every datum, or takes it for something else.
    """

    written: Label | None
    read: Label | None
    faults: tuple[Fault, ...] = ()

    @property
    def is_safe(self) -> bool:
        """Whether every event is applied as it was meant."""
        return not self.faults and (self.written is None or self.read is not None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A service that writes an event and one that reads it, in the combinations in which they meet."""

    writer: str
    reader: str
    today: Meeting
    reader_first: Meeting  # the old writer, the new reader
    writer_first: Meeting  # the new writer, the old reader

    @property
    def order(self) -> Order:
        """Who of the two goes first."""
        if self.reader_first.is_safe:
            return Order.ANY if self.writer_first.is_safe else Order.READER_FIRST
        return Order.WRITER_FIRST if self.writer_first.is_safe else Order.NONE


@dataclass(frozen=True, slots=True)
class Change:
    """An event that is another one for some service than what it runs; `current` is None where the event goes.

    `left_behind`: earlier versions whose records may be in the topic still, and which the new version cannot read.
    """

    event: str
    subject: str
    topic: str | None
    retention_days: int | None
    current: Label | None
    is_released: bool
    writer: str
    written: Label | None
    pairs: tuple[Pair, ...]
    left_behind: tuple[Meeting, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    """The changes, the order in which services are deployed (those of one step in any order), and what forbids one."""

    changes: tuple[Change, ...]
    steps: tuple[tuple[str, ...], ...]
    obstacles: tuple[str, ...] = ()
    refusal: str = ""
    """Why `contracts release` refuses the change, whatever the order."""


def read_deployed(path: Path) -> Deployed:
    """Read which versions run, a table for each service; raise ContractsError if the file says something else."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ContractsError(f"{path}: {error}") from error
    for service, versions in document.items():
        if not isinstance(versions, dict) or not all(type(each) is int for each in versions.values()):
            raise ContractsError(f'{path}: {service} is a table of versions: [{service}], "full.name.of.Event" = 1')
    return document


def plan(contracts: Contracts, earlier: Earlier, deployed: Deployed) -> Rollout:
    """Return how to get from the versions that run to the folder's; raise ContractsError where `deployed` is mistaken."""
    running = _Running(contracts, earlier, deployed)
    changes = tuple(change for event in running.events for change in running.change(event))
    obstacles = [_no_order(change, pair) for change in changes for pair in change.pairs if pair.order is Order.NONE]
    graph = _graph(changes)
    try:
        steps = () if obstacles else tuple(_steps(graph))
    except CycleError as error:
        return Rollout(changes, (), (_circle(error.args[1], changes),))
    return Rollout(changes, steps, tuple(obstacles))


def versions_in_use(contracts: Contracts, earlier: Earlier, deployed: Deployed) -> Mapping[tuple[str, str], Label]:
    """Return which version of an event a service writes or reads, by service and event; raise ContractsError likewise."""
    running = _Running(contracts, earlier, deployed)
    found = (
        (service, event.name, running.version(service, event))
        for event in running.events
        for service in running.parties(event)
    )
    return {(service, event): version.label for service, event, version in found if version}


@dataclass(frozen=True, slots=True)
class _Event:
    """An event with the versions that were before, oldest first, and as it is now."""

    name: str
    subject: str
    topic: str | None
    versions: tuple[Version, ...]
    current: Schema | None


class _Running:
    """What runs where: which version of an event a service has."""

    def __init__(self, contracts: Contracts, earlier: Earlier, deployed: Deployed) -> None:
        self._contracts = contracts
        self._earlier = earlier
        self._deployed = deployed
        self.events = list(self._events())
        self._refuse_unknown()

    def change(self, event: _Event) -> Iterator[Change]:
        """Yield what changes of an event for those who run it, if something does."""
        contracts = self._contracts
        topic = contracts.topics.get(event.topic or "")
        writer, *others = self.parties(event)
        written = self.version(writer, event)
        readers = {reader: self.version(reader, event) for reader in others}
        old = [written, *readers.values()]
        if all(version and event.current and is_same(version.schema, event.current) for version in old):
            return
        label, is_released = _current_label(event)
        pairs = tuple(self._pair(event, label, writer, written, *reader) for reader in readers.items())
        yield Change(
            event.name,
            event.subject,
            event.topic,
            topic.retention.days if topic else None,
            label,
            is_released,
            writer,
            _end(written)[0],
            pairs,
            tuple(self._left_behind(event, label, written)) if pairs else (),
        )

    def _events(self) -> Iterator[_Event]:
        """Yield the events of the topics, and those that were; without topics, all types that no other one uses."""
        contracts, versions = self._contracts, self._earlier.versions
        topics = {f"{topic.name}-{event}": topic.name for topic in contracts.topics.values() for event in topic.events}
        referred = {reference.subject for subject in contracts.subjects() for reference in subject.references}
        known = set(contracts.schemas.files)
        for subject in contracts.subjects():
            if subject.name in topics if topics else subject.name not in referred:
                schema = contracts.schemas.schema(subject.file.name)
                name, topic = subject.file.name, topics.get(subject.name)
                yield _Event(name, subject.name, topic, versions.get(subject.name, ()), schema)
        for subject_name, each in versions.items():
            topic_name = next((name for name in contracts.topics if subject_name.startswith(f"{name}-")), None)
            if topic_name and each[-1].name and each[-1].name not in known:
                yield _Event(each[-1].name, subject_name, topic_name, each, None)

    def parties(self, event: _Event) -> list[str]:
        """Return the service that writes an event, and then those that read it."""
        topic = self._contracts.topics.get(event.topic or "")
        writer = topic.writer if topic else UNKNOWN_WRITER
        services = self._contracts.services.values()
        if event.current is None or not any(service.consumes for service in services):
            return [writer, UNKNOWN_READERS]  # of an event that goes contracts.toml no longer says who reads it
        return [writer, *(service.name for service in services if event.name in service.consumes)]

    def version(self, service: str, event: _Event) -> Version | None:
        """Return the version of an event that a service runs: the newest where nothing is said of it."""
        label = self._deployed.get(service, {}).get(event.name)
        if label is None:
            return event.versions[-1] if event.versions else None
        found = [version for version in event.versions if version.label == label]
        if not found:
            labels = ", ".join(str(version.label) for version in event.versions) or "none"
            raise ContractsError(f"{service} runs version {label} of {event.name}, as is said; known are: {labels}")
        return found[0]

    def _refuse_unknown(self) -> None:
        names = {event.name for event in self.events}
        for service, versions in self._deployed.items():
            if service not in self._contracts.services:
                known = ", ".join(self._contracts.services) or "none"
                raise ContractsError(f"{service} is no service of contracts.toml; known are: {known}")
            for event in versions.keys() - names:
                raise ContractsError(f"{service} runs {event}, as is said, and no topic of contracts.toml carries it")

    def _pair(
        self,
        event: _Event,
        label: Label | None,
        writer: str,
        written: Version | None,
        reader: str,
        read: Version | None,
    ) -> Pair:
        return Pair(
            writer,
            reader,
            self._meeting(_end(written), _end(read), Changed.READER),
            self._meeting(_end(written), (label, event.current), Changed.READER),
            self._meeting((label, event.current), _end(read), Changed.WRITER),
        )

    def _left_behind(self, event: _Event, label: Label | None, written: Version | None) -> Iterator[Meeting]:
        if event.current:
            for version in event.versions:
                meeting = self._meeting(_end(version), (label, event.current), Changed.READER)
                if not meeting.is_safe and (written is None or version.label != written.label):
                    yield meeting

    def _meeting(self, written: "_End", read: "_End", changed: Changed) -> Meeting:
        found = faults.find(written[1], read[1], changed) if written[1] and read[1] else ()
        return Meeting(written[0], read[0], tuple(each for each in found if self._counts(each)))

    def _counts(self, fault: Fault) -> bool:
        rule = RULES[fault.rule]
        severity = self._contracts.severities.get(rule.id, rule.severity)
        return severity is Severity.ERROR and rule.category in {Category.WIRE, Category.SEM}


_End = tuple[Label | None, Schema | None]


def _end(version: Version | None) -> _End:
    return (version.label, version.schema) if version else (None, None)


def _current_label(event: _Event) -> tuple[Label | None, bool]:
    """Return what the folder's version is called, and whether it is one of the earlier ones."""
    if event.current is None:
        return None, True
    for version in reversed(event.versions):
        if is_same(version.schema, event.current):
            return version.label, True
    newest = event.versions[-1].label if event.versions else 0
    return (newest + 1 if isinstance(newest, int) else UNRELEASED), False


def _graph(changes: Sequence[Change]) -> dict[str, set[str]]:
    """Return every service that is to be deployed with those that go before it."""
    behind = {service for change in changes for service, label in _parties(change) if label != change.current}
    graph: dict[str, set[str]] = {service: set() for service in behind}
    for pair in (pair for change in changes for pair in change.pairs):
        if pair.writer == pair.reader or not {pair.writer, pair.reader} <= behind:
            continue  # all its processes at once; or only one of them changes
        if pair.order is Order.READER_FIRST:
            graph[pair.writer].add(pair.reader)
        elif pair.order is Order.WRITER_FIRST:
            graph[pair.reader].add(pair.writer)
    return graph


def _parties(change: Change) -> Iterator[tuple[str, Label | None]]:
    """Yield the services that write and read an event, and the version that each runs."""
    yield change.writer, change.written
    for pair in change.pairs:
        yield pair.reader, pair.today.read


def _steps(graph: Mapping[str, set[str]]) -> Iterator[tuple[str, ...]]:
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        yield tuple(ready)
        sorter.done(*ready)


def _no_order(change: Change, pair: Pair) -> str:
    return (
        f"{change.event}: neither {pair.reader} nor {pair.writer} can go first; make it two changes: what is added first, "
        "and what goes when nobody uses it"
    )


def _circle(names: Sequence[str], changes: Sequence[Change]) -> str:
    """Say of services that would each have to go before the other which events demand it."""
    around = set(names)
    events = [
        f"{change.event} wants {pair.reader if pair.order is Order.READER_FIRST else pair.writer} first"
        for change in changes
        for pair in change.pairs
        if {pair.writer, pair.reader} <= around and pair.order in {Order.READER_FIRST, Order.WRITER_FIRST}
    ]
    return f"no order of {', '.join(sorted(around))}: {'; '.join(events)}. Release one of the changes, deploy it, then the other"
