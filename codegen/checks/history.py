"""Earlier versions of the subjects: as released (`history/<subject>/<n>.avsc`) or as a folder was at a git revision.

Which subjects there are is the current folder's word; an earlier version whose subject is gone keeps the name it had.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from codegen.avro import schema_files
from codegen.avro.json_text import Json, read_json
from codegen.avro.parsing import parse
from codegen.avro.schema import Definition, Reference, Schema, simple_name
from codegen.avro.schema_files import FileFault, SchemaFolder, is_left_out
from codegen.avro.schema_text import collect_definitions
from codegen.checks import release_lock, revisions
from codegen.contracts import Contracts
from codegen.errors import ContractsError, SchemaError

FOLDER_NAME: Final = "history"
_VERSION_FILE: Final = re.compile(r"([1-9][0-9]*)\.avsc")


@dataclass(frozen=True, slots=True)
class Version:
    """One earlier version of a subject: its number, or the git revision as it was asked for, and its schema."""

    label: int | str
    schema: Schema
    file: str
    text: str = field(default="", repr=False)
    """Its JSON with all references inlined; empty where it stands in a revision of git."""

    @property
    def name(self) -> str | None:
        """The full name of its type; None where it is a schema without a name."""
        return self.schema.root.name if isinstance(self.schema.root, Reference) else None


@dataclass(frozen=True, slots=True)
class Types:
    """Named types by full name, and each as written, with what a team added to it."""

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    json: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: SchemaFolder) -> "Types":
        """Return the types of a folder."""
        json: dict[str, Json] = {}
        for file in folder.files.values():
            collect_definitions(file.json, json)
        return cls(folder.types, json)


@dataclass(frozen=True, slots=True)
class Earlier:
    """Earlier versions by subject, the oldest first, and every named type as it was last.

    `notice` says why there is nothing to compare with, where that could surprise.
    """

    versions: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    types: Types = field(default_factory=Types)
    notice: str | None = None


def read(against: str, contracts: Contracts) -> Earlier:
    """Return what `history` or `git:REF` has; raise ContractsError for anything else, SchemaError for a bad text."""
    kind, _, revision = against.partition(":")
    if against == "history":
        return released(contracts.folder)
    if kind == "git" and revision:
        return at_revision(contracts, revision)
    raise ContractsError(
        f"--against is 'history', 'registry' or 'git:REF' (git:main, git:HEAD~1, git:v1.2), not {against!r}"
    )


def released(folder: Path) -> Earlier:
    """Return the released versions below `folder`/history; raise SchemaError where contracts.lock has others."""
    release_lock.verify(folder, FOLDER_NAME)
    history = folder / FOLDER_NAME
    subjects = sorted(path for path in history.iterdir() if path.is_dir()) if history.is_dir() else []
    for path in history.glob("*.avsc"):
        raise SchemaError(
            f"{path}: a released version belongs in a folder of its subject: {FOLDER_NAME}/<subject>/1.avsc"
        )
    texts = {subject: files for subject, files in ((path.name, dict(_texts(path))) for path in subjects) if files}
    if not texts:
        return Earlier(notice=f"{history}: no released versions, so there is nothing to compare with")
    parsed: dict[str, Schema] = {}
    versions = {
        subject: tuple(_version(path, text, parsed) for path, text in files.items()) for subject, files in texts.items()
    }
    return Earlier(versions, newest_types(versions))


def _texts(subject: Path) -> Iterator[tuple[Path, str]]:
    """Yield a subject's files and what is in them, in the order of their numbers."""
    names = [path.name for path in subject.iterdir() if not path.name.startswith(".")]
    for name in names:
        if not _VERSION_FILE.fullmatch(name):
            raise SchemaError(f"{subject / name}: a released version is named by its number: 1.avsc, 2.avsc, ...")
    for name in sorted(names, key=_number):
        try:
            yield subject / name, (subject / name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError) as error:
            raise SchemaError(f"{subject / name}: {error}") from error


