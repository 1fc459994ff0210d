"""Payments' transactions on a real database: applied, ignored when redelivered, rejected, out of order."""

import pytest

from services.events.shop.inventory import RejectionReason
from services.events.shop.payments import DeclineReason, PaymentCaptured, PaymentDeclined, PaymentRefunded
from services.messaging.dead_letters import INVARIANT_BROKEN, RETRIES_EXHAUSTED
from services.messaging.errors import PoisonMessage
from services.messaging.records import Batch
from services.payments import store
from services.payments.domain import Captured, Declined, ProviderRequest, Refunded, Undecided
from services.payments.handlers import Answered
from services.payments.tests.conftest import World
from services.payments.tests.events import ORDER, order, placed, rejected


def asked(world: World) -> list[ProviderRequest]:
    """The requests that this process has kept in memory."""
    return [request for _, request in world.waiting.take(1_000)]


def paid(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    world.handlers.record([Answered(request, Captured()) for request in asked(world)])


def test_a_placed_order_asks_for_its_payment_and_a_capture_is_told(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    (request,) = asked(world)
    before = world.states()
    world.handlers.record([Answered(request, Captured())])

    assert before == {ORDER: "REQUESTED"}
    assert world.states() == {ORDER: "CAPTURED"}
    (event,) = world.published()
    assert isinstance(event, PaymentCaptured)
    assert (event.order_id, event.amount_minor, event.lines) == (ORDER, 500, placed().lines)
    assert event.header.cause_id == placed().header.event_id
    assert world.rows("SELECT count(*) FROM provider_requests") == [(0,)]


def test_a_declined_payment_is_told(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    world.handlers.record([Answered(asked(world)[0], Declined(DeclineReason.INSUFFICIENT_FUNDS))])

    (event,) = world.published()
    assert isinstance(event, PaymentDeclined)
    assert event.reason is DeclineReason.INSUFFICIENT_FUNDS
    assert world.states() == {ORDER: "DECLINED"}


def test_a_redelivered_order_is_ignored(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed(), placed()))
    first = asked(world)
    world.handlers.handle(world.fed.batch(placed()))

    assert len(first) == 1
    assert asked(world) == []
    assert world.rows("SELECT count(*) FROM provider_requests") == [(1,)]


def test_an_order_placed_otherwise_is_poison_and_leaves_no_trace(world: World) -> None:
    paid(world)

    with pytest.raises(PoisonMessage) as poison:
        world.handlers.handle(world.fed.batch(placed(order(2)), placed(price=999)))

    assert poison.value.reason == INVARIANT_BROKEN
    assert world.states() == {ORDER: "CAPTURED"}
    assert asked(world) == []


def test_a_paid_order_that_cannot_be_delivered_is_refunded_once(world: World) -> None:
    paid(world)
    world.handlers.handle(world.fed.batch(rejected(), rejected()))
    (request,) = asked(world)
    world.handlers.record([Answered(request, Refunded()), Answered(request, Refunded())])
    world.handlers.handle(world.fed.batch(rejected()))

    assert asked(world) == []
    assert world.states() == {ORDER: "REFUNDED"}
    _, event = world.published()
    assert isinstance(event, PaymentRefunded)
    assert (event.amount_minor, event.reason) == (500, RejectionReason.OUT_OF_STOCK)
    assert event.header.cause_id == rejected().header.event_id


@pytest.mark.parametrize("state", ["unknown", "requested", "declined"])
def test_a_rejection_before_its_payment_is_poison(world: World, state: str) -> None:
    if state != "unknown":
        world.handlers.handle(world.fed.batch(placed()))
    if state == "declined":
        world.handlers.record([Answered(asked(world)[0], Declined(DeclineReason.CARD_DECLINED))])

    with pytest.raises(PoisonMessage):
        world.handlers.handle(world.fed.batch(rejected()))

    assert world.rows("SELECT count(*) FROM refunds") == [(0,)]


def test_an_order_of_0_is_paid_and_refunded_without_a_request(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed(price=0)))
    world.handlers.handle(world.fed.batch(rejected()))

    assert asked(world) == []
    assert [type(event) for event in world.published()] == [PaymentCaptured, PaymentRefunded]
    assert world.states() == {ORDER: "REFUNDED"}


def test_what_is_undecided_is_tried_later(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    (request,) = asked(world)
    world.handlers.record([Answered(request, Undecided("timeout"))])
    early = world.handlers.claim(10)
    world.expire_claims()
    (again,) = world.handlers.claim(10)

    assert early == []
    assert again.subject.attempts == 1
    assert again.cause == request.cause
    assert again.request_id == request.request_id


def test_what_stays_undecided_becomes_a_dead_letter(world: World) -> None:
    batch = world.fed.batch(placed())
    world.handlers.handle(batch)
    for _ in range(world.settings.provider_attempts_max):
        world.expire_claims()
        world.handlers.record([Answered(request, Undecided("no answer")) for request in world.handlers.claim(10)])

    assert world.states() == {ORDER: "GIVEN_UP"}
    assert world.rows("SELECT count(*) FROM provider_requests") == [(0,)]
    (message,) = batch.messages
    assert world.rows(
        'SELECT reason, error, attempts, topic, "offset", sequence, event_id, value FROM dead_letters'
    ) == [
        (
            RETRIES_EXHAUSTED,
            "no answer",
            4,
            "shop.orders",
            message.offset,
            message.sequence,
            message.event_id,
            message.value,
        )
    ]
    assert world.rows("SELECT value, headers IS NOT NULL FROM outbox_shop_payments_dlq") == [(message.value, True)]
    assert world.published() == []


def test_an_answer_that_another_process_has_recorded_is_ignored(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    (mine,) = asked(world)
    world.expire_claims()
    (theirs,) = world.another().handlers.claim(10)

    world.handlers.record([Answered(mine, Captured())])
    world.handlers.record([Answered(theirs, Captured()), Answered(theirs, Undecided("late"))])

    assert len(world.published()) == 1
    assert world.states() == {ORDER: "CAPTURED"}


def test_two_failures_of_one_attempt_count_once(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    (mine,) = asked(world)
    world.expire_claims()
    (theirs,) = world.another().handlers.claim(10)

    world.handlers.record([Answered(mine, Undecided("a"))])
    world.handlers.record([Answered(theirs, Undecided("b"))])
    attempts = world.rows("SELECT attempts FROM provider_requests")
    world.handlers.record([Answered(theirs, Captured())])

    assert attempts == [(1,)]
    assert world.states() == {ORDER: "CAPTURED"}  # an answer counts whenever it comes


def test_a_claimed_request_is_nobody_elses(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed(), placed(order(2))))
    kept = asked(world)

    assert len(kept) == 2
    assert world.another().handlers.claim(10) == []
    world.handlers.put_back(kept, 0.0)
    assert len(world.another().handlers.claim(10)) == 2


def test_what_memory_does_not_take_is_left_to_everybody(world: World) -> None:
    small = world.another(provider_waiting_max=1)
    small.handlers.handle(world.fed.batch(placed(), placed(order(2)), placed(order(3))))

    assert len(asked(small)) == 1
    assert len(world.handlers.claim(10)) == 2


def test_an_idle_batch_changes_nothing(world: World) -> None:
    world.handlers.handle(Batch(()))

    assert world.states() == {}


def test_what_is_stored_is_read_back_as_it_was(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    (request,) = asked(world)

    with world.service.database.connection() as connection:
        assert store.payments(connection, [ORDER]) == {ORDER: request.subject}


def test_a_late_process_leaves_alone_what_another_has_taken(world: World) -> None:
    world.handlers.handle(world.fed.batch(placed()))
    mine = asked(world)
    world.expire_claims()
    theirs = world.another().handlers.claim(10)
    world.handlers.put_back(mine, 0.0)
    taken_from_them = world.handlers.claim(10)
    world.handlers.put_back(theirs, 0.0)

    assert taken_from_them == []
    assert len(world.handlers.claim(10)) == 1


def test_a_late_process_leaves_alone_what_another_has_postponed(world: World) -> None:
    slow = world.another(provider_retry_first_seconds=60.0, provider_retry_max_seconds=60.0)
    world.handlers.handle(world.fed.batch(placed()))
    mine = asked(world)
    world.expire_claims()
    (theirs,) = slow.handlers.claim(10)
    slow.handlers.record([Answered(theirs, Undecided("not now"))])
    world.handlers.put_back(mine, 0.0)

    assert world.handlers.claim(10) == []
