"""The relay's lease: a row with an expiry by the database's clock.

It only keeps relays of one group out of each other's way. That two of them never publish at once is Kafka's doing: the
second one's ``init_transactions`` fences the first (KIP-98).
"""

from datetime import datetime

from services.messaging.database import Transaction, fetch, run

_TAKE = """
INSERT INTO relay_lease (relay_group, holder, expires_at)
VALUES (%(group)s, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (relay_group) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
WHERE relay_lease.holder = excluded.holder OR relay_lease.expires_at < clock_timestamp()
RETURNING holder
"""


def take(transaction: Transaction, group: str, holder: str, seconds: float) -> bool:
    """Take or renew the lease of a group; False while another holder's has not expired."""
    return bool(fetch(transaction, _TAKE, {"group": group, "holder": holder, "seconds": seconds}))


def release(transaction: Transaction, group: str, holder: str) -> None:
    """Let the next relay begin at once."""
    run(transaction, "DELETE FROM relay_lease WHERE relay_group = %s AND holder = %s", [group, holder])


def seen(transaction: Transaction, group: str) -> tuple[str, datetime] | None:
    """Who holds the lease of a group, and until when."""
    rows = fetch(transaction, "SELECT holder, expires_at FROM relay_lease WHERE relay_group = %s", [group])
    return (rows[0][0], rows[0][1]) if rows else None
