"""Avro's binary decoding, value by value: each function takes the data and a position, and returns the value and the next.

They do not check the end of the data at every step: a slice that is too short moves the position past the end, which
the caller checks once. Data that is not Avro raises one of FAULTS.
"""

import struct
from binascii import unhexlify
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID, SafeUUID

from codegen.runtime.writers import ZERO_SIZED_ITEMS_MAX

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local timestamp has no zone
_MICROSECOND = timedelta(microseconds=1)
_MILLISECOND = timedelta(milliseconds=1)
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
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
    group = data[at + 2]
    if group < 128:
        number |= group << 14
        return (number >> 1) ^ -(number & 1), at + 3
    number |= (group & 127) << 14
    group = data[at + 3]
    if group < 128:
        number |= group << 21
        return (number >> 1) ^ -(number & 1), at + 4
    number |= (group & 127) << 21
    high = data[at + 4]  # a second small integer, which is faster than one large one
    if high < 128:
        number |= high << 28
        return (number >> 1) ^ -(number & 1), at + 5
    group = data[at + 5]
    if group < 128:
        number |= (high & 127 | group << 7) << 28
        return (number >> 1) ^ -(number & 1), at + 6
    high = high & 127 | (group & 127) << 7
    at += 6
    shift = 14
    while (group := data[at]) > 127:
        high |= (group & 127) << shift
        at += 1
        shift += 7
        if shift > 35:
            raise OverflowError("a varint of more than ten bytes")
    number |= (high | group << shift) << 28
    if number > 0xFFFF_FFFF_FFFF_FFFF:
        raise OverflowError("a varint of more than 64 bits")
    return (number >> 1) ^ -(number & 1), at + 1


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


def read_count_of_nothing(data: bytes, at: int, before: int) -> tuple[int, int]:
    """Read the number of items without bytes of the next block; `before` is that of the blocks before it."""
    count, at = read_count(data, at, 0)
    if before + count > ZERO_SIZED_ITEMS_MAX:
        raise ValueError("more items than the data can hold")
    return count, at


def read_count(data: bytes, at: int, item_bytes_min: int) -> tuple[int, int]:
    """Read the number of items of the next block of an array or map."""
    count = data[at]
    if count & 129:  # more than one byte, or negative
        count, at = read_long(data, at)
        if count < 0:
            count = -count
            _, at = read_long(data, at)  # the block's bytes, for readers that skip
        if not count:
            raise ValueError("an end that is written in more than one byte")
    else:
        count >>= 1
        at += 1
    if count * item_bytes_min > len(data) - at:
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
    size = data[at]
    at += 1
    if size & 129:  # more than one byte, or negative
        size, at = read_size(data, at - 1)
    else:
        size >>= 1
    end = at + size
    return data[at:end], end


BOOLEANS: Final = (False, True)
"""A boolean's value by its byte; any other byte is an IndexError."""


def read_float(data: bytes, at: int) -> tuple[float, int]:
    """Read four bytes."""
    value: float = _float.unpack_from(data, at)[0]
    return value, at + 4


def read_double(data: bytes, at: int) -> tuple[float, int]:
    """Read eight bytes."""
    value: float = _double.unpack_from(data, at)[0]
    return value, at + 8


def read_position(data: bytes, at: int, count: int) -> tuple[int, int]:
    """Read which of an enum's symbols or a union's branches follows, by twice its position: as one byte would have it."""
    position, at = read_long(data, at)
    if not 0 <= position < count:
        raise IndexError("no such position")
    return position << 1, at


def no_branch(byte: int) -> IndexError:
    """Return the error for a byte that stands for no branch of the union."""
    return IndexError(f"no branch of the union is written as {byte}")


