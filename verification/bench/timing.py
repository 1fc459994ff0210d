"""Timing by turns: every candidate runs for a moment in each round, so that a machine that slows down slows down all.

Times of one run can be compared, in each round with those of the same round; times of two runs cannot. The garbage
collector is left as it is by default, since it is part of what a program pays.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from time import perf_counter
from typing import Final, TypeVar

ROUNDS: Final = 40
"""Turns that each candidate has: enough for tenths of their spread."""

Key = TypeVar("Key")
Work = Callable[[], object]
Tell = Callable[[int, int], None]
"""(how many rounds so far, of how many)"""


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of many values, and between which values four fifths of them lie."""

    median: float
    tenth: float
    ninetieth: float


def measure(works: Mapping[Key, Work], seconds: float, tell: Tell = lambda *_: None) -> dict[Key, list[float]]:
    """Return for each of `works` the microseconds of one call, a figure a round; each runs for about `seconds` in all."""
    calls = {key: _calls_in(work, seconds / ROUNDS) for key, work in works.items()}
    times: dict[Key, list[float]] = {key: [] for key in works}
    for done in range(ROUNDS):
        forth_and_back = works if done % 2 == 0 else reversed(list(works))
        for key in forth_and_back:
            times[key].append(_seconds(works[key], calls[key]) / calls[key] * 1e6)
        tell(done + 1, ROUNDS)
    return times


def _calls_in(work: Work, seconds: float) -> int:
    """Return how many calls take about so long; this also warms `work` up."""
    calls = 1
    while (spent := _seconds(work, calls)) < seconds / 4:
        calls *= 2
    return max(1, round(calls * seconds / spent))


def _seconds(work: Work, calls: int) -> float:
    begin = perf_counter()
    for _ in repeat(None, calls):
        work()
    return perf_counter() - begin


def ratio(times: Sequence[float], others: Sequence[float]) -> Spread:
    """Return how `times` stand to the `others` of the same rounds."""
    ratios = [mine / theirs for mine, theirs in zip(times, others, strict=True)]
    tenths = statistics.quantiles(ratios, n=10, method="inclusive")
    return Spread(statistics.median(ratios), tenths[0], tenths[-1])
