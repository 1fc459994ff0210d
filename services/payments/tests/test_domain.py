"""What a payment and a refund may become, without any database or provider."""

from dataclasses import replace
from itertools import product
from uuid import uuid5

import pytest

from services.events.shop.inventory import RejectionReason
from services.events.shop.orders import OrderPlaced
from services.events.shop.payments import DeclineReason, PaymentCaptured, PaymentDeclined, PaymentRefunded
from services.payments import domain
from services.payments.domain import (
    CHARGING,
    REFUNDING,
    Captured,
    Cause,
    ChargeAnswer,
    Declined,
    GivenUp,
    IllegalTransition,
    InvariantBroken,
    Payment,
    PaymentState,
    Refund,
    RefundAnswer,
    Refunded,
    RefundState,
    RetryPolicy,
    Undecided,
)
from services.payments.tests.events import NOW, ORDER, TRACE, placed, rejected

CAUSE = Cause(uuid5(ORDER, "cause"), TRACE)
CHARGE_ANSWERS: list[ChargeAnswer] = [
    Captured(), Declined(DeclineReason.CARD_DECLINED), Undecided("e"), GivenUp("e")
]  # fmt: skip
REFUND_ANSWERS: list[RefundAnswer] = [Refunded(), Undecided("e"), GivenUp("e")]


def requested() -> Payment:
    payment, _ = domain.request_payment(None, placed(), NOW)
    return payment


def captured(price: int = 250) -> Payment:
    payment, _ = domain.request_payment(None, placed(price=price), NOW)
    return payment if price == 0 else domain.settle_charge(payment, Captured(), CAUSE, NOW)[0]


def refund_requested() -> Refund:
    refund, _ = domain.request_refund(captured(), None, rejected(), NOW)
    return refund


def test_a_payment_is_requested_for_the_total() -> None:
    payment, events = domain.request_payment(None, placed(price=250, quantity=3), NOW)

    assert (payment.state, payment.amount_minor, payment.attempts) == (PaymentState.REQUESTED, 750, 0)
    assert payment.payment_id == domain.payment_id_of(ORDER)
    assert events == []


def test_a_total_of_0_is_captured_and_refunded_without_asking() -> None:
    payment, (paid,) = domain.request_payment(None, placed(price=0), NOW)
    refund, (refunded,) = domain.request_refund(payment, None, rejected(), NOW)

    assert (payment.state, payment.attempts) == (PaymentState.CAPTURED, 0)
    assert (refund.state, refund.attempts) == (RefundState.REFUNDED, 0)
    assert isinstance(paid, PaymentCaptured)
    assert isinstance(refunded, PaymentRefunded)
    assert (paid.amount_minor, refunded.amount_minor) == (0, 0)


def test_the_same_order_again_is_ignored() -> None:
    payment = requested()

    assert domain.request_payment(payment, placed(again="again"), NOW) == (payment, [])


@pytest.mark.parametrize("other", [placed(price=251), placed(quantity=3), placed(method="tok_other")])
def test_an_order_placed_otherwise_breaks_the_invariant(other: OrderPlaced) -> None:
    with pytest.raises(InvariantBroken):
        domain.request_payment(requested(), other, NOW)


@pytest.mark.parametrize(
    "other",
    [
        replace(placed(), total_minor=1),
        replace(placed(), lines=[], total_minor=0),
        placed(quantity=0),
        placed(price=-1),
        placed(price=-1, quantity=-1),
    ],
)
def test_an_order_that_does_not_add_up_breaks_the_invariant(other: OrderPlaced) -> None:
    with pytest.raises(InvariantBroken):
        domain.request_payment(None, other, NOW)


