"""Which faults a run has and when, fixed before it begins: the same seed, profile and processes make the same faults.

Pure. Every kind of service process has its turn before any has a second one; a part of the stack is killed at most once.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice
from types import MappingProxyType

SERVICES = ("orders", "payments", "inventory")
KINDS = tuple(f"{service}-{role}" for service in SERVICES for role in ("api", "worker"))
FIRST_SHARE = 0.03
"""No fault before this share of the time in which orders are sent: some are under way then."""


class Blow(StrEnum):
    """What is done to a process."""

    KILL = "kill"
    """SIGKILL, to the process and its children at once, as in a power cut."""
    FREEZE = "freeze"
    """SIGSTOP, and SIGCONT later."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: when (seconds after the first order), what, to whom."""

    at_seconds: float
    blow: Blow
    process: str
    seconds: float = 0.0
    """How long a frozen process stays so."""

    def __str__(self) -> str:
        return f"{self.blow} {self.process}" + (f" for {self.seconds:.1f} s" if self.blow is Blow.FREEZE else "")


@dataclass(frozen=True, slots=True)
class Profile:
    """How much load, and how many faults."""

    orders: int
    rate: float
    """Orders a second."""
    replay: bool
    """Real baskets, not synthetic orders."""
    kills: int
    parts: tuple[str, ...]
    """Parts of the stack that are killed, once each; counted in `kills`."""
    freezes: int = 0
    freeze_seconds: tuple[float, float] = (3.0, 20.0)
    """Shortest and longest."""


PROFILES: Mapping[str, Profile] = MappingProxyType(
    {
        "ci": Profile(orders=1_000, rate=25, replay=False, kills=8, parts=("kafka", "postgres")),
        "long": Profile(
            orders=20_000, rate=60, replay=True, kills=15, parts=("kafka", "postgres", "registry"), freezes=4
        ),
    }
)


def draw(seed: int, profile: Profile, processes: Iterable[str]) -> list[Fault]:
    """Draw the faults of a run on a system with these processes, in the order of time."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    running = sorted(processes)
    parts = [part for part in profile.parts if part in running][: profile.kills]
    seconds = profile.orders / profile.rate

    def moment() -> float:
        return chance.uniform(FIRST_SHARE * seconds, seconds)

    victims = [*parts, *_services(chance, running, profile.kills - len(parts))]
    faults = [Fault(moment(), Blow.KILL, name) for name in victims]
    faults += [
        Fault(moment(), Blow.FREEZE, name, chance.uniform(*profile.freeze_seconds))
        for name in _services(chance, running, profile.freezes)
    ]
    return sorted(faults, key=lambda fault: fault.at_seconds)


def _services(chance: random.Random, running: Sequence[str], count: int) -> list[str]:
    """Draw processes of services: kind after kind in an order by chance, of each kind one of its replicas."""
    by_kind = {kind: [name for name in running if name.startswith(kind)] for kind in KINDS}
    kinds = [kind for kind, names in by_kind.items() if names]
    chance.shuffle(kinds)
    return [chance.choice(by_kind[kind]) for kind in islice(cycle(kinds), count)]
