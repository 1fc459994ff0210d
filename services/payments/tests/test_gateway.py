"""What every payment gateway must do; today there is one."""

from uuid import UUID, uuid4

import pytest

from services.events.shop.payments import DeclineReason
from services.payments.domain import Captured, Declined, Refunded
from services.payments.gateway import IdempotencyConflict, ProviderError, ProviderTimeout
from services.payments.simulated_provider import SimulatedProvider


@pytest.fixture
def gateway() -> SimulatedProvider:
    return SimulatedProvider(entries_max=10)


def charge(gateway: SimulatedProvider, method: str, key: UUID | None = None, amount: int = 100) -> Captured | Declined:
    return gateway.charge(key or uuid4(), amount, "EUR", method)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("tok_visa", Captured()),
        ("tok_declined", Declined(DeclineReason.CARD_DECLINED)),
        ("tok_insufficient_funds", Declined(DeclineReason.INSUFFICIENT_FUNDS)),
        ("anything-else", Declined(DeclineReason.UNKNOWN_PAYMENT_METHOD)),
    ],
)
def test_a_charge_is_answered_the_same_every_time(
    gateway: SimulatedProvider, method: str, answer: Captured | Declined
) -> None:
    key = uuid4()

    assert [charge(gateway, method, key) for _ in range(3)] == [answer] * 3
    assert gateway.charged == (1 if answer == Captured() else 0)


def test_a_lost_reply_is_charged_once(gateway: SimulatedProvider) -> None:
    key = uuid4()
    with pytest.raises(ProviderTimeout):
        charge(gateway, "tok_timeout", key)

    assert charge(gateway, "tok_timeout", key) == Captured()
    assert gateway.charged == 1


def test_a_flaky_charge_fails_twice(gateway: SimulatedProvider) -> None:
    key = uuid4()
    for _ in range(2):
        with pytest.raises(ProviderError):
            charge(gateway, "tok_flaky", key)

    assert charge(gateway, "tok_flaky", key) == Captured()


def test_a_broken_charge_fails_for_ever(gateway: SimulatedProvider) -> None:
    key = uuid4()
    for _ in range(20):
        with pytest.raises(ProviderError):
            charge(gateway, "tok_error", key)

    assert gateway.charged == 0


def test_a_key_stands_for_one_amount(gateway: SimulatedProvider) -> None:
    key = uuid4()
    charge(gateway, "tok_visa", key, 100)

    with pytest.raises(IdempotencyConflict):
        charge(gateway, "tok_visa", key, 101)
    with pytest.raises(IdempotencyConflict):
        gateway.refund(uuid4(), key, 101, "EUR")


def test_a_refund_is_made_once(gateway: SimulatedProvider) -> None:
    key, charge_key = uuid4(), uuid4()
    charge(gateway, "tok_visa", charge_key)

    assert [gateway.refund(key, charge_key, 100, "EUR") for _ in range(3)] == [Refunded()] * 3
    assert gateway.refunded == 1


def test_what_is_remembered_is_bounded(gateway: SimulatedProvider) -> None:
    for _ in range(50):
        charge(gateway, "tok_visa")

    assert len(gateway._entries) == 10
