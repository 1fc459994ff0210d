"""Open-loop load: when each order is sent is fixed beforehand, so that slow answers cannot hide behind fewer requests.

Latencies count from the moment an order was due to be sent. The moment it is final is when an independent reader of
`shop.orders` sees its last event. Whether it ended as it should is decided afterwards by the oracle.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from verification.addresses import Addresses
from verification.client import GaveUp, Shop, shop
from verification.completions import TOPIC, Completions, Sent
from verification.oracle import ACCEPTED, Answer, Violation, came_to, judge, judge_final
from verification.shopping import Order, Plan

STILL_SECONDS_MAX = 60.0
"""Orders that are not final when no other became final for so long will not be any more: a killed process is back in
seconds, and what it had claimed is free again in ten."""
LAST_LISTED = 50
POLL_SECONDS = 0.05
REFUND_POLL_SECONDS = 0.2
REFUND_SECONDS_MAX = 30.0
FINAL = frozenset({"COMPLETED", "FAILED"})
SENDING = "orders answered"
"""What is told first when the first order is sent."""

Tell = Callable[[str, int, int], None]
"""(what, how many so far, of how many)"""
Accepted = Callable[[Sent], None]
Enough = Callable[[], bool]
"""Asked before each order but the first: whether no more are to be sent."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run."""

    plan: Plan
    sent: list[Sent]
    answers: list[Answer]
    violations: list[Violation]
    retries: int


async def run(
    plan: Plan, rate: float, addresses: Addresses, tell: Tell = lambda *_: None, enough: Enough = lambda: False
) -> Outcome:
    """List the products, send the orders, wait until they are final, and let the oracle judge.

    Where `enough` says so before all are sent, the rest is not sent, and the run is that of the orders that were.
    """
    async with shop(addresses) as client:
        listed = 0
        async for count in client.list_products(plan.products):
            listed += count
            tell("products listed", listed, len(plan.products))
        await _known(client, plan)
        with Completions(addresses) as completions:
            sent = await send(plan, rate, client, completions.expect, tell, enough)
            if len(sent) < len(plan.orders):
                plan = replace(plan, orders=plan.orders[: len(sent)])
            await send_again(plan, sent, client, completions.expect)
            await _finish(sent, completions, tell)
        finals, violations = await fetch_finals(plan, sent, client)
        on_hand = await client.on_hand(product.sku for product in plan.products)
    answers = [Answer(each.code, each.order_id, finals.get(each.order_id or "")) for each in sent]
    violations = [*judge(plan, answers, on_hand), *violations, *unseen(sent, finals, completions.failure)]
    return Outcome(plan, sent, answers, violations, client.retries)


async def _known(client: Shop, plan: Plan) -> None:
    """Wait until the orders service knows the products listed last: some of every partition are among them."""
    give_up_at = monotonic() + STILL_SECONDS_MAX
    for product in plan.products[-LAST_LISTED:]:
        while not await client.knows(product.sku):
            if monotonic() > give_up_at:
                raise GaveUp(f"orders did not hear of product {product.sku} within {STILL_SECONDS_MAX:g} s")
            await asyncio.sleep(POLL_SECONDS)


async def send(
    plan: Plan, rate: float, client: Shop, accepted: Accepted, tell: Tell, enough: Enough = lambda: False
) -> list[Sent]:
    """Send each order when it is due, whatever became of those before, up to the moment when it is `enough`."""
    begin, total = monotonic(), len(plan.orders)
    sent: list[Sent] = []
    answered = 0

    async def place(order: Order, each: Sent) -> None:
        nonlocal answered
        each.began = monotonic()
        await _place(plan, order, each, client, accepted)
        answered += each.answered is not None

    async with asyncio.TaskGroup() as tasks:
        for number, order in enumerate(plan.orders):
            due = begin + number / rate
            if (early := due - monotonic()) > 0:
                await asyncio.sleep(early)
            if sent and enough():
                total = len(sent)
                break
            sent.append(Sent(due))
            tasks.create_task(place(order, sent[-1]))
            tell(SENDING, answered, total)
    tell(SENDING, answered, total)
    return sent


async def send_again(plan: Plan, sent: Sequence[Sent], client: Shop, accepted: Accepted) -> None:
    """Send once more what was never answered: it may be stored all the same, and have taken stock."""
    async with asyncio.TaskGroup() as tasks:
        for number, each in enumerate(sent):
            if each.code is None:
                each.again = True
                tasks.create_task(_place(plan, plan.orders[number], each, client, accepted))


async def _place(plan: Plan, order: Order, each: Sent, client: Shop, accepted: Accepted) -> None:
    try:
        answer = await client.place(order.document(), plan.key(order))
    except GaveUp:
        return
    each.answered, each.code = monotonic(), answer.code
    if answer.code == ACCEPTED:
        each.order_id = answer.document["order_id"]
        if not (each.again and answer.document["status"] in FINAL):
            accepted(each)


async def _finish(sent: Sequence[Sent], completions: Completions, tell: Tell) -> None:
    """Wait until all accepted orders are final, or nothing moves any more."""
    accepted = sum(each.order_id is not None for each in sent)
    before, moved_at = completions.open(), monotonic()
    while completions.failure is None and monotonic() - moved_at < STILL_SECONDS_MAX:
        still_open = completions.open()
        tell("orders final", accepted - still_open, accepted)
        if not still_open:
            break
        if still_open != before:
            before, moved_at = still_open, monotonic()
        await asyncio.sleep(POLL_SECONDS)


async def fetch_finals(plan: Plan, sent: Sequence[Sent], client: Shop) -> tuple[dict[str, str], list[Violation]]:
    """What each order has come to, by its id, and what its document says wrong; documents are not kept.

    A refund may follow the failure by a moment.
    """
    numbers = {each.order_id: number for number, each in enumerate(sent) if each.order_id is not None}
    wanted, prices, give_up_at = set(numbers), plan.prices(), monotonic() + REFUND_SECONDS_MAX
    finals: dict[str, str] = {}
    violations: list[Violation] = []
    while wanted:
        last, owed = monotonic() > give_up_at, set()
        async for order in client.orders(wanted):
            if _awaits_refund(order) and not last:
                owed.add(order["order_id"])
                continue
            finals[order["order_id"]] = came_to(order)
            violations += judge_final(plan.orders[numbers[order["order_id"]]], order, prices)
        wanted = owed
        if wanted:
            await asyncio.sleep(REFUND_POLL_SECONDS)
    return finals, violations


def _awaits_refund(order: Mapping[str, Any]) -> bool:
    return order["failure_reason"] == "OUT_OF_STOCK" and order["refund"] is None


def unseen(sent: Sequence[Sent], finals: Mapping[str, str], failure: Exception | None) -> Iterator[Violation]:
    """What the reader of the topic should have seen: orders that are final over REST are so in the log."""
    missed = [
        each.order_id
        for each in sent
        if each.order_id and each.final is None and not each.again
        and finals.get(each.order_id, "PENDING") not in ("PENDING", "PAID")
    ]  # fmt: skip
    if failure is not None:
        text = f"{type(failure).__name__}: {failure}; {len(missed)} orders were not seen to become final"
        yield Violation("log", TOPIC, text)
    else:
        yield from (Violation("log", each, f"final over REST, but not seen in {TOPIC}") for each in missed)
