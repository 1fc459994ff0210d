"""How many orders are on their way, and whether one more is taken (rule 12).

The figure comes from the database, so all API processes see the same one. It is as old as the last look at most: what
arrives between two looks is taken on top of the limit.
"""

import threading
from time import monotonic

import structlog
from prometheus_client import Gauge

from services.messaging.database import Database, Transaction, fetch, run
from services.messaging.errors import is_transient

log = structlog.get_logger()

OPEN = Gauge("orders_open", "Orders placed in the last ten minutes and not final; counting stops above the limit")

SHARE_MAX = 0.1  # of the time goes into looking at most, as long as a look takes no longer than a tenth of a second
PAUSE_SECONDS_MAX = 1.0  # or one look at a stalled database would have the figure stand for a minute

_COUNT = """
SELECT count(*) FROM (
    SELECT FROM orders
    WHERE status = ANY('{PENDING,PAID}')
    AND order_id >= (lpad(to_hex((extract(epoch FROM now() - interval '10 minutes') * 1000)::bigint), 12, '0')
        || repeat('0', 20))::uuid
    LIMIT %s
) AS on_their_way
"""


def count(transaction: Transaction, most: int) -> int:
    """Orders placed in the last ten minutes (an id begins with its time) and not final; counting stops at ``most``.

    Only an index scan marks the entries of orders that have moved on as dead, so that the next one passes them quickly:
    6 ms at 400,000 orders in ten minutes, against 110 ms by bitmap.
    """
    run(transaction, "SET LOCAL enable_bitmapscan = off")
    run(transaction, "SET LOCAL enable_seqscan = off")
    return int(fetch(transaction, _COUNT, [most])[0][0])


class Admission:
    """Whether new orders are taken. ``run`` keeps the figure fresh in a thread of its own."""

    def __init__(self, database: Database, open_max: int, refresh_seconds: float) -> None:
        self._database = database
        self._open_max = open_max
        self._refresh_seconds = refresh_seconds
        self._open = 0

    def admits(self) -> bool:
        """Whether one more order is taken. While the database is away the last figure stands: nothing is written then."""
        return self._open < self._open_max

    def run(self, stopping: threading.Event) -> None:
        """Look several times a second until stopped."""
        pause = 0.0
        while not stopping.wait(pause):
            pause = self._refresh_seconds
            try:
                pause = max(pause, min(self.look() / SHARE_MAX, PAUSE_SECONDS_MAX))
            except Exception as error:
                if not is_transient(error):
                    raise
                log.warning("open_orders_not_counted", reason=str(error).splitlines()[0])

    def look(self) -> float:
        """Count now; returns how many seconds that took, without the wait for a connection."""
        with self._database.connection() as connection:
            begun = monotonic()
            now_open = count(connection, self._open_max + 1)
            seconds = monotonic() - begun
        if (now_open < self._open_max) is not self.admits():
            log.warning("orders_turned_away" if self.admits() else "orders_taken_again", open=now_open)
        self._open = now_open
        OPEN.set(now_open)
        return seconds
