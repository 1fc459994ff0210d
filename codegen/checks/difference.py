"""What changed between two versions of a set of types: everything that they say, whether it breaks somebody or not.

`changes` is pure: two tables of types in, one change per line out, grouped by type. What is said twice is said once:
a type that was renamed is a change of that type and not of the fields that use it.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final, cast

from codegen.avro.json_text import Json
from codegen.avro.logical_types import logical_type
from codegen.avro.schema import (
    NAMED,
    Definition,
    Enum,
    Field,
    Fixed,
    Missing,
    Record,
)
from codegen.avro.spelling import kind_of, spelled, spelled_logical
from codegen.checks.history import Earlier, Types, successor
from codegen.checks.listing import Listing
from codegen.contracts import Contracts

Names = Mapping[str, str]  # what earlier types are called now
Properties = Mapping[str, str | None]  # as they read
NONE: Final = "none"
_OF_TYPE: Final = frozenset({"type", "name", "namespace", "doc", "aliases", "fields", "symbols", "size", "default"})
_OF_FIELD: Final = frozenset({"name", "type", "doc", "aliases", "default"})
_OF_LOGICAL: Final = frozenset({"logicalType", "precision", "scale"})
_INNER: Final = {"array": "items", "map": "values"}  # where a type has another one inside


class Sign(StrEnum):
    """Whether something is new, gone or another than it was."""

    ADDED = "+"
    REMOVED = "-"
    CHANGED = "~"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a type (its full name now, or the last it had).

    `kind` is "type", "field" or "symbol", and `name` that of the field or symbol. `of` says which of its properties is
    another; it is empty where the whole was added or removed. Values are as they read; None where there is none.
    """

    type: str
    sign: Sign
    kind: str
    name: str = ""
    of: str = ""
    previous: str | None = None
    current: str | None = None

    def __str__(self) -> str:
        member = f"{self.kind} {self.name}" if self.name else ""
        if self.sign is Sign.CHANGED:
            values = f"{self.of} {self.previous or NONE} -> {self.current or NONE}"
        else:
            values = self.previous or self.current or ""
        return f"{self.sign} {': '.join(part for part in (member, values) if part)}"


def between(earlier: Earlier, contracts: Contracts) -> tuple[Change, ...]:
    """Return every change from the newest of the earlier versions to the folder as it is."""
    return changes(earlier.types, Types.of(contracts.schemas))


def changes(previous: Types, current: Types) -> tuple[Change, ...]:
    """Return every change from `previous` to `current`, by the name of the type and then as it stands there."""
    origins = _origins_of_types(previous.definitions, current.definitions)
    names = {before: now for now, before in origins.items()}
    found: list[Change] = []
    for name in sorted({*current.definitions, *(previous.definitions.keys() - names.keys())}):
        if name in origins:
            found.extend(_of_type(_written(previous, origins[name]), _written(current, name), names))
        elif name in current.definitions:
            found.append(Change(name, Sign.ADDED, "type", current=kind_of(current.definitions[name])))
        else:
            found.append(Change(name, Sign.REMOVED, "type", previous=kind_of(previous.definitions[name])))
    return tuple(found)


def _origins_of_types(previous: Mapping[str, Definition], current: Mapping[str, Definition]) -> dict[str, str]:
    """Return what the present types were called; of two that could have become one, the first did."""
    origins = {name: name for name in current if name in previous}
    for before in previous:
        now = successor(before, previous, current)
        if now is not None:
            origins.setdefault(now, before)
    return origins


@dataclass(frozen=True, slots=True)
class _Written:
    definition: Definition
    json: Mapping[str, Json]


def _written(types: Types, name: str) -> _Written:
    return _Written(types.definitions[name], cast("Mapping[str, Json]", types.json[name]))


def _of_type(previous: _Written, current: _Written, names: Names) -> Iterator[Change]:
    before, now = previous.definition, current.definition
    yield from _properties(now.name, "type", "", _of_definition(previous), _of_definition(current))
    match before, now:
        case Record(), Record():
            yield from _fields(before, now, names)
            for name, origin in _origins_of_fields(before, now).items():
                of_previous, of_current = _of_field(previous, origin, names), _of_field(current, name, {})
                yield from _properties(now.name, "field", name, of_previous, of_current)
        case Enum(), Enum():
            same = {symbol: symbol for symbol in now.symbols if symbol in before.symbols}
            yield from _members(now.name, "symbol", before.symbols, now.symbols, same, lambda _: None)
        case _:
            pass


def _of_definition(written: _Written) -> Properties:
    match written.definition:
        case Enum(default=default):
            own: Properties = {"default": default}
        case Fixed(size=size, logical=logical):
            own = {"size": str(size), "logical type": None if logical is None else spelled_logical(logical)}
        case Record():
            own = {}
    definition = written.definition
    shared = {"name": definition.name, "kind": kind_of(definition), "doc": _quoted(definition.doc)}
    is_logical = isinstance(definition, Fixed) and definition.logical is not None
    known = _OF_TYPE | (_OF_LOGICAL if is_logical else frozenset())
    more = {key: _json(value) for key, value in written.json.items() if key not in known}
    return {**shared, "aliases": _listed(definition.aliases), **own, **more}


