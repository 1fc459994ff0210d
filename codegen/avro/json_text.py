"""JSON as text: what `json` leaves open is refused (RFC 8259 calls it unpredictable), and every node has a place.

Places are looked for only when somebody asks: reading stays as fast as the standard library's.
"""

import codecs
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, cast

from codegen.errors import SchemaError

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Pointer: TypeAlias = tuple[str | int, ...]
"""A place in JSON as in RFC 6901: the keys and positions that lead there from the root."""

_scan_string: Callable[[str, int], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]  # not in the stubs
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_SCALAR: Final = re.compile(r"[^\s,\]}]+")


class Position(NamedTuple):
    """A place in a text; line and column count from 1."""

    line: int
    column: int


class Location(NamedTuple):
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int


class _DuplicateKey(Exception):
    pass


def decoded(content: bytes) -> str:
    """Return what a file contains as text; raise SchemaError with the place of what is no UTF-8."""
    if content.startswith(codecs.BOM_UTF8):
        raise SchemaError(
            "a byte order mark stands before the JSON: save the file as plain UTF-8", position=Position(1, 1)
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        raise SchemaError(f"not UTF-8: {error.reason}", position=_position(before, len(before))) from error


def read_json(text: str) -> Json:
    """Parse JSON; refuse with line and column what json.loads accepts beyond it (a key twice, NaN)."""
    if not text.strip():
        raise SchemaError("not JSON: there is nothing in it", position=Position(1, 1))
    try:
        return cast("Json", json.loads(text, object_pairs_hook=_object, parse_constant=_constant))
    except json.JSONDecodeError as error:
        raise SchemaError(f"not JSON: {error.msg}", position=Position(error.lineno, error.colno)) from error
    except ValueError as error:  # a whole number of thousands of digits, which Python refuses to read
        raise SchemaError(f"not JSON that can be read: {error}") from error
    except _DuplicateKey:
        pointer, key = _places(text).duplicate()
        raise SchemaError(f"duplicate key {key!r}", pointer=pointer, position=locate(text, pointer)) from None
    except RecursionError:
        raise SchemaError("nested too deeply") from None


def locate(text: str, pointer: Pointer) -> Position:
    """Return where a node stands in a text that is JSON, or else the nearest node around it."""
    offsets = _places(text).offsets
    while pointer not in offsets:
        pointer = pointer[:-1]
    return _position(text, offsets[pointer])


@lru_cache(maxsize=16)  # findings come file by file
def _places(text: str) -> "_Places":
    return _Places(text)


def _position(text: str, offset: int) -> Position:
    return Position(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def _object(pairs: list[tuple[str, Json]]) -> Json:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _DuplicateKey
    return value


def _constant(name: str) -> Json:
    raise SchemaError(f"not JSON: {name}")


class _Places:
    """The offset of every node of a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._duplicates: list[tuple[Pointer, str]] = []
        self.offsets: dict[Pointer, int] = {}
        self._walk(self._after_space(0), ())

    def duplicate(self) -> tuple[Pointer, str]:
        """Return the first key that stands twice in one object, and that object."""
        return self._duplicates[0]

    def _walk(self, at: int, pointer: Pointer) -> int:
        """Note the node that begins at an offset and those within it; return the offset of its end."""
        self.offsets[pointer] = at
        first = self._text[at]
        if first == '"':
            return _scan_string(self._text, at + 1)[1]
        if first not in "{[":
            return self._end_of_scalar(at)
        at = self._after_space(at + 1)
        count = 0
        while self._text[at] not in "}]":
            step: str | int = count
            if first == "{":
                key, end = _scan_string(self._text, at + 1)
                if (*pointer, key) in self.offsets:
                    self._duplicates.append((pointer, key))
                at, step = self._after_space(self._after_space(end) + 1), key
            at = self._after_space(self._walk(at, (*pointer, step)))
            if self._text[at] == ",":
                at = self._after_space(at + 1)
            count += 1
        return at + 1

    def _after_space(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _end_of_scalar(self, at: int) -> int:
        match = _SCALAR.match(self._text, at)
        return match.end() if match else at
