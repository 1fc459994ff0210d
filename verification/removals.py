"""The rules of ARCHITECTURE.md as data: how each is taken out of the code, and the test that must fail then.

A removal is the smallest change that breaks the rule and nothing else. See rules.py for the program that tries them.
"""

from dataclasses import dataclass

_KIT = "services/messaging"
_TESTS = "services/messaging/tests"
_CHANCE = 'UUID(int=__import__("random").getrandbits(128))'


@dataclass(frozen=True, slots=True)
class Removal:
    """One way to take a rule out: ``text`` occurs once in ``file``; ``test`` is a pytest node id."""

    rule: int
    what: str
    file: str
    text: str
    replacement: str
    test: str


RULES = {
    1: "A key has one partition on all topics; a record without exactly one valid number and id is foreign",
    2: "Locks are taken in one order",
    3: "The position is read after fencing, when nothing is undecided",
    4: "What cannot be is refused",
    5: "Any doubt, new producer",
    6: "Positions move by compare-and-swap, and are read again after a rollback",
    7: "Only position + 1 is ever published",
    8: "A note per run of contiguous offsets; a range goes when all have passed it",
    9: "Nothing beyond a gap is applied; copies never move a position",
    10: "Nobody waits for a frozen process",
    11: "Ids are derived from their cause",
    12: "Nothing accepts without bound",
}

