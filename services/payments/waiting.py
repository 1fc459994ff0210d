"""Requests that this process has claimed and not yet taken to the provider: a bounded cache, never the truth.

What it lacks, or what stays too long, is found again in the table when the claim has expired.
"""

import threading
from collections import deque
from collections.abc import Iterable
from time import monotonic

from services.payments.domain import ProviderRequest


class Waiting:
    """``offer`` is called by the thread that commits, the rest by the one that asks."""

    def __init__(self, requests_max: int, keep_seconds: float) -> None:
        self._requests_max = requests_max
        self._keep_seconds = keep_seconds
        self._requests: deque[tuple[float, ProviderRequest]] = deque()
        self._lock = threading.Lock()
        self.changed = threading.Event()
        """Set whenever there may be something to do for the thread that asks."""

    def room(self) -> int:
        """How many more requests may be offered."""
        return max(0, self._requests_max - len(self._requests))

    def offer(self, requests: Iterable[ProviderRequest], claimed_at: float) -> None:
        """Keep requests whose COMMIT has returned; ``claimed_at`` is a monotonic time before their claim began."""
        with self._lock:
            self._requests.extend((claimed_at + self._keep_seconds, request) for request in requests)
        self.changed.set()

    def take(self, most: int) -> list[tuple[float, ProviderRequest]]:
        """The oldest requests, each with the time by which it must be asked; those that came too late are left out."""
        now, taken = monotonic(), list[tuple[float, ProviderRequest]]()
        with self._lock:
            while self._requests and len(taken) < most:
                until, request = self._requests.popleft()
                if now < until:
                    taken.append((until, request))
        return taken
