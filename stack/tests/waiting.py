"""Waiting for a condition, with a limit."""

import time
from collections.abc import Callable

WAIT_SECONDS = 30.0


def until(holds: Callable[[], object], timeout_seconds: float = WAIT_SECONDS) -> None:
    """Wait until this holds; fail when it does not in time."""
    limit = time.monotonic() + timeout_seconds
    while not holds():
        assert time.monotonic() < limit, f"still not so after {timeout_seconds:g} s"
        time.sleep(0.02)
