"""contracts.lock: the SHA-256 of every released version, so that none is ever edited, lost or slipped in.

The file is in the form that `sha256sum --check` reads, from within the schemas' folder. A folder without it has promised
nothing; the first `contracts release` writes it.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from codegen.errors import SchemaError

FILE_NAME: Final = "contracts.lock"
_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S.*)")


def verify(folder: Path, history: str) -> None:
    """Compare the released versions below `folder`/`history` with the lock; raise SchemaError at the first difference."""
    for path, reason in differences(folder, history):
        raise SchemaError(f"{path}: {reason}")


def differences(folder: Path, history: str) -> Iterator[tuple[Path, str]]:
    """Yield each released version that is not as the lock has it, and why; nothing where there is no lock."""
    if not (folder / FILE_NAME).exists():
        return
    locked, present = _read(folder / FILE_NAME), hashes(folder, history)
    for name in sorted(locked.keys() | present.keys()):
        path = folder / name
        if name not in present:
            yield path, f"it was released, and is gone; restore it: git checkout -- {path}"
        elif name not in locked:
            yield path, f"{FILE_NAME} does not know it; delete it: versions are made by `contracts release`"
        elif locked[name] != present[name]:
            yield (
                path,
                f"it was released, and has been edited since; restore it (git checkout -- {path}) "
                "and edit the schema itself: `contracts release` makes its next version",
            )


def hashes(folder: Path, history: str) -> dict[str, str]:
    """Return the SHA-256 of every released version by its path in the folder."""
    paths = sorted((folder / history).glob("*/*.avsc"))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def write(folder: Path, hashed: Mapping[str, str]) -> None:
    """Write the lock anew, all of it at once."""
    scratch = folder / f".{FILE_NAME}"
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(hashed.items()))
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(folder / FILE_NAME)


def _read(path: Path) -> dict[str, str]:
    locked = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise SchemaError(f"{path}:{number}: a line has a SHA-256, two blanks and a path; restore it from git")
        locked[match[2]] = match[1]
    return locked
