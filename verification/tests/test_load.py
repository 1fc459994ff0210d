"""The generator sends when orders are due, and again what may not have arrived; figures are what they say."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from aiohttp import web

from verification import client, synthetic
from verification.addresses import Addresses, NotReachable, find
from verification.client import GaveUp, shop
from verification.load import Outcome, Sent, send
from verification.oracle import Answer, Violation
from verification.shopping import Plan
from verification.summary import latencies, percentile, summarise

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def sent_to(handler: Handler, plan: Plan, rate: float) -> tuple[list[Sent], int]:
    """Send a plan to a service that answers like this; what was measured, and how often something was sent again."""
    app = web.Application()
    app.router.add_post("/orders", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    here = Addresses(*[f"http://127.0.0.1:{port}"] * 8)
    try:
        async with shop(here) as customer:
            return await send(plan, rate, customer, lambda *_: None), customer.retries
    finally:
        await runner.cleanup()


def accepted(key: str) -> web.Response:
    return web.json_response({"order_id": f"order-{key}"}, status=202)


def test_late_answer_does_not_delay_the_next_order() -> None:
    plan = synthetic.plan("r", 1, 5)
    arrived: list[str] = []
    all_there = asyncio.Event()

    async def hold_until_all_are_there(request: web.Request) -> web.Response:
        arrived.append(request.headers["Idempotency-Key"])
        if len(arrived) == len(plan.orders):
            all_there.set()
        await all_there.wait()
        return accepted(arrived[0])

    sent, retries = asyncio.run(sent_to(hold_until_all_are_there, plan, rate=50))

    assert sorted(arrived) == [plan.key(order) for order in plan.orders]
    assert retries == 0
    assert sent[0].answered is not None
    assert sent[0].answered - sent[0].due >= 4 / 50
    assert [round((each.due - sent[0].due) * 50) for each in sent] == [0, 1, 2, 3, 4]


def test_no_answer_and_503_are_sent_again_under_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PAUSE_SECONDS", 0.001)
    keys: list[str] = []

    async def third_time_lucky(request: web.Request) -> web.StreamResponse:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            assert request.transport is not None
            request.transport.abort()
        if len(keys) == 2:
            return web.Response(status=503, headers={"Retry-After": "0"})
        return accepted(keys[0])

    [sent], retries = asyncio.run(sent_to(third_time_lucky, synthetic.plan("r", 1, 1), rate=1))

    assert keys == ["r-0"] * 3
    assert (sent.code, sent.order_id, retries) == (202, "order-r-0", 2)


def test_order_without_an_answer_for_too_long_has_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.0)

    async def never_ready(_: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "1"})

    [sent], _ = asyncio.run(sent_to(never_ready, synthetic.plan("r", 1, 1), rate=1))

    assert (sent.code, sent.answered) == (None, None)


def test_giving_up_says_what_was_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.0)

    async def look() -> object:
        async with shop(Addresses(*["http://127.0.0.1:9"] * 8)) as customer:
            return await customer.order("x")

    with pytest.raises(GaveUp, match=r"GET http://127\.0\.0\.1:9/orders/x"):
        asyncio.run(look())


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (95, 10), (99, 10), (1, 1)])
def test_percentile_is_the_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([float(number) for number in range(1, 11)], percent) == expected


def test_nothing_has_no_percentile() -> None:
    assert latencies([]) == {"p50": None, "p95": None, "p99": None, "max": None}


def test_summary_counts_what_became_of_the_orders() -> None:
    plan = synthetic.plan("r", 1, 5)
    final = {"status": "COMPLETED", "failure_reason": None}
    declined = {"status": "FAILED", "failure_reason": "PAYMENT_DECLINED"}
    answers = [
        Answer(202, "a", final), Answer(202, "b", declined), Answer(422), Answer(None), Answer(202, "c", {**final, "status": "PENDING"}),
    ]  # fmt: skip
    sent = [Sent(due=float(n), began=n + 0.01, answered=n + 0.02, code=each.code) for n, each in enumerate(answers)]
    sent[0].final, sent[1].final = 1.0, 5.0
    sent[3] = replace(sent[3], answered=None)

    summary = summarise(Outcome(plan, sent, answers, [Violation("rule", "subject", "text")], retries=3), rate=1.0)

    assert (summary["orders"], summary["accepted"], summary["completed"]) == (5, 3, 1)
    assert summary["failed"] == {"PAYMENT_DECLINED": 1, "PENDING": 1}
    assert (summary["refused"], summary["unanswered"], summary["retries"]) == (1, 1, 3)
    assert summary["completion_milliseconds"] == {"p50": 1000.0, "p95": 4000.0, "p99": 4000.0, "max": 4000.0}
    assert summary["acceptance_milliseconds"]["p50"] == 20.0
    assert (summary["seconds"], summary["orders_per_second"]) == (5.0, 0.4)
    assert summary["violations"] == [{"rule": "rule", "subject": "subject", "text": "text"}]
    assert summary["violations_total"] == 1


def test_addresses_come_from_the_environment_before_the_state_folder() -> None:
    endpoints = dict.fromkeys(("orders", "payments", "inventory", "kafka", "registry", "postgres"), "known")
    databases = dict.fromkeys(("ORDERS_DATABASE_URL", "PAYMENTS_DATABASE_URL", "INVENTORY_DATABASE_URL"), "database")

    found = find({"endpoints": endpoints, "environment": databases}, {"ORDERS_URL": "elsewhere"})

    assert (found.orders, found.kafka, found.payments_database) == ("elsewhere", "known", "database")


def test_no_system_is_answered_with_what_to_do() -> None:
    with pytest.raises(NotReachable, match=r"pipeline up --detach.*ORDERS_URL"):
        find({}, {})
