"""When orders became final, as an independent reader of `shop.orders` sees it, beside the requests that place them."""

import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Self

from verification import log_reader
from verification.addresses import Addresses

FINAL_EVENTS = frozenset({"shop.orders.OrderCompleted", "shop.orders.OrderFailed"})
TOPIC = "shop.orders"
EARLY_SECONDS_MAX = 300.0
"""The answer to a request may come so long after the order is final: it is sent again for two minutes."""


@dataclass(slots=True)
class Sent:
    """What was measured of one order, in seconds on one clock."""

    due: float
    began: float = 0.0
    answered: float | None = None
    final: float | None = None
    code: int | None = None
    order_id: str | None = None
    again: bool = False
    """Whether it was given up and sent once more at the end: when it was final may have been forgotten by then."""


@dataclass(slots=True)
class Completions:
    """Follows the topic in a thread and notes when each expected order became final."""

    addresses: Addresses
    failure: Exception | None = None
    """Why nothing is followed any more."""
    _open: dict[str, Sent] = field(default_factory=dict)
    _early: dict[str, float] = field(default_factory=dict)  # final, and nobody's yet: other runs' orders are here, too
    _lock: threading.Lock = field(default_factory=threading.Lock)
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

    def expect(self, each: Sent) -> None:
        """Note when this accepted order becomes final, or became."""
        assert each.order_id is not None
        with self._lock:
            each.final = self._early.pop(each.order_id, None)
            if each.final is None:
                self._open[each.order_id] = each

    def note(self, order_id: str, at: float) -> None:
        """An order has become final."""
        with self._lock:
            each = self._open.pop(order_id, None)
            if each is not None:
                each.final = at
            else:
                self._early.setdefault(order_id, at)
            while self._early and at - next(iter(self._early.values())) > EARLY_SECONDS_MAX:
                del self._early[next(iter(self._early))]

    def open(self) -> int:
        """How many expected orders are not final."""
        return len(self._open)

    def _follow(self) -> None:
        here = self.addresses
        try:
            for record in log_reader.follow(here.kafka, here.registry, [TOPIC], self._started, self._stop):
                if record.name in FINAL_EVENTS and record.key is not None:
                    self.note(record.key.decode("ascii", "replace"), monotonic())
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the thread, and the run tells it
            self.failure = error
        finally:
            self._started.set()