@pytest.mark.parametrize(("state", "answer"), list(product(PaymentState, CHARGE_ANSWERS)))
def test_a_charge_is_settled_by_the_table(state: PaymentState, answer: ChargeAnswer) -> None:
    payment = replace(requested(), state=state, attempts=2)
    expected = CHARGING.get((state, type(answer)))

    if expected is None:
        assert state is not PaymentState.REQUESTED
        with pytest.raises(IllegalTransition):
            domain.settle_charge(payment, answer, CAUSE, NOW)
    else:
        settled, events = domain.settle_charge(payment, answer, CAUSE, NOW)
        assert (settled.state, settled.attempts) == (expected, 3)
        assert [type(event) for event in events] == {
            PaymentState.CAPTURED: [PaymentCaptured],
            PaymentState.DECLINED: [PaymentDeclined],
        }.get(expected, [])


@pytest.mark.parametrize(("state", "answer"), list(product(RefundState, REFUND_ANSWERS)))
def test_a_refund_is_settled_by_the_table(state: RefundState, answer: RefundAnswer) -> None:
    refund = replace(refund_requested(), state=state)
    expected = REFUNDING.get((state, type(answer)))

    if expected is None:
        assert state is not RefundState.REQUESTED
        with pytest.raises(IllegalTransition):
            domain.settle_refund(refund, answer, CAUSE, NOW)
    else:
        settled, events = domain.settle_refund(refund, answer, CAUSE, NOW)
        assert (settled.state, settled.attempts) == (expected, 1)
        assert [type(event) for event in events] == [PaymentRefunded] * (expected is RefundState.REFUNDED)


def test_an_event_follows_from_its_cause() -> None:
    _, (event,) = domain.settle_charge(requested(), Captured(), CAUSE, NOW)
    _, again = domain.settle_charge(requested(), Captured(), CAUSE, NOW)

    assert again == [event]
    assert isinstance(event, PaymentCaptured)
    assert (event.header.cause_id, event.header.trace_parent) == (CAUSE.event_id, TRACE)
    assert event.header.event_id == uuid5(CAUSE.event_id, PaymentCaptured.NAME)
    assert event.lines == placed().lines


def test_a_refund_gives_everything_back_for_the_reason_of_the_rejection() -> None:
    refund, events = domain.request_refund(captured(), None, rejected(reason=RejectionReason.UNKNOWN_PRODUCT), NOW)
    _, (event,) = domain.settle_refund(refund, Refunded(), CAUSE, NOW)

    assert events == []
    assert isinstance(event, PaymentRefunded)
    assert (event.amount_minor, event.reason) == (500, RejectionReason.UNKNOWN_PRODUCT)
    assert event.refund_id == domain.refund_id_of(event.payment_id)


def test_the_same_rejection_again_is_ignored() -> None:
    refund = refund_requested()

    assert domain.request_refund(captured(), refund, rejected(again="again"), NOW) == (refund, [])


def test_another_rejection_breaks_the_invariant() -> None:
    with pytest.raises(InvariantBroken):
        domain.request_refund(captured(), refund_requested(), rejected(reason=RejectionReason.UNKNOWN_PRODUCT), NOW)


@pytest.mark.parametrize("payment", [None, *(replace(requested(), state=s) for s in PaymentState if s != "CAPTURED")])
def test_a_rejection_of_what_is_not_paid_breaks_the_invariant(payment: Payment | None) -> None:
    with pytest.raises(InvariantBroken):
        domain.request_refund(payment, None, rejected(), NOW)


def test_attempts_are_bounded_and_their_pauses_grow() -> None:
    policy = RetryPolicy(attempts_max=4, first_delay_seconds=1, delay_max_seconds=3)

    assert [policy.delay_seconds(attempts, 1) for attempts in (1, 2, 3, 4)] == [1, 2, 3, 3]
    assert policy.delay_seconds(2, 0) == 1
    assert [domain.bounded(Undecided("e"), attempts, policy) for attempts in (3, 4)] == [Undecided("e"), GivenUp("e")]
    assert domain.bounded(Captured(), 9, policy) == Captured()
