"""What must be true of a system: each check is a sentence and a statement that returns what contradicts it.

A statement returns (subject, text). What one service says of itself (its tables, its topic up to its heads) must agree at
every moment; what two services say, only of orders that are not `in_flight`. `moment` says whether the system was still, `kept`
since when each partition is whole: what is older than that, retention may have cut.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """A sentence that must be true, and the statement that finds what contradicts it."""

    name: str
    sentence: str
    statement: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A row that cannot be explained."""

    check: str
    subject: str
    text: str


def _since(topic: str) -> str:
    return f"(SELECT coalesce(max(since), 0) FROM kept WHERE topic = {topic})"  # noqa: S608 - our own words


SINCE_ORDERS, SINCE_PAYMENTS, SINCE_STOCK = (
    _since("'shop.orders'"),
    _since("'shop.payments'"),
    _since("'shop.inventory'"),
)
DUE_SECONDS_MAX = 60
STOCK_FAILURES = "('OUT_OF_STOCK', 'UNKNOWN_PRODUCT')"

DECODABLE = Check(
    "decodable",
    "Every record of ours can be read with its schema.",
    """
    SELECT topic || '[' || partition || ']@' || "offset", problem FROM log
    WHERE sequence IS NOT NULL AND problem IS NOT NULL
    """,
)

