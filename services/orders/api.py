"""The REST interface of orders: place, follow, list."""

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import structlog
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from pydantic import ValidationError
from sqlalchemy import Row
from uuid_utils.compat import uuid7

from services.messaging.database import Database
from services.messaging.errors import DependencyUnavailable, RefusedToWrite
from services.messaging.kafka import Kafka
from services.messaging.wire import Wire
from services.orders import models, reads, store
from services.orders.domain import FINAL, OrderStatus, PlaceOrder
from services.orders.following import EventStream, Streams
from services.orders.handlers import KeyReused, Placed, Refused, Replayed, TurnedAway
from services.orders.models import (
    BatchAnswer,
    BatchRequest,
    CustomerId,
    OrderAnswer,
    OrderPage,
    OrderRequest,
    ProductAnswer,
    ProductPage,
    TimelineEntry,
)
from services.orders.placing import Outcome, Placing, Writing
from services.orders.reads import TimelineRow
from services.orders.settings import Settings
from services.orders.waiting import Lookout
from services.process import http
from services.process.fields import IDEMPOTENCY_KEY_PATTERN, SKU_PATTERN, UUID_PATTERN
from services.process.problems import RETRY_AFTER, Problem, not_valid, problem_of, unavailable

log = structlog.get_logger()

BATCH_PATH = "/orders/batch"
BODY_LIMITS = {BATCH_PATH: 8 << 20}
"""Bytes by path, where it is not the usual limit."""
WAIT_SECONDS_MAX = 60
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})\"?(?:$|[,;\s])", re.IGNORECASE)

PROBLEMS = http.responses({404: "No such order or product", 422: "Not valid", 503: "Come back after Retry-After"})
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(pattern=UUID_PATTERN, description="`next` of the page before.")]
SkuCursor = Annotated[str | None, Query(pattern=SKU_PATTERN, description="`next` of the page before.")]
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=IDEMPOTENCY_KEY_PATTERN,
        description="1-255 printable ASCII characters. The same key and body give the same order again.",
    ),
]
Prefer = Annotated[
    str | None,
    Header(description="`wait=N`: answer once the order is final, after N seconds (60 at most) as it is then."),
]

LastEventId = Annotated[
    str | None,
    Header(pattern=r"^[0-9]{0,18}$", description="The `id` of the last event seen: the stream goes on after it."),
]


