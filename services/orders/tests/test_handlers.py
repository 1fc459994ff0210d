"""Orders' transactions on a real database: applied, ignored when redelivered, rejected, out of order."""

from dataclasses import replace
from threading import Barrier, Thread
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from services.conftest import Feed
from services.messaging import inbox
from services.messaging.database import fetch
from services.messaging.dead_letters import FOREIGN_RECORD
from services.messaging.errors import PoisonMessage, Superseded
from services.messaging.records import Advance, Batch, DeadLetter, Message, TopicPartition
from services.orders import reads, store
from services.orders.domain import PlaceOrder, RequestedLine, UnknownProducts
from services.orders.handlers import Answer, Handlers, KeyReused, Placed, Refused, Replayed
from services.orders.tests.events import NOW, captured, declined, deducted, listed, refunded, rejected
from services.process.service import Service


def request(*lines: tuple[str, int], key: str | None = None) -> PlaceOrder:
    wanted = tuple(RequestedLine(*line) for line in lines or (("cup", 2),))
    return PlaceOrder(UUID(int=uuid7().int), "customer", "EUR", "tok_visa", wanted, NOW, idempotency_key=key)


def place(handlers: Handlers) -> UUID:
    (answer,) = handlers.place([request()])
    assert isinstance(answer, Placed)
    return answer.event.order_id


def status(service: Service, order_id: UUID) -> tuple[str, str | None, int | None]:
    with service.database.connection() as connection:
        row = reads.orders(connection, [order_id])[order_id]
    return row.status, row.failure_reason, row.refund_amount_minor


def timeline(service: Service, order_id: UUID) -> list[str]:
    with service.database.connection() as connection:
        return [row.subject.rpartition(".")[2] for row in reads.timeline(connection, order_id)]


def test_an_order_is_followed_to_its_end(service: Service, handlers: Handlers, fed: Feed) -> None:
    order_id = place(handlers)
    handlers.handle(fed.batch(captured(order_id)))
    paid = status(service, order_id)
    handlers.handle(fed.batch(deducted(order_id)))

    assert paid == ("PAID", None, None)
    assert status(service, order_id) == ("COMPLETED", None, None)
    assert timeline(service, order_id) == ["OrderPlaced", "PaymentCaptured", "StockDeducted", "OrderCompleted"]


def test_two_messages_of_one_order_in_one_batch_build_on_each_other(
    service: Service, handlers: Handlers, fed: Feed
) -> None:
    order_id = place(handlers)
    handlers.handle(fed.batch(captured(order_id), rejected(order_id), refunded(order_id)))

    assert status(service, order_id) == ("FAILED", "OUT_OF_STOCK", 500)
    assert timeline(service, order_id) == [
        "OrderPlaced",
        "PaymentCaptured",
        "StockRejected",
        "OrderFailed",
        "PaymentRefunded",
    ]


def test_events_out_of_order_come_to_the_same_end(service: Service, handlers: Handlers, fed: Feed) -> None:
    order_id = place(handlers)
    for event in (refunded(order_id), rejected(order_id), captured(order_id)):
        handlers.handle(fed.batch(event))

    assert status(service, order_id) == ("FAILED", "OUT_OF_STOCK", 500)


def test_redelivered_events_change_nothing(service: Service, handlers: Handlers, fed: Feed) -> None:
    order_id = place(handlers)
    for event in (declined(order_id), declined(order_id)):
        handlers.handle(fed.batch(event))

    assert status(service, order_id) == ("FAILED", "PAYMENT_DECLINED", None)
    assert timeline(service, order_id).count("OrderFailed") == 1


def test_what_contradicts_the_order_is_poison_and_leaves_no_trace(
    service: Service, handlers: Handlers, fed: Feed
) -> None:
    order_id, other = place(handlers), place(handlers)
    handlers.handle(fed.batch(captured(order_id), deducted(order_id)))

    with pytest.raises(PoisonMessage, match="is COMPLETED: PaymentDeclined cannot follow"):
        handlers.handle(fed.batch(captured(other), declined(order_id)))

    assert status(service, other) == ("PENDING", None, None)


def test_an_event_of_an_unknown_order_is_poison(handlers: Handlers, fed: Feed) -> None:
    with pytest.raises(PoisonMessage, match="there is no order"):
        handlers.handle(fed.batch(captured(UUID(int=uuid7().int))))


