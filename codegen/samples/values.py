"""Values of the types that hold no others, drawn with a liking for the edges, and legal in meaning."""

import struct
from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, TypeVar
from uuid import UUID

from codegen.avro.schema import Fixed, Logical, Primitive
from codegen.runtime import write_bytes, write_int
from codegen.samples.data import Datum

T = TypeVar("T")

_DAY_MILLIS: Final = 86_400_000
_YEAR_1_DAYS: Final = -719_162  # from here to the end of 9999 there are dates in Python
_YEAR_9999_DAYS: Final = 2_932_896
_INSTANT_MILLIS: Final = (_YEAR_1_DAYS * _DAY_MILLIS, (_YEAR_9999_DAYS + 1) * _DAY_MILLIS - 1)
_INSTANT_MICROS: Final = (_INSTANT_MILLIS[0] * 1000, _INSTANT_MILLIS[1] * 1000 + 999)
_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "date": (_YEAR_1_DAYS, _YEAR_9999_DAYS),
    "time-millis": (0, _DAY_MILLIS - 1),
    "time-micros": (0, _DAY_MILLIS * 1000 - 1),
    "timestamp-millis": _INSTANT_MILLIS,
    "timestamp-micros": _INSTANT_MICROS,
    "timestamp-nanos": (-(2**63), 2**63 - 1),  # 1677 to 2262
    "local-timestamp-millis": _INSTANT_MILLIS,
    "local-timestamp-micros": _INSTANT_MICROS,
    "local-timestamp-nanos": (-(2**63), 2**63 - 1),
}
_INTEGERS: Final = (0, 1, -1, 63, 64, -64, -65, 8191, 8192)  # where a varint grows by a byte
_FLOATS: Final = (0.0, -0.0, 1.0, -1.5, 2.0**24 + 2, 3.4028234663852886e38, 1.401298464324817e-45)
_DOUBLES: Final = (0.0, -0.0, 1.0, -1.5, 0.1, 2.0**53, 1.7976931348623157e308, 5e-324)
_NOT_FINITE: Final = (float("nan"), float("inf"), float("-inf"))
_TEXTS: Final = ("", "a", "ü€😀", "\x00", 'a "quoted"\n\\ line\u2028', "null")
_LETTERS: Final = "abcXYZ 019_.-äß中\u0301\u200b\U0001f600"
_BYTES: Final = (b"", b"\x00", b"\xff\xfe", b"text", bytes(range(256)))
_EDGES_SHARE: Final = 0.6


def primitive(node: Primitive, random: Random, *, finite: bool) -> Datum:
    """Return a value of a primitive type; `finite`: no NaN and no infinity."""
    name = node.logical.name if node.logical else node.type
    match node.type:
        case "null":
            return None
        case "boolean":
            return random.random() < 0.5
        case "int" | "long":
            return integer(*_RANGES[name], random)
        case "float" | "double":
            return _floating(node.type, random, finite=finite)
        case "string":
            return str(UUID(int=_bits(128, random))) if name == "uuid" else text(random)
    match node.logical:
        case Logical(name="decimal"):
            return _shortest(_unscaled(node.logical, random))
        case Logical(name="big-decimal"):
            number = integer(-(10**20), 10**20, random)
            return write_bytes(_shortest(number)) + write_int(random.choice((0, 1, 2, 18, -3)))
    return _bytes(random)


def fixed(definition: Fixed, random: Random) -> bytes:
    """Return a value of a fixed."""
    if definition.logical and definition.logical.name == "decimal":
        return _unscaled(definition.logical, random).to_bytes(definition.size, "big", signed=True)
    edges = (b"\x00" * definition.size, b"\xff" * definition.size)
    return random.choice((*edges, random.randbytes(definition.size), random.randbytes(definition.size)))


def keys(count: int, random: Random) -> list[str]:
    """Return different keys of a map."""
    found: dict[str, None] = {}
    while len(found) < count:
        found[text(random)] = None
    return list(found)


def text(random: Random) -> str:
    """Return a string."""
    edge = _edge(_TEXTS, random)
    return "".join(random.choices(_LETTERS, k=random.randint(1, 12))) if edge is None else edge


def integer(low: int, high: int, random: Random) -> int:
    """Return a whole number, both ends included."""
    edges = [number for number in (low, low + 1, *_INTEGERS, high - 1, high) if low <= number <= high]
    edge = _edge(edges, random)
    return random.randint(low, high) if edge is None else edge


def _floating(kind: str, random: Random, *, finite: bool) -> float:
    edges = (_FLOATS if kind == "float" else _DOUBLES) + (() if finite else _NOT_FINITE)
    edge = _edge(edges, random)
    number = random.uniform(-1000, 1000) if edge is None else edge
    return _single(number) if kind == "float" else number


def _single(number: float) -> float:
    """Return the nearest number of 32 bits."""
    value: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return value


def _bytes(random: Random) -> bytes:
    edge = _edge(_BYTES, random)
    return random.randbytes(random.randint(0, 12)) if edge is None else edge


def _unscaled(decimal: Logical, random: Random) -> int:
    """Return the digits of a decimal as one number: no more of them than its precision."""
    limit: int = 10**decimal.precision - 1
    return integer(-limit, limit, random)


def _shortest(number: int) -> bytes:
    return number.to_bytes((number if number >= 0 else ~number).bit_length() // 8 + 1, "big", signed=True)


def _bits(count: int, random: Random) -> int:
    edge = _edge((0, 2**count - 1), random)
    return random.getrandbits(count) if edge is None else edge


def _edge(values: Sequence[T], random: Random) -> T | None:
    """Return one of the edges, or None: then it is chance's turn."""
    return random.choice(values) if random.random() < _EDGES_SHARE else None
