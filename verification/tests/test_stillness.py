"""Nothing is judged lost that may only be on its way, and nothing is on its way for ever."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, repeat

import pytest

from verification.reconcile import stillness
from verification.reconcile.run import judge_when_still
from verification.reconcile.scratch import fill
from verification.reconcile.stillness import (
    BEHIND_SECONDS,
    LOOK_SECONDS,
    QUIET_SECONDS,
    Look,
    until_published,
    until_still,
)

ORDERS = ("orders", "shop.orders", 0)
SETTLED = Look({ORDERS: 3}, {ORDERS: 3}, {("payments", "shop.orders", 0): 3}, unsettled=0)
UNSETTLED = replace(SETTLED, unsettled=1)
NOT_APPLIED = replace(SETTLED, applied={("payments", "shop.orders", 0): 2})
NOT_CLAIMED = replace(SETTLED, applied={})
NOT_PUBLISHED = replace(SETTLED, published={ORDERS: 2})
NEXT = Look({ORDERS: 4}, {ORDERS: 4}, {("payments", "shop.orders", 0): 4}, unsettled=0)


class Clock:
    """Time passes only where somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.seconds += seconds


def looking(*looks: Look) -> Callable[[], Look]:
    """Sees one after the other, the last for ever."""
    seen = chain(looks, repeat(looks[-1]))
    return lambda: next(seen)


def waited(looks: Sequence[Look], seconds: float = 60.0) -> tuple[Look | None, float]:
    clock = Clock()
    return until_still(looking(*looks), seconds, clock.now, clock.pause), clock.seconds


def test_settled_system_is_still_at_the_second_look() -> None:
    assert waited([SETTLED]) == (SETTLED, LOOK_SECONDS)


def test_order_that_waits_for_no_event_needs_a_short_quiet() -> None:
    look, seconds = waited([UNSETTLED])

    assert look == UNSETTLED
    assert QUIET_SECONDS < seconds <= QUIET_SECONDS + 1


@pytest.mark.parametrize("behind", [NOT_APPLIED, NOT_CLAIMED, NOT_PUBLISHED])
def test_events_that_wait_for_somebody_need_longer_than_his_successor_takes(behind: Look) -> None:
    look, seconds = waited([behind])

    assert look == behind
    assert BEHIND_SECONDS < seconds <= BEHIND_SECONDS + 1


def test_quiet_begins_anew_when_something_moves() -> None:
    look, seconds = waited([NOT_APPLIED] * 35 + [UNSETTLED])

    assert look == UNSETTLED
    assert seconds > 35 * LOOK_SECONDS + QUIET_SECONDS - 1


def test_system_that_moves_all_the_time_is_not_still() -> None:
    assert waited([NOT_APPLIED, SETTLED] * 20, seconds=5.0)[0] is None


def test_publishing_is_waited_for_up_to_the_numbers_that_were_read() -> None:
    clock = Clock()

    until_published(looking(NOT_PUBLISHED, NOT_PUBLISHED, SETTLED), {ORDERS: 3}, 60.0, clock.now, clock.pause)
    assert clock.seconds == 2 * LOOK_SECONDS

    until_published(looking(NOT_PUBLISHED), {ORDERS: 3}, 10.0, clock.now, clock.pause)
    assert clock.seconds == 2 * LOOK_SECONDS + 10.0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stillness, "LOOK_SECONDS", 0.0)


def reading(*heads: int) -> tuple[Callable[[sqlite3.Connection, Look | None], None], list[Look | None]]:
    """Reads databases whose head is one after the other; and what was known when they were read."""
    numbers, told = chain(heads, repeat(heads[-1])), []

    def read(connection: sqlite3.Connection, still: Look | None) -> None:
        told.append(still)
        fill(connection, "heads", [(*ORDERS, next(numbers))])

    return read, told


def is_still(looks: Sequence[Look], heads: Sequence[int], wait_seconds: float) -> tuple[bool, list[Look | None]]:
    read, told = reading(*heads)
    return judge_when_still(looking(*looks), read, wait_seconds).still, told


@pytest.mark.usefixtures("impatient")
def test_what_was_read_while_nothing_moved_is_still() -> None:
    assert is_still([SETTLED], [3], 60.0) == (True, [SETTLED])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("looks", "heads"),
    [
        ([SETTLED, SETTLED, NEXT], [3, 4]),  # an order came while the log was read
        ([SETTLED, SETTLED, SETTLED, NEXT], [4]),  # and before the databases were
    ],
)
def test_order_between_two_looks_has_all_read_again(looks: list[Look], heads: list[int]) -> None:
    assert is_still(looks, heads, 60.0) == (True, [SETTLED, NEXT])


@pytest.mark.usefixtures("impatient")
def test_traffic_without_end_is_not_called_still() -> None:
    assert is_still([SETTLED, SETTLED, NEXT], [3], 0.0) == (False, [SETTLED])
    assert is_still([SETTLED, NEXT], [3], 0.0) == (False, [None])
