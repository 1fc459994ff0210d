"""What generated classes need beside values: a fast constructor, an enum's bytes, the errors of a fast path."""

import struct
from collections.abc import Callable
from dataclasses import fields
from enum import Enum
from functools import cache
from typing import Any, ClassVar, Final, Protocol, Self, TypeVar

from codegen.errors import ContractsError, DecodeError
from codegen.runtime.writers import write_long

E = TypeVar("E", bound=Enum)

FAULTS: Final = (
    TypeError,
    ValueError,  # UnicodeError is one
    AttributeError,
    LookupError,
    ArithmeticError,  # an overflow, a decimal that would be rounded
    RecursionError,
    struct.error,
    ContractsError,
)
"""What the fast path raises for a value or bytes that do not fit; the slow path then looks for the place."""


class AvroRecord(Protocol):
    """What every generated class of a record has."""

    NAME: ClassVar[str]
    FINGERPRINT: ClassVar[str]
    SCHEMA: ClassVar[str]

    def encode(self) -> bytes:
        """Return the Avro bytes; raise EncodeError."""
        ...

    @classmethod
    def decode(cls, data: bytes, writer: str | None = None) -> Self:
        """Read Avro bytes; raise DecodeError."""
        ...


def as_bytes(data: object) -> bytes:
    """Return bytes that came in another container; raise DecodeError if they are none."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise DecodeError(f"bytes are needed, not {type(data).__name__}")
    return bytes(data)


@cache
def draft(cls: type) -> Callable[[], Any]:
    """Return a class whose instances can be filled and then made instances of `cls`, a frozen slots dataclass.

    A frozen dataclass pays for `object.__setattr__` at every field of every instance. A draft has the same slots and is
    not frozen; CPython lets `__class__` be set between classes of the same layout. Only decoders use it, for values that
    they have just read; it makes them 2.5 times faster.
    """
    return type(f"{cls.__name__}Draft", (), {"__slots__": tuple(field.name for field in fields(cls))})


def enum_bytes(enum: type[Enum]) -> dict[Any, bytes]:
    """Return each member's bytes: its position in the schema's order."""
    return {member: write_long(position) for position, member in enumerate(enum)}


def enum_members(enum: type[E]) -> dict[int, E]:
    """Return the member for each first byte of its bytes; of a later one (there are 64 single bytes), for twice its position."""
    return {position << 1: member for position, member in enumerate(enum)}
