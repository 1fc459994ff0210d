"""Where the rows of three databases and the log meet: one SQLite file in a temporary folder.

So memory stays bounded whatever the size of the system, and a check is one set-based statement over all of it.
"""

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

ROWS_AT_ONCE = 5_000
CACHE_KILOBYTES = 64_000

TABLES = {
    # content is canonical JSON (`pieces` or `lines`), origin_* the original of a dead letter; beyond: what a service told
    # after its tables were read (the view `events` is without it)
    "log": """topic TEXT, partition INT, "offset" INT, sequence INT, event_id TEXT, key TEXT, digest TEXT, name TEXT,
        problem TEXT, has_schema INT, order_id TEXT, sku TEXT, payment_id TEXT, refund_id TEXT, customer_id TEXT,
        payment_method TEXT, currency TEXT, amount INT, reason TEXT, version INT, delta INT, content TEXT, origin_topic TEXT, origin_partition INT, origin_offset INT, beyond INT DEFAULT 0,
        PRIMARY KEY (topic, partition, "offset")""",
    # records that stand in the log before, under the same number (taken out of it), and what was asked to be sent again
    "sent_again": """topic TEXT, partition INT, "offset" INT, sequence INT, event_id TEXT,
        PRIMARY KEY (topic, partition, "offset")""",
    "republications": "topic TEXT, partition INT, first INT, following INT, still_open INT",
    # low: the offset before which retention has cut; since: the log of the partition is whole from this time on
    "kept": "topic TEXT, partition INT, low INT, since REAL, PRIMARY KEY (topic, partition)",
    "heads": "service TEXT, topic TEXT, partition INT, last_sequence INT, PRIMARY KEY (topic, partition)",
    "outbox": """topic TEXT, partition INT, sequence INT, event_id TEXT, digest TEXT,
        PRIMARY KEY (topic, partition, sequence)""",
    "inbox": """service TEXT, topic TEXT, partition INT, next_offset INT, last_sequence INT,
        PRIMARY KEY (service, topic, partition)""",
    "dead_letters": """service TEXT, id TEXT PRIMARY KEY, state TEXT, reason TEXT, topic TEXT, partition INT,
        "offset" INT, key TEXT, digest TEXT, at REAL""",
    "orders": """order_id TEXT PRIMARY KEY, status TEXT, reason TEXT, currency TEXT, payment_method TEXT,
        customer_id TEXT, total INT, lines TEXT, pieces TEXT, refund INT, at REAL, updated_at REAL""",
    "keys": "key TEXT PRIMARY KEY, order_id TEXT",
    "payments": """payment_id TEXT PRIMARY KEY, order_id TEXT, state TEXT, amount INT, currency TEXT, payment_method TEXT,
        lines TEXT, reason TEXT, at REAL""",
    "refunds": """refund_id TEXT PRIMARY KEY, payment_id TEXT, order_id TEXT, state TEXT, amount INT, currency TEXT,
        reason TEXT, at REAL""",
    "requests": "request_id TEXT PRIMARY KEY, order_id TEXT, kind TEXT, attempts INT, due_for REAL",
    "decisions": "order_id TEXT PRIMARY KEY, payment_id TEXT, outcome TEXT, reason TEXT, pieces TEXT, at REAL",
    "products": """sku TEXT PRIMARY KEY, name TEXT, price INT, currency TEXT, version INT, on_hand INT, initial INT,
        at REAL""",
    "adjustments": "key TEXT PRIMARY KEY, sku TEXT, delta INT",
    "copies": "sku TEXT PRIMARY KEY, name TEXT, price INT, currency TEXT, version INT",
    "in_flight": "order_id TEXT PRIMARY KEY, why TEXT",
    "moment": "still INT",
}

INDEXES = """
CREATE INDEX log_by_order ON log (order_id, name);
CREATE INDEX log_by_number ON log (topic, partition, sequence);
CREATE INDEX log_by_event ON log (event_id);
CREATE INDEX log_by_sku ON log (name, sku);
CREATE INDEX payments_by_order ON payments (order_id);
CREATE INDEX refunds_by_order ON refunds (order_id);
CREATE INDEX keys_by_order ON keys (order_id);
CREATE INDEX requests_by_order ON requests (order_id);
CREATE INDEX letters_by_key ON dead_letters (key);
ANALYZE;
"""


@contextmanager
def scratch() -> Iterator[sqlite3.Connection]:
    """Open an empty scratch database; it is deleted in the end."""
    with tempfile.TemporaryDirectory(prefix="reconcile-") as folder:
        connection = sqlite3.connect(Path(folder) / "scratch.sqlite", isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
            for name, columns in TABLES.items():
                connection.execute(f"CREATE TABLE {name} ({columns})")
            connection.execute("CREATE VIEW events AS SELECT * FROM log WHERE NOT beyond")
            yield connection
        finally:
            connection.close()


def fill(connection: sqlite3.Connection, table: str, rows: Iterable[Sequence[Any]]) -> int:
    """Insert rows, a few thousand in memory at a time; returns how many."""
    iterator, count = iter(rows), 0
    connection.execute("BEGIN")
    while chunk := list(islice(iterator, ROWS_AT_ONCE)):
        marks = ", ".join("?" * len(chunk[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", chunk)  # noqa: S608 - our own names
        count += len(chunk)
    connection.execute("COMMIT")
    return count


def index(connection: sqlite3.Connection) -> None:
    """Make the indexes, once everything is there."""
    connection.executescript(INDEXES)
