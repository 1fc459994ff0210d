"""Example data for people: one small datum of a type, with every field that it may have.

Nothing is drawn: the same schema has the same example, and fields of one name have one value, so that the examples of
events that belong together do so, too. Where `values` has a name, that value stands in the plain fields of it that it fits.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid5

from codegen import runtime
from codegen.avro import defaults
from codegen.avro.finite import ENDLESS, Heights, height, heights
from codegen.avro.json_text import Json
from codegen.avro.schema import Array, Enum, Fixed, Logical, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.samples.data import Branch, Datum, branch_name

_MOMENT: Final = datetime(2026, 1, 31, 12, 30, 15, 250_000, tzinfo=UTC)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROS: Final = (_MOMENT - _EPOCH) // timedelta(microseconds=1)
_OF_THE_DAY: Final = _MICROS % 86_400_000_000
_NUMBERS: Final[Mapping[str, int]] = {
    "date": _MICROS // 86_400_000_000,
    "time-millis": _OF_THE_DAY // 1000,
    "time-micros": _OF_THE_DAY,
    "timestamp-millis": _MICROS // 1000,
    "timestamp-micros": _MICROS,
    "timestamp-nanos": _MICROS * 1000,
}
_DIGITS: Final = "1999"
_NAMES: Final = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")  # RFC 9562's namespace for names


def example(schema: Schema, values: Mapping[str, Json]) -> Datum:
    """Return a datum of a schema that has one."""
    return _Example(schema, values, heights(schema.types)).of(schema.root, "", ())


def has_datum(schema: Schema) -> bool:
    """Say whether there is any datum of a schema."""
    return height(schema.root, heights(schema.types)) < ENDLESS


def fits(value: Json, node: Node, schema: Schema) -> bool:
    """Say whether a value may stand in a field: its type, or that in its union, is plain or an enum, and has it."""
    return _fitting(value, node, schema) is not None


def _fitting(value: Json, node: Node, schema: Schema) -> Node | None:
    """Return the branch that a value is of."""
    for branch in node.branches if isinstance(node, Union) else (node,):
        plain = isinstance(branch, Primitive) and branch.logical is None and branch.type != "bytes"
        enum = isinstance(branch, Reference) and isinstance(schema.definition(branch), Enum)
        if (plain or enum) and defaults.why_not(value, branch, schema.types) is None:
            return branch
    return None


@dataclass(frozen=True, slots=True)
class _Example:
    schema: Schema
    values: Mapping[str, Json]
    heights: Heights

    def of(self, node: Node, name: str, within: tuple[str, ...]) -> Datum:
        """Return the datum of a field of that name, or of what is in it; `within` are the records around it."""
        given = _fitting(self.values[name], node, self.schema) if name in self.values else None
        if given is not None:
            value: Any = self.values[name]
            datum = float(value) if isinstance(given, Primitive) and given.type in {"float", "double"} else value
            return Branch(branch_name(given), datum) if isinstance(node, Union) else datum
        match node:
            case Primitive():
                return _primitive(node, name)
            case Array(items=items):
                return [] if self._is_endless(items, within) else [self.of(items, name, within)]
            case Map(values=values):
                return {} if self._is_endless(values, within) else {"key": self.of(values, name, within)}
            case Union(branches=branches):
                branch = min(branches, key=lambda each: self._dislike(each, within))
                return Branch(branch_name(branch), self.of(branch, name, within))
            case Reference():
                return self._named(node, name, within)

    def _named(self, node: Reference, name: str, within: tuple[str, ...]) -> Datum:
        match self.schema.definition(node):
            case Enum(symbols=symbols, default=default):
                return next((symbol for symbol in symbols if symbol != default), symbols[0])
            case Fixed() as fixed:
                return _fixed(fixed, name)
            case Record(fields=fields):
                inner = (*within, node.name)
                return {field.name: self.of(field.type, field.name, inner) for field in fields}

    def _is_endless(self, node: Node, within: tuple[str, ...]) -> bool:
        return height(node, self.heights) == ENDLESS or (isinstance(node, Reference) and node.name in within)

    def _dislike(self, branch: Node, within: tuple[str, ...]) -> tuple[bool, bool, float, bool]:
        """Return what makes a branch the better choice, the less there is of it: it ends, says something, is no null."""
        own_height = height(branch, self.heights)
        again = isinstance(branch, Reference) and branch.name in within
        return own_height == ENDLESS, again, own_height if again else 0, branch == Primitive("null")


def _primitive(node: Primitive, name: str) -> Datum:
    match node.type:
        case "null":
            return None
        case "boolean":
            return True
        case "int" | "long":
            return _NUMBERS[node.logical.name.removeprefix("local-")] if node.logical else 1
        case "float" | "double":
            return 1.5
        case "string":
            return str(uuid5(_NAMES, name)) if node.logical else f"<{name}>"
        case "bytes":
            return _bytes(node.logical)


def _bytes(logical: Logical | None) -> bytes:
    if logical is None:
        return b"\x01\x02\x03"
    if logical.name == "big-decimal":
        return runtime.write_bytes(int(_DIGITS).to_bytes(2, "big")) + runtime.write_int(2)
    return _unscaled(logical).to_bytes(2, "big")


def _fixed(fixed: Fixed, name: str) -> bytes:
    match fixed.logical:
        case Logical(name="decimal"):
            return _unscaled(fixed.logical).to_bytes(fixed.size, "big")
        case Logical(name="uuid"):
            return uuid5(_NAMES, name).bytes
        case Logical(name="duration"):
            return b"".join(part.to_bytes(4, "little") for part in (1, 2, 3000))
    return bytes(each % 256 for each in range(1, fixed.size + 1))


def _unscaled(decimal: Logical) -> int:
    """Return the digits of a decimal: as many of them as fit, and all of them fit into two bytes."""
    return int(_DIGITS[: decimal.precision])


def readable(schema: Schema, datum: Datum) -> str:
    """Return a datum as people read it: unions untagged, times in ISO 8601, decimals with their point, bytes as digits."""
    return json.dumps(_readable(schema, schema.root, datum), indent=2, ensure_ascii=False)


def _readable(schema: Schema, node: Node, datum: Any) -> Json:
    match node:
        case Primitive(logical=logical) if logical is not None:
            return _in_words(logical, datum)
        case Array(items=items):
            return [_readable(schema, items, item) for item in datum]
        case Map(values=values):
            return {key: _readable(schema, values, item) for key, item in datum.items()}
        case Union(branches=branches):
            branch = next(each for each in branches if branch_name(each) == datum.name)
            return _readable(schema, branch, datum.value)
        case Reference():
            return _readable_named(schema, node, datum)
    return datum.hex() if isinstance(datum, bytes) else datum


def _readable_named(schema: Schema, node: Reference, datum: Any) -> Json:
    match schema.definition(node):
        case Record(fields=fields):
            return {field.name: _readable(schema, field.type, datum[field.name]) for field in fields}
        case Fixed(logical=logical) if logical is not None:
            return _in_words(logical, datum)
    return datum.hex() if isinstance(datum, bytes) else datum


def _in_words(logical: Logical, datum: Any) -> Json:
    match logical.name:
        case "decimal":
            return str(Decimal(int.from_bytes(datum, "big", signed=True)).scaleb(-logical.scale))
        case "big-decimal":
            return str(runtime.big_decimal_from_bytes(datum))
        case "uuid":
            return str(UUID(bytes=datum)) if isinstance(datum, bytes) else datum
        case "duration":
            months, days, millis = (int.from_bytes(datum[at : at + 4], "little") for at in (0, 4, 8))
            return f"P{months}M{days}DT{Decimal(millis) / 1000}S"
        case "date":
            return (date(1970, 1, 1) + timedelta(days=datum)).isoformat()
        case "time-millis" | "time-micros":
            micros = datum * (1000 if logical.name == "time-millis" else 1)
            return (datetime.combine(date(1970, 1, 1), time()) + timedelta(microseconds=micros)).time().isoformat()
    return _moment(logical.name, datum)


def _moment(name: str, datum: int) -> str:
    per_micro = {"millis": 1000, "micros": 1, "nanos": 1}[name.rpartition("-")[2]]
    micros = datum // 1000 if name.endswith("nanos") else datum * per_micro
    text = (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None).isoformat()
    return text if name.startswith("local-") else f"{text}Z"
