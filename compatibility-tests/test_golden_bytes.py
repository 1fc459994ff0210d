"""Bytes of every released version of every event: what was once written is read for ever.

`golden/<full name>.<version>.json` holds the schema that wrote, the bytes and what they mean. The files are never
edited; `python compatibility-tests/test_golden_bytes.py` adds those of events that have none for their present schema.
"""

import dataclasses
import importlib
import json
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.events.shop.common import EventHeader, OrderLine
from services.events.shop.inventory import (
    ProductListed,
    RejectionReason,
    Shortage,
    StockAdjusted,
    StockDeducted,
    StockLine,
    StockRejected,
)
from services.events.shop.orders import FailureReason, OrderCompleted, OrderFailed, OrderPlaced
from services.events.shop.payments import DeclineReason, PaymentCaptured, PaymentDeclined, PaymentRefunded

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))

ORDER, PAYMENT, REFUND = (UUID(int=number << 96 | 0x7000_8000_0000_0000_0000) for number in (1, 2, 3))
HEADER = EventHeader(
    event_id=UUID("0192f7a0-5b1c-7e55-9d6b-3c7b6f8a9b10"),
    occurred_at=datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC),
    cause_id=UUID("0192f7a0-5b1c-7e55-9d6b-3c7b6f8a9b0f"),
    trace_parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)
FIRST = EventHeader(event_id=UUID(int=2**128 - 1), occurred_at=datetime(1969, 12, 31, tzinfo=UTC))
LINES = [
    OrderLine(sku="coffee", quantity=1, unit_price_minor=0),
    OrderLine(sku="Küche-Ω.1", quantity=1_000_000, unit_price_minor=1_000_000_000),
]
IDS: dict[str, Any] = {"order_id": ORDER, "payment_id": PAYMENT}
EXAMPLES: list[Any] = [
    HEADER,
    LINES[1],
    OrderPlaced(
        header=FIRST, order_id=ORDER, customer_id="customer 1", currency="EUR", payment_method="tok_visa",
        total_minor=10**15, lines=LINES, idempotency_key="key 1",
    ),
    OrderCompleted(header=HEADER, order_id=ORDER),
    OrderFailed(header=HEADER, order_id=ORDER, reason=FailureReason.UNKNOWN_PRODUCT),
    PaymentCaptured(header=HEADER, **IDS, amount_minor=0, currency="JPY", lines=LINES),
    PaymentDeclined(header=HEADER, **IDS, reason=DeclineReason.INSUFFICIENT_FUNDS),
    PaymentRefunded(
        header=HEADER, **IDS, refund_id=REFUND, amount_minor=64, currency="USD", reason=RejectionReason.OUT_OF_STOCK
    ),
    ProductListed(
        header=FIRST, sku="coffee", name="Coffee ☕", unit_price_minor=1999, currency="EUR", version=2**40, initial_on_hand=128
    ),
    StockLine(sku="coffee", quantity=63),
    StockDeducted(header=HEADER, order_id=ORDER, lines=[StockLine(sku="coffee", quantity=64)], payment_id=PAYMENT),
    Shortage(sku="coffee", requested=8192, available=0),
    StockRejected(
        header=HEADER, order_id=ORDER, reason=RejectionReason.UNKNOWN_PRODUCT,
        shortages=[Shortage(sku="tea", requested=2**31, available=2**31 - 1)], payment_id=PAYMENT,
        lines=[StockLine(sku="tea", quantity=2**31 - 1)],
    ),
    StockAdjusted(header=FIRST, sku="coffee", delta=-1_000_000_000, on_hand=0, reason="counted", idempotency_key="~"),
]  # fmt: skip


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it, by the names of its fields."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def class_named(name: str) -> Any:
    """Return the generated class of an event."""
    namespace, _, short = name.rpartition(".")
    return getattr(importlib.import_module(f"services.events.{namespace}"), short)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_present_class_reads_what_every_version_wrote(file: Path) -> None:
    golden = json.loads(file.read_text(encoding="utf-8"))
    cls = class_named(golden["name"])

    value = plain(cls.decode(bytes.fromhex(golden["bytes"]), json.dumps(golden["schema"])))

    assert {field: value[field] for field in golden["means"] if field in value} == golden["means"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.NAME)
def test_the_present_schema_writes_the_golden_bytes(example: Any) -> None:
    golden = [json.loads(file.read_text(encoding="utf-8")) for file in GOLDEN.glob(f"{example.NAME}.*.json")]
    present = [each for each in golden if each["fingerprint"] == example.FINGERPRINT]

    assert [each["bytes"] for each in present] == [example.encode().hex()]


def test_every_event_has_an_example() -> None:
    modules = [
        importlib.import_module(f"services.events.shop.{name}")
        for name in ("common", "inventory", "orders", "payments")
    ]
    names = {name for module in modules for name, cls in module.AVRO_TYPES.items() if not issubclass(cls, Enum)}

    assert names == {example.NAME for example in EXAMPLES}


def add_missing() -> None:
    """Write a golden file for every example whose schema has none."""
    GOLDEN.mkdir(exist_ok=True)
    for example in EXAMPLES:
        files = sorted(GOLDEN.glob(f"{example.NAME}.*.json"))
        if any(json.loads(file.read_text(encoding="utf-8"))["fingerprint"] == example.FINGERPRINT for file in files):
            continue
        golden = {
            "name": example.NAME,
            "fingerprint": example.FINGERPRINT,
            "bytes": example.encode().hex(),
            "means": plain(example),
            "schema": json.loads(example.SCHEMA),
        }
        text = json.dumps(golden, indent=1, ensure_ascii=False)
        (GOLDEN / f"{example.NAME}.{len(files) + 1}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    add_missing()
