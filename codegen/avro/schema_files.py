"""A folder of `.avsc` files as one set of schemas that may refer to each other in any order.

`load` raises for the first fault; `examine` goes on and tells them all, so that a linter can.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from codegen.avro.json_text import Json, Location, Pointer, Position, locate, read_json
from codegen.avro.parsing import Parser
from codegen.avro.schema import NAMED, Definition, Place, Reference, Schema
from codegen.avro.schema_text import collect_definitions, compact, definitions_in, references, self_contained
from codegen.errors import SchemaError

IGNORED_FOLDERS = frozenset({"history"})  # released versions: not sources


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """One file: the type it defines (others may be nested in it) and the types it takes from other files."""

    path: PurePosixPath  # relative to the folder
    text: str
    json: Json
    name: str
    definitions: tuple[str, ...]
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SchemaFolder:
    """All schemas of a folder: `files` by the full name each defines, `types` by full name, nested ones included."""

    root: str
    files: Mapping[str, SchemaFile]
    types: Mapping[str, Definition]
    places: Mapping[str, tuple[str, Pointer]]  # full name of any type -> full name of the file's type, and where in it
    _definitions: dict[str, Json] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    def schema(self, name: str) -> Schema:
        """Return the named type as a schema of its own."""
        return Schema(Reference(name), self.types)

    def owner(self, name: str) -> str:
        """Return the full name of the file's type within whose file a type is defined."""
        return self.places[name][0]

    def locate(self, place: Place) -> Location:
        """Return the file, line and column of a place."""
        owner, pointer = self.places[place.type]
        file = self.files[owner]
        return Location(self.opened(file), *locate(file.text, (*pointer, *place.pointer)))

    def opened(self, file: SchemaFile) -> str:
        """Return the path of a file as one would open it."""
        return (PurePosixPath(self.root) / file.path).as_posix()

    def self_contained_text(self, name: str) -> str:
        """Return the JSON text of a type with everything inlined that it uses."""
        if not self._definitions:
            for file in self.files.values():
                collect_definitions(file.json, self._definitions)
        if name not in self._texts:
            self._texts[name] = compact(self_contained(name, self._definitions))
        return self._texts[name]

    def in_reference_order(self) -> list[SchemaFile]:
        """Return the files so that each comes after those it refers to; refuse files that refer to each other."""
        ordered: dict[str, SchemaFile] = {}
        for name in sorted(self.files):
            self._visit(name, ordered, ())
        return list(ordered.values())

    def _visit(self, name: str, ordered: dict[str, SchemaFile], trail: tuple[str, ...]) -> None:
        if name in trail:
            circle = (*trail[trail.index(name) :], name)
            raise FileFault(
                self.opened(self.files[name]),
                Position(1, 1),
                SchemaError(f"files refer to each other: {' -> '.join(circle)}", rule="CYCLIC_REFERENCE"),
            )
        if name not in ordered:
            for reference in self.files[name].references:
                if reference in self.places:
                    self._visit(self.owner(reference), ordered, (*trail, name))
            ordered[name] = self.files[name]


class FileFault(SchemaError):
    """A fault with the file that has it."""

    def __init__(self, file: str, position: Position, fault: SchemaError) -> None:
        super().__init__(
            f"{file}:{position.line}:{position.column}: {fault}",
            pointer=fault.pointer,
            position=position,
            rule=fault.rule,
        )
        self.fault = fault
        self.location = Location(file, *position)


@dataclass(frozen=True, slots=True)
class Examination:
    """What could be read of a folder, every fault met on the way, and definitions that two files have word for word."""

    folder: SchemaFolder
    faults: tuple[FileFault, ...]
    copies: tuple[FileFault, ...]


def load(folder: Path) -> SchemaFolder:
    """Read every `.avsc` file below `folder`; raise SchemaError with file and place of the first fault."""
    examination = examine(folder)
    for fault in examination.faults:
        raise fault
    return examination.folder


def examine(folder: Path) -> Examination:
    """Read every `.avsc` file below `folder`, and note the faults; raise SchemaError if there is none to read."""
    if not folder.is_dir():
        raise SchemaError(f"{folder}: no such folder")
    paths = [
        path for path in sorted(folder.rglob("*.avsc")) if path.relative_to(folder).parts[0] not in IGNORED_FOLDERS
    ]
    if not paths:
        raise SchemaError(f"{folder}: no .avsc files in this folder")
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return examine_contents(contents, folder.as_posix())


def schema_paths(folder: Path) -> list[Path]:
    """Return the `.avsc` files below `folder` but for its history; raise SchemaError if there is none."""
    if not folder.is_dir():
        raise SchemaError(f"{folder}: no such folder")
    paths = [
        path for path in sorted(folder.rglob("*.avsc")) if path.relative_to(folder).parts[0] not in IGNORED_FOLDERS
    ]
    if not paths:
        raise SchemaError(f"{folder}: no .avsc files in this folder")
    return paths


def examine_contents(contents: Mapping[str, bytes], root: str) -> Examination:
    """Read what files contain, by their paths relative to the folder `root`."""
    reading = _Reading(root)
    for path, content in contents.items():
        reading.read(path, content)
    reading.look_back()
    folder = SchemaFolder(root, reading.files, reading.parser.types, reading.places)
    faults, copies = (tuple(sorted(found, key=_by_place)) for found in (reading.faults, reading.copies))
    return Examination(folder, faults, copies)


def _by_place(fault: FileFault) -> tuple[str, int, int]:
    return fault.location.file, fault.location.line, fault.location.column


class _Reading:
    """Reads files one after the other, and remembers what belongs to which."""

    def __init__(self, root: str) -> None:
        self.parser = Parser()
        self._root = root
        self.files: dict[str, SchemaFile] = {}
        self.places: dict[str, tuple[str, Pointer]] = {}
        self.faults: list[FileFault] = []
        self.copies: list[FileFault] = []
        self._texts: dict[str, str] = {}  # of the files that could be read

    def read(self, path: str, content: bytes) -> None:
        text = ""
        try:
            text = content.decode()
            value = read_json(text)
            name = self._defined(value, path)
        except UnicodeDecodeError as error:
            fault = SchemaError(f"not UTF-8: {error.reason}", source=path)
            self.faults.append(self._of_file(fault, Position(1, 1)))
        except SchemaError as error:
            error.source = path
            self.faults.append(self._of_file(error, error.position or locate(text, error.pointer)))
        else:
            defined = definitions_in(value)
            self._texts[path] = text
            file = SchemaFile(PurePosixPath(path), text, value, name, defined, references(value))
            self.files.setdefault(name, file)  # a copy of a whole file says nothing new
            here = {each: self.parser.places[each] for each in defined if self.parser.places[each].name == path}
            self.places.update({each: (name, source.pointer) for each, source in here.items()})

    def _defined(self, value: Json, path: str) -> str:
        node = self.parser.read(value, path)
        if not isinstance(node, Reference) or not isinstance(value, Mapping) or value["type"] not in NAMED:
            raise SchemaError("a file defines one record, enum or fixed")
        return node.name

    def look_back(self) -> None:
        """Note what can be judged only when all files are read: unknown names, defaults."""
        for found, faults in ((self.parser.unfinished(), self.faults), (self.parser.copies, self.copies)):
            for fault in found:
                if fault.source in self._texts:  # else the file has a fault that is told already
                    faults.append(self._of_file(fault, locate(self._texts[fault.source], fault.pointer)))

    def _of_file(self, fault: SchemaError, position: Position) -> FileFault:
        return FileFault((PurePosixPath(self._root) / fault.source).as_posix(), position, fault)
