"""Avro's binary encoding, value by value: each function takes a value and returns its bytes.

A value of the wrong type raises one of FAULTS, often by itself (a number has no `encode`), else by a check.
"""

import struct
from binascii import hexlify
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final, TypeGuard, TypeVar
from uuid import UUID

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local timestamp has no zone
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_DAY = date.min.toordinal() - _EPOCH_ORDINAL
_LAST_DAY = date.max.toordinal() - _EPOCH_ORDINAL
ZERO_SIZED_ITEMS_MAX: Final = 1_000_000
"""Items without bytes (null, an empty record) of one array: a few bytes could claim any number."""
_LAST: Final = [bytes((n,)) if n < 128 else bytes((n & 127 | 128, n >> 7)) for n in range(1 << 14)]
"""The bytes of a number below 2 to the power of 14, in groups of seven bits."""
_MORE: Final = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(1 << 14)]
"""The same where more groups follow."""
_float = struct.Struct("<f")
_double = struct.Struct("<d")
_uuid_parts = struct.Struct("8s4s4s4s12s").unpack


def write_unsigned(number: int) -> bytes:
    """Return `number` (0 or more) in groups of seven bits, the lowest first."""
    if number < 0x4000:
        return _LAST[number]
    if number < 0x1000_0000:
        return _MORE[number & 0x3FFF] + _LAST[number >> 14]
    low, high = number & 0xFFF_FFFF, number >> 28  # each a small integer, which is faster
    if high < 0x4000:
        return _MORE[low & 0x3FFF] + _MORE[low >> 14] + _LAST[high]
    if high < 0x1000_0000:
        return _MORE[low & 0x3FFF] + _MORE[low >> 14] + _MORE[high & 0x3FFF] + _LAST[high >> 14]
    return _MORE[low & 0x3FFF] + _MORE[low >> 14] + _more(high, write_unsigned(high >> 28))


def _more(number: int, end: bytes) -> bytes:
    return _MORE[number & 0x3FFF] + _MORE[number >> 14 & 0x3FFF] + end


class _Sizes(dict[int, bytes]):
    """The bytes of every size: what is not in the table is made."""

    def __missing__(self, size: int) -> bytes:
        return write_unsigned(size << 1)


SIZES: Final = _Sizes((size, _LAST[size << 1]) for size in range(1 << 13))
"""The bytes that say how many follow."""


def write_long(value: int) -> bytes:
    """Return a 64-bit integer as a zig-zag varint."""
    if value.__class__ is not int:
        value = _strict_int(value)
    number = value << 1 if value >= 0 else ~(value << 1)
    if number < 0x4000:
        return _LAST[number]
    if number > 0xFFFF_FFFF_FFFF_FFFF:
        raise OverflowError("more than 64 bits")
    return write_unsigned(number)


def write_int(value: int) -> bytes:
    """Return a 32-bit integer as a zig-zag varint."""
    if value.__class__ is not int:
        value = _strict_int(value)
    number = value << 1 if value >= 0 else ~(value << 1)
    if number < 0x4000:
        return _LAST[number]
    if number > 0xFFFF_FFFF:
        raise OverflowError("more than 32 bits")
    return write_unsigned(number)


utf8: Final = str.encode
"""A string's UTF-8 bytes; a TypeError for anything else, also for what has an `encode` of its own."""


def write_string(value: str) -> bytes:
    """Return a string as its UTF-8 bytes after their number."""
    text = utf8(value)
    return SIZES[len(text)] + text


def write_bytes(value: bytes | bytearray) -> bytes:
    """Return bytes after their number."""
    if not isinstance(value, bytes | bytearray):
        raise TypeError("not bytes")
    return SIZES[len(value)] + value


def write_fixed(value: bytes | bytearray, size: int) -> bytes:
    """Return bytes that must be `size` many."""
    if not isinstance(value, bytes | bytearray) or len(value) != size:
        raise TypeError("not bytes of the right size")
    return bytes(value)


def write_boolean(value: bool) -> bytes:
    """Return one byte, 0 or 1."""
    if value is True:
        return b"\x01"
    if value is False:
        return b"\x00"
    raise TypeError("not a bool")


def write_null(value: None) -> bytes:
    """Return no bytes."""
    if value is not None:
        raise TypeError("not None")
    return b""


def write_float(value: float) -> bytes:
    """Return four bytes, rounded to single precision."""
    return _float.pack(value if value.__class__ is float else _strict_float(value))


def write_double(value: float) -> bytes:
    """Return eight bytes."""
    return _double.pack(value if value.__class__ is float else _strict_float(value))


def write_array(write: Callable[[T], bytes], values: Sequence[T]) -> bytes:
    """Return an array as one block of items, each written by `write`.

    A string is a sequence too, but never meant as one here.
    """
    if values.__class__ is not list and not isinstance(values, list | tuple):
        raise TypeError("not a list")
    if len(values) > ZERO_SIZED_ITEMS_MAX and not any(map(write, values)):
        raise ValueError(f"more than {ZERO_SIZED_ITEMS_MAX:,} items that take no bytes: nobody would read them")
    return b"".join((SIZES[len(values)], *map(write, values), b"\x00")) if values else b"\x00"


def write_map(write: Callable[[T], bytes], values: Mapping[str, T]) -> bytes:
    """Return a map as one block of keys and values, each value written by `write`."""
    if values.__class__ is not dict and not isinstance(values, Mapping):
        raise TypeError("not a mapping")
    if not values:
        return b"\x00"
    parts = [SIZES[len(values)]]
    for key, value in values.items():
        text = utf8(key)
        parts += (SIZES[len(text)], text, write(value))
    parts.append(b"\x00")
    return b"".join(parts)


