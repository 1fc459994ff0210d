"""The supervisor's own log: one line an event, key-values."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def journal(file: Path) -> Iterator[Callable[..., None]]:
    """Open the log; yields what writes a line: report("died", process="kafka", exit="killed by SIGKILL")."""
    import structlog  # slow to import; only a supervisor needs it

    with file.open("a", encoding="utf-8") as output:
        logger = structlog.wrap_logger(
            structlog.WriteLogger(output),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.LogfmtRenderer(key_order=["timestamp", "event"]),
            ],
        )
        yield logger.msg
