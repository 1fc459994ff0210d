"""The shapes of requests and answers; OpenAPI is made from them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from services.inventory.currencies import CURRENCIES
from services.inventory.domain import Adjustment, AdjustStock, ListProduct, Product
from services.process.fields import JudgedAlone, Sku, WithoutNul
from services.process.problems import ProblemDocument

PRICE_MINOR_MAX = 1_000_000_000
PIECES_MAX = 1_000_000_000
BATCH_PRODUCTS_MAX = 5_000


def _of_iso_4217(value: str) -> str:
    if value not in CURRENCIES:
        raise ValueError("is no currency of ISO 4217")
    return value


Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$", strict=True), AfterValidator(_of_iso_4217)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strict=True), WithoutNul]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, strict=True), WithoutNul]

_CUP: dict[str, Any] = {"name": "Espresso cup", "unit_price_minor": 450, "currency": "EUR", "on_hand": 10}


class ProductRequest(BaseModel):
    """A product as it is to be listed."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_CUP]})

    name: Name
    unit_price_minor: Annotated[
        int, Field(ge=0, le=PRICE_MINOR_MAX, strict=True, description="In the currency's minor unit.")
    ]
    currency: Annotated[
        Currency,
        Field(description="ISO 4217 code; it never changes.", json_schema_extra={"enum": [*sorted(CURRENCIES)]}),
    ]
    on_hand: Annotated[
        int, Field(ge=0, le=PIECES_MAX, strict=True, description="Counts when the product is created; then left alone.")
    ]

    def command(self, sku: str, trace_parent: str | None) -> ListProduct:
        """The wish as the domain knows it."""
        return ListProduct(sku, self.name, self.unit_price_minor, self.currency, self.on_hand, trace_parent)


class BatchProductRequest(ProductRequest):
    """A product of a batch, with its number."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"sku": "espresso-cup", **_CUP}]})

    sku: Sku


class BatchRequest(BaseModel):
    """Products to be listed in one go; each is judged by itself."""

    model_config = ConfigDict(extra="forbid")

    products: Annotated[
        list[
            Annotated[
                BatchProductRequest, JudgedAlone("What is no valid product is answered with a problem in its place.")
            ]
        ],
        Field(min_length=1, max_length=BATCH_PRODUCTS_MAX),
    ]


class AdjustmentRequest(BaseModel):
    """A correction of stock by hand."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"delta": 24, "reason": "delivery"}]})

    delta: Annotated[
        int,
        Field(ge=-PIECES_MAX, le=PIECES_MAX, strict=True, description="Pieces added, or removed where negative."),
    ]
    reason: Annotated[Reason, Field(description="Why, in your words.")]

    def command(self, sku: str, idempotency_key: str, trace_parent: str | None) -> AdjustStock:
        """The wish as the domain knows it."""
        return AdjustStock(idempotency_key, sku, self.delta, self.reason, trace_parent)


class ProductAnswer(BaseModel):
    """A product as it is listed, and its stock."""

    sku: str
    name: str
    unit_price_minor: int
    currency: str
    on_hand: int
    version: Annotated[int, Field(description="Counts the changes of name and price from 1.")]
    created_at: datetime
    updated_at: Annotated[datetime, Field(description="When name or price changed last.")]


class ProductPage(BaseModel):
    """Products by sku; ``next`` is the cursor of the following page."""

    items: list[ProductAnswer]
    next: str | None


class BatchResult(BaseModel):
    """What became of one product of a batch: ``code`` is the HTTP status it would have had alone."""

    code: int
    product: ProductAnswer | None = None
    problem: ProblemDocument | None = None


class BatchAnswer(BaseModel):
    """What became of each product, in the order of the request."""

    results: list[BatchResult]


class AdjustmentAnswer(BaseModel):
    """An adjustment that was made."""

    sku: str
    delta: int
    reason: str
    on_hand: Annotated[int, Field(description="Pieces on hand right after it.")]
    adjusted_at: datetime


def answer_of_product(product: Product) -> dict[str, Any]:
    """The product as it is listed."""
    return {
        "sku": product.sku,
        "name": product.name,
        "unit_price_minor": product.unit_price_minor,
        "currency": product.currency,
        "on_hand": product.on_hand,
        "version": product.version,
        "created_at": product.created_at,
        "updated_at": product.updated_at,
    }


def answer_of_adjustment(adjustment: Adjustment) -> dict[str, Any]:
    """The adjustment as it was made."""
    return {
        "sku": adjustment.sku,
        "delta": adjustment.delta,
        "reason": adjustment.reason,
        "on_hand": adjustment.on_hand,
        "adjusted_at": adjustment.adjusted_at,
    }