def write_uuid(value: UUID) -> bytes:
    """Return a UUID as a string of 36 characters."""
    if value.__class__ is not UUID:
        _check_uuid(value)
    return b"H" + b"-".join(_uuid_parts(hexlify(value.int.to_bytes(16))))  # H: length 36


def write_uuid_fixed(value: UUID) -> bytes:
    """Return a UUID as its 16 bytes."""
    if value.__class__ is not UUID:
        _check_uuid(value)
    return value.int.to_bytes(16, "big")


def is_uuid(value: object) -> TypeGuard[UUID]:
    """Say whether `value` is a UUID; also one of a library with a class of its own, under the same name (uuid-utils)."""
    return isinstance(value, UUID) or (type(value).__name__ == "UUID" and hasattr(value, "int"))


def _check_uuid(value: object) -> None:
    if not is_uuid(value):
        raise TypeError("not a UUID")


def write_timestamp_micros(value: datetime) -> bytes:
    """Return microseconds since 1970 in UTC; the value must be aware."""
    since = value - _EPOCH
    number = ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) << 1
    high = number >> 28
    if 0x4000 <= high < 0x1000_0000:  # eight bytes: from 1971 to 3111
        low = number & 0xFFF_FFFF
        return _MORE[low & 0x3FFF] + _MORE[low >> 14] + _MORE[high & 0x3FFF] + _LAST[high >> 14]
    return write_long(_within_years(since.days, number >> 1))


def write_timestamp_millis(value: datetime) -> bytes:
    """Return whole milliseconds since 1970 in UTC, rounded down; the value must be aware."""
    since = value - _EPOCH
    number = ((since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000) << 1
    high = number >> 28
    if 0 < high < 0x4000:  # six bytes at most: from 1970 to 2039
        low = number & 0xFFF_FFFF
        return _MORE[low & 0x3FFF] + _MORE[low >> 14] + _LAST[high]
    return write_long(_within_years(since.days, number >> 1))


def _within_years(days: int, number: int) -> int:
    """Return a number of an instant whose day a datetime in UTC could have; other zones have a day more at both ends."""
    if not _FIRST_DAY <= days <= _LAST_DAY:
        raise OverflowError("in UTC it is before the year 1 or after the year 9999: nobody would read it")
    return number


def write_local_timestamp_micros(value: datetime) -> bytes:
    """Return microseconds since 1970 on the clock on the wall; the value must be naive."""
    since = value - _LOCAL_EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return write_unsigned(micros << 1) if micros >= 0 else write_long(micros)


def write_local_timestamp_millis(value: datetime) -> bytes:
    """Return whole milliseconds since 1970 on the clock on the wall, rounded down; the value must be naive."""
    since = value - _LOCAL_EPOCH
    millis = (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
    return write_unsigned(millis << 1) if millis >= 0 else write_long(millis)


def write_date(value: date) -> bytes:
    """Return days since 1970; a datetime is refused."""
    if isinstance(value, datetime):
        raise TypeError("a datetime is not a date")
    days = value.toordinal() - _EPOCH_ORDINAL
    return write_unsigned(days << 1) if days >= 0 else write_long(days)


def write_time_micros(value: time) -> bytes:
    """Return microseconds since midnight."""
    return write_unsigned(_time_micros(value) << 1)


def write_time_millis(value: time) -> bytes:
    """Return whole milliseconds since midnight, rounded down."""
    return write_unsigned(_time_micros(value) // 1000 << 1)


def _time_micros(value: time) -> int:
    if value.__class__ is not time and not isinstance(value, time):
        raise TypeError("not a time of day")
    if value.tzinfo is not None:
        raise TypeError("a time of day has no zone")
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond


def _strict_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("not an int")
    return int(value)


def _strict_float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a float")
    number = float(value)
    if isinstance(value, int) and number != value:
        raise OverflowError("no float is exactly this integer")
    return number


def no_branch_for(value: object) -> TypeError:
    """Return the error for a value that fits no branch of a union."""
    return TypeError(f"no branch for {type(value).__name__}")


def is_int(value: object) -> TypeGuard[int]:
    """Say whether `value` is an int and no bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_int32(value: object) -> TypeGuard[int]:
    """Say whether `value` is an int of up to 32 bits and no bool."""
    return is_int(value) and -0x8000_0000 <= value <= 0x7FFF_FFFF


def is_number(value: object) -> TypeGuard[float]:
    """Say whether `value` is a float or an int and no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_single(value: object) -> TypeGuard[float]:
    """Say whether `value` is a number that four bytes hold exactly, or no number at all (NaN)."""
    if not is_number(value):
        return False
    try:
        return bool(_float.unpack(_float.pack(value))[0] == value) or value != value
    except OverflowError:
        return False


def is_array(value: object) -> TypeGuard[Sequence[Any]]:
    """Say whether `value` is a list or tuple."""
    return isinstance(value, list | tuple)


def is_map(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Say whether `value` is a mapping."""
    return value.__class__ is dict or isinstance(value, Mapping)


def is_bytes(value: object, size: int | None = None) -> TypeGuard[bytes]:
    """Say whether `value` is bytes, of this number if one is given."""
    return isinstance(value, bytes | bytearray) and size in (None, len(value))


def is_whole_millis(value: object) -> TypeGuard[time]:
    """Say whether `value` is a time of day that milliseconds hold."""
    return isinstance(value, time) and value.microsecond % 1000 == 0


def is_date(value: object) -> TypeGuard[date]:
    """Say whether `value` is a date and no datetime."""
    return isinstance(value, date) and not isinstance(value, datetime)