LOG = (
    Check(
        "numbers",
        "The numbers of a topic partition are dense and in order, from 1 or from where retention has cut the log; a number that"
        " was lost and sent again later is followed by those after it.",
        """
        SELECT topic || '[' || partition || '] offset ' || "offset",
               'number ' || sequence || CASE WHEN previous IS NULL THEN ' is the first' ELSE ' after ' || previous END
        FROM (SELECT *, lag(sequence) OVER own AS previous, lag("offset") OVER own AS previous_offset
              FROM log WHERE sequence IS NOT NULL WINDOW own AS (PARTITION BY topic, partition ORDER BY sequence, "offset")
             ) AS numbered
        JOIN kept USING (topic, partition)
        WHERE sequence <> previous + 1 OR (previous IS NULL AND sequence <> 1 AND low = 0)
           OR (previous_offset > "offset" AND NOT EXISTS (SELECT 1 FROM sent_again AS copy
               WHERE copy.topic = numbered.topic AND copy.partition = numbered.partition
                 AND copy.sequence = numbered.sequence AND copy."offset" > previous_offset))
        """,
    ),
    Check(
        "sent again",
        "A record stands in the log a second time only where somebody has had its number sent again.",
        """
        SELECT sent_again.topic || '[' || sent_again.partition || '] offset ' || "offset",
               'number ' || sequence || ', event ' || event_id || ' a second time'
        FROM sent_again WHERE NOT EXISTS (SELECT 1 FROM republications AS asked WHERE asked.topic = sent_again.topic
            AND asked.partition = sent_again.partition AND asked.first <= sent_again.sequence
              AND (asked.still_open OR sent_again.sequence < asked.following))
        """,
    ),
    Check(
        "event ids",
        "No event is in the log under two numbers.",
        """
        SELECT 'event ' || event_id, count(*) || ' times: ' || group_concat(topic || '[' || partition || ']@' || "offset")
        FROM log WHERE event_id IS NOT NULL GROUP BY event_id HAVING count(*) > 1
        """,
    ),
    Check(
        "log is the outbox",
        "Every row of an outbox is in the log under its number, with its event id and bytes, and nothing else of ours is.",
        """
        SELECT outbox.topic || '[' || outbox.partition || '] number ' || outbox.sequence,
               CASE WHEN log.event_id IS NULL THEN 'event ' || outbox.event_id || ' is not in the log'
                    WHEN log.event_id <> outbox.event_id THEN 'the log has event ' || log.event_id
                    ELSE 'the log has other bytes' END
        FROM outbox LEFT JOIN log USING (topic, partition, sequence)
        LEFT JOIN kept ON kept.topic = outbox.topic AND kept.partition = outbox.partition
        LEFT JOIN (SELECT topic, partition, min(sequence) AS first FROM log GROUP BY topic, partition) AS visible
            ON visible.topic = outbox.topic AND visible.partition = outbox.partition
        WHERE NOT (coalesce(kept.low, 0) > 0 AND outbox.sequence < coalesce(visible.first, outbox.sequence + 1))
          AND (log.event_id IS NOT outbox.event_id OR log.digest IS NOT outbox.digest)
        UNION ALL
        SELECT log.topic || '[' || log.partition || '] number ' || log.sequence, 'is not in the outbox'
        FROM events AS log LEFT JOIN outbox USING (topic, partition, sequence)
        WHERE outbox.event_id IS NULL AND log.sequence > (SELECT min(sequence) FROM outbox AS stored
            WHERE stored.topic = log.topic AND stored.partition = log.partition)
        """,
    ),
    Check(
        "heads",
        "The log ends at the number that the database gave out last.",
        """
        SELECT heads.topic || '[' || heads.partition || ']',
               'the database gave out ' || last_sequence || ', the log ends at ' || coalesce(max(sequence), 0)
        FROM heads LEFT JOIN kept USING (topic, partition) LEFT JOIN log ON log.topic = heads.topic
            AND log.partition = heads.partition AND (NOT beyond OR (SELECT still FROM moment))
        GROUP BY heads.topic, heads.partition HAVING last_sequence <> coalesce(max(sequence), 0)
            AND (max(sequence) IS NOT NULL OR coalesce(low, 0) = 0)
        """,
    ),
    Check(
        "inboxes",
        "What counts as applied is what stands in the log up to the position.",
        """
        SELECT service || ' ' || inbox.topic || '[' || inbox.partition || ']',
               'counts ' || last_sequence || ', the log has ' || coalesce(max(sequence), 0) || ' before its position'
        FROM inbox LEFT JOIN kept USING (topic, partition) LEFT JOIN log
            ON log.topic = inbox.topic AND log.partition = inbox.partition AND log."offset" < next_offset
        GROUP BY service, inbox.topic, inbox.partition HAVING last_sequence <> coalesce(max(sequence), 0)
            AND (max(sequence) IS NOT NULL OR coalesce(low, 0) = 0)
        """,
    ),
    Check(
        "caught up",
        "Where nothing moves any more, every record has been read by every service that consumes its topic.",
        """
        SELECT service || ' ' || inbox.topic || '[' || inbox.partition || ']',
               count(*) || ' records from offset ' || next_offset || ' on are not read'
        FROM inbox JOIN log
            ON log.topic = inbox.topic AND log.partition = inbox.partition AND log."offset" >= next_offset
        WHERE (SELECT still FROM moment) GROUP BY service, inbox.topic, inbox.partition
        """,
    ),
    Check(
        "dead letters of records",
        "A record that is not ours, or has no schema, is a dead letter of every service that has passed it; one that does not"
        " fit its schema, of those that use its type.",
        """
        SELECT log.topic || '[' || log.partition || ']@' || log."offset",
               'not parked by ' || inbox.service || coalesce(': ' || log.problem, '')
        FROM log JOIN inbox ON inbox.topic = log.topic AND inbox.partition = log.partition AND next_offset > log."offset"
        LEFT JOIN dead_letters AS letter ON letter.service = inbox.service AND letter.topic = log.topic
            AND letter.partition = log.partition AND letter."offset" = log."offset"
        WHERE (log.sequence IS NULL OR (log.problem IS NOT NULL AND NOT log.has_schema)) AND letter.id IS NULL
        UNION ALL
        SELECT log.topic || '[' || log.partition || ']@' || log."offset", 'not parked by anybody: ' || log.problem
        FROM log JOIN inbox USING (topic, partition)
        LEFT JOIN dead_letters AS letter ON letter.topic = log.topic AND letter.partition = log.partition
            AND letter."offset" = log."offset"
        WHERE log.sequence IS NOT NULL AND log.problem IS NOT NULL AND log.has_schema
        GROUP BY log.topic, log.partition, log."offset" HAVING count(letter.id) = 0 AND min(next_offset) > log."offset"
        """,
    ),
    Check(
        "dead letter topics",
        "A dead letter is in its service's dead letter topic once, with the bytes of the original.",
        """
        SELECT 'dead letter ' || letter.id, CASE
            WHEN count(copy.event_id) <> 1 THEN count(copy.event_id) || ' records in the dead letter topic'
            WHEN copy.digest <> letter.digest THEN 'its record has other bytes'
            WHEN original.digest IS NOT NULL AND original.digest <> letter.digest THEN 'the original has other bytes'
            ELSE 'its record names another original' END
        FROM dead_letters AS letter
        LEFT JOIN log AS copy ON copy.event_id = letter.id AND copy.topic = 'shop.' || letter.service || '.dlq'
        LEFT JOIN log AS original ON original.topic = letter.topic AND original.partition = letter.partition
            AND original."offset" = letter."offset"
        WHERE letter.at >= (SELECT coalesce(max(since), 0) FROM kept WHERE topic = 'shop.' || letter.service || '.dlq')
        GROUP BY letter.id
        HAVING count(copy.event_id) <> 1 OR copy.digest <> letter.digest
            OR (original.digest IS NOT NULL AND original.digest <> letter.digest)
            OR (copy.origin_topic, copy.origin_partition, copy.origin_offset)
                IS NOT (letter.topic, letter.partition, letter."offset")
        """,
    ),
)

