"""How long orders had to wait because of the faults. Pure.

Two figures. A *stall* is a time in which no order became final although some were under way. And of each fault: when the last
order became final that was under way at that moment; what a backlog and the next fault add to it is in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from verification.completions import Sent


@dataclass(frozen=True, slots=True)
class Stall:
    """A time without any final order, in seconds of this machine's clock."""

    began: float
    seconds: float


def longest_stall(sent: Iterable[Sent]) -> Stall:
    """The longest time in which no order became final although some were under way."""
    ended = [(each.due, each.final) for each in sent if each.final is not None]
    longest, before = Stall(0.0, 0.0), 0.0
    # when n orders are final, one is under way from the moment at which n + 1 were due
    for due, final in zip(sorted(due for due, _ in ended), sorted(final for _, final in ended), strict=True):
        began = max(before, due)
        if final - began > longest.seconds:
            longest = Stall(began, final - began)
        before = final
    return longest


def recovery_seconds(sent: Iterable[Sent], at: float) -> float | None:
    """How long after this moment the last order became final that was under way then; None where none was."""
    finals = [each.final for each in sent if each.final is not None and each.due <= at < each.final]
    return max(finals) - at if finals else None
