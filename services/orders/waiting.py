"""What clients wait for: for all of one process it is looked up together, one query every few milliseconds."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from time import monotonic
from typing import Generic, TypeVar

import structlog

from services.messaging.database import Database, Transaction

log = structlog.get_logger()

Wanted = TypeVar("Wanted")
Found = TypeVar("Found")
Look = Callable[[Transaction, Collection[Wanted]], Mapping[Wanted, Found]]
"""Finds what there is of what is wanted; what is not there (yet) is left out."""

SHARE_MAX = 0.2  # of the time goes into looking at most, as long as a look takes no longer than a fifth of a second
PAUSE_SECONDS_MAX = 1.0  # also after a failure: a stalled database is no reason to keep who waits for longer


class Lookout(Generic[Wanted, Found]):
    """Tells those who wait when there is what they wait for. Belongs to one event loop."""

    def __init__(self, database: Database, look: Look[Wanted, Found], poll_seconds: float) -> None:
        self._database = database
        self._look = look
        self._poll_seconds = poll_seconds
        self._waiting: dict[Wanted, set[asyncio.Future[Found | None]]] = {}
        self._looking: asyncio.Task[None] | None = None
        self.closed = False

    async def find(self, wanted: Wanted, seconds: float) -> Found | None:
        """What is there of it as soon as there is something; None after the time, and when the process stops."""
        if self.closed:
            return None
        found: asyncio.Future[Found | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(wanted, set()).add(found)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._keep_looking())
        try:
            return await asyncio.wait_for(found, seconds)
        except TimeoutError:
            return None
        finally:
            waiting = self._waiting.get(wanted, set())
            waiting.discard(found)
            if not waiting:
                self._waiting.pop(wanted, None)

    def close(self) -> None:
        """Let nobody wait any more."""
        self.closed = True
        for waiting in self._waiting.values():
            _answer(waiting, None)

    async def _keep_looking(self) -> None:
        """Look while somebody waits."""
        pause = self._poll_seconds
        while self._waiting and not self.closed:
            await asyncio.sleep(pause)
            try:
                found, seconds = await asyncio.to_thread(self._find_all, list(self._waiting))
            except Exception as error:  # noqa: BLE001 - who waits too long is answered with what is known
                log.warning("waiting_cannot_look", reason=str(error).splitlines()[0])
                pause = PAUSE_SECONDS_MAX
                continue
            for wanted in found:
                _answer(self._waiting.get(wanted, ()), found[wanted])
            pause = max(self._poll_seconds, min(seconds / SHARE_MAX, PAUSE_SECONDS_MAX))

    def _find_all(self, wanted: Collection[Wanted]) -> tuple[Mapping[Wanted, Found], float]:
        """What there is, and how many seconds the look took, without the wait for a connection."""
        with self._database.connection() as connection:
            begun = monotonic()
            found = self._look(connection, wanted)
            return found, monotonic() - begun


def _answer(waiting: Collection["asyncio.Future[Found | None]"], found: Found | None) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(found)
