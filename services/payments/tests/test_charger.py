"""Asking the provider, on a real database: once per payment, whatever breaks in between."""

import threading
from contextlib import ExitStack
from uuid import UUID

import psycopg
import pytest

from services.events.shop.payments import DeclineReason, PaymentCaptured, PaymentDeclined, PaymentRefunded
from services.messaging.dead_letters import RETRIES_EXHAUSTED
from services.payments import domain
from services.payments.domain import Captured
from services.payments.gateway import ProviderError, ProviderTimeout, ProviderUnavailable
from services.payments.handlers import Answered, Handlers
from services.payments.tests.conftest import WAIT_SECONDS, OpenProvider, ScriptedProvider, World
from services.payments.tests.events import ORDER, order, placed, rejected

KEY = domain.payment_id_of(ORDER)


TOKENS: dict[str, tuple[str, list[type]]] = {
    "tok_visa": ("CAPTURED", [PaymentCaptured]),
    "tok_declined": ("DECLINED", [PaymentDeclined]),
    "tok_insufficient_funds": ("DECLINED", [PaymentDeclined]),
    "tok_nobody_knows": ("DECLINED", [PaymentDeclined]),
    "tok_flaky": ("CAPTURED", [PaymentCaptured]),
    "tok_timeout": ("CAPTURED", [PaymentCaptured]),
    "tok_error": ("GIVEN_UP", []),
}


def test_every_token_comes_to_its_end(world: World, open_provider: OpenProvider) -> None:
    ids = {method: order(number) for number, method in enumerate(TOKENS)}
    with world.charging(open_provider()):
        world.handlers.handle(world.fed.batch(*(placed(ids[method], method) for method in TOKENS)))
        world.eventually(lambda: world.states() == {ids[method]: state for method, (state, _) in TOKENS.items()})

    told = world.published()
    assert {
        method: [type(event) for event in told if event.order_id == order_id] for method, order_id in ids.items()
    } == {method: kinds for method, (_, kinds) in TOKENS.items()}
    assert world.charged() == 3


def test_a_decline_carries_the_providers_reason(world: World, open_provider: OpenProvider) -> None:
    with world.charging(open_provider()):
        world.handlers.handle(world.fed.batch(placed(method="tok_nobody_knows")))
        world.eventually(lambda: bool(world.published()))

    (event,) = world.published()
    assert event.reason is DeclineReason.UNKNOWN_PAYMENT_METHOD


def test_a_payment_that_cannot_be_decided_is_given_up(world: World, open_provider: OpenProvider) -> None:
    with world.charging(open_provider()):
        world.handlers.handle(world.fed.batch(placed(method="tok_error"), placed(order(2))))
        world.eventually(lambda: world.states() == {ORDER: "GIVEN_UP", order(2): "CAPTURED"})

    assert world.rows("SELECT reason, attempts FROM dead_letters") == [(RETRIES_EXHAUSTED, 4)]


def test_a_refund_is_made_once(world: World) -> None:
    provider = ScriptedProvider()
    with world.charging(provider):
        world.handlers.handle(world.fed.batch(placed()))
        world.eventually(lambda: world.states() == {ORDER: "CAPTURED"})
        world.handlers.handle(world.fed.batch(rejected()))
        world.eventually(lambda: world.states() == {ORDER: "REFUNDED"})

    assert provider.refunded == {domain.refund_id_of(KEY): 500}
    assert [type(event) for event in world.published()] == [PaymentCaptured, PaymentRefunded]


def test_a_crash_between_call_and_recording_charges_once(world: World, open_provider: OpenProvider) -> None:
    """The first process has charged and dies; the second finds the request when its claim has expired."""
    world.handlers.handle(world.fed.batch(placed()))
    ((_, request),) = world.waiting.take(10)
    answer = open_provider().charge(KEY, 500, "EUR", "tok_visa")  # ... and nothing of it is recorded
    world.expire_claims()

    survivor = world.another()
    with survivor.charging(open_provider()):
        world.eventually(lambda: world.states() == {ORDER: "CAPTURED"})
    world.handlers.record([Answered(request, answer)])  # a frozen process that wakes up after all

    assert answer == Captured()
    assert world.rows("SELECT attempts, outcome FROM simulated_provider") == [(2, "CHARGED")]
    assert len(world.published()) == 1