def read_fixed(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    """Read `size` bytes."""
    return data[at : at + size], at + size


def read_uuid_fixed(data: bytes, at: int) -> tuple[UUID, int]:
    """Read a UUID from its 16 bytes."""
    end = at + 16
    return uuid_from_bytes(data[at:end]), end


def read_uuid(data: bytes, at: int) -> tuple[UUID, int]:
    """Read a UUID from a string."""
    if data[at] == 72:  # length 36: the usual spelling
        end = at + 37
        try:
            digits = unhexlify(data[at + 1 : end].replace(b"-", b""))
        except ValueError:  # another spelling of the same length
            digits = b""
        if len(digits) == 16:
            value = _new(_UuidDraft)
            value.int = int.from_bytes(digits)  # type: ignore[misc]
            value.is_safe = _UNKNOWN_SAFETY  # type: ignore[misc]
            value.__class__ = UUID  # type: ignore[assignment]  # of the same layout
            return value, end
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
            return _EPOCH + _MICROSECOND * (number >> 1), at + 8
    micros, at = read_long(data, at)
    return _EPOCH + _MICROSECOND * micros, at


def read_timestamp_millis(data: bytes, at: int) -> tuple[datetime, int]:
    """Read milliseconds since 1970 as an aware datetime in UTC."""
    millis, at = read_long(data, at)
    return _EPOCH + _MILLISECOND * millis, at


def read_local_timestamp_micros(data: bytes, at: int) -> tuple[datetime, int]:
    """Read microseconds since 1970 as a naive datetime."""
    micros, at = read_long(data, at)
    return _LOCAL_EPOCH + _MICROSECOND * micros, at


def read_local_timestamp_millis(data: bytes, at: int) -> tuple[datetime, int]:
    """Read milliseconds since 1970 as a naive datetime."""
    millis, at = read_long(data, at)
    return _LOCAL_EPOCH + _MILLISECOND * millis, at


def read_date(data: bytes, at: int) -> tuple[date, int]:
    """Read days since 1970."""
    days, at = read_long(data, at)
    return date.fromordinal(days + _EPOCH_ORDINAL), at


def read_time_micros(data: bytes, at: int) -> tuple[time, int]:
    """Read microseconds since midnight."""
    micros, at = read_long(data, at)
    seconds, micros = divmod(micros, 1_000_000)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, micros), at


def read_time_millis(data: bytes, at: int) -> tuple[time, int]:
    """Read milliseconds since midnight."""
    millis, at = read_long(data, at)
    seconds, millis = divmod(millis, 1_000)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, millis * 1_000), at


_new = object.__new__
_UNKNOWN_SAFETY = SafeUUID.unknown


class _UuidDraft(UUID):
    """A UUID whose attributes can be set: its own constructor takes four times as long."""

    __slots__ = ()
    __setattr__ = object.__setattr__  # type: ignore[assignment]  # UUID's own refuses


def uuid_from_text(text: str) -> UUID:
    """Return the UUID with this text, in any spelling that Python's own class takes."""
    return UUID(text)


def uuid_from_bytes(digits: bytes) -> UUID:
    """Return the UUID with these 16 bytes."""
    return UUID(bytes=digits)


def datetime_from_micros(micros: int) -> datetime:
    """Return the instant this many microseconds after 1970, in UTC."""
    return _EPOCH + _MICROSECOND * micros


def datetime_from_millis(millis: int) -> datetime:
    """Return the instant this many milliseconds after 1970, in UTC."""
    return _EPOCH + _MILLISECOND * millis


def local_datetime_from_micros(micros: int) -> datetime:
    """Return the naive time this many microseconds after 1970."""
    return _LOCAL_EPOCH + _MICROSECOND * micros


def local_datetime_from_millis(millis: int) -> datetime:
    """Return the naive time this many milliseconds after 1970."""
    return _LOCAL_EPOCH + _MILLISECOND * millis


def date_from_days(days: int) -> date:
    """Return the date this many days after 1970-01-01."""
    return date.fromordinal(days + _EPOCH_ORDINAL)


def time_from_micros(micros: int) -> time:
    """Return the time of day this many microseconds after midnight."""
    seconds, micros = divmod(micros, 1_000_000)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, micros)


def time_from_millis(millis: int) -> time:
    """Return the time of day this many milliseconds after midnight."""
    return time_from_micros(millis * 1000)


def to_single(value: float) -> float:
    """Return `value` rounded to single precision, as a reader with type float sees it."""
    rounded: float = _float.unpack(_float.pack(value))[0]
    return rounded
