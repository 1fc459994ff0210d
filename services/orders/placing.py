"""Having orders written, one or many at a time, and waiting for products whose listing may be on its way.

Nothing is held while orders wait: the missing products are looked up now and then, for all orders of a request at once,
and an order goes back to the writer when its products are there.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from itertools import count
from typing import Any

from services.messaging.database import Database
from services.messaging.errors import DependencyUnavailable
from services.messaging.kafka import Kafka
from services.messaging.records import TopicPartition
from services.messaging.writer import QueueFull, Writer
from services.orders import reads, store
from services.orders.domain import PlaceOrder, UnknownProducts
from services.orders.handlers import Answer, Refused
from services.orders.settings import Settings
from services.process.problems import unavailable

PRODUCT_TOPIC = "shop.inventory"

Writing = Writer[PlaceOrder, Answer]
Outcome = Answer | Exception
"""What became of one order; an exception where nothing was decided."""


class Placing:
    """Places orders through the process's one writer. Belongs to one event loop."""

    def __init__(self, database: Database, kafka: Kafka, writer: Writing, settings: Settings) -> None:
        self._database = database
        self._writer = writer
        self._settings = settings
        self._batches = asyncio.Semaphore(settings.order_batches_max)
        self._list_ends = Shared(lambda: kafka.stable_ends(kafka.partitions(PRODUCT_TOPIC)))

    async def one(self, wish: PlaceOrder) -> Answer:
        """Place an order. Raises what kept it from being decided."""
        (outcome,) = await self._place([wish])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def many(self, wishes: Sequence[PlaceOrder]) -> list[Outcome]:
        """Place orders, each judged by itself; the outcomes are in their order.

        One batch at a time by default, so that the writer's queue stays short for single orders.
        """
        async with self._batches:
            return await self._place(wishes)

    async def _place(self, wishes: Sequence[PlaceOrder]) -> list[Outcome]:
        outcomes = dict(enumerate(await self._write(wishes)))
        waiting = {index: skus for index, outcome in outcomes.items() if (skus := _unknown(outcome))}
        try:
            await self._wait(wishes, waiting, outcomes)
        except Exception as error:  # noqa: BLE001 - handed to whoever asked
            outcomes |= dict.fromkeys(waiting, error)
        return [outcomes[index] for index in range(len(wishes))]

    async def _wait(
        self, wishes: Sequence[PlaceOrder], waiting: dict[int, frozenset[str]], outcomes: dict[int, Outcome]
    ) -> None:
        """Write those that wait when their products are known, all in ``outcomes``; who still waits in the end is refused.

        A listing counts if it was published by half time: one that orders has not read by then is "come back", not "no".
        """
        now = asyncio.get_running_loop().time
        half_time = now() + self._settings.product_wait_seconds / 2
        deadline = now() + self._settings.product_wait_seconds
        published: Mapping[TopicPartition, int] | None = None
        ended = False
        while waiting and not ended:
            await asyncio.sleep(self._settings.product_poll_seconds)
            if published is None and now() >= half_time:
                published = await self._list_ends.since(half_time)
            ended = published is not None and now() > deadline
            behind = ended and await asyncio.to_thread(self._behind, published or {})
            known = await asyncio.to_thread(self._known, frozenset[str]().union(*waiting.values()))
            ready = [index for index, skus in waiting.items() if skus <= known]
            outcomes |= dict(zip(ready, await self._write([wishes[index] for index in ready]), strict=True))
            for index in ready:
                del waiting[index]
            if behind:
                late = unavailable("unknown products, and the product list is still being read: come back")
                outcomes |= dict.fromkeys(waiting, late)

    async def _write(self, wishes: Sequence[PlaceOrder]) -> list[Outcome]:
        """Have the writer write; one loop wake-up for all, which takes a fifth of the time off 500."""
        futures = [self._submit(wish) for wish in wishes]
        loop, done, unanswered = asyncio.get_running_loop(), asyncio.Event(), count(len(futures) - 1, -1)

        def answered(_: Future[Answer]) -> None:
            if next(unanswered) == 0:
                loop.call_soon_threadsafe(done.set)

        for future in futures:
            future.add_done_callback(answered)
        if futures:
            await done.wait()
        return [_outcome(future) for future in futures]

    def _submit(self, wish: PlaceOrder) -> Future[Answer]:
        try:
            return self._writer.submit(wish)
        except QueueFull as full:
            refused: Future[Answer] = Future()
            refused.set_exception(full)
            return refused

    def _known(self, skus: frozenset[str]) -> frozenset[str]:
        with self._database.connection() as connection:
            return frozenset(store.products(connection, skus))

    def _behind(self, published: Mapping[TopicPartition, int]) -> bool:
        """Whether orders has not read so far yet."""
        with self._database.connection() as connection:
            read = reads.next_offsets(connection, PRODUCT_TOPIC)
        return any(read.get(partition, 0) < end for partition, end in published.items())


class Shared:
    """A slow question that all who ask at the same time share one answer to. Belongs to one event loop."""

    def __init__(self, ask: Callable[[], Mapping[TopicPartition, int]]) -> None:
        self._ask = ask
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._answer: Mapping[TopicPartition, int] | DependencyUnavailable = {}

    async def since(self, moment: float) -> Mapping[TopicPartition, int]:
        """The answer to a question that was asked at this time of the loop's or later. Raises DependencyUnavailable."""
        async with self._asking:
            if self._asked_at < moment:
                asked_at = asyncio.get_running_loop().time()
                try:
                    self._answer = await asyncio.to_thread(self._ask)
                except DependencyUnavailable as error:
                    self._answer = error
                self._asked_at = asked_at
        if isinstance(self._answer, DependencyUnavailable):
            raise self._answer
        return self._answer


def _unknown(outcome: Outcome) -> frozenset[str]:
    """The products that an order is refused for as unknown."""
    if isinstance(outcome, Refused) and isinstance(outcome.refusal, UnknownProducts):
        return frozenset(outcome.refusal.skus)
    return frozenset()


def _outcome(future: "Future[Any]") -> Outcome:
    """What became of a request that was answered; a process that is being shut down lets the rest of its errors pass."""
    error = future.exception()
    if error is not None and not isinstance(error, Exception):
        raise error
    outcome: Outcome = error or future.result()
    return outcome
