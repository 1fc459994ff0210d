"""What a payment and a refund may become. Pure: no I/O, no clock, no chance.

One payment an order, one refund a payment; their ids are derived, so that a re-run makes the same ones. What the provider
answers moves them by the tables below; what is not in a table contradicts what is known, and raises.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypedDict
from uuid import UUID, uuid5

from services.events.shop.common import EventHeader, OrderLine
from services.events.shop.inventory import RejectionReason, StockRejected
from services.events.shop.orders import OrderPlaced
from services.events.shop.payments import DeclineReason, PaymentCaptured, PaymentDeclined, PaymentRefunded

Published = PaymentCaptured | PaymentDeclined | PaymentRefunded


class InvariantBroken(Exception):
    """A message contradicts what this service knows; nothing was changed."""


class IllegalTransition(Exception):
    """The provider's answer cannot follow on the state."""


# What the provider answers


@dataclass(frozen=True, slots=True)
class Captured:
    """The provider has taken the money."""


@dataclass(frozen=True, slots=True)
class Declined:
    """The provider will not take the money: an answer, not an error."""

    reason: DeclineReason


@dataclass(frozen=True, slots=True)
class Refunded:
    """The provider has given the money back."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """The attempt has decided nothing: an error, or a lost answer. Another attempt may."""

    error: str


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The last attempt has decided nothing either; a person has to look at it."""

    error: str


ChargeAnswer = Captured | Declined | Undecided | GivenUp
RefundAnswer = Refunded | Undecided | GivenUp
Answer = ChargeAnswer | RefundAnswer


class PaymentState(StrEnum):
    """Where a payment stands."""

    REQUESTED = "REQUESTED"
    CAPTURED = "CAPTURED"
    DECLINED = "DECLINED"
    GIVEN_UP = "GIVEN_UP"


class RefundState(StrEnum):
    """Where a refund stands."""

    REQUESTED = "REQUESTED"
    REFUNDED = "REFUNDED"
    GIVEN_UP = "GIVEN_UP"


CHARGING: Mapping[tuple[PaymentState, type[ChargeAnswer]], PaymentState] = {
    (PaymentState.REQUESTED, Captured): PaymentState.CAPTURED,
    (PaymentState.REQUESTED, Declined): PaymentState.DECLINED,
    (PaymentState.REQUESTED, Undecided): PaymentState.REQUESTED,
    (PaymentState.REQUESTED, GivenUp): PaymentState.GIVEN_UP,
}
"""A payment's state and the answer to its charge, to the next state."""

REFUNDING: Mapping[tuple[RefundState, type[RefundAnswer]], RefundState] = {
    (RefundState.REQUESTED, Refunded): RefundState.REFUNDED,
    (RefundState.REQUESTED, Undecided): RefundState.REQUESTED,
    (RefundState.REQUESTED, GivenUp): RefundState.GIVEN_UP,
}
"""A refund's state and the answer to it, to the next state."""


@dataclass(frozen=True, slots=True)
class Payment:
    """The charge for one order."""

    payment_id: UUID
    order_id: UUID
    state: PaymentState
    amount_minor: int
    currency: str
    payment_method: str
    lines: Sequence[OrderLine]
    created_at: datetime
    updated_at: datetime
    attempts: int = 0
    decline_reason: DeclineReason | None = None
    put_back: bool = False
    """Decided as the log says, by a repair; what was ordered comes with OrderPlaced, which is still to be read again."""


@dataclass(frozen=True, slots=True)
class Refund:
    """A captured payment's way back."""

    refund_id: UUID
    payment_id: UUID
    order_id: UUID
    state: RefundState
    amount_minor: int
    currency: str
    reason: RejectionReason
    created_at: datetime
    updated_at: datetime
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Cause:
    """The event that asked for a charge or a refund."""

    event_id: UUID
    trace_parent: str | None

    @classmethod
    def of(cls, header: EventHeader) -> "Cause":
        """The cause that a message is."""
        return cls(header.event_id, header.trace_parent)


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """A charge or a refund that the provider is to be asked for, as this process last read it."""

    subject: Payment | Refund
    cause: Cause
    claimed_until: datetime | None = None
    """By the database's clock: until then nobody else takes it. The time tells one claim from another."""

    @property
    def request_id(self) -> UUID:
        """The provider's idempotency key: the payment's id or the refund's."""
        return self.subject.payment_id if isinstance(self.subject, Payment) else self.subject.refund_id


