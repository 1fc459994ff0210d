"""One layout for the text of `.avsc` files: pure text to text, a folder around it.

What a text says never changes: members are ordered, numbers and strings stay as they are written. The layout:

- two spaces a level; what fits into the line (and a comma, so that a next member moves nothing) stands on one line;
- over several lines stand the outermost value, a type or field with a doc, and a list of fields;
- an array, map or union opens what it ends with on its own line: "type": {"type": "array", "items": {
- types and fields have one order of members; defaults and unknown attributes keep theirs.

Only JSON is asked for, not valid Avro: what `lint` complains about can be formatted too.
"""

import difflib
import io
import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile
from pathlib import Path
from typing import Final, TypeAlias

from codegen.avro.json_text import Position, read_json
from codegen.avro.schema_files import schema_paths
from codegen.errors import SchemaError

LINE_LENGTH: Final = 120
INDENTATION: Final = 2

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not formatted: its text as it is and as it should be."""

    path: Path
    previous: str
    formatted: str

    @property
    def line(self) -> int:
        """Return the first line that differs, from 1."""
        return first_difference(self.previous, self.formatted)

    def diff(self) -> str:
        """Return the change as a unified diff."""
        lines = difflib.unified_diff(_lines(self.previous), _lines(self.formatted), f"{self.path}", f"{self.path}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def format_text(text: str) -> str:
    """Return a schema's JSON text in the one layout; raise SchemaError with line and column if it is not JSON."""
    read_json(text)
    try:
        value = _value(iter(_TOKEN.findall(text)))
        return f"{_text(_arranged(value, _Role.OUTERMOST), 0, 0, 0)}\n"
    except RecursionError:  # the reader of json goes deeper than Python functions may
        raise SchemaError("nested too deeply", position=Position(1, 1)) from None


def first_difference(text: str, other: str) -> int:
    """Return the first line of a text, from 1, that is not so in the other; the last one where only that has more."""
    lines = _lines(text)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(lines, _lines(other), strict=False)))
    return max(1, min(same + 1, len(lines)))


def differences(folder: Path) -> list[Difference]:
    """Return the files below `folder` that are not formatted; raise SchemaError naming every file that is not JSON.

    Released versions are left out: they are never changed again.
    """
    found, faults = readable_differences(folder)
    if faults:
        raise SchemaError("\n".join(faults))
    return found


def readable_differences(folder: Path) -> tuple[list[Difference], list[str]]:
    """Return the files below `folder` that are not formatted, and of each that is not JSON where it is not, and why."""
    found: list[Difference] = []
    faults: list[str] = []
    for path in schema_paths(folder):
        try:
            previous = _read(path)
            formatted = format_text(previous)
        except SchemaError as error:
            line, column = error.position or Position(1, 1)
            faults.append(f"{path}:{line}:{column}: {error.reason}")
        else:
            if formatted != previous:
                found.append(Difference(path, previous, formatted))
    return found, faults


def write(folder: Path) -> list[Difference]:
    """Format the files below `folder`; return what has changed. If a file is not JSON, nothing is written."""
    found = differences(folder)
    for difference in found:
        _replace(difference.path.resolve(), difference.formatted)  # a symbolic link stays one
    return found


def _read(path: Path) -> str:
    data = path.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        place = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise SchemaError(f"not UTF-8: {error.reason}", position=place) from error


