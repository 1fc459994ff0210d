"""What breaks: every subject against its earlier versions, in the directions and as far back as its level demands.

BACKWARD: the schema of now reads what an earlier one wrote; FORWARD: the earlier one reads what is written now; FULL:
both. Without TRANSITIVE only the newest of the earlier versions counts. The same fault towards several versions is one
finding that names them all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from codegen.avro.json_text import Location
from codegen.avro.schema import Place, Schema, names_used
from codegen.checks import faults
from codegen.checks.faults import Changed, Fault
from codegen.checks.findings import Category, Finding
from codegen.checks.history import Earlier, Version, successor
from codegen.checks.rules import RULES
from codegen.contracts import Contracts


def find(contracts: Contracts, earlier: Earlier) -> tuple[Finding, ...]:
    """Return what the folder as it is breaks, subject by subject; nothing where the level is NONE."""
    if contracts.compatibility == "NONE":
        return ()
    comparison = _Comparison(contracts)
    types = {subject.name: subject.file.name for subject in contracts.subjects()}
    found: list[Finding] = []
    for subject, versions in earlier.versions.items():
        name = types.get(subject) or _successor(versions[-1], earlier, contracts)
        if name is None:
            found.append(_removed(subject, versions))
        else:
            found.extend(comparison.of_subject(subject, name, versions))
    return tuple(found)


def _successor(newest: Version, earlier: Earlier, contracts: Contracts) -> str | None:
    """Return the type to which a subject that is gone has come."""
    if newest.name is None:
        return None
    return successor(newest.name, earlier.types.definitions, contracts.schemas.types)


def _removed(subject: str, versions: tuple[Version, ...]) -> Finding:
    newest = versions[-1]
    message = f"{newest.name or subject} was released, and no file defines it or has it as an alias"
    labels = tuple(version.label for version in versions)
    return faults.finding(Fault("SUBJECT_REMOVED", "", message), Location(newest.file, 1, 1), subject, labels)


class _Comparison:
    """Compares versions with the folder's types; what is equal is compared once, a place is looked up once."""

    def __init__(self, contracts: Contracts) -> None:
        self._schemas = contracts.schemas
        self._level = contracts.compatibility
        self._faults: dict[tuple[str, int], tuple[Fault, ...]] = {}  # by the type and the identity of the version
        self._locations: dict[tuple[str, Place], Location] = {}  # by the file that stands apart, if one does

    def of_subject(self, subject: str, name: str, versions: tuple[Version, ...]) -> Iterator[Finding]:
        """Yield the findings of a subject whose type is `name` now."""
        broken: dict[Fault, list[int | str]] = {}
        for version in versions if self._level.endswith("_TRANSITIVE") else versions[-1:]:
            for fault in self._of_version(name, version.schema):
                broken.setdefault(fault, []).append(version.label)
        unreadable = {fault.path for fault in broken if RULES[fault.rule].category is Category.WIRE}
        for fault, labels in broken.items():
            if RULES[fault.rule].category is Category.API and fault.path in unreadable:
                continue  # what nobody can read is not used in Python either
            location = self._locate(name, fault.place or Place(name))
            yield faults.finding(fault, location=location, subject=subject, versions=tuple(labels))

    def _of_version(self, name: str, previous: Schema) -> tuple[Fault, ...]:
        key = name, id(previous)
        if key not in self._faults:
            current = self._schemas.schema(name)
            unchanged = is_same(previous, current)
            self._faults[key] = () if unchanged else _one_each(*self._compare(previous, current))
        return self._faults[key]

    def _compare(self, previous: Schema, current: Schema) -> tuple[tuple[Fault, ...], tuple[Fault, ...]]:
        """Return the faults towards what was written, and those towards readers that are deployed."""
        if self._level.startswith(("BACKWARD", "FULL")):
            of_reader = faults.all_faults(writer=previous, reader=current)  # those of two versions are among them
        else:
            of_reader = faults.compare_versions(previous, current)
        if self._level.startswith(("FORWARD", "FULL")):
            return of_reader, faults.find(writer=current, reader=previous, changed=Changed.WRITER)
        return of_reader, ()

    def _locate(self, name: str, place: Place) -> Location:
        around = self._schemas.around(name)
        key = "" if around is self._schemas else name, place
        if key not in self._locations:
            self._locations[key] = around.locate(place)
        return self._locations[key]


def _one_each(of_reader: Sequence[Fault], of_writer: Sequence[Fault]) -> tuple[Fault, ...]:
    """Return the faults of both directions; what both have is said once, with the fix that helps deployed readers too."""
    fixes = {_where(fault): fault.fix for fault in of_writer}
    first = [replace(each, fix=fixes[_where(each)]) if _where(each) in fixes else each for each in of_reader]
    said = {_where(fault) for fault in of_reader}
    return (*first, *(fault for fault in of_writer if _where(fault) not in said))


def _where(fault: Fault) -> tuple[str, str, Place | None]:
    return fault.rule, fault.path, fault.place


def is_same(previous: Schema, current: Schema) -> bool:
    """Say whether two schemas are equal as far as they reach from their roots, docs and defaults included."""
    if previous.root != current.root:
        return False
    seen: set[str] = set()
    ahead = set(names_used(current.root))
    while ahead:
        name = ahead.pop()
        seen.add(name)
        if previous.types.get(name) != current.types[name]:
            return False
        ahead |= {each for each in names_used(current.types[name]) if each not in seen}
    return True
