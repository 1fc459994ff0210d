"""A folder of `.avsc` files as one set of schemas that may refer to each other in any order.

`load` raises for the first fault; `examine` goes on and tells them all, so that a linter can.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path, PurePath, PurePosixPath
from typing import TypeGuard

from codegen.avro.json_text import Json, Location, Pointer, Position, decoded, locate, read_json
from codegen.avro.parsing import Parser, defined_name
from codegen.avro.schema import NAMED, Definition, Place, Reference, Schema
from codegen.avro.schema_text import collect_definitions, compact, definitions_in, references, self_contained
from codegen.errors import SchemaError

IGNORED_FOLDERS = frozenset({"history"})  # released versions: not sources


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """A type that a file defines (others may be nested in it) and the types that it takes from elsewhere.

    A file whose schema is a union is one of these for each type that it defines.
    """

    path: PurePosixPath  # relative to the folder
    text: str  # of the whole file
    json: Json  # of the type
    name: str
    definitions: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def own_text(self) -> str:
        """The text of the type: as written, where it is all that is in the file."""
        return self.text if read_json(self.text) == self.json else compact(self.json)


@dataclass(frozen=True, slots=True)
class SchemaFolder:
    """All schemas of a folder: `files` by the full name each defines, `types` by full name, nested ones included.

    A file that defines everything it uses, but something otherwise than another file does, stands `apart`.
    """

    root: str
    files: Mapping[str, SchemaFile]
    types: Mapping[str, Definition]
    places: Mapping[str, tuple[str, Pointer]]  # full name of any type -> full name of the file's type, and where in it
    apart: Mapping[str, "SchemaFolder"] = field(default_factory=dict)  # by the full name that the file defines
    _definitions: dict[str, Json] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    def schema(self, name: str) -> Schema:
        """Return the named type as a schema of its own."""
        return Schema(Reference(name), self.around(name).types)

    def around(self, name: str) -> "SchemaFolder":
        """Return the folder in which a file's type finds those that it uses: this one, or the file alone."""
        return self.apart.get(name, self)

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
        """Return the files so that each comes after those it refers to, as far as they do not refer to each other."""
        ordered: dict[str, SchemaFile] = {}
        for name in sorted(self.files):
            self._visit(name, ordered, set())
        return list(ordered.values())

    def _visit(self, name: str, ordered: dict[str, SchemaFile], begun: set[str]) -> None:
        if name not in ordered and name not in begun:
            begun.add(name)
            for owner in self._referred(name):
                self._visit(owner, ordered, begun)
            ordered[name] = self.files[name]

    def refuse_circles(self) -> None:
        """Raise SchemaError if files refer to each other in a circle: none of them can be registered first."""
        graph = {name: set(self._referred(name)) - {name} for name in self.files}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1][::-1]
            fault = SchemaError(f"files refer to each other: {' -> '.join(circle)}", rule="CYCLIC_REFERENCE")
            raise FileFault(self.opened(self.files[circle[0]]), Position(1, 1), fault) from None

    def _referred(self, name: str) -> Iterator[str]:
        return (self.owner(reference) for reference in self.files[name].references if reference in self.places)


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
    """What could be read of a folder, the faults of the files that could not, and what only some can use.

    `copies` are definitions that two files have word for word. `conflicts` are those that say something else, and files
    that define no type: who needs one type of each name, or a type in each file, refuses them.
    """

    folder: SchemaFolder
    faults: tuple[FileFault, ...]
    copies: tuple[FileFault, ...]
    conflicts: tuple[FileFault, ...]


def load(folder: Path) -> SchemaFolder:
    """Read every `.avsc` file below `folder`; raise SchemaError with file and place of the first fault or conflict."""
    examination = examine(folder)
    for fault in (*examination.faults, *examination.conflicts):
        raise fault
    return examination.folder


def load_apart(folder: Path) -> SchemaFolder:
    """Read every `.avsc` file below `folder`, those that contradict others apart; raise SchemaError for the first fault."""
    examination = examine(folder)
    for fault in examination.faults:
        raise fault
    return examination.folder


def examine(folder: Path) -> Examination:
    """Read every `.avsc` file below `folder`, and note the faults; raise SchemaError if there is none to read."""
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in schema_paths(folder)}
    return examine_contents(contents, folder.as_posix())


