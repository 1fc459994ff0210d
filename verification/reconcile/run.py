"""One reconciliation: wait for stillness, take the snapshots, read the log, run the checks."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from verification import log_reader
from verification.addresses import Addresses
from verification.reconcile import databases
from verification.reconcile.checks import CHECKS, Finding, findings
from verification.reconcile.databases import QUERIES
from verification.reconcile.log import fill_log
from verification.reconcile.scratch import fill, index, scratch
from verification.reconcile.stillness import Watch

PUBLISH_SECONDS_MAX = 15.0
CLOCK_SECONDS = 2.0
"""Clocks of two processes may differ by so much."""
FINDINGS_MAX = 1_000
"""Findings that are named; the rest is counted."""

_IN_FLIGHT = """
INSERT INTO in_flight
SELECT order_id, CASE
    WHEN EXISTS (SELECT 1 FROM dead_letters WHERE state = 'open' AND dead_letters.key = order_id) THEN 'open dead letter'
    WHEN EXISTS (SELECT 1 FROM payments WHERE payments.order_id = orders.order_id AND payments.state = 'REQUESTED')
      OR EXISTS (SELECT 1 FROM refunds WHERE refunds.order_id = orders.order_id AND refunds.state = 'REQUESTED')
    THEN 'the payment provider is still being asked'
    WHEN :still THEN 'stuck' ELSE 'under way' END
FROM orders
WHERE status IN ('PENDING', 'PAID')
   OR (reason IN ('OUT_OF_STOCK', 'UNKNOWN_PRODUCT') AND refund IS NULL)
   OR (NOT :still AND updated_at >= :began)
"""

_COUNTS = {
    "orders": "SELECT status || coalesce(' ' || reason, ''), count(*) FROM orders GROUP BY 1 ORDER BY 1",
    "payments": "SELECT state, count(*) FROM payments GROUP BY 1 ORDER BY 1",
    "refunds": "SELECT state, count(*) FROM refunds GROUP BY 1 ORDER BY 1",
    "stock_decisions": "SELECT outcome, count(*) FROM decisions GROUP BY 1 ORDER BY 1",
    "records": "SELECT topic, count(*) FROM log GROUP BY 1 ORDER BY 1",
    "dead_letters": "SELECT service || ' ' || state, count(*) FROM dead_letters GROUP BY 1 ORDER BY 1",
    "in_flight": "SELECT why, count(*) FROM in_flight GROUP BY 1 ORDER BY 1",
}
_MONEY = """
SELECT coalesce((SELECT sum(amount) FROM payments WHERE state = 'CAPTURED'), 0),
       coalesce((SELECT sum(amount) FROM refunds WHERE state = 'REFUNDED'), 0),
       coalesce((SELECT sum(total) FROM orders WHERE status = 'COMPLETED'), 0)
"""


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


def reconcile(addresses: Addresses, wait_seconds: float, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Compare the databases and the log of a system. Raises NotReachable or ReaderError."""
    began = time.monotonic()
    watch = Watch(addresses)
    try:
        tell("Waiting until nothing is under way")
        still = watch.until_still(wait_seconds)
        with scratch() as connection:
            tell("Reading the databases")
            _collect(connection, addresses, watch, still=still)
            tell("Checking")
            report = judge(connection, still=still)
    finally:
        watch.close()
    report.seconds = round(time.monotonic() - began, 3)
    return report


def _collect(connection: sqlite3.Connection, addresses: Addresses, watch: Watch, *, still: bool) -> None:
    snapshot_at = time.time() - CLOCK_SECONDS
    with databases.snapshots(addresses) as taken:
        for table in ("heads", "inbox", "dead_letters"):
            fill(connection, table, databases.shared(taken, table))
        for table in QUERIES:
            fill(connection, table, databases.rows(taken, table))
        fill(connection, "outbox", databases.outboxes(taken))
    watch.until_published(PUBLISH_SECONDS_MAX)
    topics = [topic for (topic,) in connection.execute("SELECT DISTINCT topic FROM heads ORDER BY topic")]
    since = fill_log(connection, log_reader.read(addresses.kafka, addresses.registry, topics))
    connection.execute("INSERT INTO moment VALUES (?, ?)", (still, since))
    index(connection)
    if not still:
        connection.execute(
            """UPDATE log SET beyond = 1 WHERE sequence > (SELECT last_sequence FROM heads
               WHERE heads.topic = log.topic AND heads.partition = log.partition)"""
        )
    classify(connection, still=still, began=snapshot_at)


def classify(connection: sqlite3.Connection, *, still: bool, began: float) -> None:
    """Say why each order that is not settled is not. `began`: what changed later was under way, unless all was still."""
    connection.execute(_IN_FLIGHT, {"still": still, "began": began})


def judge(connection: sqlite3.Connection, *, still: bool) -> Report:
    """Run the checks over a filled scratch database, and count."""
    report = Report(still)
    for finding in findings(connection, CHECKS):
        report.findings_total += 1
        if len(report.findings) < FINDINGS_MAX:
            report.findings.append(finding)
    report.counts = {name: dict(connection.execute(query).fetchall()) for name, query in _COUNTS.items()}
    report.captured_minor, report.refunded_minor, report.completed_minor = connection.execute(_MONEY).fetchone()
    return report
