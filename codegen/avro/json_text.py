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


class _Beyond(Exception):
    """Something that json.loads would accept."""


def decoded(content: bytes) -> str:
    """Return what a file contains as text; raise SchemaError with the place of what is no UTF-8."""
    content = content.removeprefix(codecs.BOM_UTF8)  # which parsers may ignore (RFC 8259, section 8.1)
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
        raise _no_json(error) from error
    except RecursionError:
        raise SchemaError("nested too deeply", position=Position(1, 1)) from None
    except (_Beyond, ValueError):
        raise _beyond_json(text) from None


def _no_json(error: json.JSONDecodeError) -> SchemaError:
    return SchemaError(f"not JSON: {error.msg}", position=Position(error.lineno, error.colno))


def _beyond_json(text: str) -> SchemaError:
    """Return what is wrong with a text that json.loads takes or nearly takes; that it is no JSON comes first."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return _no_json(error)
    except ValueError as error:  # a whole number of thousands of digits, which Python refuses to read
        return SchemaError(f"not JSON that can be read: {error}", position=Position(1, 1))
    pointer, reason = _places(text).beyond[0]
    return SchemaError(reason, pointer=pointer, position=locate(text, pointer))


def locate(text: str, pointer: Pointer) -> Position:
    """Return where a node stands in a text that is JSON, or else the nearest node around it."""
    if not pointer:
        return _position(text, len(text) - len(text.lstrip(" \t\n\r")))
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
        raise _Beyond
    return value


def _constant(_name: str) -> Json:
    raise _Beyond


class _Places:
    """The offset of every node of a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.offsets: dict[Pointer, int] = {}
        self.beyond: list[tuple[Pointer, str]] = []  # where json.loads accepts what is no JSON, and what it is
        self._walk(self._after_space(0), ())

    def _walk(self, at: int, pointer: Pointer) -> int:
        """Note the node that begins at an offset and those within it; return the offset of its end."""
        self.offsets[pointer] = at
        first = self._text[at]
        if first == '"':
            return _scan_string(self._text, at + 1)[1]
        if first not in "{[":
            return self._end_of_scalar(at, pointer)
        at = self._after_space(at + 1)
        count = 0
        while self._text[at] not in "}]":
            step: str | int = count
            if first == "{":
                key, end = _scan_string(self._text, at + 1)
                if (*pointer, key) in self.offsets:
                    self.beyond.append((pointer, f"duplicate key {key!r}"))
                at, step = self._after_space(self._after_space(end) + 1), key
            at = self._after_space(self._walk(at, (*pointer, step)))
            if self._text[at] == ",":
                at = self._after_space(at + 1)
            count += 1
        return at + 1

    def _after_space(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _end_of_scalar(self, at: int, pointer: Pointer) -> int:
        match = _SCALAR.match(self._text, at)
        if match and match[0] in {"NaN", "Infinity", "-Infinity"}:
            self.beyond.append((pointer, f"not JSON: {match[0]}"))
        return match.end() if match else at
