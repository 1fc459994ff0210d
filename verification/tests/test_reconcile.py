"""Each check finds the row that contradicts it, and a sound system has no finding."""

import itertools
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from verification.log_reader import LogRecord
from verification.reconcile.checks import CHECKS
from verification.reconcile.databases import canonical_lines, canonical_pieces
from verification.reconcile.log import fill_log
from verification.reconcile.run import classify, judge
from verification.reconcile.scratch import fill, index, scratch

LINES = [{"sku": "tea", "quantity": 2, "unit_price_minor": 50}]
PIECES, CONTENT = canonical_pieces(LINES), canonical_lines(LINES)
NOW = 1_000.0
ENDS = {"sold": "OrderCompleted", "declined": "OrderFailed", "short": "OrderFailed"}


class Log:
    """Builds topics of one partition, numbered densely."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self._offsets: dict[str, Iterator[int]] = {}
        self._numbers: dict[str, Iterator[int]] = {}

    def add(self, topic: str, name: str | None, *, own: bool = True, value: bytes = b"v", **event: Any) -> LogRecord:
        offset = next(self._offsets.setdefault(topic, itertools.count()))
        sequence = next(self._numbers.setdefault(topic, itertools.count(1))) if own else None
        record = LogRecord(
            topic, 0, offset, 0, b"key", value, tuple(event.pop("headers", {}).items()), sequence,
            event.pop("event_id", f"{topic}-{sequence}") if own else None, 1,
            name and f"shop.x.{name}", event if name else None, None if name else "not Avro",
        )  # fmt: skip
        self.records.append(record)
        return record


def events() -> Log:
    log = Log()
    log.add("shop.inventory", "ProductListed", sku="tea", version=1)
    log.add("shop.inventory", "StockAdjusted", sku="tea", delta=1)
    for order_id in ENDS:
        log.add("shop.orders", "OrderPlaced", order_id=order_id, total_minor=100, lines=LINES)
    for order_id in ("sold", "short"):
        log.add(
            "shop.payments",
            "PaymentCaptured",
            order_id=order_id,
            payment_id=f"p-{order_id}",
            amount_minor=100,
            lines=LINES,
        )
    log.add("shop.payments", "PaymentDeclined", order_id="declined", payment_id="p-declined", reason="CARD_DECLINED")
    log.add("shop.inventory", "StockDeducted", order_id="sold", lines=[{"sku": "tea", "quantity": 2}])
    log.add("shop.inventory", "StockRejected", order_id="short", reason="OUT_OF_STOCK")
    log.add("shop.payments", "PaymentRefunded", order_id="short", payment_id="p-short", refund_id="r", amount_minor=100)
    log.add("shop.orders", "OrderCompleted", order_id="sold")
    log.add("shop.orders", "OrderFailed", order_id="declined", reason="PAYMENT_DECLINED")
    log.add("shop.orders", "OrderFailed", order_id="short", reason="OUT_OF_STOCK")
    poison = log.add("shop.orders", None, own=False, value=b"junk")
    origin = {"topic": poison.topic, "partition": "0", "offset": str(poison.offset)}
    headers = {f"kafka_dlt-original-{name}": text.encode() for name, text in origin.items()}
    log.add("shop.payments.dlq", None, value=b"junk", event_id="letter", headers=headers)
    return log


def fill_tables(connection: sqlite3.Connection) -> None:
    fill(
        connection,
        "orders",
        [
            ("sold", "COMPLETED", None, "EUR", "tok", "ada", 100, CONTENT, PIECES, None, NOW, NOW),
            ("declined", "FAILED", "PAYMENT_DECLINED", "EUR", "tok", "bob", 100, CONTENT, PIECES, None, NOW, NOW),
            ("short", "FAILED", "OUT_OF_STOCK", "EUR", "tok", "cyd", 100, CONTENT, PIECES, 100, NOW, NOW),
        ],
    )
    fill(connection, "keys", [("key", "sold")])
    states = {"sold": "CAPTURED", "declined": "DECLINED", "short": "CAPTURED"}
    fill(connection, "payments", [(f"p-{key}", key, state, 100, "EUR", NOW) for key, state in states.items()])
    fill(connection, "refunds", [("r", "p-short", "short", "REFUNDED", 100, "OUT_OF_STOCK", NOW)])
    decided = [("sold", "DEDUCTED", None), ("short", "REJECTED", "OUT_OF_STOCK")]
    fill(connection, "decisions", [(key, f"p-{key}", what, why, PIECES, NOW) for key, what, why in decided])
    fill(connection, "products", [("tea", "Tea", 50, "EUR", 1, 2, 3, NOW)])
    fill(connection, "adjustments", [("again", "tea", 1)])
    fill(connection, "copies", [("tea", "Tea", 50, "EUR", 1)])


def fill_messaging(connection: sqlite3.Connection) -> None:
    """Outboxes, heads, positions and dead letters as they follow from the log."""
    connection.execute(
        "INSERT INTO outbox SELECT topic, partition, sequence, event_id, digest FROM log WHERE sequence IS NOT NULL"
    )
    connection.execute("INSERT INTO heads SELECT topic, topic, 0, max(sequence) FROM log GROUP BY topic")
    for service, topic in (("payments", "shop.orders"), ("inventory", "shop.payments"), ("orders", "shop.inventory")):
        connection.execute(
            'INSERT INTO inbox SELECT ?, topic, 0, max("offset") + 1, max(sequence) FROM log WHERE topic = ?',
            (service, topic),
        )
    connection.execute(
        """INSERT INTO dead_letters SELECT 'payments', 'letter', 'open', 'FOREIGN_RECORD', topic, 0, "offset", 'key', digest,
           1000.0 FROM log WHERE topic = 'shop.orders' AND sequence IS NULL"""
    )


@pytest.fixture
def sound() -> Iterator[sqlite3.Connection]:
    with scratch() as connection:
        since = fill_log(connection, events().records)
        fill_tables(connection)
        fill_messaging(connection)
        connection.execute("INSERT INTO moment VALUES (1, ?)", (since,))
        index(connection)
        yield connection


def found(connection: sqlite3.Connection, *, still: bool = True) -> set[str]:
    connection.execute("UPDATE moment SET still = ?", (still,))
    classify(connection, still=still, began=NOW + 1)
    return {finding.check for finding in judge(connection, still=still).findings}


def test_sound_system_is_explained(sound: sqlite3.Connection) -> None:
    classify(sound, still=True, began=NOW)
    report = judge(sound, still=True)

    assert report.findings == []
    assert report.counts["orders"] == {"COMPLETED": 1, "FAILED OUT_OF_STOCK": 1, "FAILED PAYMENT_DECLINED": 1}
    assert (report.captured_minor, report.refunded_minor, report.completed_minor) == (200, 100, 100)
    assert report.document()["clean"] is True


BROKEN = {
    "numbers": "UPDATE log SET sequence = 9 WHERE topic = 'shop.orders' AND sequence = 6",
    "event ids": "UPDATE log SET event_id = 'shop.orders-1' WHERE event_id = 'shop.orders-2'",
    "log is the outbox": "UPDATE log SET digest = 'other' WHERE event_id = 'shop.orders-2'",
    "heads": "UPDATE heads SET last_sequence = 9 WHERE topic = 'shop.orders'",
    "inboxes": "UPDATE inbox SET last_sequence = 5 WHERE service = 'payments'",
    "caught up": "UPDATE inbox SET next_offset = 3, last_sequence = 3 WHERE service = 'payments'",
    "dead letters of records": "UPDATE dead_letters SET partition = 1",
    "dead letter topics": "UPDATE log SET digest = 'other' WHERE topic = 'shop.payments.dlq'",
    "stuck": "UPDATE orders SET status = 'PAID', reason = NULL WHERE order_id = 'sold'",
    "placed": "UPDATE log SET amount = 99 WHERE name = 'OrderPlaced' AND order_id = 'sold'",
    "ended": "UPDATE log SET reason = 'UNKNOWN' WHERE name = 'OrderFailed' AND order_id = 'short'",
    "idempotency keys": "INSERT INTO keys VALUES ('other', 'sold')",
    "one payment": "UPDATE payments SET order_id = 'nobody' WHERE order_id = 'declined'",
    "payment fits the order": "UPDATE payments SET state = 'CAPTURED' WHERE order_id = 'declined'",
    "payment events": "UPDATE log SET amount = 99 WHERE name = 'PaymentCaptured' AND order_id = 'sold'",
    "refund events": "UPDATE log SET name = 'Other' WHERE name = 'PaymentRefunded'",
    "refunds": "UPDATE orders SET refund = 99 WHERE order_id = 'short'",
    "deductions": "UPDATE decisions SET outcome = 'REJECTED', reason = 'OUT_OF_STOCK' WHERE order_id = 'sold'",
    "stock events": "UPDATE log SET name = 'StockRejected' WHERE name = 'StockDeducted'",
    "stock": "UPDATE products SET on_hand = 3",
    "adjustment events": "DELETE FROM adjustments",
    "listings": "UPDATE products SET version = 2",
    "product copies": "UPDATE copies SET price = 51",
}


@pytest.mark.parametrize(("check", "statement"), BROKEN.items())
def test_each_check_finds_what_contradicts_it(sound: sqlite3.Connection, check: str, statement: str) -> None:
    sound.execute(statement)

    assert check in found(sound)


def test_every_check_is_seen_to_find_something() -> None:
    assert set(BROKEN) == {check.name for check in CHECKS}


@pytest.mark.parametrize(("has_schema", "expected"), [(0, {"dead letters of records"}), (1, set())])
def test_record_that_does_not_fit_its_schema_concerns_only_who_uses_its_type(
    sound: sqlite3.Connection, has_schema: int, expected: set[str]
) -> None:
    """Another service than the one that parked it has passed the record, too."""
    sound.execute(
        "UPDATE log SET sequence = 7, event_id = 'x', has_schema = ? WHERE problem IS NOT NULL", (has_schema,)
    )
    sound.execute("INSERT INTO outbox VALUES ('shop.orders', 0, 7, 'x', (SELECT digest FROM dead_letters))")
    sound.execute("UPDATE heads SET last_sequence = 7 WHERE topic = 'shop.orders'")
    sound.execute("UPDATE inbox SET last_sequence = 7 WHERE topic = 'shop.orders'")
    sound.execute(
        "INSERT INTO inbox SELECT 'other', topic, partition, next_offset, 7 FROM inbox WHERE service = 'payments'"
    )

    assert found(sound) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log WHERE name = 'OrderPlaced' AND order_id = 'sold'",
        "INSERT INTO refunds VALUES ('r2', 'p-short', 'short', 'REFUNDED', 100, 'OUT_OF_STOCK', 1000)",
        "DELETE FROM decisions WHERE order_id = 'sold'",
        "DELETE FROM payments WHERE order_id = 'sold'",
        "DELETE FROM orders WHERE order_id = 'sold'",
        "UPDATE orders SET status = 'FAILED', reason = 'OUT_OF_STOCK' WHERE order_id = 'sold'",
    ],
)
def test_what_is_missing_or_twice_is_found(sound: sqlite3.Connection, statement: str) -> None:
    sound.execute(statement)

    assert found(sound)


def test_order_under_way_is_not_judged(sound: sqlite3.Connection) -> None:
    sound.execute("UPDATE heads SET last_sequence = 3 WHERE topic = 'shop.orders'")
    sound.execute("UPDATE log SET beyond = 1 WHERE topic = 'shop.orders' AND sequence > 3")
    sound.execute("UPDATE orders SET status = 'PENDING', reason = NULL, refund = NULL")
    sound.execute("DELETE FROM outbox WHERE topic = 'shop.orders' AND sequence > 3")

    assert found(sound, still=False) == set()
    assert dict(sound.execute("SELECT order_id, why FROM in_flight").fetchall()) == dict.fromkeys(ENDS, "under way")


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (
            "UPDATE payments SET state = 'REQUESTED' WHERE order_id = 'sold'",
            "the payment provider is still being asked",
        ),
        ("UPDATE dead_letters SET key = 'sold'", "open dead letter"),
        ("SELECT 1", "stuck"),
    ],
)
def test_order_that_is_not_final_says_why(sound: sqlite3.Connection, statement: str, why: str) -> None:
    sound.execute("UPDATE orders SET status = 'PENDING' WHERE order_id = 'sold'")
    sound.execute(statement)
    classify(sound, still=True, began=NOW)

    assert sound.execute("SELECT why FROM in_flight").fetchall() == [(why,)]


def test_what_retention_has_cut_is_not_missed(sound: sqlite3.Connection) -> None:
    sound.execute("DELETE FROM log WHERE topic = 'shop.orders' AND sequence < 3")
    sound.execute("UPDATE moment SET since = ?", (NOW + 1,))

    assert found(sound) == set()


def test_foreign_record_and_dead_letter_are_no_events() -> None:
    log = Log()
    log.add("shop.orders", "OrderPlaced", own=False, order_id="forged")
    log.add("shop.payments.dlq", "OrderPlaced", order_id="parked")
    with scratch() as connection:
        fill_log(connection, log.records)

        assert connection.execute("SELECT name, order_id FROM events").fetchall() == [(None, None)] * 2


def test_lines_of_one_product_and_price_count_as_one() -> None:
    lines = [{"sku": "b", "quantity": 1, "unit_price_minor": 5}, *LINES, *LINES]

    assert json.loads(canonical_lines(lines)) == [["b", 5, 1], ["tea", 50, 4]]
    assert json.loads(canonical_pieces(lines)) == {"b": 1, "tea": 4}
