"""Rules 6, 7 and 10 with real processes: frozen (SIGSTOP) at their worst moments, succeeded, thawed (SIGCONT).

Time-outs are shortened: database statements and idle transactions 2 s, locks 1 s, the lease 2 s. The group's session
time-out is the broker's least, 6 s.
"""

import random
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from services.messaging.database import fetch
from services.messaging.tests.conftest import World, eventually, running
from services.messaging.tests.evidence import appended, assert_published_once, count_visible, visible
from services.messaging.tests.frozen import APPLIED, OWN_ROWS, Frozen, Worker, relay_of

DATABASE_SECONDS, LOCK_SECONDS, SESSION_SECONDS, TRANSACTION_SECONDS = 2.0, 1.0, 6.0, 3.0
SLACK_SECONDS = 6.0  # starts of producers and rebalances on a busy machine
SEED = 20261123


@pytest.fixture
def strict(world: World) -> World:
    """A world with short time-outs and a place to note what was applied."""
    changed = {
        "database_timeout_seconds": DATABASE_SECONDS,
        "database_lock_timeout_seconds": LOCK_SECONDS,
        "consumer_session_timeout_seconds": SESSION_SECONDS,
        "relay_transaction_timeout_seconds": TRANSACTION_SECONDS,
    }
    with psycopg.connect(world.url) as connection:
        connection.execute(APPLIED)
    made = replace(world, settings=world.settings.model_copy(update=changed))
    return replace(made, database=made.open("test"))


def applied(world: World) -> dict[int, list[int]]:
    """The numbers applied, per partition in the order in which that happened."""
    numbers: dict[int, list[int]] = {}
    with world.database.connection() as connection:
        for partition, sequence in fetch(connection, "SELECT partition, sequence FROM applied ORDER BY ordinal"):
            numbers.setdefault(partition, []).append(sequence)
    return numbers


def count_applied(world: World) -> int:
    return sum(map(len, applied(world).values()))


def assert_applied_once(world: World) -> None:
    """Every message once, each partition in the order of its numbers."""
    numbers = applied(world)
    for partition, entries in appended(world).items():
        assert numbers.get(partition.partition, []) == [sequence for sequence, _, _ in entries]


def all_visible(world: World) -> bool:
    return visible(world) == appended(world)


@pytest.mark.parametrize(
    ("role", "moment", "refusal"),
    [
        ("relay", "relay: position read, nothing published", "Doubt"),
        ("offering-relay", "relay: rows taken from memory", "Doubt"),
        ("relay", "relay: records produced, not committed", "Doubt"),
        ("relay", "relay: committed, not noted", "relay_lease_lost"),
    ],
)
def test_a_frozen_relay_is_succeeded_and_publishes_nothing_when_thawed(
    strict: World, tmp_path: Path, role: str, moment: str, refusal: str
) -> None:
    strict.append(strict.records(30, "before"))
    with Frozen(strict, role, moment, tmp_path) as zombie:
        eventually(zombie.is_stopped)
        with running(relay_of(strict).run):
            strict.append(strict.records(30, "meanwhile"))
            eventually(lambda: all_visible(strict))
            zombie.thaw()
            eventually(lambda: zombie.says(refusal))
            strict.append(strict.records(30, "both awake"))
            eventually(lambda: all_visible(strict))
        strict.append(strict.records(30, "the zombie's turn"))
        eventually(lambda: all_visible(strict))

    assert count_visible(strict) == 120 + OWN_ROWS * (role == "offering-relay")
    assert_published_once(strict)


@pytest.mark.parametrize(
    ("moment", "refusal"),
    [
        ("consumer: messages read, nothing applied", "Superseded"),
        ("consumer: rows locked, not committed", "OperationalError"),
        ("consumer: committed, not known", "consumer_assigned"),
    ],
)
def test_a_frozen_consumer_is_succeeded_and_applies_nothing_when_thawed(
    strict: World, tmp_path: Path, moment: str, refusal: str
) -> None:
    successor = Worker(strict)
    with running(successor.relay.run), Frozen(strict, "consumer", moment, tmp_path) as zombie:
        strict.append(strict.records(30, "before"))
        eventually(zombie.is_stopped)
        began = monotonic()
        with running(successor.consumer.run):
            strict.append(strict.records(30, "meanwhile"))
            eventually(lambda: count_applied(strict) == 60)
            took = monotonic() - began
            zombie.thaw()
            eventually(lambda: zombie.says(refusal))
            strict.append(strict.records(30, "both awake"))
            eventually(lambda: count_applied(strict) == 90)
        strict.append(strict.records(30, "the zombie's turn"))
        eventually(lambda: count_applied(strict) == 120)

    assert took < SESSION_SECONDS + DATABASE_SECONDS + LOCK_SECONDS + SLACK_SECONDS
    assert_applied_once(strict)


