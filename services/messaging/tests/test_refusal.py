"""Rule 4: what cannot be is refused, by the relay and by everybody else who writes events."""

import pytest
from psycopg import sql

from services.messaging.database import Transaction, run
from services.messaging.errors import ForeignLog, LogAheadOfDatabase
from services.messaging.survey import guard
from services.messaging.tables import outbox_table
from services.messaging.tests.conftest import World, eventually, running
from services.messaging.tests.test_consumer import Reader
from services.messaging.tests.test_relay import log_of, relay_of


@pytest.fixture
def published(world: World) -> World:
    """A world in which 60 records were published."""
    with running(relay_of(world).run):
        world.append(world.records(60))
        eventually(lambda: sum(map(len, log_of(world).values())) == 60)
    return world


def forget(world: World) -> None:
    """Restore the database to the past: of every partition only the first five numbers are known."""
    table = sql.Identifier(outbox_table(world.topic))
    with world.database.transaction() as transaction:
        run(transaction, sql.SQL("DELETE FROM {} WHERE sequence > 5").format(table))
        run(transaction, "UPDATE outbox_head SET last_sequence = 5 WHERE last_sequence > 5")
        run(transaction, "DELETE FROM outbox_note")


def test_nobody_writes_when_the_log_is_ahead_of_the_database(published: World) -> None:
    forget(published)
    guarded = published.open("guarded", guard=guard(published.kafka, published.topics))

    with pytest.raises(LogAheadOfDatabase, match="restored from the past"), guarded.transaction():
        raise AssertionError("a transaction was begun")
    relay = relay_of(published)
    with running(relay.run):
        eventually(lambda: relay.refusal is not None)


def test_nobody_writes_when_a_number_was_given_out_again(published: World) -> None:
    forget(published)
    published.append(published.records(60, "again"))
    guarded = published.open("guarded", guard=guard(published.kafka, published.topics))

    with pytest.raises(LogAheadOfDatabase, match="has given the number out again"), guarded.transaction():
        raise AssertionError("a transaction was begun")


def test_nobody_writes_to_another_cluster(published: World) -> None:
    with published.database.transaction() as transaction:
        run(transaction, "UPDATE outbox_note SET cluster_id = 'elsewhere'")
    guarded = published.open("guarded", guard=guard(published.kafka, published.topics))

    with pytest.raises(ForeignLog, match="to cluster elsewhere"), guarded.transaction():
        raise AssertionError("a transaction was begun")


def test_a_database_that_knows_the_log_may_write(published: World) -> None:
    guarded = published.open("guarded", guard=guard(published.kafka, published.topics))

    with guarded.transaction() as transaction:
        assert run(transaction, "UPDATE outbox_head SET last_sequence = last_sequence WHERE partition = 0") == 2


def test_a_consumer_that_refused_is_ready_when_it_may_write_again(world: World) -> None:
    refusing = [True]

    def look(_: Transaction) -> None:
        if refusing:
            raise LogAheadOfDatabase("not now")

    reader = Reader(world, world.open("reader", guard=look))
    with running(reader.consumer.run):
        eventually(lambda: "not now" in (reader.consumer.not_ready() or ""))
        refusing.clear()
        eventually(lambda: reader.consumer.not_ready() is None)
