"""What generated classes need beside values: a fast constructor, an enum's bytes, the errors of a fast path."""

import struct
from collections.abc import Callable
from dataclasses import fields
from enum import Enum
from typing import Any, Final, TypeVar

from codegen.errors import ContractsError
from codegen.runtime.writers import write_long

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
"""What the fast path raises for a value or bytes that do not fit; the slow path then looks for the place."""


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
