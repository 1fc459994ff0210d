"""Where Kafka, the registry and PostgreSQL come from, and what a supervisor has to know about a process.

A backend only describes: which addresses, which processes, in which order. The supervisor runs what is described. So a test
fixture, the CLI and a later backend of containers share everything but the description.
"""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

BACKENDS = ("local", "external")


@dataclass(frozen=True)
class Endpoints:
    """Addresses of the real parts, as clients want them."""

    kafka: str
    """Bootstrap servers, host:port[,host:port...]."""
    registry: str
    """Base URL of the Confluent API."""
    postgres: str | None
    """URL of a role that may create databases and roles; None when every database is given by its own URL."""


@dataclass(frozen=True)
class User:
    """An operating system user whom a process is started as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Launch:
    """How a process is started."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own environment."""
    folder: Path | None = None
    user: User | None = None
    """Started as this user; None: as who the supervisor is."""
    descriptors: tuple[int, ...] = ()
    """Open files that it inherits, under the same numbers."""


@dataclass(frozen=True)
class Process:
    """A process that is kept running."""

    name: str
    needs: tuple[str, ...]
    """Names of processes that must be ready, and of steps that must be done, before each start."""
    launch: Callable[[], Launch]
    """Called before each start; clears away what a killed predecessor left."""
    check: Callable[[int], None]
    """Raises NotReady, with the reason, until the process with this pid does its work; Stuck where waiting will not help."""
    stop_seconds: float = 20.0
    """How long a clean stop may take before SIGKILL."""
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(frozen=True)
class Step:
    """Something that is done once, while the system starts."""

    name: str
    needs: tuple[str, ...]
    run: Callable[[], None]


Unit = Process | Step


class Stack(Protocol):
    """A source of the three real parts."""

    name: str

    def endpoints(self) -> Endpoints:
        """Say the addresses, the same ones each time."""
        ...

    def units(self) -> Sequence[Unit]:
        """Describe the processes and steps that bring the parts up; none when somebody else runs them."""
        ...
