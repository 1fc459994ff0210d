"""One run of the rehearsal: traffic, the steps beside it, then everything that can find fault with what is left."""

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from subprocess import SubprocessError
from typing import Any

from rich.console import Console
from rich.status import Status

from stack import status as system_status
from stack.errors import StackError
from stack.services import PROJECT
from verification import addresses
from verification.chaos import run as chaos
from verification.chaos.run import CHECK_ERRORS
from verification.evolve import story, traffic
from verification.evolve.stage import NotAsTold, Seen, Stage
from verification.evolve.telling import Teller
from verification.evolve.topic import Topic
from verification.evolve.traffic import Traffic
from verification.own_system import Place

STEP_ERRORS = (StackError, *CHECK_ERRORS, SubprocessError, OSError)
"""What a step raises when something is not as told, or cannot be done: a finding, since the system itself was up."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to be."""

    rate: float
    seed: int


@dataclass(slots=True)
class Result:
    """What a run came to."""

    wanted: Wanted
    seen: Seen = field(default_factory=Seen)
    failed: list[str] = field(default_factory=list)
    """Steps that did not come out as told, and how."""
    checked: chaos.Result | None = None
    """What the checkers say of the orders and of what is left; None where the traffic broke off."""
    seconds: float = 0.0

    @property
    def orders(self) -> int:
        """How many orders were sent."""
        return 0 if self.checked is None else len(self.checked.outcome.sent)

    @property
    def findings(self) -> list[str]:
        """What is not as it must be, a line each."""
        return [*self.failed, *([] if self.checked is None else self.checked.findings)]

    def document(self) -> dict[str, Any]:
        """The result as a JSON document."""
        checked = {} if self.checked is None else self.checked.document()
        return {
            "clean": not self.findings,
            "findings": self.findings[: chaos.FINDINGS_MAX],
            "seed": self.wanted.seed,
            "seconds": round(self.seconds, 1),
            "commands": self.seen.commands,
            "rollouts": self.seen.rollouts,
            "periods": self.seen.periods,
            "turns": self.seen.turns,
            "decoded": self.seen.decoded,
            "consumed": self.seen.consumed,
            **{name: checked.get(name) for name in ("load", "reconcile", "log", "longest_stall", "not_ready")},
        }


def run(wanted: Wanted, place: Place, console: Console, status: Status) -> Result:
    """Rehearse on a system that runs; what goes wrong there is a finding, named by its step."""
    began, result = time.monotonic(), Result(wanted)
    teller = Teller(console, status)
    with _named(result, teller), ExitStack() as open_:
        stage = _stage(wanted, place, teller, open_)
        result.seen = stage.seen
        with _named(result, teller):
            story.play(stage)
        _end(stage, result)
    result.seconds = time.monotonic() - began
    return result


def _stage(wanted: Wanted, place: Place, teller: Teller, open_: ExitStack) -> Stage:
    """Open what the steps play on; the system is the one of this place, whatever the environment says of others."""
    assert place.folder is not None
    here = addresses.find(system_status.read(place.state), {})
    topic = open_.enter_context(Topic(here))
    plan = traffic.plan(secrets.token_hex(4), wanted.seed, wanted.rate)
    orders = open_.enter_context(Traffic(plan, wanted.rate, here))
    folders = {"v1": PROJECT, "v2": place.folder / "v2", "v3": place.folder / "v3"}
    return Stage(place.state, here, orders, topic, teller, folders)


def _end(stage: Stage, result: Result) -> None:
    """End the traffic, have everything checked, and count."""
    stage.teller.step("What is left")
    stage.teller.waiting("Waiting until all orders are final")
    outcome = stage.traffic.end()
    result.checked = chaos.Result(outcome, result.wanted.rate, outcome.sent[0].due, [])
    result.checked.not_ready = chaos.not_ready(stage.state)
    chaos.check(result.checked, stage.addresses, stage.teller.waiting)
    if not result.failed:
        story.tell_what_was_skipped(stage)
        story.expect_nothing_parked(stage, result.checked.reconciled)
    story.tell_periods(stage)


@contextmanager
def _named(result: Result, teller: Teller) -> Iterator[None]:
    """Make what goes wrong in a step a finding that says which one it was."""
    try:
        yield
    except STEP_ERRORS as error:
        kind = "" if isinstance(error, NotAsTold) else f"{type(error).__name__}: "
        result.failed.append(f"step {teller.step_number} ({teller.title}): {kind}{error}")
