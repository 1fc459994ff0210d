"""Stops asking a provider that cannot be reached, and finds out gently when it is back.

Closed: everything passes. After a failure nothing passes for a pause, which doubles with every failure in a row; then one
request may pass, and what becomes of it closes the circuit or starts the next pause. Pure: time comes in as data.
"""

import threading


class Circuit:
    """Shared by the threads that ask. Times are seconds of one monotonic clock."""

    def __init__(self, pause_seconds: float, pause_max_seconds: float) -> None:
        self._pause_seconds = pause_seconds
        self._pause_max_seconds = pause_max_seconds
        self._failures = 0
        self._until = float("-inf")
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether the provider answered when it was last asked."""
        return self._failures == 0

    def passes(self, now: float, most: int, outstanding: int) -> int:
        """How many more requests may be taken, of ``most`` at a time with ``outstanding`` on their way."""
        with self._lock:
            if now < self._until:
                return 0
            return max(0, (most if self._failures == 0 else 1) - outstanding)

    def paused_seconds(self, now: float) -> float:
        """How long nothing passes yet; 0 when something does."""
        with self._lock:
            return max(0.0, self._until - now)

    def unreachable(self, now: float) -> None:
        """The provider could not be reached. What was on its way when the pause began does not lengthen it."""
        with self._lock:
            if now < self._until:
                return
            pause = min(self._pause_seconds * 2.0**self._failures, self._pause_max_seconds)
            self._failures += 1
            self._until = now + pause

    def answered(self) -> None:
        """The provider has answered, be it with an error."""
        with self._lock:
            self._failures = 0
            self._until = float("-inf")
