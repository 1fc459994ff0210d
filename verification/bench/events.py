"""The events of the codec benchmark: objects of generated classes, and the same as dicts of Python values.

InvoiceIssued stands in `schemas/` beside this file and has nearly everything that Avro knows; its classes are generated
when the benchmark starts, so that what is timed is what the generator makes today. OrderPlaced is one of the shop's.
"""

import importlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from codegen.avro import schema_files
from codegen.python import generated_files, source
from services.events.shop.common import EventHeader, OrderLine
from services.events.shop.orders import OrderPlaced

SCHEMAS: Final = Path(__file__).parent / "schemas"
VERSION_1: Final = SCHEMAS / "history" / "bench.billing.InvoiceIssued" / "1.avsc"
PACKAGE: Final = "generated_for_bench"
_NOW: Final = datetime(2026, 11, 23, 15, 4, 5, 678901, tzinfo=UTC)

Datum = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier version of an event: what its writers wrote, and what today's readers make of that."""

    schema: str
    written: Datum
    read: Datum


@dataclass(frozen=True, slots=True)
class Event:
    """An event as an object of its generated class, and as a dict that says which record of a union it means."""

    value: Any
    datum: Datum
    earlier: Earlier | None = None

    @property
    def name(self) -> str:
        """The name of its class."""
        return type(self.value).__name__

    @property
    def schema(self) -> str:
        """The JSON text of its schema, self-contained."""
        text: str = type(self.value).SCHEMA
        return text


def plain(value: Any) -> Any:
    """Return a value without what differs between libraries: dicts for objects, symbols for members of enums."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return value


def events() -> list[Event]:
    """Generate the classes, and make one event of each."""
    with tempfile.TemporaryDirectory() as folder:
        billing, common = _generated(Path(folder))
    return [_invoice_issued(billing, common), _order_placed()]


def _generated(folder: Path) -> tuple[Any, Any]:
    files = source.generate(schema_files.load(SCHEMAS), PACKAGE)
    generated_files.write(folder / PACKAGE, files, PACKAGE)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(f"{PACKAGE}.bench.billing"), importlib.import_module(f"{PACKAGE}.bench.common")
    finally:
        sys.path.remove(str(folder))


def _invoice_issued(billing: Any, common: Any) -> Event:
    value = billing.InvoiceIssued(
        event_id=UUID("cd613e30-d8f1-4adf-91b7-584a2265b1f5"),
        occurred_at=_NOW,
        cause_id=UUID("1e2feb89-414c-443c-9027-c4d1c386bbc4"),
        trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        order_id=UUID("78e51061-7311-48a3-a2ce-6f447ed4d57b"),
        customer_id="customer-1234",
        status=billing.InvoiceStatus.ISSUED,
        currency="EUR",
        issued_on=date(2026, 11, 23),
        due_on=date(2026, 12, 23),
        delivery_from=time(9, 30),
        cut_off=time(17, 45, 30, 250_000),
        updated_at=_NOW.replace(microsecond=678_000),
        payment=billing.Card(network="visa", last4="4242"),
        lines=_lines(common.Line),
        total=Decimal("38.48"),
        tax_rate=Decimal("0.1900"),
        discount=Decimal("2.00"),
        labels={"channel": "web", "campaign": "winter-26"},
        attempt=1,
        gift=False,
        weight_kg=2.375,  # a float holds it, too
    )
    datum = plain(value)
    written = {**datum, "customer": value.customer_id, "printed_by": "clerk-7", "payment": _named(value.payment)}
    earlier = Earlier(VERSION_1.read_text(encoding="utf-8"), written, {**datum, "discount": None})
    return Event(value, {**datum, "payment": _named(value.payment)}, earlier)


def _lines(line: Any) -> list[Any]:
    jam = line(sku="jam-250g", quantity=1, unit_price=Decimal("0.00"))
    tea = line(sku="tea-100g", quantity=3, unit_price=Decimal("0.00"))
    return [
        line(sku="coffee-500g", quantity=2, unit_price=Decimal("7.99")),
        line(sku="breakfast-box", quantity=1, unit_price=Decimal("24.50"), components=[jam, tea]),
    ]


def _named(record: Any) -> Datum:
    """Return a record as fastavro wants it within a union of records, so that it need not guess."""
    return {"-type": record.NAME, **plain(record)}


def _order_placed() -> Event:
    value = OrderPlaced(
        header=EventHeader(
            event_id=UUID("cd613e30-d8f1-4adf-91b7-584a2265b1f5"),
            occurred_at=_NOW,
            trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
        order_id=UUID("78e51061-7311-48a3-a2ce-6f447ed4d57b"),
        customer_id="customer-1234",
        currency="EUR",
        payment_method="tok_visa",
        total_minor=4048,
        lines=[
            OrderLine(sku="coffee-500g", quantity=2, unit_price_minor=799),
            OrderLine(sku="breakfast-box", quantity=1, unit_price_minor=2450),
        ],
        idempotency_key="run-7-order-1234",
    )
    return Event(value, plain(value))