def test_a_frozen_writer_holds_nobody_up_and_leaves_nothing(strict: World, tmp_path: Path) -> None:
    with Frozen(strict, "writer", "writer: heads locked, not committed", tmp_path) as zombie:
        eventually(zombie.is_stopped)
        began = monotonic()
        eventually(lambda: append_or_wait(strict))
        took = monotonic() - began
        alone = sum(map(len, appended(strict).values()))
        zombie.thaw()
        eventually(lambda: zombie.says("writer_tries_again"))
        eventually(lambda: sum(map(len, appended(strict).values())) == 30 + OWN_ROWS)

    assert took < DATABASE_SECONDS + LOCK_SECONDS + 1
    assert alone == 30
    with running(relay_of(strict).run):
        eventually(lambda: count_visible(strict) == 30 + OWN_ROWS)
    assert_published_once(strict)


def test_a_lock_is_waited_for_no_longer_than_its_limit(strict: World) -> None:
    with psycopg.connect(strict.url) as holder:  # without any time-out of its own
        holder.execute("SELECT FROM outbox_head FOR UPDATE")
        began = monotonic()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            strict.append(strict.records(30))
        took = monotonic() - began

    assert LOCK_SECONDS <= took < DATABASE_SECONDS


def append_or_wait(world: World) -> bool:
    """Append as a writer does: who waited for a lock in vain tries again."""
    try:
        world.append(world.records(30, "others"))
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def test_a_frozen_transaction_in_kafka_holds_readers_up_no_longer_than_its_timeout(
    strict: World, tmp_path: Path
) -> None:
    strict.append(strict.records(30))
    with Frozen(strict, "relay", "relay: records produced, not committed", tmp_path) as zombie:
        eventually(zombie.is_stopped)
        began = monotonic()
        partitions = strict.kafka.partitions(strict.topic)
        held_up = strict.kafka.ends(partitions) != strict.kafka.stable_ends(partitions)
        eventually(lambda: strict.kafka.ends(partitions) == strict.kafka.stable_ends(partitions))
        took = monotonic() - began

    assert held_up
    assert took < TRANSACTION_SECONDS + 3  # the broker looks once a second
    assert count_visible(strict) == 0


def test_two_sets_of_workers_killed_and_frozen_in_turn_apply_everything_once(strict: World, tmp_path: Path) -> None:
    chance, pause, batches = random.Random(SEED), threading.Event(), 0
    folders = [tmp_path / "one", tmp_path / "other"]
    with ExitStack() as alive:
        for folder in folders:
            folder.mkdir()
        sets = [alive.enter_context(Frozen(strict, "worker", None, folder)) for folder in folders]
        for turn, kind in enumerate(chance.choices(["freeze", "kill"], k=5)):
            victim, seconds = sets[turn % 2], chance.uniform(1, SESSION_SECONDS + LOCK_SECONDS)
            eventually(lambda: victim.says("consumer_assigned"))  # noqa: B023
            victim.freeze()
            until = monotonic() + seconds
            while monotonic() < until:
                strict.append(strict.records(20, f"batch{batches}"))
                batches += 1
                pause.wait(0.1)
            if kind == "freeze":
                victim.thaw()
            else:
                victim.__exit__(None, None, None)
                sets[turn % 2] = alive.enter_context(Frozen(strict, "worker", None, folders[turn % 2]))
        eventually(lambda: count_applied(strict) == 20 * batches, 60)
        answers = replace(strict, topic=strict.dead_letter_topic)
        eventually(lambda: count_visible(answers) == 20 * batches)

    assert_applied_once(strict)
    assert_published_once(strict)
    assert_published_once(answers)
