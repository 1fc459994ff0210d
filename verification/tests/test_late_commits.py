"""KIP-890 on a real broker: a commit that arrives late, answers that are lost, and what rules 3 and 5 make of it.

As observed (Kafka 4.3, librdkafka 2.16): when the connection of an EndTxn is lost, librdkafka sends it again and the commit
succeeds; the application is told nothing but a line of the log. Should the first one still arrive, the broker takes it for
the end of whatever transaction this producer has open, answers that all is well, and makes visible what was produced so
far. Records that follow are refused (INVALID_TXN_STATE; the broker verifies partitions, KIP-890 part 1).
"""

import random
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from services.messaging import metrics, publisher, relay
from services.messaging.kafka import Kafka
from services.messaging.publisher import Doubt, Publisher
from services.messaging.records import OutboxRow
from services.messaging.relay import Relay
from services.messaging.tests.conftest import World, eventually, running
from services.messaging.tests.evidence import assert_published_once, count_visible
from verification.proxy import Api, Fault, Injected, Proxy, Stage, commits, error_of_end_transaction

FENCED = {KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}
SEED = 20261123


@pytest.fixture
def proxy(kafka: str) -> Iterator[Proxy]:
    with Proxy(kafka, seed=SEED) as opened:
        yield opened


@pytest.fixture
def unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost connections go unnoticed, as if librdkafka had said nothing: what remains is rule 3."""
    monkeypatch.setattr(publisher._LostConnections, "emit", lambda *_: None)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relay starts again at once, for drills with many starts."""
    monkeypatch.setattr(relay, "RETRY_PAUSE_SECONDS", 0.02)


def through(world: World, proxy: Proxy) -> World:
    """The same world, its broker behind the proxy."""
    settings = world.settings.model_copy(update={"kafka_bootstrap_servers": proxy.bootstrap_servers})
    return replace(world, kafka=Kafka(proxy.bootstrap_servers), settings=settings)


def relay_of(world: World) -> Relay:
    return Relay(f"kit-{world.topic}", world.kept, world.open("relay"), world.kafka, world.settings)


def publisher_of(world: World, timeout_seconds: float = 10.0) -> Publisher:
    return Publisher(world.settings.kafka_bootstrap_servers, f"relay.{world.topic}", timeout_seconds)


def large(world: World, count: int, seed: int) -> list[OutboxRow]:
    """Rows too large to travel in one request together."""
    value = random.Random(seed).randbytes(400_000)
    return world.append([world.record(f"key-{number}", value) for number in range(count)])


def starts() -> float:
    return float(metrics.RELAY_STARTS._value.get())


def never_aborted(ends: Injected) -> bool:
    return all(commits(held.request) for held in ends.caught)


def test_librdkafka_repeats_a_commit_and_the_late_one_ends_the_next_transaction(world: World, proxy: Proxy) -> None:
    producer = Producer({"bootstrap.servers": proxy.bootstrap_servers, "transactional.id": world.topic, "log_level": 0})
    producer.init_transactions(10)
    late = proxy.inject(Fault(Api.END_TXN, cut=True))
    producer.begin_transaction()
    producer.produce(world.topic, b"first", partition=0)
    producer.commit_transaction(10)  # no error: it was repeated on a new connection
    producer.begin_transaction()
    producer.produce(world.topic, b"second", partition=0)
    while len(producer):
        producer.poll(0.1)

    held = late.wait(10)
    held.release()
    answer = error_of_end_transaction(held.request, held.answer(10))
    eventually(lambda: values(world) == [b"first", b"second"])
    producer.produce(world.topic, b"third", partition=0)
    with pytest.raises(KafkaException, match="INVALID_TXN_STATE"):
        producer.commit_transaction(10)
    producer.purge(in_queue=True, in_flight=True, blocking=False)

    assert held.request.api_version < 5
    assert answer == KafkaError.NO_ERROR


def values(world: World) -> list[object]:
    """Every committed value, ours or not."""
    partitions = world.kafka.partitions(world.topic)
    ends = world.kafka.stable_ends(partitions)
    return [message.value() for message in world.kafka.read(world.kafka.starts(partitions), ends)]


@pytest.mark.parametrize("api", [Api.ADD_PARTITIONS_TO_TXN, Api.PRODUCE, Api.END_TXN])
@pytest.mark.parametrize("stage", list(Stage))
def test_a_connection_lost_within_a_transaction_ends_the_producer(
    world: World, proxy: Proxy, api: Api, stage: Stage
) -> None:
    behind = through(world, proxy)
    one = publisher_of(behind)
    one.publish(world.append(world.records(9, "before")))
    cut = proxy.inject(Fault(api, stage, cut=True))

    with pytest.raises(Doubt, match="FAIL"):
        one.publish(world.append(world.records(9, "cut off")))
    successor = publisher_of(behind)
    held = cut.wait(10)
    held.release()
    if api is Api.END_TXN and stage is Stage.REQUEST:
        assert error_of_end_transaction(held.request, held.answer(10)) in FENCED

    assert count_visible(world) == 18
    one.drop()
    successor.drop()


