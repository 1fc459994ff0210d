"""Durations: months, days and milliseconds, each counted on its own (Avro 1.12, "Duration").

A month has no fixed number of days and a day no fixed number of milliseconds, so none is turned into another, and
`datetime.timedelta` could not hold one.
"""

import struct
from dataclasses import dataclass
from typing import Final

COUNT_MAX: Final = 2**32 - 1
"""Months, days or milliseconds of one duration."""

_counts = struct.Struct("<III")


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """An amount of time; each part from 0 to COUNT_MAX. Raise ValueError or TypeError for one that is not."""

    months: int = 0
    days: int = 0
    milliseconds: int = 0

    def __post_init__(self) -> None:
        for count in (self.months, self.days, self.milliseconds):
            if isinstance(count, bool) or not isinstance(count, int):
                raise TypeError(f"months, days and milliseconds are counted in whole numbers, not {count!r}")
            if not 0 <= count <= COUNT_MAX:
                raise ValueError(f"months, days and milliseconds are from 0 to {COUNT_MAX}, not {count}")


def write_duration(value: Duration) -> bytes:
    """Return a duration as its 12 bytes."""
    if value.__class__ is not Duration:
        raise TypeError("not a Duration")
    return _counts.pack(value.months, value.days, value.milliseconds)


def duration_from_bytes(raw: bytes) -> Duration:
    """Return the duration that these 12 bytes stand for."""
    months, days, milliseconds = _counts.unpack(raw)
    return Duration(months=months, days=days, milliseconds=milliseconds)


def read_duration(data: bytes, at: int) -> tuple[Duration, int]:
    """Read a duration."""
    end = at + 12
    return duration_from_bytes(data[at:end]), end