def _fields(previous: Record, current: Record, names: Names) -> Iterator[Change]:
    origins = _origins_of_fields(previous, current)
    before = {field.name: _field(field, names) for field in previous.fields}
    now = {field.name: _field(field, {}) for field in current.fields}
    gone = {name: text for name, text in before.items() if name not in origins.values()}
    yield from _members(current.name, "field", tuple(before), tuple(now), origins, {**now, **gone}.get)


def _origins_of_fields(previous: Record, current: Record) -> dict[str, str]:
    """Return what the present fields were called: the same, else one of their aliases."""
    before = {field.name for field in previous.fields}
    free = before - {field.name for field in current.fields}
    origins: dict[str, str] = {}
    for field in current.fields:
        aliases = [alias for alias in field.aliases if alias in free]
        if field.name in before:
            origins[field.name] = field.name
        elif aliases:
            free.remove(aliases[0])
            origins[field.name] = aliases[0]
    return origins


def _of_field(written: _Written, name: str, names: Names) -> Properties:
    definition = cast("Record", written.definition)
    fields = cast("Sequence[Mapping[str, Json]]", written.json["fields"])
    field, json = next(pair for pair in zip(definition.fields, fields, strict=True) if pair[0].name == name)
    more = {key: _json(value) for key, value in json.items() if key not in _OF_FIELD}
    return {
        "name": field.name,
        "type": spelled(field.type, names),
        "default": _default(field.default),
        "doc": _quoted(field.doc),
        "aliases": _listed(field.aliases),
        **more,
        **dict(_attributes(json["type"], "type")),
    }


def _attributes(json: Json, place: str) -> Iterator[tuple[str, str]]:
    """Yield what a field's type says beyond the specification, such as a team's own tags, with where it stands."""
    if isinstance(json, Mapping):
        kind = json["type"]
        if kind in NAMED:  # a type of its own
            return
        inner = _INNER.get(str(kind))
        known = {"type", inner} | (_OF_LOGICAL if logical_type(json, str(kind)) else frozenset())
        for key, value in json.items():
            if key == inner:
                yield from _attributes(value, f"{place}.{key}")
            elif key not in known:
                yield f"{place}.{key}", _json(value)
    elif isinstance(json, list):
        for number, branch in enumerate(json):
            yield from _attributes(branch, f"{place}.{number}")


def _members(
    type_name: str,
    kind: str,
    previous: Sequence[str],
    current: Sequence[str],
    origins: Mapping[str, str],
    text: Callable[[str], str | None],
) -> Iterator[Change]:
    """Yield members that went, came or have another place; `origins` has what the present ones were called."""
    for name in previous:
        if name not in origins.values():
            yield Change(type_name, Sign.REMOVED, kind, name, previous=text(name))
    places = {name: previous.index(origins[name]) for name in current if name in origins}
    moved = set(places.values()) - _longest_increase(list(places.values()))
    for place, name in enumerate(current, start=1):
        if name not in origins:
            yield Change(type_name, Sign.ADDED, kind, name, current=text(name))
        elif places[name] in moved:
            yield Change(type_name, Sign.CHANGED, kind, name, "place", str(places[name] + 1), str(place))


def _longest_increase(numbers: Sequence[int]) -> set[int]:
    """Return the most of the (different) numbers that are in ascending order: all others have moved."""
    best: list[int] = []  # the lowest last number of an ascent, by the ascent's length
    ascents: list[list[int]] = []
    for number in numbers:
        length = bisect_left(best, number)
        ascent = [*(ascents[length - 1] if length else []), number]
        best[length : length + 1] = [number]
        ascents[length : length + 1] = [ascent]
    return set(ascents[-1]) if ascents else set()


def _properties(type_name: str, kind: str, name: str, previous: Properties, current: Properties) -> Iterator[Change]:
    for of in dict.fromkeys([*previous, *current]):
        before, now = previous.get(of), current.get(of)
        if before != now:
            yield Change(type_name, Sign.CHANGED, kind, name, of, before, now)


def _field(field: Field, names: Names) -> str:
    default = _default(field.default)
    return spelled(field.type, names) + (f" = {default}" if default is not None else "")


def _default(value: "Json | Missing") -> str | None:
    return None if isinstance(value, Missing) else _json(value)


def _quoted(text: str | None) -> str | None:
    return None if text is None else _json(text)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _listed(names: Sequence[str]) -> str | None:
    return ", ".join(names) or None


def render(found: Sequence[Change], form: Listing) -> str:
    """Return the changes in this form, each ending in a line break."""
    match form:
        case Listing.TEXT:
            return _text(found)
        case Listing.JSON:
            return json.dumps({"changes": [asdict(change) for change in found]}, ensure_ascii=False, indent=2) + "\n"
        case Listing.MARKDOWN:
            return _markdown(found)


def _text(found: Sequence[Change]) -> str:
    if not found:
        return "No change.\n"
    groups = groupby(found, key=lambda change: change.type)
    return "".join(f"{name}\n" + "".join(f"  {change}\n" for change in group) for name, group in groups)


def _markdown(found: Sequence[Change]) -> str:
    if not found:
        return "No change.\n"
    groups = groupby(found, key=lambda change: change.type)
    tables = (
        f"**{name}**\n\n```diff\n" + "".join(f"{_diff(each)}\n" for each in group) + "```\n" for name, group in groups
    )
    return "\n".join(tables)


def _diff(change: Change) -> str:
    """Return a change as a line that a code block of the language `diff` colours (`!` is its mark for changed)."""
    return str(change).replace(Sign.CHANGED, "!", 1)
