"""Judges one pair of schemas: whether it is valid, every datum can be read, and each means the same."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from codegen.avro import parsing
from codegen.avro.json_text import Json, Location, Pointer, Position, locate, read_json
from codegen.avro.parsing import Parser
from codegen.avro.schema import Schema
from codegen.avro.schema_files import SchemaFolder
from codegen.checks.faults import VERSION_RULES, Fault, all_faults, finding
from codegen.checks.findings import Category, Finding, Severity
from codegen.checks.rules import RULES
from codegen.errors import SchemaError


@dataclass(frozen=True, slots=True)
class Source:
    """A schema as it is given: JSON values, or a file and its text."""

    value: Json = None
    text: str | None = None
    file: str | None = None

    def read(self) -> Json:
        """Return the JSON; raise SchemaError if the text is none."""
        return self.value if self.text is None else read_json(self.text)

    def location(self, pointer: Pointer, position: Position | None = None) -> Location | None:
        """Return the place of a node, None where there is no file."""
        if self.text is None or self.file is None:
            return None
        return Location(self.file, *(position or locate(self.text, pointer)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What can be said of a pair; undecidable where one of the schemas is not valid."""

    valid: bool
    readable: bool | None
    same_meaning: bool | None
    findings: tuple[Finding, ...]


def judge(writer: Source, reader: Source, folder: SchemaFolder | None = None) -> Verdict:
    """Judge what becomes of the writer's data when the reader reads them; the reader is taken for the newer one.

    `folder` has the types that the two use and do not define.
    """
    written, faults_of_writer = _parsed(writer, "writer", folder)
    wanted, faults_of_reader = _parsed(reader, "reader", folder)
    if written is None or wanted is None:
        return Verdict(False, None, None, (*faults_of_writer, *faults_of_reader))
    findings = tuple(
        _finding(fault, wanted, reader, folder)
        for fault in all_faults(written.schema, wanted.schema)
        if RULES[fault.rule].category is not Category.API
    )
    readable = not any(each.category is Category.WIRE for each in findings)
    same = readable and not any(each.severity is Severity.ERROR for each in findings)
    return Verdict(True, readable, same, findings)


@dataclass(frozen=True, slots=True)
class _Parsed:
    schema: Schema
    places: Mapping[str, parsing.Origin]


def _parsed(source: Source, side: str, folder: SchemaFolder | None) -> tuple[_Parsed | None, tuple[Finding, ...]]:
    parser = Parser()
    try:
        root = parser.read(source.read())
        if folder is not None:
            parser.lend(folder.types)
        faults = parser.unfinished()
    except SchemaError as error:
        faults = [error]
    else:
        if not faults:
            return _Parsed(Schema(root, parser.types), parser.places), ()
    return None, tuple(_invalid(fault, source, side) for fault in faults)


def _invalid(fault: SchemaError, source: Source, side: str) -> Finding:
    as_fault = Fault(fault.rule, fault.path, f"the {side}'s schema is not valid: {fault.reason}")
    return finding(as_fault, source.location(fault.pointer, fault.position))


def _finding(fault: Fault, wanted: _Parsed, reader: Source, folder: SchemaFolder | None) -> Finding:
    place = fault.place
    if place and folder and place.type not in wanted.places:
        location: Location | None = folder.locate(place)
    else:
        location = reader.location((*wanted.places[place.type].pointer, *place.pointer) if place else ())
    found = finding(fault, location)
    # A datum that has the field means the same under either default: these two are for people to look at.
    return replace(found, severity=Severity.WARNING) if fault.rule in VERSION_RULES else found