def test_a_lost_answer_is_asked_for_again_with_the_same_key(world: World) -> None:
    def lose_the_first(_: UUID, number: int) -> None:
        if number == 1:
            raise ProviderTimeout

    provider = ScriptedProvider(lose_the_first)
    with world.charging(provider):
        world.handlers.handle(world.fed.batch(placed()))
        world.eventually(lambda: world.states() == {ORDER: "CAPTURED"})

    assert provider.calls == {KEY: 2}


def test_a_slow_payment_holds_up_nobody(world: World) -> None:
    go_on = threading.Event()

    def wait_for_the_first(key: UUID, _: int) -> None:
        if key == KEY:
            assert go_on.wait(WAIT_SECONDS)

    with world.charging(ScriptedProvider(wait_for_the_first)):
        world.handlers.handle(world.fed.batch(placed(), *(placed(order(number)) for number in range(20))))
        world.eventually(lambda: list(world.states().values()).count("CAPTURED") == 20)
        meanwhile = world.states()[ORDER]
        go_on.set()
        world.eventually(lambda: world.states()[ORDER] == "CAPTURED")

    assert meanwhile == "REQUESTED"


def test_calls_at_a_time_are_bounded(world: World) -> None:
    few = world.another(provider_concurrency_max=3)
    most, now, lock, pause = [0], [0], threading.Lock(), threading.Event()

    def count(_: UUID, __: int) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        pause.wait(0.005)
        with lock:
            now[0] -= 1

    with few.charging(ScriptedProvider(count)):
        few.handlers.handle(world.fed.batch(*(placed(order(number)) for number in range(40))))
        world.eventually(lambda: set(world.states().values()) == {"CAPTURED"})

    assert most == [3]


def test_an_unreachable_provider_gives_nothing_up(world: World) -> None:
    """Down for far more calls than a payment has attempts: no attempt counts, and all are charged when it is back."""
    back = threading.Event()

    def unreachable(_: UUID, __: int) -> None:
        if not back.is_set():
            raise ProviderUnavailable

    few = world.another(provider_pause_seconds=0.01, provider_pause_max_seconds=0.02)
    provider = ScriptedProvider(unreachable)
    with few.charging(provider):
        few.handlers.handle(world.fed.batch(*(placed(order(number)) for number in range(5))))
        world.eventually(lambda: sum(provider.calls.values()) > 5 * world.settings.provider_attempts_max + 5)
        meanwhile = world.rows("SELECT max(attempts) FROM provider_requests")
        back.set()
        world.eventually(lambda: set(world.states().values()) == {"CAPTURED"})

    assert meanwhile == [(0,)]
    assert world.rows("SELECT count(*) FROM dead_letters") == [(0,)]


def test_a_defect_in_the_gateway_is_an_attempt_that_decided_nothing(world: World) -> None:
    def broken(_: UUID, __: int) -> None:
        raise ZeroDivisionError

    with world.charging(ScriptedProvider(broken)):
        world.handlers.handle(world.fed.batch(placed()))
        world.eventually(lambda: world.states() == {ORDER: "GIVEN_UP"})

    ((error,),) = world.rows("SELECT error FROM dead_letters")
    assert "ZeroDivisionError" in error


def test_answers_wait_for_a_database_that_is_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    away, record = [3], Handlers.record

    def failing(self: Handlers, answered: list[Answered]) -> None:
        if away[0]:
            away[0] -= 1
            raise psycopg.OperationalError("the connection is lost")
        record(self, answered)

    monkeypatch.setattr(Handlers, "record", failing)
    provider = ScriptedProvider()
    with world.charging(provider):
        world.handlers.handle(world.fed.batch(placed()))
        world.eventually(lambda: world.states() == {ORDER: "CAPTURED"})

    assert provider.calls == {KEY: 1}


