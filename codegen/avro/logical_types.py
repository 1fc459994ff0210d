"""Logical types: which there are and what they stand on (Avro 1.12, "Logical Types").

One that is unknown, or does not fit its type, is ignored, as the specification demands: the datum is of the plain type.
"""

from collections.abc import Mapping
from typing import Final

from codegen.avro.json_text import Json
from codegen.avro.schema import Logical

LOGICAL_TYPES: Final[Mapping[str, frozenset[str]]] = {  # logical type -> the types it may stand on
    "decimal": frozenset({"bytes", "fixed"}),
    "big-decimal": frozenset({"bytes"}),
    "uuid": frozenset({"string", "fixed"}),
    "date": frozenset({"int"}),
    "time-millis": frozenset({"int"}),
    "time-micros": frozenset({"long"}),
    "timestamp-millis": frozenset({"long"}),
    "timestamp-micros": frozenset({"long"}),
    "timestamp-nanos": frozenset({"long"}),
    "local-timestamp-millis": frozenset({"long"}),
    "local-timestamp-micros": frozenset({"long"}),
    "local-timestamp-nanos": frozenset({"long"}),
    "duration": frozenset({"fixed"}),
}
_LOG10_OF_2: Final = 30_102_999_566_398_119_521  # times 10 to the power of 20: sizes may be beyond any float
_FIXED_SIZES: Final = {"uuid": 16, "duration": 12}


def logical_type(value: Mapping[str, Json], kind: str, size: int | None = None) -> Logical | None:
    """Return the logical type of a schema object of this type (`size`: of a fixed), None where it has none in force."""
    name = value.get("logicalType")
    if not isinstance(name, str) or why_ignored(value, kind, size) is not None:
        return None
    if name != "decimal":
        return Logical(name)
    precision, scale = value.get("precision"), value.get("scale", 0)
    assert isinstance(precision, int)
    assert isinstance(scale, int)
    return Logical(name, precision, scale)


def why_ignored(value: Mapping[str, Json], kind: str, size: int | None = None) -> str | None:
    """Return why a schema object's `logicalType` is ignored, None where it is in force or absent."""
    if "logicalType" not in value:
        return None
    name = value["logicalType"]
    if not isinstance(name, str) or name not in LOGICAL_TYPES:
        return f"{name!r} is no logical type"
    if kind not in LOGICAL_TYPES[name]:
        return f"{name} stands on {' or '.join(sorted(LOGICAL_TYPES[name]))}, not on {kind}"
    if size is not None and size != _FIXED_SIZES.get(name, size):
        return f"{name} has {_FIXED_SIZES[name]} bytes, not {size}"
    return _why_no_decimal(value, size) if name == "decimal" else None


def _why_no_decimal(value: Mapping[str, Json], size: int | None) -> str | None:
    precision, scale = value.get("precision"), value.get("scale", 0)
    if type(precision) is not int or precision < 1:
        return "a decimal needs a precision of 1 or more"
    if type(scale) is not int or not 0 <= scale <= precision:
        return f"a decimal's scale is between 0 and its precision, {precision}"
    if size is not None and precision > digits(size):
        return f"{size} bytes hold no decimal of precision {precision}, at most {digits(size)}"
    return None


def digits(size: int) -> int:
    """Return how many decimal digits always fit into a two's complement number of `size` bytes."""
    return (8 * size - 1) * _LOG10_OF_2 // 10**20 if size else 0