class OrdersApi:
    """Answers requests; all writing goes through the process's one writer."""

    def __init__(self, database: Database, wire: Wire, kafka: Kafka, writer: Writing, settings: Settings) -> None:
        self._database = database
        self._wire = wire
        self._placing = Placing(database, kafka, writer, settings)
        self._final = Lookout[UUID, OrderStatus](database, reads.final_ones, settings.wait_poll_seconds)
        self._streams = Streams(database, self._entry, settings)

    def let_go(self) -> None:
        """Answer those who wait, and end the event streams: the process is stopping."""
        self._final.close()
        self._streams.close()

    async def place(
        self,
        order: OrderRequest,
        request: Request,
        response: Response,
        idempotency_key: IdempotencyKey = None,
        prefer: Prefer = None,
    ) -> Any:
        """Take an order: 202 with the order, PENDING. It is priced with the product list and paid in the background."""
        order_id, now = UUID(int=uuid7().int), datetime.now(UTC)
        asked = order.command(order_id, now, http.trace_parent(request), idempotency_key)
        answer = _taken(await self._placing.one(asked))
        order_id = answer.event.order_id if isinstance(answer, Placed) else answer.order_id
        response.headers["Location"] = f"/orders/{order_id}"
        if order_id != asked.order_id:
            response.headers["Idempotent-Replayed"] = "true"
        seconds = _wait_seconds(prefer)
        if isinstance(answer, Placed) and not seconds:
            return models.answer_of_event(answer.event)
        try:
            return await self._order_when_final(order_id, seconds)
        except Exception as error:
            if not isinstance(answer, Placed) or problem_of(error).status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            log.warning("placed_order_not_read", reason=str(error).splitlines()[0])
            return models.answer_of_event(answer.event)  # it is stored, and 503 would say that it is not

    async def place_batch(self, batch: BatchRequest, request: Request) -> Response:
        """Take up to 500 orders, each judged by itself; the results are in request order. Keys are those of single orders."""
        trace_parent, now = http.trace_parent(request), datetime.now(UTC)
        judged = [
            not_valid(item)
            if isinstance(item, ValidationError)
            else item.command(UUID(int=uuid7().int), now, trace_parent, item.idempotency_key)
            for item in batch.orders
        ]
        wishes = [item for item in judged if isinstance(item, PlaceOrder)]
        outcomes = await self._placing.many(wishes)
        outages = [outcome for outcome in outcomes if isinstance(outcome, DependencyUnavailable | RefusedToWrite)]
        if outages and len(outages) == len(outcomes):
            raise outages[0]
        return await asyncio.to_thread(self._batch_response, judged, wishes, outcomes)

    def _batch_response(
        self, judged: Sequence[Problem | PlaceOrder], wishes: Sequence[PlaceOrder], outcomes: Sequence[Outcome]
    ) -> Response:
        stored = self._stored([outcome.order_id for outcome in outcomes if isinstance(outcome, Replayed)])
        remaining = iter(zip(wishes, outcomes, strict=True))
        results = [
            _refused(item) if isinstance(item, Problem) else _result(*next(remaining), stored) for item in judged
        ]
        answer = BatchAnswer.model_validate({"results": results}).model_dump_json(by_alias=True, exclude_unset=True)
        return Response(answer, 202, _retry_after(results), media_type="application/json")

    def _stored(self, replayed: Sequence[UUID]) -> Mapping[UUID, Row[Any]] | Exception:
        """The orders of a batch that were taken before. What keeps them from being read concerns no other order."""
        if not replayed:
            return {}
        try:
            with self._database.connection() as connection:
                return reads.orders(connection, replayed)
        except Exception as error:  # noqa: BLE001 - told to the client, order by order
            return error

    async def order(self, order_id: str, prefer: Prefer = None) -> Any:
        """One order as it is now."""
        return await self._order_when_final(_order_id(order_id), _wait_seconds(prefer))

    async def _order_when_final(self, order_id: UUID, seconds: int) -> dict[str, Any]:
        row = await asyncio.to_thread(self._row, order_id)
        if row is None:
            raise _no_order()
        if seconds and row["status"] not in FINAL:
            await self._final.find(order_id, seconds)
            row = await asyncio.to_thread(self._row, order_id)
        assert row is not None
        return row

    def _row(self, order_id: UUID) -> dict[str, Any] | None:
        with self._database.connection() as connection:
            row = reads.orders(connection, [order_id]).get(order_id)
        return None if row is None else models.answer_of_row(row)

    def orders(
        self,
        status: OrderStatus | None = None,
        customer_id: Annotated[CustomerId | None, Query()] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Any:
        """Orders, the newest first."""
        before = None if cursor is None else UUID(cursor)
        with self._database.connection() as connection:
            rows = reads.order_page(connection, status=status, customer_id=customer_id, before=before, limit=limit + 1)
        items = [models.answer_of_row(row) for row in rows[:limit]]
        return {"items": items, "next": str(items[-1]["order_id"]) if len(rows) > limit else None}

    def timeline(self, order_id: str) -> Any:
        """Every event of the order in the order it took effect, and where it stands in Kafka."""
        entries = (self._entry(row) for row in self._timeline(_order_id(order_id)))
        return [entry for entry in entries if entry is not None]

    async def events(self, order_id: str, last_event_id: LastEventId = None) -> Response:
        """The timeline as server-sent events: first what has happened, then what happens, until you leave."""
        wanted, after = _order_id(order_id), int(last_event_id or 0)
        return self._streams.open(wanted, after, await asyncio.to_thread(self._timeline, wanted))

    def _timeline(self, order_id: UUID) -> list[TimelineRow]:
        with self._database.connection() as connection:
            rows = reads.timeline(connection, order_id)
        if not rows:
            raise _no_order()
        return rows

    def _entry(self, row: TimelineRow) -> dict[str, Any] | None:
        """An event as it is shown; None for a type that only a newer version knows, which has been rolled back since."""
        event, _ = self._wire.decode(row.topic, row.value)
        if event is None:
            return None
        payload = jsonable_encoder(event)
        return {
            "event": type(event).__name__,
            "occurred_at": payload["header"]["occurred_at"],
            "topic": row.topic,
            "partition": row.partition,
            "offset": row.offset,
            "sequence": row.sequence,
            "subject": row.subject,
            "schema_id": row.schema_id,
            "schema_version": row.schema_version,
            "payload": payload,
        }

    def products(self, limit: Limit = 50, cursor: SkuCursor = None) -> Any:
        """The product list as orders knows it: prices of new orders come from here."""
        with self._database.connection() as connection:
            found = reads.product_page(connection, after=cursor, limit=limit + 1)
        following = found[limit - 1].sku if len(found) > limit else None
        return {"items": [models.answer_of_product(product) for product in found[:limit]], "next": following}

    def product(self, sku: str) -> Any:
        """One product as orders knows it."""
        with self._database.connection() as connection:
            found = store.products(connection, [sku]) if "\x00" not in sku else {}
        if sku not in found:
            raise Problem(404, "no such product, or its listing has not arrived yet")
        return models.answer_of_product(found[sku])


def router(api: OrdersApi) -> APIRouter:
    """The routes of orders."""
    routes = APIRouter(responses=PROBLEMS)
    routes.add_api_route(
        "/orders", api.place, methods=["POST"], status_code=202, response_model=OrderAnswer, tags=["orders"]
    )
    routes.add_api_route(
        BATCH_PATH, api.place_batch, methods=["POST"], status_code=202, response_model=BatchAnswer, tags=["orders"]
    )
    routes.add_api_route("/orders", api.orders, response_model=OrderPage, tags=["orders"])
    routes.add_api_route("/orders/{order_id}", api.order, response_model=OrderAnswer, tags=["orders"])
    routes.add_api_route(
        "/orders/{order_id}/timeline", api.timeline, response_model=list[TimelineEntry], tags=["orders"]
    )
    routes.add_api_route(
        "/orders/{order_id}/events", api.events, status_code=200, response_class=EventStream, tags=["orders"]
    )
    routes.add_api_route("/products", api.products, response_model=ProductPage, tags=["products"])
    routes.add_api_route("/products/{sku}", api.product, response_model=ProductAnswer, tags=["products"])
    return routes


def _order_id(text: str) -> UUID:
    order_id = http.uuid_of(text)
    if order_id is None:
        raise _no_order()
    return order_id


def _no_order() -> Problem:
    return Problem(404, "no such order")


def _taken(outcome: Outcome) -> Placed | Replayed:
    """The order, taken now or before. Raises what a client is told otherwise."""
    if isinstance(outcome, Exception):
        raise outcome
    if isinstance(outcome, KeyReused):
        raise Problem(422, "this Idempotency-Key was used for another request")
    if isinstance(outcome, Refused):
        raise Problem(422, str(outcome.refusal))
    if isinstance(outcome, TurnedAway):
        raise unavailable("too many orders are on their way: nothing was stored, come back")
    return outcome


def _result(wish: PlaceOrder, outcome: Outcome, stored: Mapping[UUID, Row[Any]] | Exception) -> dict[str, Any]:
    """What became of one order of a batch."""
    try:
        taken = _taken(outcome)
    except Exception as error:  # noqa: BLE001 - told to the client, and logged where nobody expected it
        return _refused(problem_of(error))
    if isinstance(taken, Placed):
        return {"code": 202, "replayed": False, "order": models.answer_of_event(taken.event)}
    if isinstance(stored, Exception):
        return _refused(problem_of(stored))
    order = models.answer_of_row(stored[taken.order_id])
    return {"code": 202, "replayed": taken.order_id != wish.order_id, "order": order}


def _refused(problem: Problem) -> dict[str, Any]:
    return {"code": problem.status, "replayed": False, "problem": problem.document()}


def _retry_after(results: Iterable[dict[str, Any]]) -> dict[str, str]:
    """When to come back, where some order of a batch has to."""
    return RETRY_AFTER if any(result["code"] == 503 for result in results) else {}


def _wait_seconds(prefer: str | None) -> int:
    """RFC 7240, section 4.3. What cannot be understood is no preference."""
    match = _WAIT.search(prefer or "")
    return min(int(match[1]), WAIT_SECONDS_MAX) if match else 0