def test_an_answer_that_cannot_be_recorded_holds_up_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    settle = domain.settle_charge

    def failing(payment: domain.Payment, answer: object, *rest: object) -> object:
        if payment.order_id == ORDER and isinstance(answer, Captured):
            raise ValueError("a defect")
        return settle(payment, answer, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(domain, "settle_charge", failing)
    with world.charging(ScriptedProvider()):
        world.handlers.handle(world.fed.batch(placed(order(2)), placed(), placed(order(3))))
        world.eventually(lambda: world.states() == {ORDER: "GIVEN_UP", order(2): "CAPTURED", order(3): "CAPTURED"})

    ((reason, error),) = world.rows("SELECT reason, error FROM dead_letters")
    assert reason == "INVARIANT_BROKEN"
    assert "a defect" in error


def test_stopping_records_what_is_on_its_way_and_puts_back_the_rest(world: World) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(_: UUID, __: int) -> None:
        asked.set()
        assert go_on.wait(WAIT_SECONDS)

    one = world.another(provider_concurrency_max=1, provider_outstanding_max=1)
    stopping = threading.Event()
    thread = threading.Thread(target=one.charger(ScriptedProvider(slow)).run, args=[stopping])
    thread.start()
    one.handlers.handle(world.fed.batch(placed(), placed(order(2)), placed(order(3))))
    assert asked.wait(WAIT_SECONDS)
    stopping.set()
    go_on.set()
    thread.join(WAIT_SECONDS)

    assert not thread.is_alive()
    assert sorted(world.states().values()) == ["CAPTURED", "REQUESTED", "REQUESTED"]
    assert len(world.handlers.claim(10)) == 2


def test_several_processes_charge_each_payment_once(world: World) -> None:
    """Three processes on one table, every first call failing: whoever asks again, nobody asks a third time."""

    def flaky(_: UUID, number: int) -> None:
        if number == 1:
            raise ProviderError("not now")

    provider = ScriptedProvider(flaky)
    one, two, three = (world.another(provider_claim_seconds=2 * WAIT_SECONDS) for _ in range(3))
    orders = [order(number) for number in range(90)]
    with one.charging(provider), two.charging(provider), three.charging(provider):
        for process, placed_here in ((one, orders[:30]), (two, orders[30:60]), (three, orders[60:])):
            process.handlers.handle(world.fed.batch(*map(placed, placed_here)))
        world.eventually(lambda: list(world.states().values()).count("CAPTURED") == 90)

    assert provider.calls == {domain.payment_id_of(each): 2 for each in orders}
    assert len(world.published()) == 90
    assert world.rows("SELECT count(*) FROM provider_requests") == [(0,)]


@pytest.mark.parametrize(("method", "attempts"), [("tok_flaky", 3), ("tok_timeout", 2), ("tok_declined", 1)])
def test_several_processes_ask_one_simulated_provider(
    world: World, open_provider: OpenProvider, method: str, attempts: int
) -> None:
    """A retry is taken by any process: what the provider knows must not depend on which."""
    processes = [world.another(provider_claim_seconds=2 * WAIT_SECONDS) for _ in range(4)]
    state = "DECLINED" if method == "tok_declined" else "CAPTURED"
    with ExitStack() as charging:
        for process in processes:
            charging.enter_context(process.charging(open_provider()))
        world.handlers.handle(world.fed.batch(*(placed(order(number), method) for number in range(40))))
        world.waiting.take(40)
        world.expire_claims()
        world.eventually(lambda: list(world.states().values()).count(state) == 40)

    assert world.rows("SELECT DISTINCT attempts FROM simulated_provider") == [(attempts,)]
    assert world.charged() == (40 if state == "CAPTURED" else 0)
