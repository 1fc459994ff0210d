"""The generator's output on disk: where it goes, what differs, what is left over from schemas that are gone."""

import keyword
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from codegen.errors import ContractsError
from codegen.python.source import MARK


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is not as the schemas say: "missing", "changed" or "left over"."""

    path: Path
    kind: str


def package_folder(out: Path, package: str) -> Path:
    """Return the folder of the package: below `out`, or `out` itself where that ends in the package's path."""
    parts = tuple(package.split("."))
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise ContractsError(f"{package!r} is no name for a Python package")
    if parts[0] in sys.stdlib_module_names:
        raise ContractsError(f"{package!r} would hide a module of Python's own; choose another name")
    return out if out.resolve().parts[-len(parts) :] == parts else out.joinpath(*parts)


def differences(folder: Path, files: Mapping[PurePosixPath, str]) -> list[Difference]:
    """Compare a package's folder with what should be in it; files that the generator did not write do not count."""
    found = []
    for relative, text in files.items():
        path = folder / relative
        if not path.is_file():
            found.append(Difference(path, "missing"))
        elif path.read_bytes() != text.encode():
            found.append(Difference(path, "changed"))
    expected = {folder / relative for relative in files}
    marks = {text.partition(";")[0] for text in files.values()}  # another package below this one has others
    leftovers = (
        path
        for path in sorted(folder.rglob("*.py"))
        if path not in expected and _first_line(path).partition(";")[0] in marks
    )
    return [*found, *(Difference(path, "left over") for path in leftovers)]


def write(folder: Path, files: Mapping[PurePosixPath, str], package: str) -> list[Difference]:
    """Make a package's folder what it should be; return what was different. Equal files are not touched."""
    changes = differences(folder, files)
    for change in changes:
        if change.kind == "changed" and not _is_generated(change.path) and change.path.read_bytes().strip():
            raise ContractsError(f"{change.path} was not written by this generator; move it away first")
    _make_parents(folder, package)
    texts = {folder / relative: text for relative, text in files.items()}
    for change in changes:
        if change.kind == "left over":
            change.path.unlink()
        else:
            change.path.parent.mkdir(parents=True, exist_ok=True)
            change.path.write_bytes(texts[change.path].encode())
    return changes


def _make_parents(folder: Path, package: str) -> None:
    """Make the packages above the generated one importable, where they are not there yet."""
    parent = folder
    for _ in package.split(".")[1:]:
        parent = parent.parent
        parent.mkdir(parents=True, exist_ok=True)
        if not (parent / "__init__.py").exists():
            (parent / "__init__.py").touch()


def _is_generated(path: Path) -> bool:
    return _first_line(path).startswith(MARK)


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline()
