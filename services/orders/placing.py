"""Having orders written, one or many at a time, and waiting for products whose listing may be on its way.

Nothing is held while orders wait: the missing products are looked up now and then, for all requests of a process at
once, and an order goes back to the writer when its products are there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import count
from typing import Any

from services.messaging.database import Database, Transaction
from services.messaging.errors import DependencyUnavailable
from services.messaging.kafka import Kafka
from services.messaging.records import TopicPartition
from services.messaging.writer import QueueFull, Writer
from services.orders import reads, store
from services.orders.domain import PlaceOrder, UnknownProducts
from services.orders.handlers import Answer, Refused
from services.orders.settings import Settings
from services.orders.waiting import Lookout
from services.process.problems import unavailable

PRODUCT_TOPIC = "shop.inventory"
BATCHES_MAX = (
    32  # in one process, with the writer or waiting: each may hold 8 MB of request, and the last waits for seconds
)

Writing = Writer[PlaceOrder, Answer]
Outcome = Answer | Exception
"""What became of one order; an exception where nothing was decided."""
Write = Callable[[Sequence[PlaceOrder]], Awaitable[list[Outcome]]]


class Placing:
    """Places orders through the process's one writer. Belongs to one event loop."""

    def __init__(self, database: Database, kafka: Kafka, writer: Writing, settings: Settings) -> None:
        self._database = database
        self._writer = writer
        self._settings = settings
        self._products = Lookout[frozenset[str], frozenset[str]](database, _known, settings.product_poll_seconds)
        self._turns = asyncio.Semaphore(settings.order_batches_max)
        self._batches = 0
        self._list_ends = Shared(lambda: kafka.stable_ends(kafka.partitions(PRODUCT_TOPIC)))

    async def one(self, wish: PlaceOrder) -> Answer:
        """Place an order. Raises what kept it from being decided."""
        (outcome,) = await self._place([wish], self._write)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def many(self, wishes: Sequence[PlaceOrder]) -> list[Outcome]:
        """Place orders, each judged by itself; the outcomes are in their order. Raises 503 for one batch too many.

        One batch at a time by default is with the writer, so that its queue stays short for single orders.
        """
        if self._batches >= BATCHES_MAX:
            raise unavailable(f"{self._batches} batches are waiting: nothing was stored, come back")
        self._batches += 1
        try:
            return await self._place(wishes, self._write_in_turn)
        finally:
            self._batches -= 1

    async def _place(self, wishes: Sequence[PlaceOrder], write: Write) -> list[Outcome]:
        outcomes = dict(enumerate(await write(wishes)))
        waiting = {index: skus for index, outcome in outcomes.items() if (skus := _unknown(outcome))}
        if waiting:
            try:
                await self._wait(_Waiting(wishes, write, waiting, outcomes))
            except Exception as error:  # noqa: BLE001 - handed to whoever asked
                outcomes |= dict.fromkeys(waiting, error)
        return [outcomes[index] for index in range(len(wishes))]

    async def _wait(self, orders: "_Waiting") -> None:
        """Write those that wait when their products are known; who still waits in the end is refused.

        A listing counts if it was published by half time: one that orders has not read by then is "come back", not "no".
        """
        begun, seconds = asyncio.get_running_loop().time(), self._settings.product_wait_seconds
        half_time = begun + seconds / 2
        await self._write_when_known(orders, half_time)
        if not orders.skus:
            return
        published = await self._list_ends.since(half_time)
        await self._write_when_known(orders, begun + seconds)
        if not orders.skus:
            return
        behind, known = await asyncio.to_thread(self._last_look, published, orders.missing())
        await orders.write_those_with(known)
        if behind:
            late = unavailable("unknown products, and the product list is still being read: come back")
            orders.outcomes |= dict.fromkeys(orders.skus, late)

    async def _write_when_known(self, orders: "_Waiting", until: float) -> None:
        """Write orders as their products come, up to a time of the loop's."""
        now, known = asyncio.get_running_loop().time, frozenset[str]()
        while orders.skus and (seconds := until - now()) > 0:
            known |= await self._products.find(orders.missing() - known, seconds) or frozenset()
            await orders.write_those_with(known)

    async def _write_in_turn(self, wishes: Sequence[PlaceOrder]) -> list[Outcome]:
        """Have the writer write orders of a batch."""
        async with self._turns:
            return await self._write(wishes)

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

    def _last_look(self, published: Mapping[TopicPartition, int], skus: frozenset[str]) -> tuple[bool, frozenset[str]]:
        """Whether orders has not read so far yet, and then which of the products are known."""
        with self._database.connection() as connection:
            read = reads.next_offsets(connection, PRODUCT_TOPIC)
            known = frozenset(store.products(connection, skus))
        return any(read.get(partition, 0) < end for partition, end in published.items()), known


@dataclass
class _Waiting:
    """Those orders of a request that wait for products."""

    wishes: Sequence[PlaceOrder]
    write: Write
    skus: dict[int, frozenset[str]]
    """What each of them waits for, by index."""
    outcomes: dict[int, Outcome]
    """Of all orders of the request, by index."""

    def missing(self) -> frozenset[str]:
        """What any of them waits for."""
        return frozenset[str]().union(*self.skus.values())

    async def write_those_with(self, known: frozenset[str]) -> None:
        """Write those that wait for nothing else."""
        ready = [index for index, skus in self.skus.items() if skus <= known]
        if ready:
            written = await self.write([self.wishes[index] for index in ready])
            self.outcomes |= dict(zip(ready, written, strict=True))
        for index in ready:
            del self.skus[index]


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


def _known(transaction: Transaction, wanted: Collection[frozenset[str]]) -> dict[frozenset[str], frozenset[str]]:
    """Which products are known of those that each request waits for; who has none yet is left out."""
    known = frozenset(store.products(transaction, frozenset[str]().union(*wanted)))
    return {skus: skus & known for skus in wanted if skus & known}
