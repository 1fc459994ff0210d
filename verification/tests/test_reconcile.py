"""Each check finds the row that contradicts it, and a sound system has no finding."""

import itertools
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from verification.log_reader import LogRecord
from verification.reconcile.checks import CHECKS
from verification.reconcile.databases import READS, canonical_lines, canonical_pieces
from verification.reconcile.log import fill_log
from verification.reconcile.run import judge, prepare
from verification.reconcile.scratch import fill, scratch

LINES = [{"sku": "tea", "quantity": 2, "unit_price_minor": 50}]
PIECES, CONTENT = canonical_pieces(LINES), canonical_lines(LINES)
NOW = 1_000.0
BEGINNINGS = {(topic, 0): 0 for topic in ("shop.orders", "shop.payments", "shop.inventory", "shop.payments.dlq")}
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
        log.add("shop.orders", "OrderPlaced", order_id=order_id, total_minor=100, lines=LINES, currency="EUR",
                customer_id=f"customer of {order_id}", payment_method="tok")  # fmt: skip
    for order_id in ("sold", "short"):
        log.add(
            "shop.payments",
            "PaymentCaptured",
            order_id=order_id,
            payment_id=f"p-{order_id}",
            amount_minor=100,
            currency="EUR",
            lines=LINES,
        )
    log.add("shop.payments", "PaymentDeclined", order_id="declined", payment_id="p-declined", reason="CARD_DECLINED")
    log.add("shop.inventory", "StockDeducted", order_id="sold", lines=[{"sku": "tea", "quantity": 2}])
    log.add("shop.inventory", "StockRejected", order_id="short", reason="OUT_OF_STOCK")
    log.add("shop.payments", "PaymentRefunded", order_id="short", payment_id="p-short", refund_id="r", amount_minor=100,
            currency="EUR", reason="OUT_OF_STOCK")  # fmt: skip
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
            (key, status, reason, "EUR", "tok", f"customer of {key}", 100, CONTENT, PIECES, refund, NOW, NOW)
            for key, status, reason, refund in (
                ("sold", "COMPLETED", None, None),
                ("declined", "FAILED", "PAYMENT_DECLINED", None),
                ("short", "FAILED", "OUT_OF_STOCK", 100),
            )
        ],
    )
    fill(connection, "keys", [("key", "sold")])
    states = {"sold": ("CAPTURED", None), "declined": ("DECLINED", "CARD_DECLINED"), "short": ("CAPTURED", None)}
    paid = [(f"p-{key}", key, state, 100, "EUR", "tok", CONTENT, why, NOW) for key, (state, why) in states.items()]
    fill(connection, "payments", paid)
    fill(connection, "refunds", [("r", "p-short", "short", "REFUNDED", 100, "EUR", "OUT_OF_STOCK", NOW)])
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
    for service, topics in READS.items():
        for topic in topics:
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
        fill_log(connection, events().records, lambda: BEGINNINGS)
        fill_tables(connection)
        fill_messaging(connection)
        yield connection


def found(connection: sqlite3.Connection, *, still: bool = True) -> set[str]:
    prepare(connection, still=still, began=NOW + 1)
    return {finding.check for finding in judge(connection, still=still).findings}


def test_sound_system_is_explained(sound: sqlite3.Connection) -> None:
    prepare(sound, still=True, began=NOW)
    report = judge(sound, still=True)

    assert report.findings == []
    assert report.counts["orders"] == {"COMPLETED": 1, "FAILED OUT_OF_STOCK": 1, "FAILED PAYMENT_DECLINED": 1}
    assert (report.captured_minor, report.refunded_minor, report.completed_minor) == (200, 100, 100)
    assert report.document()["clean"] is True