def _number(name: str) -> int:
    return int(name.removesuffix(".avsc"))


def _version(path: Path, text: str, parsed: dict[str, Schema]) -> Version:
    """Parse a released version; equal texts share one schema."""
    try:
        if text not in parsed:
            parsed[text] = parse(text)
    except SchemaError as error:
        line, column = error.position or (1, 1)
        raise SchemaError(f"{path}:{line}:{column}: {error}") from error
    return Version(_number(path.name), parsed[text], str(path), text)


def newest_types(versions: Mapping[str, tuple[Version, ...]]) -> Types:
    """Return the types of the newest versions; that of a type's own subject counts before one inlined elsewhere."""
    definitions: dict[str, Definition] = {}
    json: dict[str, Json] = {}
    for is_own in (True, False):
        for each in versions.values():
            written: dict[str, Json] = {}
            collect_definitions(read_json(each[-1].text), written)
            for name, definition in each[-1].schema.types.items():
                if (name == each[-1].name) == is_own and name not in definitions:
                    definitions[name], json[name] = definition, written[name]
    return Types(definitions, json)


def at_revision(contracts: Contracts, revision: str) -> Earlier:
    """Return the folder's types at a git revision as one version of each subject, matched by the type's full name."""
    contents = revisions.contents(contracts.folder, revision) or {}
    contents = {path: each for path, each in contents.items() if not is_left_out(PurePosixPath(path))}
    if not contents:
        return Earlier(notice=f"{contracts.folder}: no .avsc files at {revision}, so there is nothing to compare with")
    examination = schema_files.examine_contents(contents, contracts.folder.as_posix())
    earlier = examination.folder
    versions = dict(_at_revision(contracts, earlier, revision))
    faulty = {fault.location.file for fault in examination.faults}
    unread = {subject for subject, [version] in versions.items() if not _is_whole(version, earlier, faulty)}
    compared = {subject: each for subject, each in versions.items() if subject not in unread}
    return Earlier(compared, Types.of(earlier), _not_compared(revision, unread, examination.faults))


def _at_revision(
    contracts: Contracts, earlier: SchemaFolder, revision: str
) -> Iterator[tuple[str, tuple[Version, ...]]]:
    current = [(subject.name, subject.file.name) for subject in contracts.subjects()]
    gone = [(name, name) for name in earlier.files if name not in contracts.schemas.files]
    for subject, name in (*current, *gone):
        if name in earlier.types:
            file = earlier.opened(earlier.files[earlier.owner(name)])
            yield subject, (Version(revision, earlier.schema(name), file),)


def _is_whole(version: Version, folder: SchemaFolder, faulty: Collection[str]) -> bool:
    """Say whether a version, and all that it uses, could be read."""
    ahead, seen = [folder.owner(version.name)] if version.name else [], set[str]()
    while ahead:
        file = folder.files[ahead.pop()]
        if folder.opened(file) in faulty or any(each not in folder.places for each in file.references):
            return False
        seen.add(file.name)
        ahead += {folder.owner(each) for each in file.references} - seen
    return True


def _not_compared(revision: str, unread: Collection[str], faults: Sequence[FileFault]) -> str | None:
    if not faults:
        return None
    what = f", so {', '.join(sorted(unread))} cannot be compared" if unread else ""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"at {revision} not every schema can be read{what}: {faults[0]}{more}"


def successor(name: str, earlier: Mapping[str, Definition], current: Mapping[str, Definition]) -> str | None:
    """Return the current type that took the place of an earlier one; None where the type is gone.

    It is the type of that name, else the one that has it as an alias, else the only new type with the same
    unqualified name.
    """
    if name in current:
        return name
    renamed = [each.name for each in current.values() if name in each.aliases]
    moved = [each for each in current if simple_name(each) == simple_name(name) and each not in earlier]
    candidates = renamed[:1] or moved
    return candidates[0] if len(candidates) == 1 else None
