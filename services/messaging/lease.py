"""The relay's lease: a row with an expiry by the database's clock.

It only keeps relays of one group out of each other's way. That two of them never publish at once is Kafka's doing: the
second one's ``init_transactions`` fences the first (KIP-98).
"""

from services.messaging.database import Transaction, fetch, run

_TAKE = """
INSERT INTO relay_lease (relay_group, holder, publishing, expires_at)
VALUES (%(group)s, %(holder)s, %(publishing)s, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (relay_group) DO UPDATE
    SET holder = excluded.holder, publishing = excluded.publishing, expires_at = excluded.expires_at
WHERE relay_lease.holder = excluded.holder OR relay_lease.expires_at < clock_timestamp()
RETURNING holder
"""


def take(transaction: Transaction, group: str, holder: str, seconds: float, *, publishing: bool = False) -> bool:
    """Take or renew the lease of a group, and say whether its holder publishes yet; False while it is another's."""
    parameters = {"group": group, "holder": holder, "seconds": seconds, "publishing": publishing}
    return bool(fetch(transaction, _TAKE, parameters))


def somebody_publishes(transaction: Transaction, group: str) -> bool:
    """Whether the group has a holder that publishes."""
    query = "SELECT 1 FROM relay_lease WHERE relay_group = %s AND publishing AND expires_at > clock_timestamp()"
    return bool(fetch(transaction, query, [group]))


def release(transaction: Transaction, group: str, holder: str) -> None:
    """Let the next relay begin at once."""
    run(transaction, "DELETE FROM relay_lease WHERE relay_group = %s AND holder = %s", [group, holder])
