"""Logical types in Python: their types, and which functions of the runtime turn their values into bytes and back.

`timestamp-nanos` and `local-timestamp-nanos` stay whole numbers, as `time.time_ns` has them: `datetime` ends at
microseconds, and nothing is ever rounded.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from codegen import runtime
from codegen.avro.schema import Fixed, Logical, Node, Primitive, Reference, Schema


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a logical type is in Python; of a decimal, the functions are methods of its `runtime.DecimalType`."""

    module: str
    type: str
    write: str
    """From a value to its bytes."""
    read: str
    """From the data and a position to the value and the next position."""
    convert: str
    """From a value of the plain type."""


_CONVERSIONS: Final[Mapping[str, Conversion]] = {
    "decimal": Conversion("decimal", "Decimal", "write", "read", "from_bytes"),
    "big-decimal": Conversion("decimal", "Decimal", "write_big_decimal", "read_big_decimal", "big_decimal_from_bytes"),
    "uuid": Conversion("uuid", "UUID", "write_uuid", "read_uuid", "uuid_from_text"),
    "date": Conversion("datetime", "date", "write_date", "read_date", "date_from_days"),
    "time-millis": Conversion("datetime", "time", "write_time_millis", "read_time_millis", "time_from_millis"),
    "time-micros": Conversion("datetime", "time", "write_time_micros", "read_time_micros", "time_from_micros"),
    **{
        f"{local}timestamp-{unit}": Conversion(
            "datetime",
            "datetime",
            f"write_{local}timestamp_{unit}".replace("-", "_"),
            f"read_{local}timestamp_{unit}".replace("-", "_"),
            f"{local}datetime_from_{unit}".replace("-", "_"),
        )
        for local in ("", "local-")
        for unit in ("millis", "micros")
    },
    "duration": Conversion("codegen.runtime", "Duration", "write_duration", "read_duration", "duration_from_bytes"),
}
_FIXED_UUID: Final = Conversion("uuid", "UUID", "write_uuid_fixed", "read_uuid_fixed", "uuid_from_bytes")


@dataclass(frozen=True, slots=True)
class Converted:
    """A logical type where it is used: `size` is that of the fixed it stands on."""

    logical: Logical
    size: int | None
    conversion: Conversion

    def function(self, name: str) -> Callable[..., Any]:
        """Return a function of the runtime by its name in the conversion."""
        found: Callable[..., Any] = getattr(self.decimal_type or runtime, name)
        return found

    @property
    def decimal_type(self) -> runtime.DecimalType | None:
        """Return the decimals of this precision and scale, None if it is no decimal."""
        if self.logical.name != "decimal":
            return None
        return runtime.decimal_type(self.logical.precision, self.logical.scale, self.size)


def converted(node: Node, schema: Schema) -> Converted | None:
    """Return how values of a type are converted, None where they are plain."""
    match node:
        case Primitive(logical=Logical() as logical) if logical.name in _CONVERSIONS:
            return Converted(logical, None, _CONVERSIONS[logical.name])
        case Reference():
            definition = schema.definition(node)
            return converted_fixed(definition) if isinstance(definition, Fixed) else None
    return None


def converted_fixed(fixed: Fixed) -> Converted | None:
    """Return how values of a fixed are converted, None where they are plain bytes."""
    if fixed.logical is None:
        return None
    conversion = _FIXED_UUID if fixed.logical.name == "uuid" else _CONVERSIONS[fixed.logical.name]
    return Converted(fixed.logical, fixed.size, conversion)
