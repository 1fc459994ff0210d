"""Waiting until nothing moves: what is under way cannot be told from what is lost by one look.

Still means: every relay has published what its database gave out, every consumer has applied what was published, and no
order waits for anything.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg

from verification.addresses import Addresses
from verification.reconcile.databases import SERVICES, Row, connect, one

LOOK_SECONDS = 0.5
QUIET_SECONDS = 3.0
"""Where nothing has moved for so long, though something should, nothing will: every loop looks several times a second."""

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
    asking: int
    """What the payment provider is still to be asked, now or later."""

    def is_settled(self) -> bool:
        """Whether nothing is under way."""
        heads = {(topic, partition): last for (_, topic, partition), last in self.heads.items()}
        caught_up = all(heads.get((topic, partition), 0) == n for (_, topic, partition), n in self.applied.items())
        return self.all_published() and caught_up and self.unsettled == 0

    def all_published(self) -> bool:
        """Whether all that the databases gave out is in the log."""
        return all(self.published.get(place, 0) >= last for place, last in self.heads.items())


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
            one(self._connections["payments"], "SELECT count(*) FROM provider_requests"),
        )

    def _numbers(self, query: str) -> Numbers:
        return {
            (service, topic, partition): last
            for service, connection in self._connections.items()
            for topic, partition, last in _all(connection, query)
        }

    def until_still(self, seconds: float) -> bool:
        """Wait until nothing moves, or for so long; whether nothing moves."""
        give_up_at, before, same_since = time.monotonic() + seconds, self.look(), time.monotonic()
        while True:
            time.sleep(LOOK_SECONDS)
            now = self.look()
            if now != before:
                before, same_since = now, time.monotonic()
            elif now.is_settled():
                return True
            quiet = time.monotonic() - same_since > QUIET_SECONDS and not now.asking
            if quiet or time.monotonic() > give_up_at:
                return quiet

    def until_published(self, seconds: float) -> None:
        """Wait until all that the databases have given out by now is in the log, or for so long."""
        heads, give_up_at = self.look().heads, time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            published = self.look().published
            if all(published.get(place, 0) >= last for place, last in heads.items()):
                return
            time.sleep(LOOK_SECONDS)


def _all(connection: psycopg.Connection[Row], query: str) -> list[Row]:
    return connection.execute(query.encode()).fetchall()