ORDERS = (
    Check(
        "stuck",
        "An order that is not final, or owed its refund, is under way, waits for the provider, or has an open dead letter.",
        """
        SELECT 'order ' || order_id, status || coalesce(' ' || reason || ', refund owed', '')
            || ', and nothing is under way'
        FROM in_flight JOIN orders USING (order_id) WHERE why = 'stuck'
        """,
    ),
    Check(
        "placed",
        "Every accepted order has exactly one OrderPlaced, and it says what the order says.",
        f"""
        SELECT 'order ' || orders.order_id, CASE WHEN count(log.event_id) <> 1
            THEN count(log.event_id) || ' OrderPlaced' ELSE 'its OrderPlaced has another content' END
        FROM orders LEFT JOIN events AS log ON log.order_id = orders.order_id AND log.name = 'OrderPlaced'
        WHERE orders.at >= {SINCE_ORDERS}
        GROUP BY orders.order_id HAVING count(log.event_id) <> 1
            OR (log.amount, log.content, log.customer_id, log.payment_method, log.currency)
                IS NOT (total, lines, orders.customer_id, orders.payment_method, orders.currency)
        """,  # noqa: S608 - our own words
    ),
    Check(
        "ended",
        "A final order has exactly one of OrderCompleted and OrderFailed, with its reason; another order has none.",
        f"""
        SELECT 'order ' || orders.order_id, status || coalesce(' ' || orders.reason, '') || ', events: '
            || coalesce(group_concat(log.name || coalesce(' ' || log.reason, '')), 'none')
        FROM orders LEFT JOIN events AS log ON log.order_id = orders.order_id AND log.name IN ('OrderCompleted', 'OrderFailed')
        WHERE orders.at >= {SINCE_ORDERS}
        GROUP BY orders.order_id
        HAVING count(log.event_id) <> (status IN ('COMPLETED', 'FAILED'))
            OR (status = 'COMPLETED' AND log.name <> 'OrderCompleted')
            OR (status = 'FAILED' AND (log.name <> 'OrderFailed' OR log.reason IS NOT orders.reason))
        """,  # noqa: S608 - our own words
    ),
    Check(
        "idempotency keys",
        "An Idempotency-Key belongs to one order that exists, an order to at most one key.",
        """
        SELECT 'key ' || key, 'no order ' || keys.order_id FROM keys LEFT JOIN orders USING (order_id)
        WHERE orders.order_id IS NULL
        UNION ALL
        SELECT 'order ' || order_id, count(*) || ' keys' FROM keys GROUP BY order_id HAVING count(*) > 1
        """,
    ),
)