def test_a_dead_letter_is_kept_and_appended_once(service: Service, handlers: Handlers) -> None:
    message = Message("shop.payments", 0, 7, b"key", b"\x00\xff", (("sequence", b"x"),))
    batch = Batch((), (DeadLetter(message, "topic-id", FOREIGN_RECORD, "no valid headers"),))

    handlers.handle(batch)
    handlers.handle(batch)

    with service.database.connection() as connection:
        assert fetch(connection, "SELECT reason, key, value FROM dead_letters") == [
            (FOREIGN_RECORD, b"key", b"\x00\xff")
        ]
        assert fetch(connection, "SELECT count(*) FROM outbox_shop_orders_dlq") == [(1,)]


def test_an_older_listing_changes_nothing(service: Service, handlers: Handlers, fed: Feed) -> None:
    handlers.handle(fed.batch(listed("cup", 999, version=3), listed("cup", 111, version=2)))
    handlers.handle(fed.batch(listed("cup", 222, version=2)))

    with service.database.connection() as connection:
        assert store.products(connection, ["cup"])["cup"].unit_price_minor == 999


def test_the_position_moves_with_the_state_and_a_zombie_changes_nothing(
    service: Service, handlers: Handlers, fed: Feed
) -> None:
    order_id = place(handlers)
    paid = fed.batch(captured(order_id))
    with service.database.transaction() as transaction:
        cluster = service.kafka.describe(["shop.payments"])
        inbox.claim(transaction, cluster, [TopicPartition("shop.payments", 0)])
    step = Advance("shop.payments", 0, epoch=1, next_offset=0, last_sequence=0, new_next_offset=1, new_last_sequence=1)

    with pytest.raises(Superseded):
        handlers.handle(replace(paid, advances=(replace(step, epoch=0),)))
    unchanged = status(service, order_id)
    handlers.handle(replace(paid, advances=(step,)))
    with pytest.raises(Superseded):
        handlers.handle(replace(paid, advances=(step,)))

    assert unchanged == ("PENDING", None, None)
    assert status(service, order_id) == ("PAID", None, None)
    assert timeline(service, order_id) == ["OrderPlaced", "PaymentCaptured"]


# Placing


def test_the_same_key_and_request_give_the_same_order(handlers: Handlers, fed: Feed) -> None:
    first, again = request(key="k"), request(key="k")

    (placed,) = handlers.place([first])
    (replayed,) = handlers.place([again])

    assert isinstance(placed, Placed)
    assert replayed == Replayed(first.order_id)


def test_one_key_twice_in_a_batch_is_one_order(handlers: Handlers, fed: Feed) -> None:
    first, again, other = request(key="k"), request(key="k"), request(("cup", 9), key="k")

    placed, replayed, reused = handlers.place([first, again, other])

    assert isinstance(placed, Placed)
    assert replayed == Replayed(first.order_id)
    assert reused == KeyReused()


def test_a_refused_request_does_not_use_up_its_key(handlers: Handlers, fed: Feed) -> None:
    wanted = request(("saucer", 1), key="k")
    (refused,) = handlers.place([wanted])
    handlers.handle(fed.batch(listed("saucer")))

    (placed,) = handlers.place([wanted])

    assert isinstance(refused, Refused)
    assert isinstance(refused.refusal, UnknownProducts)
    assert isinstance(placed, Placed)


def test_a_commit_of_unknown_outcome_places_once(service: Service, handlers: Handlers, fed: Feed) -> None:
    with_key, without = request(key="k"), request()

    handlers.place([with_key, without])
    again = handlers.place([with_key, without])

    assert again[0] == Replayed(with_key.order_id)
    assert timeline(service, without.order_id) == ["OrderPlaced"]


def test_the_same_key_from_many_processes_is_one_order(service: Service, handlers: Handlers, fed: Feed) -> None:
    barrier = Barrier(6)
    answers: list[list[Answer]] = []

    def compete(turned: bool) -> None:
        mine = [request(key=f"k{number}") for number in range(20)]
        barrier.wait()
        answers.append(handlers.place(mine[::-1] if turned else mine))

    threads = [Thread(target=compete, args=[bool(number % 2)]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(isinstance(answer, Placed) for batch in answers for answer in batch) == 20
    with service.database.connection() as connection:
        assert fetch(connection, "SELECT count(*) FROM orders") == [(20,)]
