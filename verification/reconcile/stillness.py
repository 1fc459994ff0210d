"""Waiting until nothing moves: what is under way cannot be told from what is lost by one look.

Still means: every relay has published what its database gave out, every consumer has applied what was published, and no
order waits for anything; or something of this is missing, and nothing has moved for so long that nothing will.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg

from verification.addresses import Addresses
from verification.reconcile.databases import READS, SERVICES, Row, connect, one

LOOK_SECONDS = 0.5
QUIET_SECONDS = 3.0
"""Where every event has been applied and nothing has moved for so long, an order that is not settled waits for no event."""
BEHIND_SECONDS = 20.0
"""Where events wait for somebody, that one may have died: session time-out or lease, and a new start, take half of this."""

Numbers = Mapping[tuple[str, str, int], int]

_UNSETTLED = """
SELECT count(*) FROM orders WHERE status IN ('PENDING', 'PAID')
    OR (failure_reason IN ('OUT_OF_STOCK', 'UNKNOWN_PRODUCT') AND refunded_at IS NULL)
"""
_PUBLISHED = "SELECT topic, partition, max(last_sequence) FROM outbox_note GROUP BY topic, partition"


@dataclass(frozen=True, slots=True)
class Look:
    """Numbers at one moment, by (service, topic, partition)."""

    heads: Numbers
    published: Numbers
    applied: Numbers
    unsettled: int

    def is_caught_up(self) -> bool:
        """Whether all that the databases gave out is in the log, and applied by every service that consumes it."""
        return self.has_published(self.heads) and all(
            self.applied.get((service, topic, partition), 0) == last
            for (_, topic, partition), last in self.heads.items()
            for service, topics in READS.items()
            if topic in topics
        )

    def has_published(self, heads: Numbers) -> bool:
        """Whether all up to these numbers is in the log."""
        return all(self.published.get(place, 0) >= last for place, last in heads.items())

    def quiet_seconds(self) -> float:
        """How long nothing must have moved until nothing will."""
        if not self.is_caught_up():
            return BEHIND_SECONDS
        return QUIET_SECONDS if self.unsettled else 0.0


class Watch:
    """Looks at the three databases again and again."""

    def __init__(self, addresses: Addresses) -> None:
        with ExitStack() as stack:
            self._connections = {service: stack.enter_context(connect(addresses, service)) for service in SERVICES}
            self._stack = stack.pop_all()
        for connection in self._connections.values():
            connection.autocommit = True

    def close(self) -> None:
        """Close the connections."""
        self._stack.close()

    def look(self) -> Look:
        """Look once."""
        return Look(
            self._numbers("SELECT topic, partition, last_sequence FROM outbox_head"),
            self._numbers(_PUBLISHED),
            self._numbers("SELECT topic, partition, last_sequence FROM inbox"),
            one(self._connections["orders"], _UNSETTLED),
        )

    def _numbers(self, query: str) -> Numbers:
        return {
            (service, topic, partition): last
            for service, connection in self._connections.items()
            for topic, partition, last in _all(connection, query)
        }


def until_still(
    look: Callable[[], Look],
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> Look | None:
    """Wait until nothing moves, or for so long; the look that showed it, None where things still move.

    Between two orders of light traffic nothing moves either: look again after whatever was read on the strength of it.
    """
    began = same_since = clock()
    before = look()
    while True:
        pause(LOOK_SECONDS)
        now = look()
        if now != before:
            before, same_since = now, clock()
        elif clock() - same_since > now.quiet_seconds():
            return now
        if clock() - began > seconds:
            return None


def until_published(
    look: Callable[[], Look],
    heads: Numbers,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until all up to these numbers is in the log, or for so long."""
    began = clock()
    while not look().has_published(heads) and clock() - began < seconds:
        pause(LOOK_SECONDS)


def _all(connection: psycopg.Connection[Row], query: str) -> list[Row]:
    return connection.execute(query.encode()).fetchall()
