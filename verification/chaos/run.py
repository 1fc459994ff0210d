"""One run: load with faults, then everything that can find fault with what is left.

The load's oracle judges each order, `reconcile` compares databases and log, the independent reader looks for numbers that are
not dense and events that are there twice, and every process must be back.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any

import psycopg

from stack import status
from stack.state import StateFolder
from verification import load, log_reader, summary
from verification.addresses import Addresses, NotReachable
from verification.chaos import nemesis
from verification.chaos.faults import Fault
from verification.chaos.nemesis import Done, Show
from verification.chaos.recovery import Stall, longest_stall, recovery_seconds
from verification.load import Outcome, Tell
from verification.log_reader import ReaderError, Survey
from verification.reconcile.run import Report, reconcile
from verification.shopping import Plan

TOPICS = tuple(f"shop.{service}{suffix}" for service in ("orders", "payments", "inventory") for suffix in ("", ".dlq"))
RECONCILE_WAIT_SECONDS = 120.0
READY_SECONDS_MAX = 120.0
POLL_SECONDS = 0.2
CHECK_ERRORS = (ReaderError, NotReachable, psycopg.Error)
"""What the checkers raise where Kafka, the registry or a database does not let them look."""
FINDINGS_MAX = 100
"""Findings that stand at the top of the document; each checker's part names more."""


@dataclass(slots=True)
class Result:
    """What a run came to."""

    outcome: Outcome
    rate: float
    began: float
    """When the first order was due, in seconds of this machine's clock."""
    faults: list[Done]
    not_ready: list[str] = field(default_factory=list)
    """Processes that did not come back."""
    reconciled: Report | None = None
    """None where the comparison failed."""
    partitions: dict[tuple[str, int], Survey] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)
    """Checkers that failed themselves, and why: what was not looked at is not clean."""

    @property
    def stall(self) -> Stall:
        """The longest time without a final order."""
        return longest_stall(self.outcome.sent)

    @property
    def findings(self) -> list[str]:
        """What is not as it must be, a line each, of each kind no more than the checkers name."""
        return [
            *(f"never came back: {done.fault.process}" for done in self.faults if done.ready_at is None),
            *(f"not ready at the end: {text}" for text in self.not_ready),
            *(str(violation) for violation in self.outcome.violations),
            *self._reconcile_findings(),
            *self.log_findings,
            *self.unchecked,
        ]

    def _reconcile_findings(self) -> list[str]:
        if self.reconciled is None:
            return []
        moving = [] if self.reconciled.still else ["orders were still under way at the end"]
        return moving + [f"{found.check}: {found.subject}: {found.text}" for found in self.reconciled.findings]

    @property
    def log_findings(self) -> list[str]:
        """What the independent reader found, a line each."""
        return [
            f"{topic}[{partition}] {text}"
            for (topic, partition), found in sorted(self.partitions.items())
            for text in found.findings
        ]

    def recovery(self, done: Done) -> float | None:
        """How long after a fault the last order became final that was under way then."""
        return recovery_seconds(self.outcome.sent, done.at)

    def document(self) -> dict[str, Any]:
        """The result as a JSON document."""
        return {
            "clean": not self.findings,
            "findings": self.findings[:FINDINGS_MAX],
            "faults": [
                done.document(self.began) | {"orders_final_seconds": _rounded(self.recovery(done))}
                for done in self.faults
            ],
            "longest_stall": {
                "at_seconds": round(self.stall.began - self.began, 2),
                "seconds": round(self.stall.seconds, 2),
            },
            "not_ready": self.not_ready,
            "load": summary.summarise(self.outcome, self.rate),
            "reconcile": None if self.reconciled is None else self.reconciled.document(),
            "log": {
                "records": sum(found.own for found in self.partitions.values()),
                "findings": self.log_findings,
            },
        }


def run(
    plan: Plan, rate: float, faults: Sequence[Fault], addresses: Addresses, state: StateFolder, tell: Tell, show: Show
) -> Result:
    """Load a system, break it meanwhile, wait until it is whole again. `check` comes afterwards."""
    return asyncio.run(_under_load(plan, rate, faults, addresses, state, tell, show))


async def _under_load(
    plan: Plan, rate: float, faults: Sequence[Fault], addresses: Addresses, state: StateFolder, tell: Tell, show: Show
) -> Result:
    sending = asyncio.Event()

    def told(what: str, done: int, total: int) -> None:
        if what == load.SENDING:
            sending.set()
        tell(what, done, total)

    async def break_it() -> list[Done]:
        await sending.wait()
        return await nemesis.carry_out(state, faults, show)

    breaking = asyncio.create_task(break_it())
    try:
        outcome = await load.run(plan, rate, addresses, told)
        done = await breaking
    finally:
        breaking.cancel()  # thaws what is frozen
        with suppress(asyncio.CancelledError):
            await breaking
    result = Result(outcome, rate, outcome.sent[0].due, done)
    result.not_ready = await asyncio.to_thread(not_ready, state)
    return result


def not_ready(state: StateFolder) -> list[str]:
    """Wait until all processes do their work; those that do not, with their state."""
    give_up_at = monotonic() + READY_SECONDS_MAX
    while not (now := status.read(state))["ready"] and monotonic() < give_up_at:
        sleep(POLL_SECONDS)
    return [f"{entry['name']}: {entry['state']}" for entry in now["processes"] if entry["state"] != "ready"]


def check(result: Result, addresses: Addresses, say: Callable[[str], None]) -> None:
    """Look at what the run has left behind. A checker that fails is a finding, and the next one looks all the same."""
    with _finding(result, "reconcile"):
        result.reconciled = reconcile(addresses, RECONCILE_WAIT_SECONDS, say)
    say("Looking for numbers that are missing or doubled")
    with _finding(result, "log"):
        result.partitions = log_reader.survey_topics(addresses.kafka, addresses.registry, TOPICS)


@contextmanager
def _finding(result: Result, checker: str) -> Iterator[None]:
    try:
        yield
    except CHECK_ERRORS as error:
        result.unchecked.append(f"{checker} could not be checked: {type(error).__name__}: {error}")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
