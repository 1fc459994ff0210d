"""Hypothesis strategies for instances of generated classes, made from their own schemas."""

from collections.abc import Mapping
from datetime import UTC, time
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any, Final

from hypothesis import strategies as st

from codegen.avro.finite import ENDLESS, Heights, height, heights
from codegen.avro.parsing import parse
from codegen.avro.schema import Array, Enum, Fixed, Logical, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.python.names import attribute_names
from codegen.runtime import Duration

DEPTH_MAX: Final = 3
"""Records within one another, beyond which arrays and maps are empty and unions take the flattest branch."""

_EXACT: Final = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
_TIMES = st.times(min_value=time(0), max_value=time(23, 59, 59, 999999))
_LOCAL = st.datetimes()
_COUNTS = st.integers(0, 2**32 - 1)
_KEYS = st.text(max_size=5)
_LONGS = st.integers(-(2**63), 2**63 - 1)


def _whole_millis(value: Any) -> Any:
    return value.replace(microsecond=value.microsecond // 1000 * 1000)


_LEAVES: Mapping[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": _LONGS,
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=100),
    "string": st.text(max_size=100),
    "uuid": st.uuids(),
    "date": st.dates(),
    "time-millis": _TIMES.map(_whole_millis),
    "time-micros": _TIMES,
    "timestamp-millis": _LOCAL.map(lambda value: _whole_millis(value).replace(tzinfo=UTC)),
    "timestamp-micros": _LOCAL.map(lambda value: value.replace(tzinfo=UTC)),
    "local-timestamp-millis": _LOCAL.map(_whole_millis),
    "local-timestamp-micros": _LOCAL,
    "timestamp-nanos": _LONGS,
    "local-timestamp-nanos": _LONGS,
    "big-decimal": st.decimals(allow_nan=False, allow_infinity=False),
    "duration": st.builds(Duration, months=_COUNTS, days=_COUNTS, milliseconds=_COUNTS),
}


def instances(cls: Any, types: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for instances of a generated class; `types` has all classes by full name."""
    schema = parse(cls.SCHEMA)
    return _Strategies(schema, types).of(schema.root, DEPTH_MAX)


class _Strategies:
    """Strategies by type and by how many records may still stand within one another."""

    def __init__(self, schema: Schema, types: Mapping[str, Any]) -> None:
        self._schema = schema
        self._types = types
        self._heights: Heights = heights(schema.types)
        self._named: dict[tuple[str, int], st.SearchStrategy[Any]] = {}

    def of(self, node: Node, depth: int) -> st.SearchStrategy[Any]:
        match node:
            case Primitive(logical=Logical(name="decimal") as logical):
                return decimals(logical)
            case Primitive(type=kind, logical=known):
                return _LEAVES[known.name if known else kind]
            case Array(items=items):
                is_open = self._is_open(items, depth)
                return st.lists(self.of(items, depth), max_size=3) if is_open else st.builds(list)
            case Map(values=values):
                is_open = self._is_open(values, depth)
                return st.dictionaries(_KEYS, self.of(values, depth), max_size=3) if is_open else st.builds(dict)
            case Union(branches=branches):
                return st.one_of([self.of(branch, depth) for branch in self._possible(branches, depth)])
            case Reference(name=name):
                if (name, depth) not in self._named:
                    self._named[name, depth] = self._definition(node, depth)
                return self._named[name, depth]

    def _is_open(self, node: Node, depth: int) -> bool:
        """Say whether there is a datum of a type, and room for it."""
        found = height(node, self._heights)
        return found < ENDLESS and (depth > 0 or not found)

    def _possible(self, branches: tuple[Node, ...], depth: int) -> list[Node]:
        """Return the branches of a union that have data; if no more records may follow, the flattest of them."""
        found = {branch: height(branch, self._heights) for branch in branches}
        limit = ENDLESS if depth > 0 else min(found.values()) + 1
        return [branch for branch in branches if found[branch] < limit]

    def _definition(self, node: Reference, depth: int) -> st.SearchStrategy[Any]:
        definition = self._schema.definition(node)
        match definition:
            case Enum(name=name):
                return st.sampled_from(self._types[name])
            case Fixed(logical=Logical(name="decimal") as logical):
                return decimals(logical)
            case Fixed(size=size, logical=known):
                return _LEAVES[known.name] if known else st.binary(min_size=size, max_size=size)
            case Record(name=name, fields=fields):
                attributes = attribute_names(tuple(field.name for field in fields))
                return st.builds(
                    self._types[name], **{attributes[f.name]: self.of(f.type, max(depth - 1, 0)) for f in fields}
                )


def decimals(logical: Logical) -> st.SearchStrategy[Decimal]:
    """Return a strategy for the decimals of a precision and scale, with more, fewer and no trailing zeros."""
    limit = 10**logical.precision - 1
    numbers = st.integers(-limit, limit) | st.integers(-min(limit, 300), min(limit, 300))
    plain = numbers.map(lambda number: _EXACT.scaleb(Decimal(number), -logical.scale))
    longer = plain.map(lambda value: _EXACT.multiply(value, Decimal("1.000")))
    return plain | longer | plain.map(_EXACT.normalize)