def payment_id_of(order_id: UUID) -> UUID:
    """The id of an order's payment, and the provider's idempotency key for its charge."""
    return uuid5(order_id, "payment")


def refund_id_of(payment_id: UUID) -> UUID:
    """The id of a payment's refund, and the provider's idempotency key for it."""
    return uuid5(payment_id, "refund")


# Messages


def request_payment(known: Payment | None, placed: OrderPlaced, now: datetime) -> tuple[Payment, list[Published]]:
    """An order was placed: its payment is requested; one over 0 is captured without asking anybody.

    The same order again changes nothing. Raises InvariantBroken for another content, and for amounts that do not add up.
    """
    if known is not None and known.put_back:
        return replace(known, **_ordered(placed), put_back=False), []
    if known is not None:
        if _content(known) != (placed.total_minor, placed.currency, placed.payment_method, placed.lines):
            raise InvariantBroken(f"order {placed.order_id} was placed before with another content")
        return known, []
    if not placed.lines or any(line.quantity < 1 or line.unit_price_minor < 0 for line in placed.lines):
        raise InvariantBroken(f"order {placed.order_id} has no lines, or one with no pieces or at a price below 0")
    if placed.total_minor != sum(line.quantity * line.unit_price_minor for line in placed.lines):
        raise InvariantBroken(f"order {placed.order_id} has a total that is not the sum of its lines")
    payment = Payment(
        payment_id=payment_id_of(placed.order_id),
        order_id=placed.order_id,
        state=PaymentState.REQUESTED,
        **_ordered(placed),
        created_at=now,
        updated_at=now,
    )
    if payment.amount_minor == 0:
        return settle_charge(payment, Captured(), Cause.of(placed.header), now)
    return payment, []


def _ordered(placed: OrderPlaced) -> "Ordered":
    return {
        "amount_minor": placed.total_minor,
        "currency": placed.currency,
        "payment_method": placed.payment_method,
        "lines": placed.lines,
    }


class Ordered(TypedDict):
    """What a payment is about, as OrderPlaced says."""

    amount_minor: int
    currency: str
    payment_method: str
    lines: Sequence[OrderLine]


def _content(payment: Payment) -> tuple[int, str, str, list[OrderLine]]:
    return payment.amount_minor, payment.currency, payment.payment_method, list(payment.lines)


def request_refund(
    payment: Payment | None, known: Refund | None, rejected: StockRejected, now: datetime
) -> tuple[Refund, list[Published]]:
    """A paid order cannot be delivered: its refund is requested; one of 0 is made without asking anybody.

    The same rejection again changes nothing. Raises InvariantBroken for an order that is not paid, or rejected otherwise.
    """
    if payment is None or payment.state is not PaymentState.CAPTURED:
        state = payment.state.value if payment else "unknown"
        raise InvariantBroken(f"stock of order {rejected.order_id} was rejected, its payment is {state}")
    if known is not None:
        if known.reason is not rejected.reason:
            raise InvariantBroken(f"stock of order {rejected.order_id} was rejected before as {known.reason.value}")
        return known, []
    refund = Refund(
        refund_id=refund_id_of(payment.payment_id),
        payment_id=payment.payment_id,
        order_id=payment.order_id,
        state=RefundState.REQUESTED,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        reason=rejected.reason,
        created_at=now,
        updated_at=now,
    )
    if refund.amount_minor == 0:
        return settle_refund(refund, Refunded(), Cause.of(rejected.header), now)
    return refund, []


# Answers


def settle_charge(
    payment: Payment, answer: ChargeAnswer, cause: Cause, now: datetime
) -> tuple[Payment, list[Published]]:
    """Apply the provider's answer to a charge. Raises IllegalTransition, having changed nothing."""
    state = CHARGING.get((payment.state, type(answer)))
    if state is None:
        raise IllegalTransition(f"payment {payment.payment_id} is {payment.state.value}: {answer} cannot follow")
    settled = replace(
        payment,
        state=state,
        updated_at=now,
        attempts=payment.attempts + _asked(payment.amount_minor),
        decline_reason=answer.reason if isinstance(answer, Declined) else None,
    )
    return settled, _payment_events(settled, cause, now)


