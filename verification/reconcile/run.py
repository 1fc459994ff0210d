"""One reconciliation: wait for stillness, take the snapshots, read the log, run the checks.

Whether all was still is known only afterwards: the heads in the snapshots and a look after the log was read must be those of
the look before. If not, it is tried again while there is time, and then those orders are judged that are settled.
"""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from verification import log_reader
from verification.addresses import Addresses
from verification.reconcile import databases
from verification.reconcile.checks import CHECKS, DECODABLE, Finding, findings
from verification.reconcile.databases import QUERIES, READS
from verification.reconcile.log import fill_log
from verification.reconcile.scratch import fill, index, scratch
from verification.reconcile.stillness import Look, Numbers, Watch, until_published, until_still

PUBLISH_SECONDS_MAX = 60.0
"""A relay that was killed has a successor within half of this."""
CLOCK_SECONDS = 2.0
"""Clocks of two processes may differ by so much."""
FINDINGS_MAX = 1_000
"""Findings that are named; the rest is counted."""

_IN_FLIGHT = """
INSERT INTO in_flight
SELECT order_id, CASE
    WHEN EXISTS (SELECT 1 FROM dead_letters WHERE state = 'open' AND reason <> 'FOREIGN_RECORD'
                 AND dead_letters.key = order_id) THEN 'open dead letter'
    WHEN EXISTS (SELECT 1 FROM requests WHERE requests.order_id = orders.order_id)
    THEN 'the payment provider is still being asked'
    WHEN :still THEN 'stuck' ELSE 'under way' END
FROM orders
WHERE status IN ('PENDING', 'PAID')
   OR (reason IN ('OUT_OF_STOCK', 'UNKNOWN_PRODUCT') AND refund IS NULL)
   OR (NOT :still AND updated_at >= :began)
"""

_SET_COPIES_APART = """
INSERT INTO sent_again SELECT topic, partition, "offset", sequence, event_id FROM log AS later
WHERE EXISTS (SELECT 1 FROM log AS earlier WHERE earlier.topic = later.topic AND earlier.partition = later.partition
    AND earlier.sequence = later.sequence AND earlier.event_id = later.event_id AND earlier."offset" < later."offset")
"""

_COUNTS = {
    "orders": "SELECT status || coalesce(' ' || reason, ''), count(*) FROM orders GROUP BY 1 ORDER BY 1",
    "payments": "SELECT state, count(*) FROM payments GROUP BY 1 ORDER BY 1",
    "refunds": "SELECT state, count(*) FROM refunds GROUP BY 1 ORDER BY 1",
    "stock_decisions": "SELECT outcome, count(*) FROM decisions GROUP BY 1 ORDER BY 1",
    "records": "SELECT topic, count(*) FROM log GROUP BY 1 ORDER BY 1",
    "sent_again": "SELECT topic, count(*) FROM sent_again GROUP BY 1 ORDER BY 1",
    "dead_letters": "SELECT service || ' ' || state, count(*) FROM dead_letters GROUP BY 1 ORDER BY 1",
    "in_flight": "SELECT why, count(*) FROM in_flight GROUP BY 1 ORDER BY 1",
}
_CAPTURED = "SELECT amount FROM payments WHERE state = 'CAPTURED'"
_REFUNDED = "SELECT amount FROM refunds WHERE state = 'REFUNDED'"
_COMPLETED = "SELECT total FROM orders WHERE status = 'COMPLETED'"


@dataclass(slots=True)
class Report:
    """What was found."""

    still: bool
    """Whether nothing moved any more; if not, orders under way were not judged."""
    seconds: float = 0.0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    captured_minor: int = 0
    refunded_minor: int = 0
    completed_minor: int = 0
    findings: list[Finding] = field(default_factory=list)
    findings_total: int = 0

    def document(self) -> dict[str, Any]:
        """The report as a JSON document."""
        return {"clean": not self.findings_total, **asdict(self)}


Read = Callable[[sqlite3.Connection, Look | None], None]
"""Fills a scratch database; None where things still move."""