def test_a_commit_answered_late_ends_the_producer(world: World, proxy: Proxy) -> None:
    proxy.inject(Fault(Api.END_TXN, Stage.ANSWER, seconds=1.1))
    with publisher_of(through(world, proxy), timeout_seconds=2.0) as one, pytest.raises(Doubt, match="took 1"):
        one.publish(world.append(world.records(9)))

    assert_published_once(world)


def test_a_commit_never_answered_ends_the_producer(world: World, proxy: Proxy) -> None:
    with publisher_of(through(world, proxy), timeout_seconds=1.0) as one:
        one.publish(world.append(world.records(9)))
        proxy.blackhole(True)
        with pytest.raises(Doubt, match=r"commit_transaction|TIMED_OUT|timed out"):
            one.publish(world.append(world.records(9, "later")))


def test_a_late_commit_is_refused_once_there_is_a_new_producer(world: World, proxy: Proxy, quick: None) -> None:
    began, ends = starts(), proxy.inject(Fault(Api.END_TXN, seconds=0, times=1))
    with running(relay_of(through(world, proxy)).run):
        world.append(world.records(9))
        eventually(lambda: count_visible(world) == 9)
        late = proxy.inject(Fault(Api.END_TXN, cut=True))
        world.append(world.records(9, "committed late"))
        held = late.wait(10)
        eventually(lambda: starts() == began + 2)
        half = proxy.inject(Fault(Api.END_TXN))
        world.append(world.records(9, "next"))
        next_end = half.wait(10)
        held.release()
        answer = error_of_end_transaction(held.request, held.answer(10))
        seen = count_visible(world)
        next_end.release()
        eventually(lambda: count_visible(world) == 27)

    assert answer in FENCED
    assert seen == 18
    assert starts() == began + 2
    assert all(map(never_aborted, (ends, late, half)))
    assert_published_once(world)


def test_a_late_commit_that_makes_half_a_transaction_visible_loses_and_doubles_nothing(
    world: World, proxy: Proxy, unnoticed: None, quick: None
) -> None:
    began = starts()
    with running(relay_of(through(world, proxy)).run):
        world.append(world.records(9))
        eventually(lambda: count_visible(world) == 9)
        late = proxy.inject(Fault(Api.END_TXN, cut=True))
        world.append(world.records(9, "committed late"))
        held = late.wait(10)
        eventually(lambda: count_visible(world) == 18)
        first, rest = proxy.inject(Fault(Api.PRODUCE, seconds=0)), proxy.inject(Fault(Api.PRODUCE))
        large(world, 12, SEED)
        first.wait(10).answer(10)
        cut_off = rest.wait(10)
        held.release()
        answer = error_of_end_transaction(held.request, held.answer(10))
        eventually(lambda: 18 < count_visible(world) < 30)
        cut_off.release()
        eventually(lambda: count_visible(world) == 30)

    assert answer == KafkaError.NO_ERROR
    assert starts() == began + 2
    assert_published_once(world)


@pytest.mark.parametrize("notices", [True, False])
def test_late_commits_and_lost_answers_under_load(
    world: World, proxy: Proxy, quick: None, request: pytest.FixtureRequest, notices: bool
) -> None:
    if not notices:
        request.getfixturevalue("unnoticed")
    chance = random.Random(SEED)
    faults = [
        *(Fault(Api.END_TXN, cut=True, seconds=chance.uniform(0, 0.4), times=2, chance=0.1) for _ in range(3)),
        *(Fault(api, Stage.ANSWER, cut=True, times=2, chance=0.1) for api in (Api.END_TXN, Api.PRODUCE)),
    ]
    print(f"seed {SEED}", faults)  # noqa: T201 - shown when it fails
    began, injected = starts(), [proxy.inject(fault) for fault in faults]
    ends, pause, batches = proxy.inject(Fault(Api.END_TXN, seconds=0, times=None)), threading.Event(), 0

    with running(relay_of(through(world, proxy)).run):
        while sum(len(each.caught) for each in injected) < 8:
            assert batches < 1_000, "too few faults"
            world.append(world.records(20, f"batch{batches}"))
            batches += 1
            pause.wait(0.02)  # a transaction for every batch or two
        eventually(lambda: count_visible(world) == 20 * batches, 60)

    late = [held for each in injected[:3] for held in each.caught]
    taken = [held for held in late if error_of_end_transaction(held.request, held.answer(10)) == KafkaError.NO_ERROR]
    assert starts() - began > 5 if notices else taken
    assert all(map(never_aborted, [ends, *injected[:4]]))
    assert_published_once(world)
