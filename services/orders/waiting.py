"""Clients that wait for their order: all of one process are looked up together, one query every few milliseconds."""

import asyncio
from collections import defaultdict
from uuid import UUID

import structlog

from services.messaging.database import Database
from services.orders import reads

log = structlog.get_logger()


class FinalOrders:
    """Tells those who wait when their order is final. Belongs to one event loop."""

    def __init__(self, database: Database, poll_seconds: float) -> None:
        self._database = database
        self._poll_seconds = poll_seconds
        self._waiting: dict[UUID, set[asyncio.Event]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, order_id: UUID, seconds: float) -> None:
        """Return when the order is final, or after the time."""
        final = asyncio.Event()
        self._waiting[order_id].add(final)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            await asyncio.wait_for(final.wait(), seconds)
        except TimeoutError:
            log.debug("order_not_final_in_time", order_id=str(order_id))
        finally:
            self._waiting[order_id].discard(final)
            if not self._waiting[order_id]:
                del self._waiting[order_id]

    async def _look(self) -> None:
        """Look while somebody waits."""
        while self._waiting:
            await asyncio.sleep(self._poll_seconds)
            for order_id in await asyncio.to_thread(self._final, list(self._waiting)):
                for final in self._waiting.get(order_id, ()):
                    final.set()

    def _final(self, order_ids: list[UUID]) -> set[UUID]:
        try:
            with self._database.connection() as connection:
                return reads.final_ones(connection, order_ids)
        except Exception as error:  # noqa: BLE001 - those who wait are answered with the order as it is then
            log.warning("waiting_cannot_look", reason=str(error).splitlines()[0])
            return set()
