"""A folder of `.avsc` files as one set of schemas that may refer to each other in any order."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from codegen.errors import SchemaError
from codegen.schema import Definition, Json, Parser, Reference, Schema, read_json
from codegen.schema_text import collect_definitions, compact, definitions_in, references, self_contained

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

    files: Mapping[str, SchemaFile]
    types: Mapping[str, Definition]
    owners: Mapping[str, str]  # full name of any type -> full name of the file that defines it

    def schema(self, name: str) -> Schema:
        """Return the named type as a schema of its own."""
        return Schema(Reference(name), self.types)

    def self_contained_text(self, name: str) -> str:
        """Return the JSON text of a type with everything inlined that it uses."""
        return compact(self_contained(name, self._definition_texts()))

    def in_reference_order(self) -> list[SchemaFile]:
        """Return the files so that each comes after those it refers to; refuse files that refer to each other."""
        ordered: dict[str, SchemaFile] = {}
        for name in sorted(self.files):
            self._visit(name, ordered, ())
        return list(ordered.values())

    def _visit(self, name: str, ordered: dict[str, SchemaFile], trail: tuple[str, ...]) -> None:
        if name in trail:
            raise SchemaError(f"files refer to each other: {' -> '.join((*trail[trail.index(name) :], name))}")
        if name not in ordered:
            for reference in self.files[name].references:
                self._visit(self.owners[reference], ordered, (*trail, name))
            ordered[name] = self.files[name]

    def _definition_texts(self) -> Mapping[str, Json]:
        texts: dict[str, Json] = {}
        for file in self.files.values():
            collect_definitions(file.json, texts)
        return texts


def load(folder: Path) -> SchemaFolder:
    """Read every `.avsc` file below `folder`; raise SchemaError with file and place of the first fault."""
    if not folder.is_dir():
        raise SchemaError(f"{folder}: no such folder")
    parser = Parser()
    files: dict[str, SchemaFile] = {}
    owners: dict[str, str] = {}
    for path in sorted(folder.rglob("*.avsc")):
        relative = path.relative_to(folder)
        if relative.parts[0] in IGNORED_FOLDERS:
            continue
        file = _read(path, PurePosixPath(relative.as_posix()), parser)
        files[file.name] = file
        owners.update(dict.fromkeys(file.definitions, file.name))
    if not files:
        raise SchemaError(f"{folder}: no .avsc files in this folder")
    _check_references(files, owners)
    return SchemaFolder(files, parser.types, owners)


def _read(path: Path, relative: PurePosixPath, parser: Parser) -> SchemaFile:
    try:
        text = path.read_text(encoding="utf-8")
        value = read_json(text)
        node = parser.node(value, "", "")
    except (SchemaError, UnicodeDecodeError) as error:
        raise SchemaError(f"{relative}: {error}") from error
    if not isinstance(node, Reference) or not isinstance(value, Mapping):
        raise SchemaError(f"{relative}: a file defines one record, enum or fixed")
    return SchemaFile(relative, text, value, node.name, definitions_in(value), references(value))


def _check_references(files: Mapping[str, SchemaFile], owners: Mapping[str, str]) -> None:
    for file in files.values():
        for name in file.references:
            if name not in owners:
                raise SchemaError(f"{file.path}: unknown type {name!r}")
