"""What every payment gateway must do; today there is one, which all processes share."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from services.events.shop.payments import DeclineReason
from services.payments.domain import Captured, Declined, Refunded
from services.payments.gateway import (
    IdempotencyConflict,
    PaymentGateway,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)
from services.payments.simulated_provider import SimulatedProvider
from services.payments.tests.conftest import OpenProvider

Ledger = Callable[[], list[tuple[str | None, int]]]


@pytest.fixture
def gateway(open_provider: OpenProvider) -> SimulatedProvider:
    return open_provider()


@pytest.fixture
def ledger(database: str, open_provider: OpenProvider) -> Iterator[Ledger]:
    """Reads outcome and attempts of every key."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield lambda: connection.execute("SELECT outcome, attempts FROM simulated_provider").fetchall()


def charge(gateway: PaymentGateway, method: str, key: UUID | None = None, amount: int = 100) -> Captured | Declined:
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
    gateway: SimulatedProvider, ledger: Ledger, method: str, answer: Captured | Declined
) -> None:
    key = uuid4()

    assert [charge(gateway, method, key) for _ in range(3)] == [answer] * 3
    assert ledger() == [("CHARGED" if isinstance(answer, Captured) else answer.reason.value, 3)]


def test_a_lost_reply_is_charged_once_whoever_asks_again(open_provider: OpenProvider, ledger: Ledger) -> None:
    key = uuid4()
    with pytest.raises(ProviderTimeout):
        charge(open_provider(), "tok_timeout", key)
    lost = ledger()

    assert charge(open_provider(), "tok_timeout", key) == Captured()
    assert (lost, ledger()) == ([("CHARGED", 1)], [("CHARGED", 2)])


def test_a_flaky_charge_fails_twice_whoever_asks(open_provider: OpenProvider, ledger: Ledger) -> None:
    key = uuid4()
    for _ in range(2):
        with pytest.raises(ProviderError):
            charge(open_provider(), "tok_flaky", key)
    failed = ledger()

    assert charge(open_provider(), "tok_flaky", key) == Captured()
    assert (failed, ledger()) == ([(None, 2)], [("CHARGED", 3)])


def test_a_broken_charge_fails_for_ever(gateway: SimulatedProvider, ledger: Ledger) -> None:
    key = uuid4()
    for _ in range(20):
        with pytest.raises(ProviderError):
            charge(gateway, "tok_error", key)

    assert ledger() == [(None, 20)]


@pytest.mark.parametrize(("amount", "currency"), [(101, "EUR"), (100, "USD")])
def test_a_key_stands_for_one_amount(gateway: SimulatedProvider, ledger: Ledger, amount: int, currency: str) -> None:
    key = uuid4()
    charge(gateway, "tok_visa", key, 100)

    with pytest.raises(IdempotencyConflict):
        gateway.charge(key, amount, currency, "tok_visa")
    with pytest.raises(IdempotencyConflict):
        gateway.refund(uuid4(), key, amount, currency)
    assert ledger() == [("CHARGED", 1)]


@pytest.mark.parametrize("method", ["tok_declined", "tok_flaky"])
def test_what_was_not_charged_is_not_refunded(gateway: SimulatedProvider, method: str) -> None:
    key = uuid4()
    if method == "tok_declined":
        charge(gateway, method, key)
    else:
        with pytest.raises(ProviderError):
            charge(gateway, method, key)

    with pytest.raises(IdempotencyConflict):
        gateway.refund(uuid4(), key, 100, "EUR")


def test_a_refund_is_made_once(gateway: SimulatedProvider, ledger: Ledger) -> None:
    key, charge_key = uuid4(), uuid4()
    charge(gateway, "tok_visa", charge_key)

    assert [gateway.refund(key, charge_key, 100, "EUR") for _ in range(3)] == [Refunded()] * 3
    assert sorted(ledger()) == [("CHARGED", 1), ("REFUNDED", 3)]


def test_a_charge_from_before_there_was_a_ledger_is_refunded(gateway: SimulatedProvider) -> None:
    assert gateway.refund(uuid4(), uuid4(), 100, "EUR") == Refunded()


def test_a_key_asked_for_by_many_at_once_is_charged_once(open_provider: OpenProvider, ledger: Ledger) -> None:
    """Two processes, keys in opposite orders, each twice at a time."""
    keys = [uuid4() for _ in range(50)]
    one, two = open_provider(), open_provider()
    with ThreadPoolExecutor(16) as pool:
        calls = [
            pool.submit(charge, gateway, "tok_visa", key)
            for gateway, ordered in ((one, keys), (two, keys[::-1]))
            for key in ordered
            for _ in range(2)
        ]

    assert {call.result() for call in calls} == {Captured()}
    assert ledger() == [("CHARGED", 4)] * 50


def test_a_ledger_that_does_not_answer_says_nothing_about_a_payment(
    database: str, postgres: str, gateway: SimulatedProvider
) -> None:
    name = database.rpartition("/")[2]
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

        with pytest.raises(ProviderUnavailable):
            charge(gateway, "tok_visa")