BROKEN = {
    "numbers": "UPDATE log SET sequence = 9 WHERE topic = 'shop.orders' AND sequence = 6",
    "sent again": """INSERT INTO log (topic, partition, "offset", sequence, event_id)
        SELECT topic, partition, 99, sequence, event_id FROM log WHERE event_id = 'shop.orders-6'""",
    "event ids": "UPDATE log SET event_id = 'shop.orders-1' WHERE event_id = 'shop.orders-2'",
    "log is the outbox": "UPDATE log SET digest = 'other' WHERE event_id = 'shop.orders-2'",
    "heads": "UPDATE heads SET last_sequence = 9 WHERE topic = 'shop.orders'",
    "inboxes": "UPDATE inbox SET last_sequence = 5 WHERE service = 'payments'",
    "caught up": "UPDATE inbox SET next_offset = 3, last_sequence = 3 WHERE service = 'payments'",
    "dead letters of records": "UPDATE dead_letters SET partition = 1",
    "dead letter topics": "UPDATE log SET digest = 'other' WHERE topic = 'shop.payments.dlq'",
    "decodable": "UPDATE log SET problem = 'cut off' WHERE event_id = 'shop.orders-1'",
    "owned": "DELETE FROM products",
    "stuck": "UPDATE orders SET status = 'PAID', reason = NULL WHERE order_id = 'sold'",
    "placed": "UPDATE log SET amount = 99 WHERE name = 'OrderPlaced' AND order_id = 'sold'",
    "ended": "UPDATE log SET reason = 'UNKNOWN' WHERE name = 'OrderFailed' AND order_id = 'short'",
    "idempotency keys": "INSERT INTO keys VALUES ('other', 'sold')",
    "one payment": "UPDATE payments SET order_id = 'nobody' WHERE order_id = 'declined'",
    "payment fits the order": "UPDATE payments SET state = 'CAPTURED' WHERE order_id = 'declined'",
    "payment events": "UPDATE log SET amount = 99 WHERE name = 'PaymentCaptured' AND order_id = 'sold'",
    "refund events": "UPDATE log SET name = 'Other' WHERE name = 'PaymentRefunded'",
    "provider requests": "UPDATE refunds SET state = 'REQUESTED'",
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
    expected = {"decodable", *expected}
    sound.execute("INSERT INTO outbox VALUES ('shop.orders', 0, 7, 'x', (SELECT digest FROM dead_letters))")
    sound.execute("UPDATE heads SET last_sequence = 7 WHERE topic = 'shop.orders'")
    sound.execute("UPDATE inbox SET last_sequence = 7 WHERE topic = 'shop.orders'")
    sound.execute(
        """INSERT INTO inbox SELECT 'other', topic, partition, next_offset, 7 FROM inbox
           WHERE service = 'payments' AND topic = 'shop.orders'"""
    )

    assert found(sound) == expected


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log WHERE name = 'OrderPlaced' AND order_id = 'sold'",
        "INSERT INTO refunds VALUES ('r2', 'p-short', 'short', 'REFUNDED', 100, 'EUR', 'OUT_OF_STOCK', 1000)",
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
    sound.execute("UPDATE orders SET status = 'PENDING', reason = NULL, refund = NULL")
    sound.execute("DELETE FROM outbox WHERE topic = 'shop.orders' AND sequence > 3")

    assert found(sound, still=False) == set()
    assert dict(sound.execute("SELECT order_id, why FROM in_flight").fetchall()) == dict.fromkeys(ENDS, "under way")


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("INSERT INTO requests VALUES ('p-sold', 'sold', 'charge', 1, 0)", "the payment provider is still being asked"),
        ("UPDATE payments SET state = 'REQUESTED' WHERE order_id = 'sold'", "stuck"),
        ("UPDATE dead_letters SET key = 'sold', reason = 'UNDECODABLE'", "open dead letter"),
        ("UPDATE dead_letters SET key = 'sold'", "stuck"),  # anybody can write a foreign record
        ("SELECT 1", "stuck"),
    ],
)
def test_order_that_is_not_final_says_why(sound: sqlite3.Connection, statement: str, why: str) -> None:
    sound.execute("UPDATE orders SET status = 'PENDING' WHERE order_id = 'sold'")
    sound.execute(statement)
    prepare(sound, still=True, began=NOW)

    assert sound.execute("SELECT why FROM in_flight").fetchall() == [(why,)]


