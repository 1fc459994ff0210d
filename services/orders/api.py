"""The REST interface of orders: place, follow, list."""

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from uuid_utils.compat import uuid7

from services.messaging.database import Database
from services.messaging.kafka import Kafka
from services.messaging.records import TopicPartition
from services.messaging.wire import Wire
from services.messaging.writer import Writer
from services.orders import models, reads, store
from services.orders.domain import FINAL, OrderStatus, PlaceOrder, UnknownProducts
from services.orders.handlers import Answer, KeyReused, Placed, Refused
from services.orders.models import (
    CustomerId,
    OrderAnswer,
    OrderPage,
    OrderRequest,
    ProductAnswer,
    ProductPage,
    TimelineEntry,
)
from services.orders.reads import TimelineRow
from services.orders.settings import Settings
from services.orders.waiting import FinalOrders
from services.process import http
from services.process.problems import Problem, unavailable

PRODUCT_TOPIC = "shop.inventory"
WAIT_SECONDS_MAX = 60
_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})\"?(?:$|[,;\s])", re.IGNORECASE)

PROBLEMS = http.responses({404: "No such order or product", 422: "Not valid", 503: "Come back after Retry-After"})
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=64, pattern="^[ -~]+$", description="`next` of the page before.")]
Writing = Writer[PlaceOrder, Answer]
IdempotencyKey = Annotated[
    str | None, Header(description="1-255 printable ASCII characters. The same key and body give the same order again.")
]
Prefer = Annotated[
    str | None,
    Header(description="`wait=N`: answer once the order is final, after N seconds (60 at most) as it is then."),
]


class OrdersApi:
    """Answers requests; all writing goes through the process's one writer."""

    def __init__(self, database: Database, wire: Wire, kafka: Kafka, writer: Writing, settings: Settings) -> None:
        self._database = database
        self._wire = wire
        self._kafka = kafka
        self._writer = writer
        self._settings = settings
        self._final = FinalOrders(database, settings.wait_poll_seconds)

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
        asked = order.command(order_id, now, http.trace_parent(request), _key(idempotency_key))
        answer = await self._place(asked)
        if isinstance(answer, KeyReused):
            raise Problem(422, "this Idempotency-Key was used for another request")
        if isinstance(answer, Refused):
            raise Problem(422, str(answer.refusal))
        order_id = answer.event.order_id if isinstance(answer, Placed) else answer.order_id
        response.headers["Location"] = f"/orders/{order_id}"
        if order_id != asked.order_id:
            response.headers["Idempotent-Replayed"] = "true"
        seconds = _wait_seconds(prefer)
        if isinstance(answer, Placed) and not seconds:
            return models.answer_of_event(answer.event)
        return await self._order_when_final(order_id, seconds)

    async def _place(self, asked: PlaceOrder) -> Answer:
        """Have the order written; a product that is not known yet is waited for, holding nothing meanwhile."""
        now = asyncio.get_running_loop().time
        deadline, published = now() + self._settings.product_wait_seconds, None
        half_time = now() + self._settings.product_wait_seconds / 2
        while True:
            answer = await asyncio.wrap_future(self._writer.submit(asked))
            if not isinstance(answer, Refused) or not isinstance(answer.refusal, UnknownProducts):
                return answer
            if published is None and now() >= half_time:
                published = await asyncio.to_thread(self._published_products)
            if published is not None and now() > deadline:
                break
            await asyncio.sleep(self._settings.product_poll_seconds)
        if await asyncio.to_thread(self._behind, published):
            raise unavailable(f"{answer.refusal}; the product list is still being read, come back")
        return answer

    def _published_products(self) -> Mapping[TopicPartition, int]:
        """Where the product list's topic ends now: a product that is listed stands before."""
        return self._kafka.stable_ends(self._kafka.partitions(PRODUCT_TOPIC))

    def _behind(self, published: Mapping[TopicPartition, int]) -> bool:
        """Whether orders has not read so far yet."""
        with self._database.connection() as connection:
            read = reads.next_offsets(connection, PRODUCT_TOPIC)
        return any(read.get(partition, 0) < end for partition, end in published.items())

    async def order(self, order_id: str, prefer: Prefer = None) -> Any:
        """One order as it is now."""
        return await self._order_when_final(_order_id(order_id), _wait_seconds(prefer))

    async def _order_when_final(self, order_id: UUID, seconds: int) -> dict[str, Any]:
        row = await asyncio.to_thread(self._row, order_id)
        if row is None:
            raise _no_order()
        if seconds and row["status"] not in FINAL:
            await self._final.wait(order_id, seconds)
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
        before = None if cursor is None else http.uuid_of(cursor)
        if cursor is not None and before is None:
            raise Problem(422, "this cursor was not given out here: pass on `next` of the page before")
        with self._database.connection() as connection:
            rows = reads.order_page(connection, status=status, customer_id=customer_id, before=before, limit=limit + 1)
        items = [models.answer_of_row(row) for row in rows[:limit]]
        return {"items": items, "next": str(items[-1]["order_id"]) if len(rows) > limit else None}

    def timeline(self, order_id: str) -> Any:
        """Every event of the order in the order it took effect, and where it stands in Kafka."""
        with self._database.connection() as connection:
            rows = reads.timeline(connection, _order_id(order_id))
        if not rows:
            raise _no_order()
        return [self._entry(row) for row in rows]

    def _entry(self, row: TimelineRow) -> dict[str, Any]:
        event, _ = self._wire.decode(row.topic, row.value)
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

    def products(self, limit: Limit = 50, cursor: Cursor = None) -> Any:
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
    routes.add_api_route("/orders", api.orders, response_model=OrderPage, tags=["orders"])
    routes.add_api_route("/orders/{order_id}", api.order, response_model=OrderAnswer, tags=["orders"])
    routes.add_api_route(
        "/orders/{order_id}/timeline", api.timeline, response_model=list[TimelineEntry], tags=["orders"]
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


def _key(header: str | None) -> str | None:
    if header is not None and not _KEY.fullmatch(header):
        raise Problem(422, "Idempotency-Key must be 1-255 printable ASCII characters")
    return header


def _wait_seconds(prefer: str | None) -> int:
    """RFC 7240, section 4.3. What cannot be understood is no preference."""
    match = _WAIT.search(prefer or "")
    return min(int(match[1]), WAIT_SECONDS_MAX) if match else 0
