"""The events as models of dataclasses-avroschema, written by hand as its documentation has it; an extra that may be missing.

What it cannot say, and what stands here instead:

- a decimal on a fixed: its decimals are always on bytes, so `tax_rate` has other bytes here;
- a record within another that refers to itself: it looks for that in the outermost record alone and refuses the name
  elsewhere, so `Line.components` gets its type when the class is there.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, nonmember
from typing import Annotated, Any, Final
from uuid import UUID

from dataclasses_avroschema import AvroModel, types  # pyright: ignore[reportMissingImports] - an extra

from verification.bench.events import Event
from verification.bench.peers import READ, READ_EARLIER, WRITE, Codec, LeftOut
from verification.bench.timing import Work

Money = Annotated[Decimal, types.DecimalFieldInfo(max_digits=18, decimal_places=2)]
Rate = Annotated[Decimal, types.DecimalFieldInfo(max_digits=9, decimal_places=4)]


class InvoiceStatus(Enum):
    """How far an invoice is; UNKNOWN stands for a state newer than the reader."""

    UNKNOWN = "UNKNOWN"
    DRAFT = "DRAFT"
    ISSUED = "ISSUED"
    PAID = "PAID"
    VOID = "VOID"

    @nonmember
    class Meta:
        """What the schema says beside the symbols."""

        default = "UNKNOWN"


@dataclass(kw_only=True)
class Card(AvroModel):
    """Payment by card."""

    network: str
    last4: str


@dataclass(kw_only=True)
class Transfer(AvroModel):
    """Payment by bank transfer."""

    iban: str
    reference: str | None = None


class Line(AvroModel):
    """One position of an order or an invoice; a bundle has the positions that it consists of."""

    sku: str
    quantity: types.Int32
    unit_price: Money
    components: list["Line"] = field(default_factory=list)

    class Meta:
        """What the schema says beside the fields."""

        namespace = "bench.common"


Line.__annotations__["components"] = list[Line]
dataclass(kw_only=True)(Line)


@dataclass(kw_only=True)
class InvoiceIssued(AvroModel):
    """An invoice was issued for an order."""

    event_id: UUID
    occurred_at: types.DateTimeMicro
    cause_id: UUID | None = None
    trace_parent: str | None = None
    order_id: UUID
    customer_id: str = field(metadata={"aliases": ["customer"]})
    status: InvoiceStatus
    currency: str
    issued_on: date
    due_on: date | None = None
    delivery_from: time
    cut_off: types.TimeMicro
    updated_at: datetime
    payment: Card | Transfer | None = None
    lines: list[Line]
    total: Money
    tax_rate: Rate
    discount: Money | None = None
    labels: dict[str, str]
    attempt: int
    gift: bool
    weight_kg: float

    class Meta:
        """What the schema says beside the fields."""

        namespace = "bench.billing"


@dataclass(kw_only=True)
class EventHeader(AvroModel):
    """Identity, time, cause and trace of an event."""

    event_id: UUID
    occurred_at: types.DateTimeMicro
    cause_id: UUID | None = None
    trace_parent: str | None = None

    class Meta:
        """What the schema says beside the fields."""

        namespace = "shop.common"


@dataclass(kw_only=True)
class OrderLine(AvroModel):
    """One product of an order, at the price it was ordered for."""

    sku: str
    quantity: types.Int32
    unit_price_minor: int

    class Meta:
        """What the schema says beside the fields."""

        namespace = "shop.common"


@dataclass(kw_only=True)
class OrderPlaced(AvroModel):
    """A customer has placed an order."""

    header: EventHeader
    order_id: UUID
    customer_id: str
    currency: str
    payment_method: str
    total_minor: int
    lines: list[OrderLine]
    idempotency_key: str | None = None

    class Meta:
        """What the schema says beside the fields."""

        namespace = "shop.orders"


MODELS: Final[dict[str, Any]] = {"InvoiceIssued": InvoiceIssued, "OrderPlaced": OrderPlaced}


def dataclasses_avroschema(event: Event) -> Codec:
    """Return what dataclasses-avroschema does with its own objects."""
    model = MODELS[event.name]
    value = model.parse_obj(event.datum)
    data = value.serialize()
    operations: dict[str, Work | LeftOut] = {WRITE: value.serialize, READ: lambda: model.deserialize(data)}
    if event.earlier:
        operations[READ_EARLIER] = LeftOut("cannot read version 1: it has no decimals on fixed")
    return Codec(operations, model.avro_schema())
