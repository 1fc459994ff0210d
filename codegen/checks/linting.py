"""`contracts lint`: what a folder of schemas promises its readers beyond being valid Avro.

`lint_checks` looks at single types and fields; here is what takes the whole folder: recursion without an end,
files that refer to each other, where files lie, and the header of events. Nothing has to be configured: a foreign folder is judged by the same rules.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import PurePosixPath
from typing import Final

from codegen.avro.finite import Heights, endless_in, heights
from codegen.avro.schema import (
    Definition,
    Field,
    Place,
    Record,
    Reference,
    full_name,
    namespace_of,
    simple_name,
)
from codegen.avro.schema_files import SchemaFile, SchemaFolder
from codegen.checks import faults, lint_checks
from codegen.checks.faults import Fault
from codegen.checks.findings import Finding
from codegen.checks.lint_walk import Part, Spot, leaves, walk

_HEADER: Final = "header"
_MISPLACED_MAX: Final = 10
"""Misplaced files that are told one by one: beyond, the folder has a layout of its own, and one finding says so."""


def lint(
    folder: SchemaFolder, subjects: Mapping[str, str] | None = None, event_header: str | None = None
) -> tuple[Finding, ...]:
    """Return the findings of every LINT rule on valid schemas; severities are the rules' own.

    `subjects` has the subject of each event that a topic carries, by its full name; each of them has to begin with a
    field `header` of the type `event_header`, if there is one.
    """
    events = subjects or {}
    found = [(folder, fault) for fault in (*_single(folder), *_circles(folder), *_misplaced_files(folder))]
    found += [(apart, fault) for apart in folder.apart.values() for fault in _single(apart)]
    if event_header is not None:
        found += [(folder, fault) for fault in _headless_events(folder, events, event_header)]
    findings = []
    for around, fault in found:
        assert fault.place is not None  # every check above says where
        owner = around.owner(fault.place.type)
        findings.append(faults.finding(fault, around.locate(fault.place), events.get(owner, owner)))
    return tuple(findings)


def _single(folder: SchemaFolder) -> Iterator[Fault]:
    finite = heights(folder.types)
    for file in (file for name, file in folder.files.items() if name not in folder.apart):
        for spot in walk(file):
            yield from lint_checks.check(spot, folder.types)
            if spot.part is Part.FIELD and spot.type not in finite:
                yield from _unending_recursion(spot, folder.types, finite)


def _unending_recursion(field: Spot, types: Mapping[str, Definition], finite: Heights) -> Iterator[Fault]:
    def needs(record: str) -> Iterable[str]:
        return chain.from_iterable(endless_in(each.type, finite) for each in _fields(types[record]))

    declared = next(each for each in _fields(types[field.type]) if each.name == field.value["name"])
    trail = _way_back(field.type, endless_in(declared.type, finite), needs)
    if trail:
        message = f"{field.described} always contains a {field.type} again ({' -> '.join(trail)}): no datum ever ends"
        written = field.value["type"]
        branches = json.dumps(["null", *(written if isinstance(written, list) else [written])])
        fix = f'Let it end, as "type": {branches} with "default": null, or as an array that may be empty.'
        yield Fault("UNENDING_RECURSION", field.path, message, field.below("type"), fix)


def _way_back(start: str, first: Iterable[str], following: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    """Return the shortest way from a name over the first ones and those that follow back to it, empty if there is none."""
    trails: list[tuple[str, ...]] = [(start, name) for name in sorted(set(first))]
    seen = {trail[-1] for trail in trails}
    for trail in trails:  # which grows while it is walked
        if trail[-1] == start:
            return trail
        new = sorted(set(following(trail[-1])) - seen)
        seen.update(new)
        trails.extend((*trail, name) for name in new)
    return ()


def _fields(definition: Definition) -> tuple[Field, ...]:
    return definition.fields if isinstance(definition, Record) else ()


# References between files


def _circles(folder: SchemaFolder) -> Iterator[Fault]:
    """Yield one fault for each circle of files, in the file whose type's name comes first."""

    def referred(name: str) -> Iterable[str]:
        return (folder.owner(each) for each in folder.files[name].references if each in folder.places)

    for file in folder.files.values():
        circle = _way_back(file.name, referred(file.name), referred)
        if circle and file.name == min(circle):
            path, place = _use(file, folder, circle[1])
            message = f"files refer to each other: {' -> '.join(circle)}"
            fix = f"Define {' and '.join(sorted(set(circle)))} in one file, each where it is first used."
            yield Fault("CYCLIC_REFERENCE", path, message, place, fix)