def schema_paths(folder: Path) -> list[Path]:
    """Return the `.avsc` files below `folder` but for its history; raise SchemaError if there is none."""
    if not folder.is_dir():
        what = "no folder" if folder.exists() else "no such folder"
        raise SchemaError(f"{folder}: {what}; --schemas names the folder of the .avsc files")
    below = [path for path in sorted(folder.rglob("*.avsc")) if path.is_file()]
    paths = [path for path in below if not is_left_out(path.relative_to(folder))]
    if not paths:
        raise SchemaError(f"{folder}: no .avsc files in this folder")
    return paths


def is_left_out(path: PurePath) -> bool:
    """Say whether a file, by its path in the folder, is none of its sources: a released version, or in a tool's folder."""
    return path.parts[0] in IGNORED_FOLDERS or any(each[0] == "." or each == "node_modules" for each in path.parts[:-1])


def examine_contents(contents: Mapping[str, bytes], root: str) -> Examination:
    """Read what files contain, by their paths relative to the folder `root`."""
    reading = _Reading(root)
    for path, content in contents.items():
        reading.read(path, content)
    reading.look_back()
    folder = SchemaFolder(root, reading.files, reading.types, reading.places, reading.apart)
    found = (tuple(sorted(each, key=_by_place)) for each in (reading.faults, reading.copies, reading.conflicts))
    return Examination(folder, *found)


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
        self.conflicts: list[FileFault] = []
        self.apart: dict[str, SchemaFolder] = {}
        self._texts: dict[str, str] = {}  # of the files that could be read

    def read(self, path: str, content: bytes) -> None:
        text, opened = "", self._opened(path)
        try:
            text = decoded(content)
            value = read_json(text)
            self.parser.read(value, opened)
        except SchemaError as error:
            error.source = opened
            found = FileFault(opened, error.position or locate(text, error.pointer), error)
            (self.conflicts if self._stands_apart(path, content, error) else self.faults).append(found)
        else:
            self._texts[opened] = text
            types = [each for each in (value if isinstance(value, list) else [value]) if _is_definition(each)]
            for each in types:
                self._define(path, opened, text, each)
            if not types:
                fault = SchemaError("it defines no record, enum or fixed", source=opened, rule="FILE_WITHOUT_TYPE")
                self.conflicts.append(FileFault(opened, Position(1, 1), fault))

    def _define(self, path: str, opened: str, text: str, value: Mapping[str, Json]) -> None:
        name, defined = defined_name(value, ""), definitions_in(value)
        file = SchemaFile(PurePosixPath(path), text, value, name, defined, references(value))
        self.files.setdefault(name, file)  # a copy of a whole file says nothing new
        origins = {each: self.parser.places[each] for each in defined}
        self.places |= {each: (name, origin.pointer) for each, origin in origins.items() if origin.name == opened}

    def _stands_apart(self, path: str, content: bytes, error: SchemaError) -> bool:
        """Keep a file that contradicts another one as a folder of its own, if it can be one."""
        if error.rule != "DUPLICATE_DEFINITION":
            return False
        alone = examine_contents({path: content}, self._root)
        files = list(alone.folder.files.values())
        if len(files) != 1 or alone.faults or files[0].name in self.parser.types:
            return False
        [file] = files
        self.files[file.name] = file
        self.apart[file.name] = alone.folder
        self.places[file.name] = alone.folder.places[file.name]
        return True

    @property
    def types(self) -> Mapping[str, Definition]:
        """All types by full name; of those that stand apart the outermost ones."""
        return self.parser.types | {name: folder.types[name] for name, folder in self.apart.items()}

    def look_back(self) -> None:
        """Note what can be judged only when all files are read: unknown names, defaults."""
        for found, faults in ((self.parser.unfinished(), self.faults), (self.parser.copies, self.copies)):
            for fault in found:
                if fault.source in self._texts:  # else the file has a fault that is told already
                    faults.append(FileFault(fault.source, locate(self._texts[fault.source], fault.pointer), fault))
        faulty = {fault.location.file for fault in self.faults}
        self.conflicts = [conflict for conflict in self.conflicts if conflict.location.file not in faulty]

    def _opened(self, path: str) -> str:
        return (PurePosixPath(self._root) / path).as_posix()


def _is_definition(value: Json) -> TypeGuard[Mapping[str, Json]]:
    return isinstance(value, Mapping) and value["type"] in NAMED
