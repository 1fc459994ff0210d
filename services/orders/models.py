"""The shapes of requests and answers; OpenAPI is made from them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Row

from services.events.shop.orders import OrderPlaced
from services.orders import store
from services.orders.domain import OrderStatus, PlaceOrder, Product, RequestedLine
from services.process.fields import IDEMPOTENCY_KEY_PATTERN, JudgedAlone, Sku, WithoutNul
from services.process.problems import ProblemDocument

LINES_MAX = 200
QUANTITY_MAX = 1_000_000
BATCH_ORDERS_MAX = 500

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$", strict=True)]
PaymentMethod = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$", strict=True)]
CustomerId = Annotated[str, StringConstraints(min_length=1, max_length=128, strict=True), WithoutNul]


class LineRequest(BaseModel):
    """A product and how many of it; the same product on two lines counts as the sum."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku
    quantity: Annotated[int, Field(ge=1, le=QUANTITY_MAX, strict=True)]


_ORDER: dict[str, Any] = {
    "customer_id": "customer-7",
    "currency": "EUR",
    "payment_method": "tok_visa",
    "lines": [{"sku": "espresso-cup", "quantity": 2}],
}


class OrderRequest(BaseModel):
    """A customer's order. Prices come from the product list."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_ORDER]})

    customer_id: CustomerId
    currency: Annotated[Currency, Field(description="ISO 4217 code, the same as the products'.")]
    payment_method: Annotated[
        PaymentMethod, Field(description="Opaque token; only the payment provider knows its meaning.")
    ]
    lines: Annotated[list[LineRequest], Field(min_length=1, max_length=LINES_MAX)]

    def command(
        self, order_id: UUID, placed_at: datetime, trace_parent: str | None, idempotency_key: str | None
    ) -> PlaceOrder:
        """The wish as the domain knows it."""
        return PlaceOrder(
            order_id,
            self.customer_id,
            self.currency,
            self.payment_method,
            tuple(RequestedLine(line.sku, line.quantity) for line in self.lines),
            placed_at,
            trace_parent,
            idempotency_key,
        )


class BatchOrderRequest(OrderRequest):
    """An order of a batch, with its Idempotency-Key where it has one."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"idempotency_key": "basket-2041", **_ORDER}]}
    )

    idempotency_key: Annotated[
        Annotated[str, StringConstraints(pattern=IDEMPOTENCY_KEY_PATTERN, strict=True)] | None,
        Field(description="As the header of a single order, and one with it: 1-255 printable ASCII characters."),
    ] = None


class BatchRequest(BaseModel):
    """Orders to be taken in one go; each is judged by itself."""

    model_config = ConfigDict(extra="forbid")

    orders: Annotated[
        list[
            Annotated[BatchOrderRequest, JudgedAlone("What is no valid order is answered with a problem in its place.")]
        ],
        Field(min_length=1, max_length=BATCH_ORDERS_MAX),
    ]


class LineAnswer(BaseModel):
    """A line with the price it was ordered at."""

    sku: str
    quantity: int
    unit_price_minor: Annotated[int, Field(description="In the currency's minor unit.")]


class RefundAnswer(BaseModel):
    """Money given back."""

    amount_minor: int
    refunded_at: datetime


class OrderAnswer(BaseModel):
    """An order as it is now."""

    order_id: UUID
    customer_id: str
    status: OrderStatus
    failure_reason: Annotated[str | None, Field(description="Why it is FAILED: PAYMENT_DECLINED, OUT_OF_STOCK, ...")]
    total_minor: int
    currency: str
    lines: list[LineAnswer]
    refund: RefundAnswer | None
    created_at: datetime
    updated_at: datetime


class BatchResult(BaseModel):
    """What became of one order of a batch: the order, or the problem."""

    code: Annotated[int, Field(description="The HTTP status it would have had alone.")]
    replayed: Annotated[bool, Field(description="Whether the order was taken before, under the same key.")]
    order: OrderAnswer | None = None
    problem: ProblemDocument | None = None


class BatchAnswer(BaseModel):
    """What became of each order, in the order of the request."""

    results: list[BatchResult]


class OrderPage(BaseModel):
    """Orders, the newest first; ``next`` is the cursor of the following page."""

    items: list[OrderAnswer]
    next: str | None


class TimelineEntry(BaseModel):
    """An event of an order, where it stands in Kafka, and the schema it was written with."""

    event: str
    occurred_at: datetime
    topic: str
    partition: int
    offset: Annotated[int | None, Field(description="Null only until the record is in Kafka.")]
    sequence: int
    subject: str
    schema_id: int
    schema_version: int
    payload: dict[str, Any]


class ProductAnswer(BaseModel):
    """A product as orders knows it."""

    sku: str
    name: str
    unit_price_minor: int
    currency: str


class ProductPage(BaseModel):
    """Products by sku; ``next`` is the cursor of the following page."""

    items: list[ProductAnswer]
    next: str | None


def answer_of_event(event: OrderPlaced) -> dict[str, Any]:
    """The order that was placed now."""
    placed_at = event.header.occurred_at
    return {
        "order_id": event.order_id,
        "customer_id": event.customer_id,
        "status": OrderStatus.PENDING,
        "failure_reason": None,
        "total_minor": event.total_minor,
        "currency": event.currency,
        "lines": store.lines_of(event),
        "refund": None,
        "created_at": placed_at,
        "updated_at": placed_at,
    }


def answer_of_row(row: Row[Any]) -> dict[str, Any]:
    """The order as it is stored."""
    answer = dict(row._mapping)
    amount, refunded_at = answer.pop("refund_amount_minor"), answer.pop("refunded_at")
    answer["refund"] = None if refunded_at is None else {"amount_minor": amount, "refunded_at": refunded_at}
    return answer


def answer_of_product(product: Product) -> dict[str, Any]:
    """The product as it is listed."""
    return {
        "sku": product.sku,
        "name": product.name,
        "unit_price_minor": product.unit_price_minor,
        "currency": product.currency,
    }