PAYMENTS = (
    Check(
        "one payment",
        "Every order has exactly one payment, over its total and for its lines, and no payment is without its order.",
        """
        SELECT 'order ' || orders.order_id, count(payment_id) || ' payments over '
            || coalesce(group_concat(payments.amount || ' ' || payments.currency), 'nothing') || ', its total is ' || total
            || ' ' || orders.currency || CASE WHEN payments.lines <> orders.lines THEN ', for other lines' ELSE '' END
        FROM orders LEFT JOIN payments USING (order_id) LEFT JOIN in_flight USING (order_id)
        WHERE in_flight.order_id IS NULL GROUP BY orders.order_id
        HAVING count(payment_id) <> 1 OR (payments.amount, payments.currency, payments.payment_method, payments.lines)
            IS NOT (total, orders.currency, orders.payment_method, orders.lines)
        UNION ALL
        SELECT 'payment ' || payment_id, 'no order ' || payments.order_id
        FROM payments LEFT JOIN orders USING (order_id) WHERE orders.order_id IS NULL
        """,
    ),
    Check(
        "payment fits the order",
        "What was or will be delivered, and what had to be given back, was captured; what was declined was not.",
        f"""
        SELECT 'order ' || order_id, status || coalesce(' ' || orders.reason, '') || ', payment ' || state
        FROM orders JOIN payments USING (order_id) LEFT JOIN in_flight USING (order_id)
        WHERE in_flight.order_id IS NULL AND state <> CASE
            WHEN status IN ('COMPLETED', 'PAID') OR orders.reason IN {STOCK_FAILURES} THEN 'CAPTURED'
            WHEN orders.reason = 'PAYMENT_DECLINED' THEN 'DECLINED'
            WHEN orders.reason = 'PAYMENT_ERROR' THEN 'GIVEN_UP' ELSE 'of no known state' END
        """,  # noqa: S608 - our own words
    ),
    Check(
        "payment events",
        "A decided payment has exactly one event, which says what the payment says; an undecided one has none.",
        f"""
        SELECT 'payment ' || payments.payment_id, state || ', events: '
            || coalesce(group_concat(log.name || coalesce(' over ' || log.amount, '')), 'none')
        FROM payments LEFT JOIN events AS log
            ON log.order_id = payments.order_id AND log.name IN ('PaymentCaptured', 'PaymentDeclined')
        WHERE payments.at >= {SINCE_PAYMENTS}
        GROUP BY payments.payment_id
        HAVING count(log.event_id) <> (state IN ('CAPTURED', 'DECLINED')) OR log.payment_id <> payments.payment_id
            OR (state = 'CAPTURED' AND (log.name, log.amount, log.currency, log.content)
                IS NOT ('PaymentCaptured', payments.amount, payments.currency, payments.lines))
            OR (state = 'DECLINED' AND (log.name, log.reason) IS NOT ('PaymentDeclined', payments.reason))
        """,  # noqa: S608 - our own words
    ),
    Check(
        "refund events",
        "A refund that was made has exactly one PaymentRefunded, which says what the refund says; another has none.",
        f"""
        SELECT 'refund ' || refunds.refund_id, state || ', events: '
            || coalesce(group_concat(log.name || ' over ' || log.amount), 'none')
        FROM refunds LEFT JOIN events AS log ON log.order_id = refunds.order_id AND log.name = 'PaymentRefunded'
        WHERE refunds.at >= {SINCE_PAYMENTS}
        GROUP BY refunds.refund_id
        HAVING count(log.event_id) <> (state = 'REFUNDED') OR (count(log.event_id) = 1
            AND (log.refund_id, log.payment_id, log.amount, log.currency, log.reason)
                IS NOT (refunds.refund_id, refunds.payment_id, refunds.amount, refunds.currency, refunds.reason))
        """,  # noqa: S608 - our own words
    ),
    Check(
        "refunds",
        "Money goes back once and whole where a paid order found no stock, and nowhere else.",
        f"""
        SELECT 'order ' || orders.order_id, status || coalesce(' ' || orders.reason, '') || ', total ' || total
            || ', the order says ' || coalesce(orders.refund || ' given back', 'nothing given back') || ', '
            || count(refund_id) || ' refunds over ' || coalesce(group_concat(refunds.amount), 'nothing')
        FROM orders LEFT JOIN refunds USING (order_id) LEFT JOIN in_flight USING (order_id)
        WHERE in_flight.order_id IS NULL GROUP BY orders.order_id
        HAVING CASE WHEN orders.reason IN {STOCK_FAILURES}
            THEN orders.refund IS NOT total OR count(refund_id) <> 1 OR refunds.amount <> total
                OR refunds.state <> 'REFUNDED'
            ELSE orders.refund IS NOT NULL OR count(refund_id) > 0 END
        UNION ALL
        SELECT 'refund ' || refund_id, 'no captured payment of this amount'
        FROM refunds LEFT JOIN payments USING (payment_id)
        WHERE payments.state IS NOT 'CAPTURED' OR (payments.amount, payments.currency)
            IS NOT (refunds.amount, refunds.currency)
        """,  # noqa: S608 - our own words
    ),
    Check(
        "provider requests",
        "The provider is to be asked once for what is REQUESTED, for nothing else, and somebody takes what is due.",
        f"""
        WITH subjects AS (
            SELECT payment_id AS request_id, order_id, 'charge' AS kind, state FROM payments
            UNION ALL SELECT refund_id, order_id, 'refund', state FROM refunds)
        SELECT subjects.kind || ' ' || request_id, 'REQUESTED, but the provider is not to be asked'
        FROM subjects LEFT JOIN requests USING (request_id, order_id, kind)
        WHERE state = 'REQUESTED' AND due_for IS NULL
        UNION ALL
        SELECT kind || ' ' || request_id, 'the provider is to be asked for what is ' || coalesce(state, 'nowhere requested')
        FROM requests LEFT JOIN subjects USING (request_id, order_id, kind) WHERE state IS NOT 'REQUESTED'
        UNION ALL
        SELECT kind || ' ' || request_id, 'due for ' || cast(due_for AS INT) || ' s after ' || attempts
            || ' attempts, and nobody takes it'
        FROM requests WHERE due_for > {DUE_SECONDS_MAX}
        """,  # noqa: S608 - our own words
    ),
)

