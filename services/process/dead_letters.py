"""A service's dead letters over REST: the page an operator begins with, and everything known of one."""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field
from sqlalchemy import ColumnElement, Row, Select, column, select, table, tuple_

from services.messaging.database import Database, Transaction
from services.messaging.errors import DependencyUnavailable, PoisonMessage
from services.messaging.headers import unpacked
from services.messaging.wire import Wire
from services.process import http
from services.process.fields import UUID_PATTERN
from services.process.problems import Problem

PAGE_MAX = 500
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)

_SUMMARY = (
    "id", "state", "reason", "service", "order_id", "topic", "partition", "offset", "attempts", "error", "created_at",
)  # fmt: skip
_LETTERS = table("dead_letters", *map(column, (*_SUMMARY, "sequence", "event_id", "key", "value", "headers")))


class DeadLetterState(StrEnum):
    """What became of a dead letter."""

    OPEN = "open"
    REDRIVEN = "redriven"
    DISCARDED = "discarded"


class DeadLetterAnswer(BaseModel):
    """A message that this service could not apply. Topic, partition and offset are those of the original record."""

    id: UUID
    state: DeadLetterState
    reason: Annotated[str, Field(description="FOREIGN_RECORD, UNDECODABLE, UNKNOWN_SCHEMA, INVARIANT_BROKEN, ...")]
    service: str
    order_id: Annotated[UUID | None, Field(description="The record's key, where it is a UUID.")]
    topic: str
    partition: int
    offset: int
    attempts: int
    error: str
    created_at: datetime


class DeadLetterPage(BaseModel):
    """Dead letters, the newest first; ``next`` is the cursor of the following page."""

    items: list[DeadLetterAnswer]
    next: str | None


class HeaderAnswer(BaseModel):
    """A Kafka header; a name may stand several times."""

    name: str
    value: Annotated[str | None, Field(description="Its bytes in base64.")]
    text: Annotated[str | None, Field(description="The same as text, where it is UTF-8.")]


class DeadLetterDetail(DeadLetterAnswer):
    """Everything known of a dead letter."""

    sequence: Annotated[int | None, Field(description="The record's number; null for a foreign record.")]
    event_id: UUID | None
    key: Annotated[str | None, Field(description="The record's key in base64.")]
    key_text: Annotated[str | None, Field(description="The same as text, where it is UTF-8.")]
    headers: list[HeaderAnswer]
    value: Annotated[str | None, Field(description="The record's value in base64, as it was read.")]
    event: Annotated[str | None, Field(description="The event's name, where the value can be read.")]
    payload: Annotated[dict[str, Any] | None, Field(description="The event, where the value can be read.")]
    unreadable: Annotated[str | None, Field(description="Why the value cannot be read, now at least.")]


State = Annotated[DeadLetterState | None, Query(description="Only those in this state.")]
Reason = Annotated[str | None, Query(pattern="^[A-Z_]{1,64}$", description="Only those of this reason.")]
OrderId = Annotated[str | None, Query(pattern=UUID_PATTERN, description="Only those of this order.")]
Limit = Annotated[int, Query(ge=1, le=PAGE_MAX)]
Cursor = Annotated[
    str | None, Query(pattern="^[0-9a-f]{46}$", description="`next` of the page before, as it was given.")
]


class DeadLettersApi:
    """Answers what an operator asks; it changes nothing."""

    def __init__(self, database: Database, wire: Wire) -> None:
        self._database = database
        self._wire = wire

    def letters(
        self,
        state: State = None,
        order_id: OrderId = None,
        reason: Reason = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Any:
        """Messages this service could not apply, the newest first."""
        wanted = {"state": state, "reason": reason, "order_id": UUID(order_id) if order_id else None}
        filters = [_LETTERS.c[name] == value for name, value in wanted.items() if value is not None]
        with self._database.connection() as connection:
            rows = _page(connection, filters, None if cursor is None else _position(cursor), limit + 1)
        items = [row._asdict() for row in rows[:limit]]
        return {"items": items, "next": _cursor(rows[limit - 1]) if len(rows) > limit else None}

    def letter(self, letter_id: str) -> Any:
        """One dead letter with its record, and what the record says if it can be read."""
        wanted = http.uuid_of(letter_id)
        if wanted is None:
            raise _no_letter()
        with self._database.connection() as connection:
            row = connection.execute(select(_LETTERS).where(_LETTERS.c.id == wanted)).one_or_none()
        if row is None:
            raise _no_letter()
        return self._detail(row._asdict())

    def _detail(self, letter: dict[str, Any]) -> dict[str, Any]:
        key, value = letter["key"], letter["value"]
        headers = [
            {"name": name, "value": _base64(content), "text": _text(content)}
            for name, content in unpacked(letter["headers"])
        ]
        raw = {"key": _base64(key), "key_text": _text(key), "headers": headers, "value": _base64(value)}
        return letter | raw | self._decoded(letter["topic"], value)

    def _decoded(self, topic: str, value: bytes | None) -> dict[str, Any]:
        try:
            event, use = self._wire.decode(topic, value)
        except (PoisonMessage, DependencyUnavailable) as error:
            return {"event": None, "payload": None, "unreadable": str(error)}
        if event is None:
            return {"event": None, "payload": None, "unreadable": f"this service does not use {use.subject}"}
        return {"event": type(event).__name__, "payload": jsonable_encoder(event), "unreadable": None}


def router(api: DeadLettersApi) -> APIRouter:
    """``/dead-letters`` of a service."""
    problems = http.responses({404: "No such dead letter", 422: "Not valid", 503: "Come back after Retry-After"})
    routes = APIRouter(responses=problems, tags=["dead letters"])
    routes.add_api_route("/dead-letters", api.letters, response_model=DeadLetterPage)
    routes.add_api_route("/dead-letters/{letter_id}", api.letter, response_model=DeadLetterDetail)
    return routes


def _page(
    transaction: Transaction, filters: Sequence[ColumnElement[bool]], before: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Row[Any]]:
    newest = (_LETTERS.c.created_at, _LETTERS.c.id)
    query: Select[Any] = select(*(_LETTERS.c[name] for name in _SUMMARY)).where(*filters)
    if before is not None:
        query = query.where(tuple_(*newest) < before)
    return transaction.execute(query.order_by(*(each.desc() for each in newest)).limit(limit)).all()


def _cursor(row: Row[Any]) -> str:
    """Where a page ends, as opaque text: the time in microseconds and the id, both in hexadecimal."""
    return f"{(row.created_at - _EPOCH) // _MICROSECOND:014x}{row.id.hex}"


def _position(cursor: str) -> tuple[datetime, UUID]:
    """The reverse; any text of the cursor's pattern is a position."""
    return _EPOCH + int(cursor[:14], 16) * _MICROSECOND, UUID(hex=cursor[14:])


def _no_letter() -> Problem:
    return Problem(404, "no such dead letter")


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _text(content: bytes | None) -> str | None:
    try:
        return None if content is None else content.decode()
    except UnicodeDecodeError:
        return None
