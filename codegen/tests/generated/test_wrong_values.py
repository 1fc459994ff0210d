"""Every type against every wrong value that somebody might give: refused with the path, or written and read as it was.

Nothing else may happen: no other exception, no value that is read as another one.
"""

import enum
import math
import struct
from collections import OrderedDict, UserDict, UserList, deque
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from codegen.errors import DecodeError, EncodeError
from codegen.runtime import Duration
from codegen.tests.building import build, logical, record
from codegen.tests.golden.cycles.library import Genre
from codegen.tests.golden.kinds.sample import Colour, Tree
from codegen.tests.golden.kinds.sample.part import Point, Vector


class Text(str):
    """A string of another class."""


class Number(int):
    """A number of another class."""


class Silent:
    """An object that cannot be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("nobody is to see this")


class Nowhere(tzinfo):
    """A zone that knows no offset, which makes a time of no zone of an aware one."""

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None

    dst = utcoffset

    def tzname(self, moment: datetime | None) -> str:
        return "nowhere"


class Pair(NamedTuple):
    """A tuple with names."""

    x: int
    y: int


Flag = enum.IntEnum("Flag", ["ON"])
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
LOOP: list[Any] = []
LOOP.append(LOOP)
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, -(2**31) - 1, 2**63, -(2**63) - 1, 2**200, Number(5), Flag.ON,
    0.0, -0.0, 1.0, 0.1, 1e300, math.inf, -math.inf, math.nan, 1j, Fraction(1, 2),
    "", "A", "RED", "NOVEL", "1", "text", "\ud800", "x" * 100_000, Text("A"), "6f1c1e0e-6a63-4d4f-9d6b-3c7b6f8a9b10", "2026-01-02",
    b"", b"A", b"ab", b"123456789012", bytes(16), bytearray(b"ab"), memoryview(b"ab"), struct.pack("<d", 1.0),
    Decimal(0), Decimal("1.5"), Decimal("1.555"), Decimal("1E+9"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-0"),
    UUID(int=5), SimpleNamespace(int=5), SimpleNamespace(hex="00", bytes=bytes(16)),
    date(2026, 1, 2), date.min, date.max, NOON, NOON.replace(tzinfo=None), NOON.astimezone(timezone(timedelta(hours=5))),
    NOON.replace(tzinfo=Nowhere()), datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
    time(1), time(1, 2, 3, 4), time(1, tzinfo=UTC), timedelta(1), Duration(), Duration(months=5),
    [], [1], ["A"], [None], [[1]], (), (1,), LOOP, range(3), {1}, frozenset(), deque([1]), iter([1]), UserList([1]), [b"a"] * 70,
    {}, {"k": 1}, {"k": None}, {1: 1}, {None: 1}, {b"k": 1}, {"x": 1, "y": 2}, {"\ud800": 1}, OrderedDict(k=1), UserDict(k=1), Pair(1, 2),
    Colour.RED, Colour.GREEN, Genre.NOVEL, Point(x=1), Point(x="1"), Point(x=2**40), Vector(x=1), Tree(label="a"), Tree(label=None),  # type: ignore[arg-type]
    object(), int, Point, len, ..., NotImplemented, Silent(), 10**5000,
]  # fmt: skip
TYPES: list[Any] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
    {"type": "fixed", "name": "F", "size": 2}, {"type": "fixed", "name": "F", "size": 0},
    {"type": "enum", "name": "E", "symbols": ["A", "RED"]}, record("n.Own", x="int"), record("n.Empty"),
    logical("decimal", "bytes", precision=4, scale=2),
    {"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 9, "scale": 2},
    logical("big-decimal", "bytes"), logical("uuid", "string"), {"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"},
    logical("date", "int"), logical("time-millis", "int"), logical("time-micros", "long"), logical("timestamp-millis", "long"),
    logical("timestamp-micros", "long"), logical("local-timestamp-millis", "long"), logical("local-timestamp-micros", "long"),
    logical("timestamp-nanos", "long"), {"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"},
]  # fmt: skip


def uses(type_: Any) -> dict[str, Any]:
    """Return a type in all places where it may stand."""
    name = type_.get("name") if isinstance(type_, dict) else None
    again = f"n.{name}" if name else type_
    return {
        "Plain": type_,
        "Items": {"type": "array", "items": again},
        "Values": {"type": "map", "values": again},
        "Single": [again],
        "Maybe": ["null", again],
        "Several": [again, "null", {"type": "enum", "name": "Other", "symbols": ["Z"]}],
    }


WRAPPED: dict[str, Any] = {"Items": lambda value: [value], "Values": lambda value: {"k": value}}


@pytest.mark.parametrize("type_", TYPES, ids=str)
def test_a_value_is_refused_with_its_path_or_read_as_it_was(tmp_path: Path, type_: Any) -> None:
    possible = {use: each for use, each in uses(type_).items() if type_ != "null" or use not in {"Maybe", "Several"}}
    classes = build(tmp_path, *(record(f"n.{use}", x=each) for use, each in possible.items()))
    values = [*VALUES, *(cls() for name, cls in classes.items() if name == "n.Empty")]

    faults = {
        (use, ascii_of(value)): fault
        for use in possible
        for value in values
        if (fault := fault_of(classes[f"n.{use}"], WRAPPED.get(use, lambda each: each)(value), type_))
    }

    assert faults == {}


def fault_of(cls: Any, value: Any, type_: Any) -> str | None:
    """Say what is wrong with what becomes of a value, None if nothing is."""
    try:
        data = cls(x=value).encode()
    except EncodeError as error:
        return None if str(error).startswith("x") else f"no path: {error}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no EncodeError
        return f"{type(error).__name__}: {error}"
    try:
        read = cls.decode(data).x
    except DecodeError as error:
        return f"written, but not read: {error}"
    return None if is_as_it_was(value, read, type_) else f"read as {read!r}"


def is_as_it_was(value: Any, read: Any, type_: Any) -> bool:
    """Say whether what was read is what was given, but for what is lost by design: digits of a float, microseconds."""
    if isinstance(read, list):
        return len(read) == len(value) and all(
            is_as_it_was(one, other, type_) for one, other in zip(value, read, strict=True)
        )
    if isinstance(read, dict):
        return read.keys() == value.keys() and all(is_as_it_was(value[key], item, type_) for key, item in read.items())
    if isinstance(value, float) and math.isnan(value):
        return math.isnan(read)
    if type_ in ("float", "double") and isinstance(value, int | float):
        value = struct.unpack(f"<{type_[0]}", struct.pack(f"<{type_[0]}", value))[0]
    if isinstance(value, datetime | time) and "millis" in str(type_):
        value = value.replace(microsecond=value.microsecond // 1000 * 1000)
    return bool(read == value) and isinstance(value, bool) == isinstance(read, bool)


def ascii_of(value: Any) -> str:
    """Return a value as text, if it can be shown."""
    return type(value).__name__ if isinstance(value, Silent | int) else ascii(value)[:60]