def reconcile(
    addresses: Addresses,
    wait_seconds: float,
    tell: Callable[[str], None] = lambda _: None,
    *,
    allow_undecodable: bool = False,
) -> Report:
    """Compare the databases and the log of a system. Raises NotReachable or ReaderError."""
    began = time.monotonic()
    watch = Watch(addresses)

    def read(connection: sqlite3.Connection, still: Look | None) -> None:
        tell("Reading the databases")
        read_databases(connection, addresses)
        if still is None:
            tell("Waiting until all of it is published")
            until_published(watch.look, heads(connection), PUBLISH_SECONDS_MAX)
        tell("Reading the log")
        read_log(connection, addresses)

    try:
        tell("Waiting until nothing is under way")
        report = judge_when_still(watch.look, read, wait_seconds, allow_undecodable=allow_undecodable)
    finally:
        watch.close()
    report.seconds = round(time.monotonic() - began, 3)
    return report


def judge_when_still(
    look: Callable[[], Look], read: Read, wait_seconds: float, *, allow_undecodable: bool = False
) -> Report:
    """Read and judge when nothing moves; again, as long as there is time, when something has moved meanwhile."""
    give_up_at = time.monotonic() + wait_seconds
    while True:
        before = until_still(look, give_up_at - time.monotonic())
        with scratch() as connection:
            began = time.time() - CLOCK_SECONDS
            read(connection, before)
            still = before is not None and before == look() and before.heads == heads(connection)
            if before is not None and not still and time.monotonic() < give_up_at:
                continue
            prepare(connection, still=still, began=began)
            return judge(connection, still=still, allow_undecodable=allow_undecodable)


def heads(connection: sqlite3.Connection) -> Numbers:
    """The numbers given out last, as the snapshots have them."""
    rows = connection.execute("SELECT service, topic, partition, last_sequence FROM heads")
    return {(service, topic, partition): last for service, topic, partition, last in rows}


def read_databases(connection: sqlite3.Connection, addresses: Addresses) -> None:
    """Put snapshots of the three databases in."""
    with databases.snapshots(addresses) as taken:
        for table in ("heads", "inbox", "dead_letters"):
            fill(connection, table, databases.shared(taken, table))
        fill(connection, "republications", (row[1:] for row in databases.shared(taken, "republications")))
        for table in QUERIES:
            fill(connection, table, databases.rows(taken, table))
        fill(connection, "outbox", databases.outboxes(taken))


def read_log(connection: sqlite3.Connection, addresses: Addresses) -> None:
    """Put all topics in that somebody writes."""
    topics = [topic for (topic,) in connection.execute("SELECT DISTINCT topic FROM heads ORDER BY topic")]
    records = log_reader.read(addresses.kafka, addresses.registry, topics)
    fill_log(connection, records, lambda: log_reader.partitions(addresses.kafka, topics))


def prepare(connection: sqlite3.Connection, *, still: bool, began: float) -> None:
    """Add what follows from a filled scratch database.

    That is: copies (set apart), positions nobody has yet, what was told after the tables were read, and why each order that is not settled is
    not. `began`: what changed later was under way, unless all was still.
    """
    index(connection)
    connection.execute(_SET_COPIES_APART)
    connection.execute(
        'DELETE FROM log WHERE (topic, partition, "offset") IN (SELECT topic, partition, "offset" FROM sent_again)'
    )
    for service, topics in READS.items():
        for topic in topics:
            connection.execute(
                "INSERT OR IGNORE INTO inbox SELECT ?, topic, partition, 0, 0 FROM heads WHERE topic = ?",
                (service, topic),
            )
    connection.execute(
        """UPDATE log SET beyond = 1 WHERE sequence > (SELECT last_sequence FROM heads
           WHERE heads.topic = log.topic AND heads.partition = log.partition)"""
    )
    connection.execute("INSERT INTO moment VALUES (?)", (still,))
    connection.execute(_IN_FLIGHT, {"still": still, "began": began})


def judge(connection: sqlite3.Connection, *, still: bool, allow_undecodable: bool = False) -> Report:
    """Run the checks over a prepared scratch database, and count."""
    report = Report(still)
    checks = [check for check in CHECKS if check is not DECODABLE or not allow_undecodable]
    for finding in findings(connection, checks):
        report.findings_total += 1
        if len(report.findings) < FINDINGS_MAX:
            report.findings.append(finding)
    report.counts = {name: dict(connection.execute(query).fetchall()) for name, query in _COUNTS.items()}
    report.captured_minor = _sum(connection, _CAPTURED)
    report.refunded_minor = _sum(connection, _REFUNDED)
    report.completed_minor = _sum(connection, _COMPLETED)
    return report


def _sum(connection: sqlite3.Connection, query: str) -> int:
    """Added up here: SQLite's sum of a few dozen of the largest orders overflows."""
    return sum(amount for (amount,) in connection.execute(query))