def _payment_events(payment: Payment, cause: Cause, now: datetime) -> list[Published]:
    if payment.state is PaymentState.CAPTURED:
        captured = PaymentCaptured(
            header=_caused_by(cause, PaymentCaptured.NAME, now),
            order_id=payment.order_id,
            payment_id=payment.payment_id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            lines=list(payment.lines),
        )
        return [captured]
    if payment.state is PaymentState.DECLINED:
        declined = PaymentDeclined(
            header=_caused_by(cause, PaymentDeclined.NAME, now),
            order_id=payment.order_id,
            payment_id=payment.payment_id,
            reason=payment.decline_reason or DeclineReason.UNKNOWN,
        )
        return [declined]
    return []


def settle_refund(refund: Refund, answer: RefundAnswer, cause: Cause, now: datetime) -> tuple[Refund, list[Published]]:
    """Apply the provider's answer to a refund. Raises IllegalTransition, having changed nothing."""
    state = REFUNDING.get((refund.state, type(answer)))
    if state is None:
        raise IllegalTransition(f"refund {refund.refund_id} is {refund.state.value}: {answer} cannot follow")
    settled = replace(refund, state=state, updated_at=now, attempts=refund.attempts + _asked(refund.amount_minor))
    if state is not RefundState.REFUNDED:
        return settled, []
    refunded = PaymentRefunded(
        header=_caused_by(cause, PaymentRefunded.NAME, now),
        order_id=refund.order_id,
        payment_id=refund.payment_id,
        refund_id=refund.refund_id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        reason=refund.reason,
    )
    return settled, [refunded]


def _asked(amount_minor: int) -> int:
    return int(amount_minor > 0)


def _caused_by(cause: Cause, name: str, now: datetime) -> EventHeader:
    return EventHeader(
        event_id=uuid5(cause.event_id, name),
        occurred_at=now,
        cause_id=cause.event_id,
        trace_parent=cause.trace_parent,
    )


# Repair


def put_back_charge(known: Payment | None, event: PaymentCaptured | PaymentDeclined) -> Payment:
    """A payment as its own event says: what this service told once is true, whatever its database has forgotten.

    Of a payment that is not known the event says what became of it, and not all of what was ordered (``put_back``).
    """
    told_at = event.header.occurred_at
    payment = known or Payment(
        payment_id=event.payment_id,
        order_id=event.order_id,
        state=PaymentState.REQUESTED,
        amount_minor=0,
        currency="",
        payment_method="",
        lines=[],
        created_at=told_at,
        updated_at=told_at,
        put_back=True,
    )
    if isinstance(event, PaymentDeclined):
        return replace(payment, state=PaymentState.DECLINED, decline_reason=event.reason, updated_at=told_at)
    return replace(
        payment,
        state=PaymentState.CAPTURED,
        amount_minor=event.amount_minor,
        currency=event.currency,
        lines=event.lines,
        decline_reason=None,
        updated_at=told_at,
    )


def put_back_refund(known: Refund | None, event: PaymentRefunded) -> Refund:
    """A refund as its own event says."""
    told_at = event.header.occurred_at
    refund = known or Refund(
        refund_id=event.refund_id,
        payment_id=event.payment_id,
        order_id=event.order_id,
        state=RefundState.REQUESTED,
        amount_minor=event.amount_minor,
        currency=event.currency,
        reason=event.reason,
        created_at=told_at,
        updated_at=told_at,
    )
    return replace(refund, state=RefundState.REFUNDED, updated_at=told_at)


# Retries


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how soon the provider is asked again about what it could not decide."""

    attempts_max: int
    first_delay_seconds: float
    delay_max_seconds: float

    def delay_seconds(self, attempts: int, chance: float) -> float:
        """The pause after this many attempts: doubled each time, bounded; by chance (0 to 1) down to its half."""
        longest = min(self.first_delay_seconds * 2.0 ** (attempts - 1), self.delay_max_seconds)
        return longest * (0.5 + chance / 2)


def bounded(answer: Answer, attempts: int, policy: RetryPolicy) -> Answer:
    """The answer to the attempt of this number; the last one that decides nothing is given up."""
    if isinstance(answer, Undecided) and attempts >= policy.attempts_max:
        return GivenUp(answer.error)
    return answer