REMOVALS = (
    Removal(
        1, "another hash than librdkafka's", f"{_KIT}/records.py",
        'return zlib.crc32(key or b"") % partitions',
        'return zlib.adler32(key or b"") % partitions',
        f"{_TESTS}/test_partitions.py::test_a_key_goes_where_librdkafkas_consistent_partitioner_puts_it",
    ),
    Removal(
        1, "a header twice is as good as once", f"{_KIT}/headers.py",
        "if len(sequences) != 1 or len(event_ids) != 1 or",
        "if not sequences or not event_ids or",
        f"{_TESTS}/test_headers.py::test_anything_else_is_foreign",
    ),
    Removal(
        2, "topics in the order of the events", f"{_KIT}/outbox.py",
        "for topic in sorted(by_topic) for row",
        "for topic in by_topic for row",
        f"{_TESTS}/test_parallel_writers.py::"
        "test_parallel_writers_in_opposite_orders_neither_deadlock_nor_show_a_hole",
    ),
    Removal(
        2, "keys in the order of the requests", "services/orders/store.py",
        "ORDER BY key\nON CONFLICT (key) DO NOTHING",
        "ON CONFLICT (key) DO NOTHING",
        "services/orders/tests/test_parallel_writers.py::"
        "test_parallel_writers_with_the_same_keys_in_any_order_place_each_order_once",
    ),
    Removal(
        2, "products in the order of the requests", "services/inventory/store.py",
        'ORDER BY sku COLLATE "C"\nON CONFLICT (sku) DO NOTHING',
        "ON CONFLICT (sku) DO NOTHING",
        "services/inventory/tests/test_parallel_writers.py::"
        "test_parallel_writers_of_the_same_products_in_any_order_create_adjust_and_deduct_each_once",
    ),
    Removal(
        3, "position first, producer second", f"{_KIT}/relay.py",
        "with self._new_publisher() as publisher:\n"
        "                    self._begin(connection, publisher).run(stopping)",
        "publishing = self._begin(connection, None)\n"
        "                with self._new_publisher() as publisher:\n"
        "                    publishing.publisher = publisher\n"
        "                    publishing.run(stopping)",
        f"{_TESTS}/test_relay_start.py::"
        "test_a_relay_that_wakes_while_its_successor_reads_the_position_publishes_nothing",
    ),
    Removal(
        3, "no waiting for what is undecided", f"{_KIT}/relay.py",
        "if undecided := self._wait_until_stable(connection):\n            reason",
        "if undecided := list[str]():\n            reason",
        f"{_TESTS}/test_relay_start.py::test_a_position_behind_a_foreign_open_transaction_is_waited_for",
    ),
    Removal(
        4, "a number beyond the head", f"{_KIT}/position.py",
        "if sequence > self.head:", "if False:",
        f"{_TESTS}/test_refusal.py::test_nobody_writes_when_the_log_is_ahead_of_the_database",
    ),
    Removal(
        4, "another event under a number of ours", f"{_KIT}/survey.py",
        "if expected is not None and expected != own.event_id:", "if False:",
        f"{_TESTS}/test_refusal.py::test_nobody_writes_when_a_number_was_given_out_again",
    ),
    Removal(
        4, "another cluster", f"{_KIT}/survey.py",
        "if note.cluster_id != cluster.cluster_id:", "if False:",
        f"{_TESTS}/test_refusal.py::test_nobody_writes_to_another_cluster",
    ),
    Removal(
        4, "only the relay looks", f"{_KIT}/database.py",
        'if self.guard is not None and not connection.info.get("guarded"):', "if False:",
        f"{_TESTS}/test_refusal.py::test_nobody_writes_when_the_log_is_ahead_of_the_database",
    ),
    Removal(
        4, "what was forgotten stays forgotten", f"{_KIT}/repair.py",
        "    count = 0\n    for messages in _forgotten(", "    count = 0\n    for messages in () and _forgotten(",
        f"{_TESTS}/test_repair.py::test_forgotten_events_are_put_back_under_their_numbers",
    ),
    Removal(
        4, "what was never published keeps its number", f"{_KIT}/repair.py",
        "found.last + len(kept) + 1", "row.sequence",
        f"{_TESTS}/test_repair.py::test_what_was_never_published_follows_the_log",
    ),
    Removal(
        4, "an event that was made again is published again", f"{_KIT}/repair.py",
        "None if row.event_id in found.published else ", "",
        f"{_TESTS}/test_repair.py::test_an_event_that_was_made_again_is_not_published_again",
    ),
    Removal(
        5, "a lost connection is no doubt", f"{_KIT}/publisher.py",
        "if self._lost.last is not None:", "if False:",
        "verification/tests/test_late_commits.py::test_a_late_commit_is_refused_once_there_is_a_new_producer",
    ),
    Removal(
        5, "slowness is no doubt", f"{_KIT}/publisher.py",
        "if monotonic() - begun > self._timeout_seconds / 2:", "if False:",
        "verification/tests/test_late_commits.py::test_a_commit_answered_late_ends_the_producer",
    ),
    Removal(
        6, "whoever claimed last does not matter", f"{_KIT}/inbox.py",
        "WHERE inbox.epoch = wanted.epoch AND inbox.next_offset", "WHERE inbox.next_offset",
        f"{_TESTS}/test_consumer.py::test_a_zombie_writes_nothing",
    ),
    Removal(
        6, "positions are set, not compared", f"{_KIT}/inbox.py",
        "WHERE inbox.epoch = wanted.epoch AND inbox.next_offset = wanted.next_offset\n"
        "      AND inbox.last_sequence = wanted.last_sequence\n",
        "",
        f"{_TESTS}/test_frozen.py::test_a_frozen_consumer_is_succeeded_and_applies_nothing_when_thawed",
    ),
    Removal(
        6, "after a rollback the position is what it was believed to be", f"{_KIT}/consumer.py",
        "self._cursors[partition] = Cursor(partition, cursor.topic_id, stored[partition])",
        "self._cursors[partition] = Cursor(partition, cursor.topic_id, cursor.stored)",
        f"{_TESTS}/test_consumer.py::test_a_commit_of_unknown_outcome_is_not_applied_again",
    ),
    Removal(
        7, "memory gives what it has", f"{_KIT}/memory.py",
        "(row := kept.pop(position + 1 + len(taken), None))",
        "kept and (row := kept.pop(min(kept)))",
        f"{_TESTS}/test_relay_start.py::test_rows_that_were_offered_ahead_wait_for_those_before",
    ),
    Removal(
        7, "rows that are gone are stepped over", f"{_KIT}/publishing.py",
        "                    _refuse_hole(place, number, found)\n", "",
        f"{_TESTS}/test_relay_start.py::test_a_row_that_is_gone_is_not_stepped_over",
    ),
    Removal(
        8, "a run goes over transaction markers", f"{_KIT}/position.py",
        "sequence == self.last_sequence + 1 and offset - self.first_offset == sequence - self.first_sequence",
        "sequence == self.last_sequence + 1",
        f"{_TESTS}/test_position.py::test_runs_are_consecutive_numbers_at_consecutive_offsets",
    ),
    Removal(
        8, "a range goes when it is old", f"{_KIT}/ranges.py",
        "if known.end - 1 > lowest or not _older", "if not _older",
        f"{_TESTS}/test_outbox.py::test_ranges_are_made_ahead_and_dropped_when_passed_and_old",
    ),
    Removal(
        8, "what was found in the log gets no note", f"{_KIT}/relay.py",
        "        _note_what_was_found(connection, surveyed)\n", "",
        f"{_TESTS}/test_relay.py::test_lost_notes_are_found_again_in_the_log",
    ),
    Removal(
        9, "a gap is nothing", f"{_KIT}/sifting.py",
        "if own.sequence > cursor.last_sequence + 1:", "if False:",
        f"{_TESTS}/test_consumer.py::test_nothing_beyond_a_gap_is_applied_until_the_missing_number_comes",
    ),
    Removal(
        9, "a copy is applied", f"{_KIT}/sifting.py",
        "if own.sequence <= cursor.last_sequence:", "if False:",
        f"{_TESTS}/test_repair.py::test_copies_are_dropped_by_who_has_applied_them_and_do_not_move_the_position",
    ),
    Removal(
        9, "a copy moves the relay's position", f"{_KIT}/publishing.py",
        "if row.sequence <= self.positions[partition]:  #", "if False:  #",
        f"{_TESTS}/test_repair.py::test_copies_are_dropped_by_who_has_applied_them_and_do_not_move_the_position",
    ),
    Removal(
        9, "what is missing is stepped over by itself", f"{_KIT}/sifting.py",
        "        cursor.waiting_for = cursor.last_sequence + 1\n        return \"beyond_gap\", None\n",
        "        cursor.last_sequence = own.sequence - 1\n",
        f"{_TESTS}/test_repair.py::test_a_consumer_that_lags_behind_the_log_gets_what_it_misses",
    ),
    Removal(
        9, "a gap that a person has closed stays open", f"{_KIT}/consumer.py",
        "        self._tell_gaps()\n        self._look_behind_gaps()\n", "        self._tell_gaps()\n",
        f"{_TESTS}/test_repair.py::test_a_beginning_that_nobody_can_send_again_is_adopted_openly",
    ),
    Removal(
        10, "a transaction may be idle for ever", f"{_KIT}/database.py",
        '"idle_in_transaction_session_timeout": milliseconds,', '"idle_in_transaction_session_timeout": 0,',
        f"{_TESTS}/test_frozen.py::test_a_frozen_writer_holds_nobody_up_and_leaves_nothing",
    ),
    Removal(
        10, "locks are waited for as long as it takes", f"{_KIT}/database.py",
        '"lock_timeout": int(settings.database_lock_timeout_seconds * 1000),', '"lock_timeout": 0,',
        f"{_TESTS}/test_frozen.py::test_a_lock_is_waited_for_no_longer_than_its_limit",
    ),
    Removal(
        10, "Kafka's default time-out of transactions", f"{_KIT}/publisher.py",
        '"transaction.timeout.ms": int(transaction_timeout_seconds * 1000),', '"transaction.timeout.ms": 60_000,',
        f"{_TESTS}/test_frozen.py::"
        "test_a_frozen_transaction_in_kafka_holds_readers_up_no_longer_than_its_timeout",
    ),
    Removal(
        11, "events of an order get ids by chance", "services/orders/domain.py",
        "event_id=uuid5(cause.event_id, name),", f"event_id={_CHANCE},",
        "services/orders/tests/test_domain.py::test_a_final_event_has_the_same_id_however_often_it_is_decided",
    ),
    Removal(
        11, "events of a payment get ids by chance", "services/payments/domain.py",
        "event_id=uuid5(cause.event_id, name),", f"event_id={_CHANCE},",
        "services/payments/tests/test_domain.py::test_an_event_follows_from_its_cause",
    ),
    Removal(
        11, "events of stock get ids by chance", "services/inventory/domain.py",
        "event_id=uuid5(cause.event_id, name),", f"event_id={_CHANCE},",
        "services/inventory/tests/test_domain.py::test_an_event_follows_from_its_cause",
    ),
    Removal(
        12, "every order is taken", "services/orders/admission.py",
        "return self._open < self._open_max", "return True",
        "services/orders/tests/test_admission.py::test_over_the_limit_nothing_is_stored_and_a_used_key_is_answered",
    ),
    Removal(
        12, "the process does not ask whether orders are taken", "services/orders/main.py",
        "replace(_handlers(service), admits=admission.admits).place", "replace(_handlers(service)).place",
        "services/orders/tests/test_limit.py::"
        "test_over_the_limit_orders_are_to_come_back_and_a_used_key_is_answered",
    ),
)  # fmt: skip
