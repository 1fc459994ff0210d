"""Avro's binary decoding, value by value: each function takes the data and a position, and returns the value and the next.

They do not check the end of the data at every step: a slice that is too short moves the position past the end, which
the caller checks once. Data that is not Avro raises one of FAULTS.
"""

import struct
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID, SafeUUID

ZERO_SIZED_ITEMS_MAX: Final = 1_000_000
"""Items without bytes (null, an empty record) that one block may hold: a few bytes could claim any number."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local timestamp has no zone
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_DAY_MICROS = 86_400_000_000
_float = struct.Struct("<f")
_double = struct.Struct("<d")
_eight_bytes_at = struct.Struct("<Q").unpack_from


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Read a zig-zag varint of up to 64 bits."""
    number = data[at]
    if number < 128:
        return (number >> 1) ^ -(number & 1), at + 1
    group = data[at + 1]
    if group < 128:
        number = number & 127 | group << 7
        return (number >> 1) ^ -(number & 1), at + 2
    number = number & 127 | (group & 127) << 7
    at += 2
    shift = 14
    while True:
        group = data[at]
        at += 1
        if group < 128:
            break
        number |= (group & 127) << shift
        shift += 7
        if shift > 63:
            raise OverflowError("a varint of more than ten bytes")
    number |= group << shift
    if number > 0xFFFF_FFFF_FFFF_FFFF:
        raise OverflowError("a varint of more than 64 bits")
    return (number >> 1) ^ -(number & 1), at


def read_int(data: bytes, at: int) -> tuple[int, int]:
    """Read a zig-zag varint of up to 32 bits."""
    number = data[at]
    if number < 128:
        return (number >> 1) ^ -(number & 1), at + 1
    value, at = read_long(data, at)
    if not -0x8000_0000 <= value <= 0x7FFF_FFFF:
        raise OverflowError("an int of more than 32 bits")
    return value, at


def read_size(data: bytes, at: int) -> tuple[int, int]:
    """Read the number of bytes of a string."""
    size, at = read_long(data, at)
    if not 0 <= size <= len(data) - at:
        raise ValueError("a size beyond the end")
    return size, at


def read_count(data: bytes, at: int, item_bytes_min: int) -> tuple[int, int]:
    """Read the number of items of the next block of an array or map, 0 at its end."""
    count, at = read_long(data, at)
    if count < 0:
        count = -count
        _, at = read_long(data, at)  # the block's bytes, for readers that skip
    if count * item_bytes_min > len(data) - at or (not item_bytes_min and count > ZERO_SIZED_ITEMS_MAX):
        raise ValueError("more items than the data can hold")
    return count, at


def read_string(data: bytes, at: int) -> tuple[str, int]:
    """Read a UTF-8 string."""
    size = data[at]
    at += 1
    if size & 129:  # more than one byte, or negative
        size, at = read_size(data, at - 1)
    else:
        size >>= 1
    end = at + size
    return data[at:end].decode(), end


def read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """Read bytes after their number."""
    size, at = read_size(data, at)
    return data[at : at + size], at + size


def read_boolean(data: bytes, at: int) -> tuple[bool, int]:
    """Read one byte that must be 0 or 1."""
    byte = data[at]
    if byte > 1:
        raise ValueError("neither 0 nor 1")
    return byte == 1, at + 1


def read_float(data: bytes, at: int) -> tuple[float, int]:
    """Read four bytes."""
    value: float = _float.unpack_from(data, at)[0]
    return value, at + 4


def read_double(data: bytes, at: int) -> tuple[float, int]:
    """Read eight bytes."""
    value: float = _double.unpack_from(data, at)[0]
    return value, at + 8


def read_branch(data: bytes, at: int, branches: int) -> tuple[int, int]:
    """Read which of a union's (or an enum's) positions follows."""
    branch, at = read_long(data, at)
    if not 0 <= branch < branches:
        raise IndexError("no such branch")
    return branch, at


def read_fixed(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """Read `size` bytes."""
    return data[at : at + size], at + size


def read_uuid(data: bytes, at: int) -> tuple[UUID, int]:
    """Read a UUID from a string."""
    if data[at] == 72:  # length 36: the usual spelling
        end = at + 37
        digits = bytes.fromhex(data[at + 1 : end].decode().replace("-", ""))
        if len(digits) == 16:
            return _uuid_from_int(int.from_bytes(digits, "big")), end
    text, at = read_string(data, at)
    return uuid_from_text(text), at


def read_timestamp_micros(data: bytes, at: int) -> tuple[datetime, int]:
    """Read microseconds since 1970 as an aware datetime in UTC."""
    if len(data) - at > 7:
        number: int = _eight_bytes_at(data, at)[0]
        if number & 0x8080_8080_8080_8081 == 0x0080_8080_8080_8080:  # eight bytes, positive: from 1978 to 3111
            number = number & 0x7F_007F_007F_007F | (number & 0x7F00_7F00_7F00_7F00) >> 1
            number = number & 0x3FFF_0000_3FFF | (number & 0x3FFF_0000_3FFF_0000) >> 2
            number = number & 0xFFF_FFFF | number >> 32 << 28
            return _EPOCH + timedelta(0, 0, number >> 1), at + 8
    micros, at = read_long(data, at)
    return _EPOCH + timedelta(0, 0, micros), at


_new_uuid = UUID.__new__
_set_uuid_int = UUID.__dict__["int"].__set__
_set_uuid_safety = UUID.__dict__["is_safe"].__set__
_UNKNOWN_SAFETY = SafeUUID.unknown


def uuid_from_text(text: str) -> UUID:
    """Return the UUID with this text, in any spelling that Python's own class takes."""
    return UUID(text)


def uuid_from_bytes(digits: bytes) -> UUID:
    """Return the UUID with these 16 bytes."""
    if len(digits) != 16:
        raise ValueError("a UUID has 16 bytes")
    return _uuid_from_int(int.from_bytes(digits, "big"))


def _uuid_from_int(number: int) -> UUID:
    value = _new_uuid(UUID)
    _set_uuid_int(value, number)
    _set_uuid_safety(value, _UNKNOWN_SAFETY)
    return value


def datetime_from_micros(micros: int) -> datetime:
    """Return the instant this many microseconds after 1970, in UTC."""
    return _EPOCH + timedelta(0, 0, micros)


def datetime_from_millis(millis: int) -> datetime:
    """Return the instant this many milliseconds after 1970, in UTC."""
    return _EPOCH + timedelta(0, 0, millis * 1000)


def local_datetime_from_micros(micros: int) -> datetime:
    """Return the naive time this many microseconds after 1970."""
    return _LOCAL_EPOCH + timedelta(0, 0, micros)


def local_datetime_from_millis(millis: int) -> datetime:
    """Return the naive time this many milliseconds after 1970."""
    return _LOCAL_EPOCH + timedelta(0, 0, millis * 1000)


def date_from_days(days: int) -> date:
    """Return the date this many days after 1970-01-01."""
    return date.fromordinal(days + _EPOCH_ORDINAL)


def time_from_micros(micros: int) -> time:
    """Return the time of day this many microseconds after midnight."""
    if not 0 <= micros < _DAY_MICROS:
        raise ValueError("a time of day lies within a day")
    seconds, micros = divmod(micros, 1_000_000)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, micros)


def time_from_millis(millis: int) -> time:
    """Return the time of day this many milliseconds after midnight."""
    return time_from_micros(millis * 1000)


def to_single(value: float) -> float:
    """Return `value` rounded to single precision, as a reader with type float sees it."""
    rounded: float = _float.unpack(_float.pack(value))[0]
    return rounded
