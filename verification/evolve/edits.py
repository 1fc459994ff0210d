"""What the team changes, as data: the schemas, and the lines of code that fill and read what is new.

An edit replaces a text that must be there once, so code that has moved on is noticed here and not by a strange failure of a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.errors import StackError

ORDER_PLACED = "schemas/shop/orders/OrderPlaced.avsc"
LARGE_PIECES = 12
"""From so many pieces on an order is a large one."""


class DoesNotFit(StackError):
    """The code is not the one that an edit was made for."""


@dataclass(frozen=True, slots=True)
class Edit:
    """In this file the text, which is there once, becomes another one; where there is no text, the file is new."""

    file: str
    before: str
    after: str


CHANNEL = (
    Edit(
        ORDER_PLACED,
        """\
      "default": null
    }
  ]
}
""",
        """\
      "default": null
    },
    {
      "name": "channel",
      "type": ["null", "string"],
      "doc": "Where the order was placed, such as web, app or phone; null if it was placed before that was recorded.",
      "default": null
    }
  ]
}
""",
    ),
    Edit(
        "services/orders/models.py",
        "    lines: Annotated[list[LineRequest], Field(min_length=1, max_length=LINES_MAX)]\n",
        """\
    lines: Annotated[list[LineRequest], Field(min_length=1, max_length=LINES_MAX)]
    channel: Annotated[str, StringConstraints(pattern=r"^[a-z]{1,16}$", strict=True)] = "web"
""",
    ),
    Edit(
        "services/orders/models.py",
        """\
            trace_parent,
            idempotency_key,
        )
""",
        """\
            trace_parent,
            idempotency_key,
            self.channel,
        )
""",
    ),
    Edit(
        "services/orders/domain.py",
        """\
    trace_parent: str | None = None
    idempotency_key: str | None = None
""",
        """\
    trace_parent: str | None = None
    idempotency_key: str | None = None
    channel: str | None = None
""",
    ),
    Edit(
        "services/orders/domain.py",
        "        idempotency_key=command.idempotency_key,\n    )\n",
        "        idempotency_key=command.idempotency_key,\n        channel=command.channel,\n    )\n",
    ),
    Edit(
        "services/payments/metrics.py",
        "REFUNDS = Counter(",
        """\
CHANNELS = Counter("payments_orders_total", "Orders to be paid, by where they were placed", ["channel"])
REFUNDS = Counter(""",
    ),
    Edit(
        "services/payments/handlers.py",
        "        _count([*ledger.new_payments, *ledger.new_refunds])\n",
        """\
        _count([*ledger.new_payments, *ledger.new_refunds])
        for message in batch.messages:
            if isinstance(message.event, OrderPlaced):
                metrics.CHANNELS.labels(message.event.channel or "unknown").inc()
""",
    ),
)
"""Version 2: OrderPlaced says where the order was placed; orders fills it, payments counts by it."""

MISTAKE = (
    Edit(
        ORDER_PLACED,
        '      "name": "total_minor",\n      "type": "long",\n',
        '      "name": "total_minor",\n      "type": "string",\n',
    ),
)
"""What somebody tried first: another type for a field. No consumer that runs could read it."""

LARGE_ORDERS = (
    Edit(
        "schemas/shop/orders/LargeOrderNoted.avsc",
        "",
        f"""\
{{
  "type": "record",
  "name": "LargeOrderNoted",
  "namespace": "shop.orders",
  "doc": "An order has {LARGE_PIECES} pieces or more: it is packed by two.",
  "fields": [
    {{
      "name": "header",
      "type": "shop.common.EventHeader",
      "doc": "What every event carries: its identity, its time, its cause and its trace."
    }},
    {{
      "name": "order_id",
      "type": {{"type": "string", "logicalType": "uuid"}},
      "doc": "The order this event belongs to; the record's key."
    }},
    {{
      "name": "pieces",
      "type": "long",
      "doc": "Pieces of all lines together."
    }}
  ]
}}
""",
    ),
    Edit(
        "schemas/contracts.toml",
        'events = ["shop.orders.OrderPlaced", "shop.orders.OrderCompleted", "shop.orders.OrderFailed"]',
        'events = ["shop.orders.OrderPlaced", "shop.orders.OrderCompleted", "shop.orders.OrderFailed", "shop.orders.LargeOrderNoted"]',
    ),
    Edit(
        "services/orders/main.py",
        "from services.events.shop.orders import OrderCompleted, OrderFailed, OrderPlaced\n",
        "from services.events.shop.orders import LargeOrderNoted, OrderCompleted, OrderFailed, OrderPlaced\n",
    ),
    Edit(
        "services/orders/main.py",
        "    writes={TOPIC: (OrderPlaced, OrderCompleted, OrderFailed)},\n",
        "    writes={TOPIC: (OrderPlaced, OrderCompleted, OrderFailed, LargeOrderNoted)},\n",
    ),
    Edit(
        "services/orders/domain.py",
        "from services.events.shop.orders import FailureReason, OrderCompleted, OrderFailed, OrderPlaced\n",
        "from services.events.shop.orders import FailureReason, LargeOrderNoted, OrderCompleted, OrderFailed, OrderPlaced\n",
    ),
    Edit(
        "services/orders/domain.py",
        "def fingerprint(order: PlaceOrder | OrderPlaced) -> bytes:\n",
        f"""\
def noted(placed: OrderPlaced) -> list[LargeOrderNoted]:
    \"\"\"What is to be told of an order beside that it was placed.\"\"\"
    pieces = sum(line.quantity for line in placed.lines)
    header = caused_by(placed.header, LargeOrderNoted.NAME, placed.header.occurred_at)
    return [LargeOrderNoted(header=header, order_id=placed.order_id, pieces=pieces)] if pieces >= {LARGE_PIECES} else []


def fingerprint(order: PlaceOrder | OrderPlaced) -> bytes:
""",
    ),
    Edit(
        "services/orders/handlers.py",
        """\
            rows = outbox.append(transaction, map(self.wire.record, events), self.partitions)
            use = self.wire.schema_of(OrderPlaced)
            by_id = {event.header.event_id: event.order_id for event in events}
            store.remember(transaction, [OrderEvent.published(by_id[row.event_id], row, use) for row in rows])
""",
        """\
            told = [each for event in events for each in (event, *domain.noted(event))]
            rows = outbox.append(transaction, map(self.wire.record, told), self.partitions)
            by_id = {each.header.event_id: each for each in told}
            uses = {row.event_id: self.wire.schema_of(type(by_id[row.event_id])) for row in rows}
            published = [OrderEvent.published(by_id[r.event_id].order_id, r, uses[r.event_id]) for r in rows]
            store.remember(transaction, published)
""",
    ),
)
"""Version 3: orders tells of large orders in an event of its own, in the topic that all others are in."""


def apply(folder: Path, edits: Sequence[Edit]) -> None:
    """Make these edits in a copy of the project. Raises DoesNotFit, naming the file, before anything of it is written."""
    texts: dict[str, str] = {}
    for edit in edits:
        texts[edit.file] = _edited(edit, texts.get(edit.file, _text(folder / edit.file)))
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")


def undo(folder: Path, edits: Sequence[Edit]) -> None:
    """Take edits of existing files back."""
    apply(folder, [Edit(edit.file, edit.after, edit.before) for edit in reversed(edits)])


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _edited(edit: Edit, text: str) -> str:
    count = text.count(edit.before) if edit.before else int(not text)
    if count != 1:
        raise DoesNotFit(f"{edit.file} has the text {count} times, not once: {edit.before!r}")
    return text.replace(edit.before, edit.after) if edit.before else edit.after