def _replace(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one, never half of it; the mode stays."""
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(text.encode("utf-8"))
            file.close()
            shutil.copymode(path, temporary)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _lines(text: str) -> list[str]:
    return list(io.StringIO(text, newline="\n"))  # splitlines would also break at U+2028, which JSON allows in a string


# Reading: the text is known to be JSON, so the tokens need no checks.


@dataclass(frozen=True, slots=True)
class _Object:
    """Members by key, each with the key as it is written."""

    members: Mapping[str, tuple[str, "_Value"]]


_Value: TypeAlias = "str | list[_Value] | _Object"


def _value(tokens: Iterator[str]) -> _Value:
    return _opened(next(tokens), tokens)


def _opened(first: str, tokens: Iterator[str]) -> _Value:
    if first == "{":
        return _Object({json.loads(key): (_scalar(key), value) for key, value in _members(tokens)})
    if first == "[":
        return [_opened(each, tokens) for each in _until("]", tokens)]
    return _scalar(first)


def _members(tokens: Iterator[str]) -> Iterator[tuple[str, _Value]]:
    for key in _until("}", tokens):
        next(tokens)  # the colon
        yield key, _value(tokens)


def _until(end: str, tokens: Iterator[str]) -> Iterator[str]:
    """Yield the first token of each element up to the closing bracket; the caller takes the others."""
    for first in tokens:
        if first == end:
            return
        if first != ",":
            yield first


def _scalar(token: str) -> str:
    """Return a number, word or string as written, but for two spellings of an escape that nobody chooses by intent."""
    return _ESCAPE.sub(lambda escape: "/" if escape[0] == r"\/" else escape[0].lower(), token)


# Arranging: order and what must stand over several lines, from what a value is in a schema.


class _Role(Enum):
    """What a value is in a schema."""

    OUTERMOST = "the type that the text defines"
    TYPE = "a type"
    FIELD = "a field"
    FIELDS = "a record's list of fields"
    OTHER = "a default, a list of names, an unknown attribute"


_TYPE_ORDER: Final = (  # what stands first and what last; unknown attributes between: a list of fields would hide them
    ("type", "name", "namespace", "doc", "aliases", "size", "logicalType", "precision", "scale"),
    ("symbols", "default", "items", "values", "fields"),
)
_ORDERS: Final[Mapping[_Role, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    _Role.OUTERMOST: _TYPE_ORDER,
    _Role.TYPE: _TYPE_ORDER,
    _Role.FIELD: (("name", "type", "doc", "default", "order", "aliases"), ()),
}
_MEMBERS: Final[Mapping[tuple[str, str], _Role]] = {  # by type, as it is written, and key
    ('"array"', "items"): _Role.TYPE,
    ('"map"', "values"): _Role.TYPE,
    ('"record"', "fields"): _Role.FIELDS,
    ('"error"', "fields"): _Role.FIELDS,
}


@dataclass(frozen=True, slots=True)
class _Block:
    """An object or list to be laid out: its elements, each with the key before it, and all of it on one line."""

    brackets: str
    elements: tuple[tuple[str, "_Block | str"], ...]
    flat: str
    spread: bool  # stands over several lines even if it is short
    hugs: bool  # opens its last element on its own line


def _arranged(value: _Value, role: _Role) -> _Block | str:
    """Return a value with its members in order, and with what is to be known of it before it is laid out."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        within = {_Role.FIELDS: _Role.FIELD, _Role.OTHER: _Role.OTHER}.get(role, _Role.TYPE)
        items = tuple(("", _arranged(item, within)) for item in value)
        return _block("[]", items, role in {_Role.OUTERMOST, _Role.FIELDS}, role is _Role.TYPE)
    members = tuple(_member(value, key, role) for key in _ordered(value, role))
    documented = "doc" in value.members and role in {_Role.TYPE, _Role.FIELD}
    hugs = role is _Role.TYPE and not documented and "name" not in value.members
    return _block("{}", members, role is _Role.OUTERMOST or documented, hugs)


def _member(value: _Object, key: str, role: _Role) -> tuple[str, _Block | str]:
    written, each = value.members[key]
    return f"{written}: ", _arranged(each, _role_within(value, role, key))


def _block(brackets: str, elements: tuple[tuple[str, _Block | str], ...], spread: bool, hugs: bool) -> _Block:
    flat = ", ".join(f"{key}{_flat(each)}" for key, each in elements)
    spread = bool(elements) and (spread or any(_spread(each) for _, each in elements))
    return _Block(brackets, elements, f"{brackets[0]}{flat}{brackets[1]}", spread, hugs)


def _flat(value: _Block | str) -> str:
    return value if isinstance(value, str) else value.flat


def _spread(value: _Block | str) -> bool:
    return not isinstance(value, str) and value.spread


def _ordered(value: _Object, role: _Role) -> list[str]:
    """Return the keys of a type or field in their order; those of anything else, and unknown ones, as written."""
    first, last = _ORDERS.get(role, ((), ()))
    others = tuple(key for key in value.members if key not in first and key not in last)
    return [key for key in (*first, *others, *last) if key in value.members]


def _role_within(value: _Object, role: _Role, key: str) -> _Role:
    """Return what a member is: an attribute means something only on its own kind of type."""
    if role is _Role.OTHER:
        return _Role.OTHER
    if key == "type":
        return _Role.TYPE
    kind = value.members.get("type", ("", ""))[1]
    return _MEMBERS.get((kind, key), _Role.OTHER) if isinstance(kind, str) else _Role.OTHER


# Laying out


def _text(value: _Block | str, level: int, before: int, after: int) -> str:
    """Return the text of a value; `before` and `after` characters share its first and its last line."""
    if isinstance(value, str):
        return value
    if not value.elements or (not value.spread and before + len(value.flat) + after <= LINE_LENGTH):
        return value.flat
    return _hugging(value, level, before, after) or _over_lines(value, level)


def _hugging(block: _Block, level: int, before: int, after: int) -> str | None:
    """Return the text with only its last element over several lines, or None where that is not the layout."""
    *others, (key, last) = block.elements
    if not block.hugs or not isinstance(last, _Block) or any(isinstance(each, _Block) for _, each in others):
        return None
    start = block.brackets[0] + "".join(f"{name}{_flat(each)}, " for name, each in others) + key
    if not last.elements or before + len(start) + 1 > LINE_LENGTH:
        return None
    return f"{start}{_text(last, level, before + len(start), after + 1)}{block.brackets[1]}"


def _over_lines(block: _Block, level: int) -> str:
    margin = " " * INDENTATION * (level + 1)
    lines = [f"{margin}{key}{_text(each, level + 1, len(margin) + len(key), 1)}" for key, each in block.elements]
    return "\n".join((block.brackets[0], ",\n".join(lines), f"{margin[INDENTATION:]}{block.brackets[1]}"))
