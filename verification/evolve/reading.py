"""`python -m verification.evolve.reading`: what payments, with the code of this folder, reads in values of `shop.orders`.

It takes a JSON document with `registry` and `values` (hexadecimal), and answers a list: an event's fields, or null for a type
that payments skips. What cannot be read ends it with an error.
"""

import json
import sys
from dataclasses import fields
from typing import Any

from codegen.registry.client import Registry
from services.messaging.wire import Wire
from services.payments.main import CONTRACT

TOPIC = "shop.orders"


def main() -> None:
    """Read standard input, answer on standard output."""
    asked = json.load(sys.stdin)
    with Registry(asked["registry"]) as registry:
        wire = Wire(registry, {}, {TOPIC: CONTRACT.reads[TOPIC]}, CONTRACT.key_of)
        json.dump([_fields(wire.decode(TOPIC, bytes.fromhex(value))[0]) for value in asked["values"]], sys.stdout)


def _fields(event: Any) -> dict[str, Any] | None:
    """Texts, so that two programs' answers can be compared; null stays null."""
    if event is None:
        return None
    values = {field.name: getattr(event, field.name) for field in fields(event)}
    return {name: None if value is None else str(value) for name, value in values.items()}


if __name__ == "__main__":
    main()
