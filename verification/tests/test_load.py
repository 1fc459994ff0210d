"""The generator sends when orders are due, and again what may not have arrived; figures are what they say."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from aiohttp import web

from stack.errors import StackError
from verification import client, load, log_reader, synthetic
from verification.addresses import Addresses, NotReachable, find
from verification.cli import plan_of_run
from verification.client import GaveUp, Shop, shop
from verification.completions import EARLY_SECONDS_MAX, Completions, Sent
from verification.load import Outcome, fetch_finals, send, send_again, unseen
from verification.oracle import Answer, Violation
from verification.shopping import Plan, total_minor
from verification.summary import latencies, percentile, summarise

NOWHERE = Addresses(*["http://127.0.0.1:9"] * 8)
Answered = TypeVar("Answered")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def asking(handler: Handler, ask: Callable[[Shop], Awaitable[Answered]]) -> Answered:
    """Ask services that answer like this."""
    app = web.Application()
    app.router.add_route("*", "/orders", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with shop(Addresses(*[f"http://127.0.0.1:{port}"] * 8)) as customer:
            return await ask(customer)
    finally:
        await runner.cleanup()


async def sent_to(handler: Handler, plan: Plan, rate: float, *, again: bool = False) -> tuple[list[Sent], int]:
    """Send a plan to a service that answers like this; what was measured, and how often something was sent again."""

    async def ask(customer: Shop) -> tuple[list[Sent], int]:
        sent = await send(plan, rate, customer, lambda _: None, lambda *_: None)
        if again:
            await send_again(plan, sent, customer, lambda _: None)
        return sent, customer.retries

    return await asking(handler, ask)


def accepted(key: str) -> web.Response:
    return web.json_response({"order_id": f"order-{key}", "status": "PENDING"}, status=202)


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


def test_no_more_is_sent_than_is_enough() -> None:
    keys: list[str] = []

    async def take(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        return accepted(keys[-1])

    async def ask(customer: Shop) -> list[Sent]:
        plan = synthetic.plan("r", 1, 1_000)
        return await send(plan, 500, customer, lambda _: None, lambda *_: None, lambda: len(keys) >= 3)

    sent = asyncio.run(asking(take, ask))

    assert len(sent) == len(keys)
    assert 3 <= len(sent) < 1_000
    assert all(each.code == 202 for each in sent)


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


def test_order_that_was_given_up_is_sent_once_more_under_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.0)
    keys: list[str] = []

    async def stored_but_not_answered(request: web.Request) -> web.Response:
        keys.append(request.headers["Idempotency-Key"])
        return web.Response(status=503, headers={"Retry-After": "1"}) if len(keys) == 1 else accepted(keys[0])

    [sent], _ = asyncio.run(sent_to(stored_but_not_answered, synthetic.plan("r", 1, 1), rate=1, again=True))

    assert keys == ["r-0"] * 2
    assert (sent.code, sent.order_id, sent.again) == (202, "order-r-0", True)


def accepted_order(order_id: str) -> Sent:
    return Sent(due=0.0, code=202, order_id=order_id)


def test_order_is_final_when_its_event_is_seen_before_its_answer_or_after() -> None:
    completions, before, after = Completions(NOWHERE), accepted_order("before"), accepted_order("after")

    completions.note("before", 1.0)
    completions.expect(before)
    completions.expect(after)
    assert completions.open() == 1
    completions.note("after", 2.0)
    completions.note("after", 3.0)

    assert (before.final, after.final, completions.open()) == (1.0, 2.0, 0)


def test_orders_of_other_runs_are_forgotten() -> None:
    completions, each = Completions(NOWHERE), accepted_order("other")

    completions.note("other", 1.0)
    completions.note("another", 2.0 + EARLY_SECONDS_MAX)
    completions.expect(each)

    assert each.final is None


def test_reader_that_fails_in_any_way_is_told_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(log_reader, "follow", fail)

    with Completions(NOWHERE) as completions:
        pass

    [violation] = unseen([accepted_order("a")], {"a": "COMPLETED"}, completions.failure)
    assert violation.text == "ValueError: no such thing; 1 orders were not seen to become final"


def test_final_order_that_the_reader_has_not_seen_is_a_violation() -> None:
    sent = [accepted_order("seen"), accepted_order("missed"), accepted_order("pending"), Sent(0.0)]
    sent[0].final = 1.0
    sent.append(replace(accepted_order("asked once more"), again=True))
    finals = {"seen": "COMPLETED", "missed": "OUT_OF_STOCK", "pending": "PENDING", "asked once more": "COMPLETED"}

    assert [violation.subject for violation in unseen(sent, finals, None)] == ["missed"]


def test_each_order_is_judged_by_its_document_once_its_refund_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "REFUND_POLL_SECONDS", 0.0)
    plan = synthetic.plan("r", 1, 1)
    order = plan.orders[0]
    total = total_minor(order, plan.prices())
    lines = [{**line, "unit_price_minor": plan.prices()[line["sku"]]} for line in order.document()["lines"]]
    refunded = {
        **order.document(), "order_id": "a", "status": "FAILED", "failure_reason": "OUT_OF_STOCK", "lines": lines,
        "total_minor": total, "refund": {"amount_minor": total - 1},
    }  # fmt: skip
    pages = iter([{**refunded, "refund": None}, refunded])

    async def page(_: web.Request) -> web.Response:
        return web.json_response({"items": [next(pages)], "next": None})

    finals, violations = asyncio.run(asking(page, lambda shop: fetch_finals(plan, [accepted_order("a")], shop)))

    assert finals == {"a": "OUT_OF_STOCK"}
    assert [violation.text for violation in violations] == [f"{total - 1} given back of {total}"]


def test_more_orders_than_can_be_judged_are_refused() -> None:
    with pytest.raises(StackError, match=r"864,000,000 orders are more than the 1,000,000.*--limit"):
        plan_of_run(10_000, 86_400, None, 1, replay=False)


def test_giving_up_says_what_was_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.0)

    async def look() -> object:
        async with shop(NOWHERE) as customer:
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
    answers = [
        Answer(202, "a", "COMPLETED"), Answer(202, "b", "PAYMENT_DECLINED"), Answer(422), Answer(None), Answer(202, "c", "PENDING"),
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

    found = find({"supervised": True, "endpoints": endpoints, "environment": databases}, {"ORDERS_URL": "elsewhere"})

    assert (found.orders, found.kafka, found.payments_database) == ("elsewhere", "known", "database")


def test_no_system_is_answered_with_what_to_do() -> None:
    with pytest.raises(NotReachable, match=r"pipeline up --detach.*ORDERS_URL"):
        find({"supervised": False, "endpoints": {"orders": "of old", "kafka": "of old"}}, {})
