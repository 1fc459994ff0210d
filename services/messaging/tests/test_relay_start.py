"""Rules 3 and 7: the position is read after the predecessor is fenced and nothing is undecided, and what follows is whole."""

from pathlib import Path

import pytest
from confluent_kafka import Producer
from psycopg import sql

from services.messaging.database import fetch, run
from services.messaging.records import partition_of
from services.messaging.tables import outbox_table
from services.messaging.tests.conftest import PARTITIONS, World, eventually, running
from services.messaging.tests.evidence import assert_published_once, count_visible
from services.messaging.tests.frozen import Frozen, relay_of


def test_a_relay_that_wakes_while_its_successor_reads_the_position_publishes_nothing(
    world: World, tmp_path: Path
) -> None:
    world.append(world.records(30))
    (tmp_path / "one").mkdir()
    (tmp_path / "other").mkdir()
    with Frozen(world, "relay", "relay: rows gathered, nothing published", tmp_path / "one") as one:
        eventually(one.is_stopped)
        with Frozen(world, "relay", "relay: log surveyed", tmp_path / "other") as other:
            eventually(other.is_stopped)
            one.thaw()
            eventually(lambda: one.says("Doubt") or one.says("relay_lease_lost") or one.says("database_unavailable"))
            seen = count_visible(world)
            other.thaw()
            eventually(lambda: count_visible(world) >= 30)

    assert seen == 0
    assert_published_once(world)


def test_a_position_behind_a_foreign_open_transaction_is_waited_for(world: World) -> None:
    with running(relay_of(world).run):
        world.append([world.record("one", b"first")])
        eventually(lambda: count_visible(world) == 1)
        stranger = Producer(
            {"bootstrap.servers": world.settings.kafka_bootstrap_servers, "transactional.id": f"stranger-{world.topic}"}
        )
        stranger.init_transactions(10)
        stranger.begin_transaction()
        stranger.produce(world.topic, b"undecided", partition=partition_of(b"one", PARTITIONS))
        assert stranger.flush(10) == 0
        world.append([world.record("one", b"second")])
        partitions = world.kafka.partitions(world.topic)
        marked = sum(world.kafka.ends(partitions).values()) + 2  # the record and the commit's marker
        eventually(lambda: sum(world.kafka.ends(partitions).values()) >= marked)

    ended, renewals = world.kafka.ends(partitions), set[object]()
    with running(relay_of(world).run):
        world.append([world.record("one", b"third")])
        # it renews its lease while it waits; one that does not wait publishes
        eventually(lambda: len(seen(world, renewals)) >= 12 or world.kafka.ends(partitions) != ended)
        held_back = count_visible(world)
        stranger.abort_transaction(10)
        eventually(lambda: count_visible(world) >= 3)

    assert held_back == 1
    assert_published_once(world)


def seen(world: World, renewals: set[object]) -> set[object]:
    """Add the lease's expiry to those seen before."""
    with world.database.connection() as connection:
        renewals.update(fetch(connection, "SELECT expires_at FROM relay_lease"))
    return renewals


def test_rows_that_were_offered_ahead_wait_for_those_before(world: World) -> None:
    relay = relay_of(world)
    with running(relay.run):
        eventually(lambda: relay.not_ready() is None)
        for batch in range(20):
            earlier, later = world.append(world.records(20, f"a{batch}")), world.append(world.records(20, f"b{batch}"))
            relay.offer(later)  # as from another thread; who committed first may offer last, or never
            if batch % 3:
                relay.offer(earlier)
        eventually(lambda: count_visible(world) == 800)

    assert_published_once(world)


@pytest.mark.parametrize(("first", "last"), [(3, 3), (3, 5)])
def test_a_row_that_is_gone_is_not_stepped_over(world: World, first: int, last: int) -> None:
    """One in the middle, or all that follow."""
    world.append([world.record("one", str(number).encode()) for number in range(5)])
    with world.database.transaction() as transaction:
        query = sql.SQL("DELETE FROM {} WHERE sequence BETWEEN %s AND %s")
        run(transaction, query.format(sql.Identifier(outbox_table(world.topic))), [first, last])

    relay = relay_of(world)
    with running(relay.run):
        eventually(lambda: relay.refusal is not None)

    assert "number 3" in (relay.refusal or "")
    assert "not in the outbox" in (relay.refusal or "")
    assert count_visible(world) < first