def _use(file: SchemaFile, folder: SchemaFolder, owner: str) -> tuple[str, Place]:
    """Return where a file first uses a type that the file of another type defines."""
    for spot in walk(file):
        for leaf in leaves(spot) if spot.part is Part.FIELD else ():
            name = full_name(leaf.kind, namespace_of(spot.type))
            if name in folder.places and folder.owner(name) == owner:
                return leaf.path, leaf.place
    raise LookupError(f"{file.path} does not use {owner}")  # the caller has it from its references


# Files: either every file lies where its namespace says, or all lie in one folder, named after their types.


def _misplaced_files(folder: SchemaFolder) -> Iterator[Fault]:
    paths = {name: file.path for name, file in folder.files.items()}
    if _is_flat(paths):
        misplaced = {
            name: path.with_name(f"{simple_name(name)}.avsc")
            for name, path in paths.items()
            if not _is_named_after(path, name)
        }
    else:
        base = _base(paths)
        wanted = {name: base / _by_namespace(name) for name in paths}
        misplaced = {name: wanted[name] for name, path in paths.items() if path != wanted[name]}
    told = misplaced if len(misplaced) <= _MISPLACED_MAX else dict([next(iter(misplaced.items()))])
    others = f"; {len(misplaced) - 1} more files lie elsewhere" if len(told) < len(misplaced) else ""
    for name, wanted_path in told.items():
        message = f"{paths[name]} defines {name}, which belongs in {wanted_path}{others}"
        place = _name_of(folder.files[name])
        yield Fault("PATH_NAMESPACE_MISMATCH", "", message, place, f"Move the file to {wanted_path}.")


def _is_flat(paths: Mapping[str, PurePosixPath]) -> bool:
    """Say whether all files lie in one folder which is no namespace's."""
    folders = {path.parent for path in paths.values()}
    return len(folders) == 1 and not any(namespace_of(name) and _ends_with(path, name) for name, path in paths.items())


def _is_named_after(path: PurePosixPath, name: str) -> bool:
    """Say whether a file in a flat folder has its type's name: full or simple, in any spelling (`order-placed`)."""
    return path.stem == name or _letters(path.stem) == _letters(simple_name(name))


def _letters(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _base(paths: Mapping[str, PurePosixPath]) -> PurePosixPath:
    """Return the folder below which most files lie as their namespaces say: mostly the folder itself."""
    bases = Counter(_above(path, name) for name, path in paths.items() if _ends_with(path, name))
    most = max(bases.values(), default=0)
    return min((base for base, count in bases.items() if count == most), default=PurePosixPath())


def _above(path: PurePosixPath, name: str) -> PurePosixPath:
    return PurePosixPath(*path.parts[: -len(_by_namespace(name).parts)])


def _ends_with(path: PurePosixPath, name: str) -> bool:
    wanted = _by_namespace(name).parts
    return path.parts[-len(wanted) :] == wanted


def _by_namespace(name: str) -> PurePosixPath:
    return PurePosixPath(*namespace_of(name).split("."), f"{simple_name(name)}.avsc")


def _name_of(file: SchemaFile) -> Place:
    has_namespace = isinstance(file.json, Mapping) and "namespace" in file.json
    return Place(file.name, ("namespace" if has_namespace else "name",))


# Events


def _headless_events(folder: SchemaFolder, events: Iterable[str], header: str) -> Iterator[Fault]:
    for name in events:
        if name not in folder.files:  # an event of an invalid file is a finding of its own
            continue
        headers = [each.name == _HEADER and each.type == Reference(header) for each in _fields(folder.types[name])]
        if not any(headers[:1]):
            message = f"event {name} does not begin with a field {_HEADER!r} of type {header}"
            fix = f'Write {{"name": "{_HEADER}", "type": "{header}", "doc": ...}} as its first field.'
            fix = f"Make the field {_HEADER!r} the first one." if any(headers) else fix
            yield Fault("EVENT_WITHOUT_HEADER", "", message, Place(name, ("fields", 0)), fix)
