"""Rule 12: over the limit new orders are turned away before anything is stored; the figure is everybody's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count as count_up
from uuid import UUID

import psycopg
import pytest

from services.conftest import Feed
from services.messaging.database import Database, Transaction, fetch
from services.messaging.errors import DependencyUnavailable
from services.messaging.tests.conftest import eventually, running
from services.messaging.writer import Writer
from services.orders.admission import Admission, count
from services.orders.domain import PlaceOrder, RequestedLine
from services.orders.handlers import Answer, Handlers, Placed, Replayed, TurnedAway
from services.orders.tests.events import NOW, captured, deducted, listed
from services.process.service import Service

MINUTE = timedelta(minutes=1)
LIMIT = 3


@pytest.fixture
def admission(service: Service) -> Admission:
    return Admission(service.database, LIMIT, 0.01)


@pytest.fixture
def handlers(service: Service, admission: Admission) -> Handlers:
    partitions = service.settings.topic_partitions
    return Handlers(service.database, service.relay, service.wire, partitions, lambda: NOW, admission.admits)


@pytest.fixture
def fed(service: Service, handlers: Handlers, feed: Callable[[Service], Feed]) -> Feed:
    made = feed(service)
    handlers.handle(made.batch(listed("cup", 250)))
    return made


@pytest.fixture
def another_process(service: Service, database: str) -> Iterator[Database]:
    opened = Database(database, service.settings, application="another")
    yield opened
    opened.close()


def request(number: int, age: timedelta = timedelta(), key: str | None = None) -> PlaceOrder:
    """An order drawn so long ago: its id begins with its time, in milliseconds."""
    milliseconds = int((datetime.now(UTC) - age).timestamp() * 1000)
    order_id = UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62 | number)
    return PlaceOrder(order_id, "customer", "EUR", "tok_visa", (RequestedLine("cup", 2),), NOW, idempotency_key=key)


def counted(service: Service, most: int = 100) -> int:
    with service.database.connection() as connection:
        return count(connection, most)


def rows(service: Service) -> list[int]:
    tables = ("orders", "idempotency_keys", "order_events", "outbox_shop_orders")
    with service.database.connection() as connection:
        return [fetch(connection, "SELECT count(*) FROM " + table)[0][0] for table in tables]


def test_orders_count_while_they_are_young_and_not_final(service: Service, handlers: Handlers, fed: Feed) -> None:
    ages = [timedelta(), 9 * MINUTE, 11 * MINUTE, timedelta(), timedelta()]
    placed = [request(number, age) for number, age in enumerate(ages)]
    handlers.place(placed)
    paid, completed = placed[3].order_id, placed[4].order_id
    handlers.handle(fed.batch(captured(paid), captured(completed), deducted(completed)))

    assert counted(service) == 3  # the first, the one of nine minutes, the paid one
    assert counted(service, most=2) == 2


def test_over_the_limit_nothing_is_stored_and_a_used_key_is_answered(
    service: Service, handlers: Handlers, admission: Admission, fed: Feed
) -> None:
    first = request(0, key="k")
    handlers.place([first, request(1), request(2)])
    admission.look()
    before = rows(service)
    answers = handlers.place([replace(request(3), idempotency_key="k"), request(4, key="new"), request(5)])

    assert answers == [Replayed(first.order_id), TurnedAway(), TurnedAway()]
    assert rows(service) == before
    assert before[0] == LIMIT


def test_who_was_stored_by_an_attempt_of_unknown_outcome_is_answered_with_the_order(
    service: Service, handlers: Handlers, admission: Admission, fed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes, transaction = [request(number) for number in range(LIMIT)], service.database.transaction

    @contextmanager
    def committed_without_an_answer() -> Iterator[Transaction]:
        with transaction() as opened:
            yield opened
        monkeypatch.undo()
        admission.look()  # the limit is reached by then
        raise psycopg.OperationalError("the connection was lost")

    monkeypatch.setattr(service.database, "transaction", committed_without_an_answer)
    writer: Writer[PlaceOrder, Answer] = Writer(handlers.place, service.settings)
    answers = [writer.submit(wish) for wish in wishes]
    with running(lambda _: writer.run()):
        assert [answer.result(10) for answer in answers] == [Replayed(wish.order_id) for wish in wishes]
        (new,) = handlers.place([request(LIMIT)])
        writer.close()

    assert new == TurnedAway()
    assert rows(service)[0] == LIMIT


def test_below_the_limit_orders_are_taken_again(handlers: Handlers, admission: Admission, fed: Feed) -> None:
    placed = [request(number) for number in range(LIMIT)]
    handlers.place(placed)
    admission.look()
    (refused,) = handlers.place([request(LIMIT, key="k")])
    handlers.handle(fed.batch(captured(placed[0].order_id), deducted(placed[0].order_id)))
    admission.look()
    (taken,) = handlers.place([request(LIMIT, key="k")])

    assert refused == TurnedAway()
    assert isinstance(taken, Placed)


def test_all_processes_see_the_same_figure_while_they_run(
    handlers: Handlers, admission: Admission, another_process: Database, fed: Feed
) -> None:
    elsewhere = Admission(another_process, LIMIT, 0.01)
    with running(admission.run, elsewhere.run):
        handlers.place([request(number) for number in range(LIMIT)])
        eventually(lambda: not admission.admits() and not elsewhere.admits())
        handlers.handle(fed.batch(captured(request_id := last_open(another_process)), deducted(request_id)))

        eventually(lambda: admission.admits() and elsewhere.admits())


def last_open(database: Database) -> UUID:
    with database.connection() as connection:
        found = fetch(connection, "SELECT order_id FROM orders WHERE status = 'PENDING' ORDER BY order_id DESC LIMIT 1")
    order_id: UUID = found[0][0]
    return order_id


def test_the_figure_stands_while_the_database_is_away(
    service: Service, handlers: Handlers, admission: Admission, fed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers.place([request(number) for number in range(LIMIT)])
    admission.look()
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing", service.settings, application="test")
    monkeypatch.setattr(admission, "_database", nowhere)
    looks, look = list[None](), admission.look

    def counted_look() -> None:
        looks.append(None)
        look()

    monkeypatch.setattr(admission, "look", counted_look)
    with running(admission.run):
        eventually(lambda: len(looks) > 3)

    assert not admission.admits()
    nowhere.close()


@pytest.mark.usefixtures("fed")
def test_a_look_at_a_stalled_database_is_followed_by_the_next_within_a_second(
    service: Service, handlers: Handlers, admission: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[None]()

    def monotonic() -> float:
        asked.append(None)
        return 60.0 * len(asked)  # each look takes a minute

    monkeypatch.setattr("services.orders.admission.monotonic", monotonic)
    with running(admission.run):
        eventually(lambda: len(asked) == 2)
        handlers.place([request(number) for number in range(LIMIT)])
        eventually(lambda: not admission.admits(), seconds=3)


@pytest.mark.usefixtures("fed")
def test_a_wait_for_a_connection_that_does_not_come_is_no_reason_to_look_less_often(
    service: Service, admission: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looks = count_up(step=60), list[None]()

    @contextmanager
    def connection() -> Iterator[Transaction]:
        looks.append(None)
        next(clock)
        if len(looks) < 3:
            raise DependencyUnavailable("no connection is free")
        with Database.connection(service.database) as opened:
            yield opened

    monkeypatch.setattr("services.orders.admission.monotonic", lambda: next(clock) if len(looks) < 3 else 0.0)
    monkeypatch.setattr(service.database, "connection", connection)
    with running(admission.run):
        eventually(lambda: len(looks) > 5, seconds=3)
