"""The REST interface of inventory: list products, look at them, adjust their stock."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from services.inventory import handlers, models, store
from services.inventory.domain import CurrencyFixed, KeyReused, ListProduct, Refused, StockOutOfBounds, UnknownProduct
from services.inventory.handlers import Adjusted, Answer, Listed, ListProducts
from services.inventory.models import (
    AdjustmentAnswer,
    AdjustmentRequest,
    BatchAnswer,
    BatchRequest,
    ProductAnswer,
    ProductPage,
    ProductRequest,
)
from services.inventory.settings import Settings
from services.messaging.database import Database
from services.messaging.writer import Writer
from services.process import http
from services.process.fields import IDEMPOTENCY_KEY_PATTERN, SKU_PATTERN, Sku
from services.process.problems import Problem, not_valid

BATCH_PATH = "/products/batch"
BODY_LIMITS = {BATCH_PATH: 8 << 20}
"""Bytes by path, where it is not the usual limit."""

REFUSALS: Mapping[type[Refused], int] = {UnknownProduct: 404, CurrencyFixed: 409, StockOutOfBounds: 409, KeyReused: 422}
"""What a client is told of a refusal."""

PROBLEMS = http.responses(
    {
        404: "No such product",
        409: "Contradicts the product as it is",
        413: "Body too large",
        422: "Not valid",
        503: "Come back after Retry-After",
    }
)
Writing = Writer[handlers.Request, Answer]
IdempotencyKey = Annotated[
    str,
    Header(
        pattern=IDEMPOTENCY_KEY_PATTERN,
        description="1-255 printable ASCII characters. The same key and body adjust once and get the same answer.",
        examples=["delivery-2041"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=1_000)]
Cursor = Annotated[str | None, Query(pattern=SKU_PATTERN, description="`next` of the page before.")]

_SKU = re.compile(SKU_PATTERN)


class InventoryApi:
    """Answers requests; all writing goes through the process's one writer."""

    def __init__(self, database: Database, writer: Writing, settings: Settings) -> None:
        self._database = database
        self._writer = writer
        self._batches = asyncio.Semaphore(settings.product_batches_max)

    async def list_product(self, sku: Sku, product: ProductRequest, request: Request, response: Response) -> Any:
        """List a product (201), or change its name and price (200). Its stock counts when it is created only."""
        command = product.command(sku, http.trace_parent(request))
        answers = await self._write(ListProducts((command,)))
        assert isinstance(answers, tuple)
        listed = answers[0]
        if isinstance(listed, Refused):
            raise _problem(listed)
        if listed.created:
            response.status_code = 201
            response.headers["Location"] = f"/products/{sku}"
        return models.answer_of_product(listed.product)

    async def list_products(self, batch: BatchRequest, request: Request) -> Response:
        """List up to 5,000 products in one transaction; each is judged by itself, the answers are in request order."""
        trace_parent = http.trace_parent(request)
        commands = [
            item if isinstance(item, ValidationError) else item.command(item.sku, trace_parent)
            for item in batch.products
        ]
        valid = tuple(command for command in commands if isinstance(command, ListProduct))
        async with self._batches:
            answers = await self._write(ListProducts(valid)) if valid else ()
        assert isinstance(answers, tuple)
        return await asyncio.to_thread(_batch_response, commands, answers)

    async def adjust(
        self,
        sku: str,
        adjustment: AdjustmentRequest,
        request: Request,
        response: Response,
        idempotency_key: IdempotencyKey,
    ) -> Any:
        """Add pieces to a product's stock, or remove them, once per Idempotency-Key. A refused request uses no key up."""
        if not _SKU.fullmatch(sku):
            raise _problem(UnknownProduct(f"there is no product {sku!r}"))
        answer = await self._write(adjustment.command(sku, idempotency_key, http.trace_parent(request)))
        if isinstance(answer, Refused):
            raise _problem(answer)
        assert isinstance(answer, Adjusted)
        if answer.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        return models.answer_of_adjustment(answer.adjustment)

    async def _write(self, request: handlers.Request) -> Answer:
        return await asyncio.wrap_future(self._writer.submit(request))

    def product(self, sku: str) -> Any:
        """One product with its stock."""
        found = None
        if _SKU.fullmatch(sku):
            with self._database.connection() as connection:
                found = store.product(connection, sku)
        if found is None:
            raise Problem(404, f"there is no product {sku!r}")
        return models.answer_of_product(found)

    def products(self, limit: Limit = 100, cursor: Cursor = None) -> Any:
        """Products by sku."""
        with self._database.connection() as connection:
            found = store.products(connection, after=cursor or "", limit=limit + 1)
        following = found[limit - 1].sku if len(found) > limit else None
        return {"items": [models.answer_of_product(product) for product in found[:limit]], "next": following}


def router(api: InventoryApi) -> APIRouter:
    """The routes of inventory."""
    routes = APIRouter(responses=PROBLEMS, tags=["products"])
    routes.add_api_route(BATCH_PATH, api.list_products, methods=["POST"], response_model=BatchAnswer)
    routes.add_api_route("/products", api.products, response_model=ProductPage)
    routes.add_api_route("/products/{sku}", api.product, response_model=ProductAnswer)
    routes.add_api_route(
        "/products/{sku}",
        api.list_product,
        methods=["PUT"],
        response_model=ProductAnswer,
        responses={201: {"model": ProductAnswer, "description": "The product is new"}},
    )
    routes.add_api_route(
        "/products/{sku}/adjustments",
        api.adjust,
        methods=["POST"],
        response_model=AdjustmentAnswer,
        responses={
            200: {"headers": {"Idempotent-Replayed": {"description": "Made before under the same key", "schema": {}}}}
        },
    )
    return routes


def _problem(refused: Refused) -> Problem:
    return Problem(REFUSALS[type(refused)], str(refused))


def _batch_response(
    commands: Sequence[ListProduct | ValidationError], answers: Sequence[Listed | Refused]
) -> JSONResponse:
    remaining = iter(answers)
    results = [
        _refused(not_valid(command)) if isinstance(command, ValidationError) else _result(next(remaining))
        for command in commands
    ]
    return JSONResponse({"results": results})


def _result(answer: Listed | Refused) -> dict[str, Any]:
    if isinstance(answer, Refused):
        return _refused(_problem(answer))
    product = models.answer_of_product(answer.product)
    times = {name: product[name].isoformat().replace("+00:00", "Z") for name in ("created_at", "updated_at")}
    return {"code": 201 if answer.created else 200, "product": product | times}


def _refused(problem: Problem) -> dict[str, Any]:
    return {"code": problem.status, "problem": problem.document()}
