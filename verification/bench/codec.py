"""The benchmark `codec`: how long bytes take to become a value and back, ours beside others'.

Before anything is timed, each peer shows that it does the work: of the same schema the bytes are the same, and every
peer reads the value that was written.
"""

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from typing import Any, Final

from stack.errors import StackError
from verification.bench import timing
from verification.bench.events import Event, events, plain
from verification.bench.peers import (
    READ,
    READ_EARLIER,
    WRITE,
    Codec,
    LeftOut,
    Peer,
    fastavro_bytes,
    fastavro_datum,
    operations_on,
)
from verification.bench.timing import ROUNDS, Spread, Tell, Work

REFERENCE: Final = "fastavro"
"""The peer that the speed of all others is told by."""
PACKAGES: Final = ("fastavro", "confluent-kafka", "dataclasses-avroschema")


class WrongWork(StackError):
    """A peer does not do what is to be timed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One operation of one peer on one event."""

    event: str
    operation: str
    peer: str
    left_out: str | None = None
    microseconds: float | None = None
    speed: Spread | None = None
    """As a multiple of the reference's."""
    time_of_own_read: Spread | None = None
    """Of reading an earlier version, as a multiple of reading today's."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a peer wrote of an event."""

    event: str
    peer: str
    bytes: int
    same_bytes: bool
    """Whether they are the reference's, but for what stands in front of them."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found."""

    seconds_each: float
    fields: Mapping[str, int]
    written: Sequence[Written]
    rows: Sequence[Row]

    def document(self) -> dict[str, Any]:
        """Return it for programs, with the versions of all that took part."""
        return {
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
            "machine": platform.machine(),
            "versions": {name: _version(name) for name in PACKAGES},
            "reference": REFERENCE,
            "rounds": ROUNDS,
            "garbage_collector": "as it is by default",
            **asdict(self),
        }


Key = tuple[str, str, str]
"""(event, operation, peer)"""


def run(peers: Mapping[str, Peer], seconds_each: float, tell: Tell = lambda *_: None) -> Report:
    """Check every peer, and time every operation for about so many seconds; raise WrongWork."""
    written: list[Written] = []
    operations: dict[Key, Work | LeftOut] = {}
    known = events()
    for event in known:
        codecs = {name: peer(event) for name, peer in peers.items()}
        for name, codec in codecs.items():
            written += check(event, name, codec)
        operations |= {
            (event.name, it, name): codecs[name].operations[it] for it in operations_on(event) for name in codecs
        }
    works = {key: work for key, work in operations.items() if not isinstance(work, LeftOut)}
    times = timing.measure(works, seconds_each, tell)
    rows = [_row(key, operation, times) for key, operation in operations.items()]
    return Report(seconds_each, {event.name: len(fields(event.value)) for event in known}, written, rows)


def check(event: Event, peer: str, codec: Codec) -> Iterator[Written]:
    """Yield what a peer writes; raise WrongWork if that, or what it reads, is not the event."""
    wanted = plain(event.value)
    expected = {READ: wanted, READ_EARLIER: event.earlier.read if event.earlier else None}
    for operation, work in codec.operations.items():
        if isinstance(work, LeftOut):
            continue
        result: Any = work()
        if operation == WRITE:
            body = result[codec.frame_bytes :]
            same = body == fastavro_bytes(event.schema, event.datum)
            if fastavro_datum(codec.schema, body) != wanted or (codec.schema == event.schema and not same):
                raise WrongWork(f"{peer} does not write {event.name} as {REFERENCE} does")
            yield Written(event.name, peer, len(body), same)
        elif plain(result) != expected[operation]:
            raise WrongWork(f"{peer} reads another {event.name} than was written ({operation})")


def _row(key: Key, operation: Work | LeftOut, times: Mapping[Key, Sequence[float]]) -> Row:
    if isinstance(operation, LeftOut):
        return Row(*key, left_out=operation.reason)
    event, name, peer = key
    mine = times[key]
    speed = timing.ratio(times[event, name, REFERENCE], mine)
    of_own_read = timing.ratio(mine, times[event, READ, peer]) if name == READ_EARLIER else None
    return Row(*key, microseconds=median(mine), speed=speed, time_of_own_read=of_own_read)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