def test_what_was_sent_again_into_a_hole_is_explained(sound: sqlite3.Connection) -> None:
    """Of orders the numbers 2 and 3 were lost; sent again were 2 and all that follow."""
    again = """INSERT INTO log SELECT topic, partition, "offset" + 90, sequence, event_id, key, digest, name, problem, has_schema,
        order_id, sku, payment_id, refund_id, customer_id, payment_method, currency, amount, reason, version, delta, content,
        origin_topic, origin_partition, origin_offset, beyond FROM log WHERE topic = 'shop.orders' AND sequence > 1"""
    sound.execute(again)
    sound.execute("DELETE FROM log WHERE topic = 'shop.orders' AND \"offset\" < 90 AND sequence IN (2, 3)")
    sound.execute("UPDATE inbox SET next_offset = 99 WHERE topic = 'shop.orders'")
    sound.execute("INSERT INTO republications VALUES ('shop.orders', 0, 2, 7, 0)")

    assert found(sound) == set()


def test_a_number_out_of_order_is_found(sound: sqlite3.Connection) -> None:
    sound.execute("UPDATE log SET \"offset\" = 50 WHERE topic = 'shop.orders' AND sequence = 2")

    assert "numbers" in found(sound)


CUT = "DELETE FROM log WHERE topic = 'shop.orders' AND sequence < 3"


def test_what_retention_has_cut_is_not_missed(sound: sqlite3.Connection) -> None:
    sound.execute(CUT)
    sound.execute("UPDATE kept SET low = 2, since = ? WHERE topic = 'shop.orders'", (NOW + 1,))

    assert found(sound) == set()


def test_what_another_topic_has_lost_to_retention_excuses_nothing(sound: sqlite3.Connection) -> None:
    sound.execute(CUT)
    sound.execute("UPDATE kept SET low = 2, since = ? WHERE topic <> 'shop.orders'", (NOW + 1,))

    assert found(sound) == {"numbers", "log is the outbox", "placed"}


@pytest.mark.parametrize(("low", "since"), [(0, 0.0), (1, 7.0), (2, 7.0)])
def test_log_is_whole_where_its_first_offsets_are_seen_by_nobody(low: int, since: float) -> None:
    """Offsets 0 and 1 are those of an aborted transaction."""
    record = replace(Log().add("shop.orders.dlq", "OrderPlaced"), offset=2, timestamp_milliseconds=7_000)
    with scratch() as connection:
        fill_log(connection, [record], lambda: {("shop.orders.dlq", 0): low, ("shop.orders.dlq", 1): 0})

        kept = connection.execute("SELECT partition, low, since FROM kept ORDER BY partition").fetchall()

    assert kept == [(0, low, since), (1, 0, 0.0)]


def test_empty_partition_that_was_cut_is_whole_from_now_on() -> None:
    with scratch() as connection:
        fill_log(connection, [], lambda: {("shop.orders", 0): 5})

        [(since,)] = connection.execute("SELECT since FROM kept")

    assert since > NOW


def test_lost_first_number_is_found_behind_a_foreign_record(sound: sqlite3.Connection) -> None:
    sound.execute("DELETE FROM log WHERE topic = 'shop.orders' AND sequence = 1")
    sound.execute("UPDATE log SET \"offset\" = 0 WHERE topic = 'shop.orders' AND sequence IS NULL")

    assert {"numbers", "log is the outbox"} <= found(sound)


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE orders SET customer_id = 'somebody' WHERE order_id = 'sold'", "placed"),
        ("UPDATE orders SET payment_method = 'other' WHERE order_id = 'sold'", "placed"),
        ("UPDATE orders SET currency = 'USD' WHERE order_id = 'sold'", "placed"),
        ("UPDATE payments SET lines = '[]' WHERE order_id = 'sold'", "payment events"),
        ("UPDATE payments SET lines = '[]' WHERE order_id = 'declined'", "one payment"),
        ("UPDATE payments SET currency = 'USD' WHERE order_id = 'sold'", "payment events"),
        ("UPDATE payments SET reason = 'UNKNOWN' WHERE order_id = 'declined'", "payment events"),
        ("UPDATE payments SET payment_method = 'other' WHERE order_id = 'sold'", "one payment"),
        ("UPDATE refunds SET reason = 'UNKNOWN_PRODUCT'", "refund events"),
        ("UPDATE log SET currency = 'USD' WHERE name = 'PaymentRefunded'", "refund events"),
        ("DELETE FROM orders WHERE order_id = 'sold'", "owned"),
        ("DELETE FROM payments WHERE order_id = 'declined'", "owned"),
        ("DELETE FROM refunds", "owned"),
        ("DELETE FROM decisions", "owned"),
        ("DELETE FROM outbox WHERE event_id = 'shop.orders-2'", "log is the outbox"),
        ("UPDATE heads SET last_sequence = last_sequence - 1 WHERE topic = 'shop.orders'", "heads"),
        ("INSERT INTO requests VALUES ('p-sold', 'sold', 'charge', 1, 0)", "provider requests"),
        ("INSERT INTO requests VALUES ('p-gone', 'gone', 'charge', 1, 0)", "provider requests"),
        ("DELETE FROM inbox WHERE service = 'inventory'", "caught up"),
    ],
)
def test_what_does_not_agree_is_found_by_its_check(sound: sqlite3.Connection, statement: str, check: str) -> None:
    sound.execute(statement)

    assert check in found(sound)


