"""Orders that come in all the time, in a thread of their own, until it is enough."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

from stack.errors import StackError
from verification import load, synthetic
from verification.addresses import Addresses
from verification.load import Outcome
from verification.shopping import Plan, demand, is_scarce, stock

SECONDS_MAX = 900.0
"""So long there are orders to send; a rehearsal takes a tenth of it."""
SCARCE_SECONDS = 30.0
"""Scarce products last for half of what is wanted in this time: some orders run out in a short run, too."""


class Broken(StackError):
    """The load could not be carried through."""


def plan(run: str, seed: int, rate: float) -> Plan:
    """Synthetic orders for longer than needed, of products that run out early where they are scarce."""
    made = synthetic.plan(run, seed, max(1, round(rate * SECONDS_MAX)))
    early = demand(made.orders[: max(1, round(rate * SCARCE_SECONDS))], made.prices())
    products = [
        replace(product, on_hand=stock(early[product.sku], scarce=True))
        if is_scarce(product.sku.removeprefix(f"{run}-"))
        else product
        for product in made.products
    ]
    return replace(made, products=products)


@dataclass(slots=True)
class Traffic:
    """A load run beside whatever else is done. Leaving the context ends it without a result, where it was not ended before."""

    plan: Plan
    rate: float
    addresses: Addresses
    answered: int = 0
    """How many orders were answered so far."""
    failure: BaseException | None = None
    """Why no more are sent."""
    _enough: threading.Event = field(default_factory=threading.Event)
    _outcome: Outcome | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Outcome]] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._cancelled.set()
            if self._running is not None:
                loop, task = self._running
                loop.call_soon_threadsafe(task.cancel)
        if self._thread is not None:
            self._thread.join()

    def end(self) -> Outcome:
        """Send no more, wait until all that was sent is final, and let the oracle judge. Raises Broken."""
        self._enough.set()
        assert self._thread is not None
        self._thread.join()
        self.check()
        assert self._outcome is not None
        return self._outcome

    def check(self) -> None:
        """Raise Broken where nothing is sent any more because something went wrong."""
        if self.failure is not None:
            raise Broken(f"{type(self.failure).__name__}: {self.failure}") from self.failure

    def _run(self) -> None:
        try:
            self._outcome = asyncio.run(self._load())
        except asyncio.CancelledError:
            return
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends the thread, and the run tells it
            self.failure = error

    async def _load(self) -> Outcome:
        work = load.run(self.plan, self.rate, self.addresses, self._tell, self._enough.is_set)
        task = asyncio.create_task(work)
        with self._known(task):
            return await task

    @contextlib.contextmanager
    def _known(self, task: "asyncio.Task[Outcome]") -> Iterator[None]:
        """Let another thread cancel the task while its loop runs."""
        with self._lock:
            self._running = asyncio.get_running_loop(), task
            if self._cancelled.is_set():
                task.cancel()
        try:
            yield
        finally:
            with self._lock:
                self._running = None

    def _tell(self, what: str, done: int, _: int) -> None:
        if what == load.SENDING:
            self.answered = done
