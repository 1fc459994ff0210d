"""What generated classes call: Avro's binary primitives, made fast, and the errors of the slow path.

Writers take a value and return its bytes; readers take the data and a position and return the value and the next
position. Readers do not check the end of the data at every step: a slice that is too short moves the position past
the end, which the caller checks once. Any exception in FAULTS means "look for the fault": `encode_error` and
`decode_error` walk the value or the bytes again, slowly and strictly, to say which field it was.
"""

import struct
from collections.abc import Callable, ItemsView, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any, Final, TypeGuard, TypeVar
from uuid import UUID, SafeUUID

from codegen.errors import ContractsError

T = TypeVar("T")

FAULTS: Final = (
    TypeError,
    ValueError,  # UnicodeError is one
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,
    struct.error,
    ContractsError,
)
ZERO_SIZED_ITEMS_MAX: Final = 1_000_000
"""Items without bytes (null, an empty record) that one array may hold: a few bytes could claim any number."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local timestamp has no zone
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)
_DAY_MICROS = 86_400_000_000
_ONE_BYTE = [bytes((n,)) for n in range(128)]
_float = struct.Struct("<f")
_double = struct.Struct("<d")


# Writers -------------------------------------------------------------------------------------------------------------


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
    digits = f"{value.int:032x}"
    return f"H{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()  # H: length 36


def write_uuid_fixed(value: UUID) -> bytes:
    """Return a UUID as its 16 bytes."""
    return value.int.to_bytes(16, "big")


def write_timestamp_micros(value: datetime) -> bytes:
    """Return microseconds since 1970 in UTC; the value must be aware."""
    return write_long((value - _EPOCH) // _MICROSECOND)


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


# Readers -------------------------------------------------------------------------------------------------------------


def read_long(data: bytes, at: int) -> tuple[int, int]:
    """Read a zig-zag varint of up to 64 bits."""
    number = data[at]
    at += 1
    if number > 127:
        number &= 127
        shift = 7
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
    text, at = read_string(data, at)
    return uuid_from_text(text), at


def read_timestamp_micros(data: bytes, at: int) -> tuple[datetime, int]:
    """Read microseconds since 1970 as an aware datetime in UTC."""
    micros, at = read_long(data, at)
    return _EPOCH + timedelta(0, 0, micros), at


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


_new_uuid = UUID.__new__
_set_uuid_int = UUID.__dict__["int"].__set__
_set_uuid_safety = UUID.__dict__["is_safe"].__set__
_UNKNOWN_SAFETY = SafeUUID.unknown


def uuid_from_text(text: str) -> UUID:
    """Return the UUID with this text; half the time of `UUID(text)`, which takes over for any unusual spelling."""
    if len(text) == 36 and text[8] == text[13] == text[18] == text[23] == "-":
        digits = bytes.fromhex(text.replace("-", ""))
        if len(digits) == 16:
            return _uuid_from_int(int.from_bytes(digits, "big"))
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


# Classes -------------------------------------------------------------------------------------------------------------


def constructor(cls: type[T]) -> Callable[..., T]:
    """Return a function that makes instances of a frozen slots dataclass from positional values, 2.5 times faster.

    A frozen dataclass pays for `object.__setattr__` at every field. This one fills an instance of a twin that is not
    frozen and has the same slots, then makes it an instance of the real class: CPython allows that between classes of
    the same layout. Only decoders use it; the fields' types are what they have just read.
    """
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]  # generated classes are dataclasses
    twin = type(f"{cls.__name__}Draft", (), {"__slots__": tuple(names)})
    values = [f"value_{position}" for position in range(len(names))]
    lines = [f"def construct({', '.join(values)}):", "    instance = make(twin)"]
    lines += [f"    instance.{name} = {value}" for name, value in zip(names, values, strict=True)]
    lines += ["    instance.__class__ = cls", "    return instance"]
    scope: dict[str, Any] = {"make": object.__new__, "twin": twin, "cls": cls}
    exec("\n".join(lines), scope)  # noqa: S102 - the names are a dataclass's own fields
    construct: Callable[..., T] = scope["construct"]
    return construct


def enum_bytes(enum: type[Enum]) -> dict[Any, bytes]:
    """Return each member's bytes: its position in the schema's order."""
    return {member: write_long(position) for position, member in enumerate(enum)}