@pytest.mark.parametrize(("due_for", "expected"), [(-5, set()), (59, set()), (61, {"provider requests"})])
def test_request_that_nobody_takes_is_found(sound: sqlite3.Connection, due_for: int, expected: set[str]) -> None:
    sound.execute("UPDATE payments SET state = 'REQUESTED' WHERE order_id = 'sold'")
    sound.execute("INSERT INTO requests VALUES ('p-sold', 'sold', 'charge', 1, ?)", (due_for,))
    sound.execute("UPDATE orders SET status = 'PENDING' WHERE order_id = 'sold'")
    sound.execute("DELETE FROM decisions WHERE order_id = 'sold'")
    sound.execute("UPDATE products SET on_hand = 4")
    sound.execute(
        "UPDATE log SET name = NULL WHERE order_id = 'sold' AND name IN ('PaymentCaptured', 'StockDeducted', 'OrderCompleted')"
    )

    assert found(sound) == expected


def test_undecodable_record_of_ours_may_be_allowed(sound: sqlite3.Connection) -> None:
    sound.execute(BROKEN["decodable"])
    sound.execute("INSERT INTO dead_letters SELECT 'orders', 'x', 'open', '', 'shop.orders', 0, 0, '', '', 0")
    prepare(sound, still=True, began=NOW)

    assert "decodable" in {finding.check for finding in judge(sound, still=True).findings}
    assert "decodable" not in {finding.check for finding in judge(sound, still=True, allow_undecodable=True).findings}


def test_money_of_the_largest_orders_is_added_up(sound: sqlite3.Connection) -> None:
    largest = 200 * 1_000_000 * 1_000_000_000
    for table in ("payments", "orders"):
        sound.execute(f"UPDATE {table} SET {'amount' if table == 'payments' else 'total'} = ?", (largest,))
    rows = [(f"q-{n}", f"o-{n}", "CAPTURED", largest, "EUR", "tok", CONTENT, None, NOW) for n in range(50)]
    fill(sound, "payments", rows)
    prepare(sound, still=True, began=NOW)

    assert judge(sound, still=True).captured_minor == 52 * largest


def test_foreign_record_and_dead_letter_are_no_events() -> None:
    log = Log()
    log.add("shop.orders", "OrderPlaced", own=False, order_id="forged")
    log.add("shop.payments.dlq", "OrderPlaced", order_id="parked")
    with scratch() as connection:
        fill_log(connection, log.records, dict)

        assert connection.execute("SELECT name, order_id FROM events").fetchall() == [(None, None)] * 2


def test_lines_of_one_product_and_price_count_as_one() -> None:
    lines = [{"sku": "b", "quantity": 1, "unit_price_minor": 5}, *LINES, *LINES]

    assert json.loads(canonical_lines(lines)) == [["b", 5, 1], ["tea", 50, 4]]
    assert json.loads(canonical_pieces(lines)) == {"b": 1, "tea": 4}
