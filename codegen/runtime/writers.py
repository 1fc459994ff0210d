"""Avro's binary encoding, value by value: each function takes a value and returns its bytes.

A value of the wrong type raises one of FAULTS, often by itself (a number has no `encode`), else by a check.
"""

import struct
from collections.abc import ItemsView, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeGuard, TypeVar
from uuid import UUID

T = TypeVar("T")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local timestamp has no zone
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_ONE_BYTE = [bytes((n,)) for n in range(128)]
_float = struct.Struct("<f")
_double = struct.Struct("<d")
_eight_bytes = struct.Struct("8B").pack


def write_unsigned(number: int) -> bytes:
    """Return `number` (0 or more) in groups of seven bits, the lowest first."""
    if number < 128:
        return _ONE_BYTE[number]
    if number < 16_384:
        return bytes((number & 127 | 128, number >> 7))
    if number < 2_097_152:
        return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14))
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def write_long(value: int) -> bytes:
    """Return a 64-bit integer as a zig-zag varint."""
    if value.__class__ is not int:
        value = _strict_int(value)
    number = (value << 1) ^ (value >> 63)
    if number < 128:
        return _ONE_BYTE[number] if number >= 0 else _too_large(value)
    if number < 16_384:
        return bytes((number & 127 | 128, number >> 7))
    if number < 2_097_152:
        return bytes((number & 127 | 128, number >> 7 & 127 | 128, number >> 14))
    if not -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF:
        _too_large(value)
    return write_unsigned(number)


def write_int(value: int) -> bytes:
    """Return a 32-bit integer as a zig-zag varint."""
    if value.__class__ is not int:
        value = _strict_int(value)
    if not -0x8000_0000 <= value <= 0x7FFF_FFFF:
        _too_large(value)
    return write_unsigned((value << 1) ^ (value >> 63))


def write_string(value: str) -> bytes:
    """Return a string as its UTF-8 bytes after their number."""
    text = value.encode()
    size = len(text)
    return (_ONE_BYTE[size << 1] if size < 64 else write_unsigned(size << 1)) + text


def write_bytes(value: bytes | bytearray) -> bytes:
    """Return bytes after their number."""
    if not isinstance(value, bytes | bytearray):
        raise TypeError("not bytes")
    return write_unsigned(len(value) << 1) + value


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


def write_items(parts: Sequence[bytes]) -> bytes:
    """Return an array's or a map's encoded items as one block."""
    return b"".join((write_unsigned(len(parts) << 1), *parts, b"\x00")) if parts else b"\x00"


def as_list(values: Sequence[T]) -> Sequence[T]:
    """Return `values` if they are a list or tuple: a string is a sequence too, but never meant as one here."""
    if not isinstance(values, list | tuple):
        raise TypeError("not a list")
    return values


def as_items(values: Mapping[str, T]) -> ItemsView[str, T]:
    """Return the items of a mapping."""
    if not isinstance(values, Mapping):
        raise TypeError("not a mapping")
    return values.items()


def write_uuid(value: UUID) -> bytes:
    """Return a UUID as a string of 36 characters."""
    digits = value.int.to_bytes(16, "big").hex()
    return f"H{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()  # H: length 36


def write_uuid_fixed(value: UUID) -> bytes:
    """Return a UUID as its 16 bytes."""
    return value.int.to_bytes(16, "big")


def write_timestamp_micros(value: datetime) -> bytes:
    """Return microseconds since 1970 in UTC; the value must be aware."""
    number = (value - _EPOCH) // _MICROSECOND << 1
    if 0x2_0000_0000_0000 <= number < 0x100_0000_0000_0000:  # from 1978 to 3111 it takes eight bytes
        low, high = number & 0xFFF_FFFF, number >> 28  # halves are small integers, which are faster
        return _eight_bytes(
            *(low & 127 | 128, low >> 7 & 127 | 128, low >> 14 & 127 | 128, low >> 21 | 128),
            *(high & 127 | 128, high >> 7 & 127 | 128, high >> 14 & 127 | 128, high >> 21),
        )
    return write_long(number >> 1)


def write_timestamp_millis(value: datetime) -> bytes:
    """Return whole milliseconds since 1970 in UTC, rounded down; the value must be aware."""
    return write_long((value - _EPOCH) // _MICROSECOND // 1000)


def write_local_timestamp_micros(value: datetime) -> bytes:
    """Return microseconds since 1970 on the clock on the wall; the value must be naive."""
    return write_long((value - _LOCAL_EPOCH) // _MICROSECOND)


def write_local_timestamp_millis(value: datetime) -> bytes:
    """Return whole milliseconds since 1970 on the clock on the wall, rounded down; the value must be naive."""
    return write_long((value - _LOCAL_EPOCH) // _MICROSECOND // 1000)


def write_date(value: date) -> bytes:
    """Return days since 1970; a datetime is refused."""
    if isinstance(value, datetime):
        raise TypeError("a datetime is not a date")
    return write_long(value.toordinal() - _EPOCH_ORDINAL)


def write_time_micros(value: time) -> bytes:
    """Return microseconds since midnight."""
    return write_long(_time_micros(value))


def write_time_millis(value: time) -> bytes:
    """Return whole milliseconds since midnight, rounded down."""
    return write_long(_time_micros(value) // 1000)


def _time_micros(value: time) -> int:
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
    return float(value)


def _too_large(value: int) -> bytes:
    raise OverflowError(f"{value} does not fit")


def no_branch(value: object) -> TypeError:
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


def is_date(value: object) -> TypeGuard[date]:
    """Say whether `value` is a date and no datetime."""
    return isinstance(value, date) and not isinstance(value, datetime)
