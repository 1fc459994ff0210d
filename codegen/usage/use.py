"""A line of code that uses an attribute of a generated class."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What is done with the attribute."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A line that uses an attribute, or may do so; `why` says what makes it one, where the line does not show it."""

    path: Path
    line: int
    kind: Kind
    certain: bool
    source: str
    why: str = ""
