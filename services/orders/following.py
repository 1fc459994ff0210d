"""An order's events as server-sent events: first what has happened, then what happens, until the client leaves.

An event's id is its position in the order's timeline, so that ``Last-Event-ID`` goes on where a stream broke off. An own
event is kept back for a moment until its offset in Kafka is known.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic
from typing import Any
from uuid import UUID

import structlog
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from services.messaging.database import Database
from services.messaging.errors import DependencyUnavailable
from services.orders import reads
from services.orders.models import TimelineEntry
from services.orders.reads import After, TimelineRow
from services.orders.settings import Settings
from services.orders.waiting import Lookout
from services.process.problems import unavailable
from services.process.server import ABORT

log = structlog.get_logger()

HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
Entry = Callable[[TimelineRow], dict[str, Any] | None]
"""What is shown of an event; None for one that is left out."""


class EventStream(StreamingResponse):
    """A stream that knows when it is over, and leaves a client that takes nothing."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes], left: Callable[[], None], send_seconds: float) -> None:
        super().__init__(events, headers=HEADERS)
        self._left = left
        self._send_seconds = send_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the events end or the client leaves."""

        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._send_seconds):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        except (DependencyUnavailable, TimeoutError) as error:  # the answer has begun: the client sees it break off
            log.info("stream_broken_off", reason=str(error) or type(error).__name__)
            if isinstance(error, TimeoutError) and ABORT in scope.get("extensions", {}):
                scope["extensions"][ABORT]["abort"]()
        finally:
            self._left()


class Streams:
    """The open event streams of one process. Belongs to one event loop."""

    def __init__(self, database: Database, entry: Entry, settings: Settings) -> None:
        self._entry = entry
        self._settings = settings
        self._news = Lookout[After, list[TimelineRow]](database, reads.events, settings.wait_poll_seconds)
        self._open = 0

    def close(self) -> None:
        """End every stream: the process stops, and its clients come back to another with ``Last-Event-ID``."""
        self._news.close()

    def open(self, order_id: UUID, after: int, timeline: Sequence[TimelineRow]) -> EventStream:
        """The stream of an order's events after a position, beginning with what its timeline has now. Raises 503."""
        if self._open >= self._settings.event_listeners_max or self._news.closed:
            raise unavailable(f"{self._open} event streams are open")
        self._open += 1
        known = [row for row in timeline if row.position > after]
        return EventStream(self._events(order_id, after, known), self._left, self._settings.event_send_seconds)

    def _left(self) -> None:
        self._open -= 1

    async def _events(self, order_id: UUID, after: int, known: Sequence[TimelineRow]) -> AsyncIterator[bytes]:
        """The events as they go over the wire."""
        patience, quiet_since = _Patience(self._settings.event_offset_wait_seconds), monotonic()
        rows: Sequence[TimelineRow] | None = known
        while True:
            for row in patience.ready(rows or ()):
                if sent := await asyncio.to_thread(self._sent, row):
                    yield sent
                after, quiet_since = row.position, monotonic()
            until_comment = quiet_since + self._settings.event_keepalive_seconds - monotonic()
            if until_comment <= 0:
                yield KEEPALIVE_COMMENT
                quiet_since = monotonic()
                continue
            rows = await self._news.find((order_id, after), until_comment)
            if self._news.closed:
                return

    def _sent(self, row: TimelineRow) -> bytes:
        shown = self._entry(row)
        if shown is None:
            return b""
        entry = TimelineEntry.model_validate(shown)
        return format_sse_event(data_str=entry.model_dump_json(), event=entry.event, id=str(row.position))


class _Patience:
    """Tells which events are to be sent: those in order up to one whose offset is not known and may be waited for."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen_at: dict[int, float] = {}

    def ready(self, rows: Sequence[TimelineRow]) -> Sequence[TimelineRow]:
        now = monotonic()
        for count, row in enumerate(rows):
            if row.offset is None and now < self._seen_at.setdefault(row.position, now) + self._seconds:
                return rows[:count]
        return rows