STOCK = (
    Check(
        "deductions",
        "Stock was taken for completed orders, for all their pieces, and for no other order.",
        f"""
        SELECT 'order ' || orders.order_id, status || coalesce(' ' || orders.reason, '') || ' of ' || orders.pieces
            || ', stock: ' || coalesce(outcome || coalesce(' ' || decisions.reason, '') || ' ' || decisions.pieces, 'nothing')
        FROM orders LEFT JOIN decisions USING (order_id) LEFT JOIN in_flight USING (order_id)
        WHERE in_flight.order_id IS NULL AND NOT CASE
            WHEN status = 'COMPLETED' THEN outcome IS 'DEDUCTED' AND decisions.pieces IS orders.pieces
            WHEN orders.reason IN {STOCK_FAILURES} THEN outcome IS 'REJECTED' AND decisions.reason IS orders.reason
            ELSE outcome IS NULL END
        UNION ALL
        SELECT 'order ' || decisions.order_id, outcome || ', but there is no captured payment'
        FROM decisions LEFT JOIN payments USING (payment_id) WHERE payments.state IS NOT 'CAPTURED'
        """,  # noqa: S608 - our own words
    ),
    Check(
        "stock events",
        "A decision about stock has exactly one event, with its pieces or its reason.",
        f"""
        SELECT 'order ' || decisions.order_id, outcome || ', events: ' || coalesce(group_concat(log.name), 'none')
        FROM decisions LEFT JOIN events AS log
            ON log.order_id = decisions.order_id AND log.name IN ('StockDeducted', 'StockRejected')
        WHERE decisions.at >= {SINCE_STOCK}
        GROUP BY decisions.order_id
        HAVING count(log.event_id) <> 1
            OR (outcome = 'DEDUCTED' AND (log.name <> 'StockDeducted' OR log.content <> decisions.pieces))
            OR (outcome = 'REJECTED' AND (log.name <> 'StockRejected' OR log.reason <> decisions.reason))
        """,  # noqa: S608 - our own words
    ),
    Check(
        "stock",
        "On hand is what there was at first, plus adjustments, less deductions, and never below zero.",
        """
        SELECT 'product ' || sku, on_hand || ' on hand; ' || initial || ' at first, ' || coalesce(added, 0)
            || ' by adjustments, ' || coalesce(taken, 0) || ' deducted'
        FROM products
        LEFT JOIN (SELECT sku, sum(delta) AS added FROM adjustments GROUP BY sku) USING (sku)
        LEFT JOIN (SELECT json_each.key AS sku, sum(json_each.value) AS taken
                   FROM decisions, json_each(decisions.pieces) WHERE outcome = 'DEDUCTED' GROUP BY 1) USING (sku)
        WHERE on_hand < 0 OR on_hand <> initial + coalesce(added, 0) - coalesce(taken, 0)
        """,
    ),
    Check(
        "adjustment events",
        "Every adjustment has its StockAdjusted.",
        f"""
        SELECT 'product ' || sku, coalesce(made, 0) || ' adjustments by ' || coalesce(added, 0) || ', '
            || coalesce(told, 0) || ' events by ' || coalesce(told_added, 0)
        FROM products
        LEFT JOIN (SELECT sku, count(*) AS made, sum(delta) AS added FROM adjustments GROUP BY sku) USING (sku)
        LEFT JOIN (SELECT sku, count(*) AS told, sum(delta) AS told_added FROM events AS log WHERE name = 'StockAdjusted'
                   GROUP BY sku) USING (sku)
        WHERE products.at >= {SINCE_STOCK}
          AND (coalesce(made, 0) <> coalesce(told, 0) OR coalesce(added, 0) <> coalesce(told_added, 0))
        """,  # noqa: S608 - our own words
    ),
    Check(
        "listings",
        "Every version of a product was told once.",
        f"""
        SELECT 'product ' || products.sku, 'version ' || products.version || ', ' || count(log.event_id)
            || ' ProductListed, the last of version ' || coalesce(max(log.version), 0)
        FROM products LEFT JOIN events AS log ON log.name = 'ProductListed' AND log.sku = products.sku
        WHERE products.at >= {SINCE_STOCK}
        GROUP BY products.sku HAVING count(log.event_id) <> products.version OR max(log.version) IS NOT products.version
        """,  # noqa: S608 - our own words
    ),
    Check(
        "product copies",
        "Orders knows every product as inventory lists it.",
        """
        SELECT 'product ' || products.sku, CASE WHEN copies.sku IS NULL THEN 'unknown to orders'
            ELSE 'orders knows it as ' || copies.name || ', ' || copies.price || ' ' || copies.currency
                || ', version ' || copies.version END
        FROM products LEFT JOIN copies USING (sku)
        WHERE (SELECT still FROM moment) AND (products.name, products.price, products.currency, products.version)
            IS NOT (copies.name, copies.price, copies.currency, copies.version)
        UNION ALL
        SELECT 'product ' || copies.sku, 'unknown to inventory' FROM copies LEFT JOIN products USING (sku)
        WHERE products.sku IS NULL AND (SELECT still FROM moment)
        """,
    ),
)

OWNED = Check(
    "owned",
    "No event tells of what its service does not have.",
    " UNION ALL ".join(
        f"""
        SELECT log.name || ' ' || log.{key}, 'not in the {table} of its service'
        FROM events AS log LEFT JOIN {table} AS owner ON owner.{key} = log.{key}
        WHERE log.name IN {names} AND owner.{key} IS NULL
        """  # noqa: S608 - our own words
        for names, table, key in (
            ("('OrderPlaced', 'OrderCompleted', 'OrderFailed')", "orders", "order_id"),
            ("('PaymentCaptured', 'PaymentDeclined')", "payments", "order_id"),
            ("('PaymentRefunded')", "refunds", "order_id"),
            ("('StockDeducted', 'StockRejected')", "decisions", "order_id"),
            ("('ProductListed', 'StockAdjusted')", "products", "sku"),
        )
    ),
)

CHECKS: Sequence[Check] = (*LOG, DECODABLE, OWNED, *ORDERS, *PAYMENTS, *STOCK)


def findings(connection: sqlite3.Connection, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Run the checks over a filled scratch database."""
    for check in checks:
        for subject, text in connection.execute(check.statement):
            yield Finding(check.name, str(subject), str(text))
