"""Hypothesis strategies for instances of generated classes, made from their own schemas."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any

from hypothesis import strategies as st

from codegen.avro.parsing import parse
from codegen.avro.schema import Array, Enum, Fixed, Logical, Map, Node, Primitive, Record, Reference, Schema, Union
from codegen.python.names import attribute_names
from codegen.runtime import Duration

_MILLIS = 1000
_TIMES = st.times(min_value=time(0), max_value=time(23, 59, 59, 999999))
_LOCAL = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(9000, 1, 1))  # noqa: DTZ001
_COUNTS = st.integers(0, 2**32 - 1)
_LEAVES: Mapping[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": st.integers(-0x8000_0000, 0x7FFF_FFFF),
    "long": st.integers(-0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=100),
    "string": st.text(max_size=100),
    "uuid": st.uuids(),
    "date": st.dates(min_value=date(1, 1, 2)),
    "time-millis": _TIMES.map(lambda t: t.replace(microsecond=t.microsecond // _MILLIS * _MILLIS)),
    "time-micros": _TIMES,
    "timestamp-millis": _LOCAL.map(lambda t: t.replace(tzinfo=UTC, microsecond=t.microsecond // _MILLIS * _MILLIS)),
    "timestamp-micros": _LOCAL.map(lambda t: t.replace(tzinfo=UTC)),
    "local-timestamp-millis": _LOCAL.map(lambda t: t.replace(microsecond=t.microsecond // _MILLIS * _MILLIS)),
    "local-timestamp-micros": _LOCAL,
    "timestamp-nanos": st.integers(-0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
    "local-timestamp-nanos": st.integers(-0x8000_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF),
    "big-decimal": st.decimals(allow_nan=False, allow_infinity=False),
    "duration": st.builds(Duration, months=_COUNTS, days=_COUNTS, milliseconds=_COUNTS),
}


def instances(cls: Any, types: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return a strategy for instances of a generated class; `types` has all classes by full name."""
    schema = parse(cls.SCHEMA)
    return _Strategies(schema, types).of(schema.root)


class _Strategies:
    """One strategy per named type, so that recursion is seen as such."""

    def __init__(self, schema: Schema, types: Mapping[str, Any]) -> None:
        self._schema = schema
        self._types = types
        self._named: dict[str, st.SearchStrategy[Any]] = {}
        self._recursive = schema.root.name if isinstance(schema.root, Reference) else ""  # must not branch out

    def of(self, node: Node) -> st.SearchStrategy[Any]:
        match node:
            case Primitive(type=kind, logical=logical):
                if logical and logical.name == "decimal":
                    return decimals(logical)
                return _LEAVES[logical.name if logical else kind]
            case Array(items=items):
                return st.lists(self.of(items), max_size=1 if items == Reference(self._recursive) else 3)
            case Map(values=values):
                return st.dictionaries(st.text(max_size=5), self.of(values), max_size=3)
            case Union(branches=branches):
                return st.one_of([self.of(branch) for branch in branches])
            case Reference(name=name):
                if name not in self._named:
                    self._named[name] = st.deferred(lambda: self._definition(node))
                return self._named[name]

    def _definition(self, node: Reference) -> st.SearchStrategy[Any]:
        definition = self._schema.definition(node)
        match definition:
            case Enum(name=name):
                return st.sampled_from(self._types[name])
            case Fixed(logical=Logical(name="decimal") as logical):
                return decimals(logical)
            case Fixed(size=size, logical=logical):
                return _LEAVES[logical.name] if logical else st.binary(min_size=size, max_size=size)
            case Record(name=name, fields=fields):
                attributes = attribute_names(tuple(field.name for field in fields))
                return st.builds(self._types[name], **{attributes[f.name]: self.of(f.type) for f in fields})


def decimals(logical: Logical) -> st.SearchStrategy[Decimal]:
    """Return a strategy for the decimals of a precision and scale, with and without trailing zeros."""
    limit = 10**logical.precision - 1
    numbers = st.integers(-limit, limit) | st.integers(-min(limit, 300), min(limit, 300))
    exact = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
    return numbers.map(lambda number: exact.scaleb(Decimal(number), -logical.scale))
