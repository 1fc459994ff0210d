"""Open-loop load: when each order is sent is fixed beforehand, so that slow answers cannot hide behind fewer requests.

Latencies count from the moment an order was due to be sent. The moment it is final is when an independent reader of
`shop.orders` sees its last event. Whether it ended as it should is decided afterwards by the oracle.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Self

from verification import log_reader
from verification.addresses import Addresses
from verification.client import GaveUp, Shop, shop
from verification.log_reader import ReaderError
from verification.oracle import ACCEPTED, Answer, Violation, judge
from verification.shopping import Order, Plan

STILL_SECONDS_MAX = 60.0
"""Orders that are not final when no other became final for so long will not be any more: a killed process is back in
seconds, and what it had claimed is free again in ten."""
LAST_LISTED = 50
POLL_SECONDS = 0.05
REFUND_POLL_SECONDS = 0.2
REFUND_SECONDS_MAX = 30.0
FINAL_EVENTS = frozenset({"shop.orders.OrderCompleted", "shop.orders.OrderFailed"})
TOPIC = "shop.orders"

Tell = Callable[[str, int, int], None]
"""(what, how many so far, of how many)"""


@dataclass(slots=True)
class Sent:
    """What was measured of one order, in seconds on one clock."""

    due: float
    began: float = 0.0
    answered: float | None = None
    final: float | None = None
    code: int | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run."""

    plan: Plan
    sent: list[Sent]
    answers: list[Answer]
    violations: list[Violation]
    retries: int


@dataclass(slots=True)
class Completions:
    """Follows `shop.orders` in a thread and notes when each order became final."""

    addresses: Addresses
    seen: dict[str, float] = field(default_factory=dict)
    failure: ReaderError | None = None
    _started: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._follow, name="completions", daemon=True)
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        here = self.addresses
        try:
            for record in log_reader.follow(here.kafka, here.registry, [TOPIC], self._started, self._stop):
                if record.name in FINAL_EVENTS and record.key is not None:
                    self.seen.setdefault(record.key.decode("ascii", "replace"), monotonic())
        except ReaderError as error:
            self.failure = error


async def run(plan: Plan, rate: float, addresses: Addresses, tell: Tell = lambda *_: None) -> Outcome:
    """List the products, send the orders, wait until they are final, and let the oracle judge."""
    async with shop(addresses) as client:
        listed = 0
        async for count in client.list_products(plan.products):
            listed += count
            tell("products listed", listed, len(plan.products))
        await _known(client, plan)
        with Completions(addresses) as completions:
            sent = await send(plan, rate, client, tell)
            await _finish(sent, completions, tell)
        ids = [each.order_id for each in sent if each.order_id is not None]
        finals = await _finals(client, ids)
        on_hand = await client.on_hand(product.sku for product in plan.products)
    for each in sent:
        each.final = completions.seen.get(each.order_id or "")
    answers = [Answer(each.code, each.order_id, finals.get(each.order_id or "")) for each in sent]
    violations = [*judge(plan, answers, on_hand)]
    if completions.failure is not None:
        violations.append(Violation("log", TOPIC, str(completions.failure)))
    return Outcome(plan, sent, answers, violations, client.retries)


async def _known(client: Shop, plan: Plan) -> None:
    """Wait until the orders service knows the products listed last: some of every partition are among them."""
    give_up_at = monotonic() + STILL_SECONDS_MAX
    for product in plan.products[-LAST_LISTED:]:
        while not await client.knows(product.sku):
            if monotonic() > give_up_at:
                raise GaveUp(f"orders did not hear of product {product.sku} within {STILL_SECONDS_MAX:g} s")
            await asyncio.sleep(POLL_SECONDS)


async def send(plan: Plan, rate: float, client: Shop, tell: Tell) -> list[Sent]:
    """Send each order when it is due, whatever became of those before."""
    begin = monotonic()
    sent = [Sent(begin + order.number / rate) for order in plan.orders]
    answered = 0

    async def place(order: Order, each: Sent) -> None:
        nonlocal answered
        each.began = monotonic()
        try:
            answer = await client.place(order.document(), plan.key(order))
        except GaveUp:
            return
        each.answered, each.code = monotonic(), answer.code
        if answer.code == ACCEPTED:
            each.order_id = answer.document["order_id"]
        answered += 1

    async with asyncio.TaskGroup() as tasks:
        for order, each in zip(plan.orders, sent, strict=True):
            if (early := each.due - monotonic()) > 0:
                await asyncio.sleep(early)
            tasks.create_task(place(order, each))
            tell("orders answered", answered, len(sent))
    tell("orders answered", answered, len(sent))
    return sent


async def _finish(sent: list[Sent], completions: Completions, tell: Tell) -> None:
    """Wait until all accepted orders are final, or nothing moves any more."""
    open_ids = {each.order_id for each in sent if each.order_id is not None}
    accepted, moved_at = len(open_ids), monotonic()
    while open_ids and completions.failure is None and monotonic() - moved_at < STILL_SECONDS_MAX:
        done = {order_id for order_id in open_ids if order_id in completions.seen}
        if done:
            open_ids -= done
            moved_at = monotonic()
        tell("orders final", accepted - len(open_ids), accepted)
        if open_ids:
            await asyncio.sleep(POLL_SECONDS)


async def _finals(client: Shop, ids: list[str]) -> Mapping[str, Mapping[str, object]]:
    """Fetch the orders as they are at the end; a refund may follow the failure by a moment."""
    finals = await client.orders_since(ids)
    give_up_at = monotonic() + REFUND_SECONDS_MAX
    while monotonic() < give_up_at:
        owed = [order_id for order_id, order in finals.items() if _awaits_refund(order)]
        if not owed:
            break
        await asyncio.sleep(REFUND_POLL_SECONDS)
        finals |= await client.orders_since(owed)
    return finals


def _awaits_refund(order: Mapping[str, object]) -> bool:
    return order["failure_reason"] == "OUT_OF_STOCK" and order["refund"] is None
