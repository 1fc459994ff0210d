"""A folder as it was at a revision of the git repository that contains it.

Git's objects are read and not a checkout, so neither the working tree nor attributes (`export-ignore`, line endings)
have a say, and it takes four processes however many files there are.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from codegen.errors import ContractsError

GIT_SECONDS_MAX: Final = 60  # local reads take milliseconds; a partial clone may have to fetch
_DIRECTED_ELSEWHERE: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")  # a hook sets them
_SUBMODULE: Final = "160000"


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: str
    path: str  # from the top of the repository


def contents(folder: Path, revision: str) -> Mapping[str, bytes] | None:
    """Return the `.avsc` files below `folder` at a revision by their paths in it; None if there was no such folder.

    Raise ContractsError where there is no repository or no such revision.
    """
    prefix = _prefix(folder)
    tree = _tree(folder, revision)
    listed = _git(folder, "ls-tree", "-r", "-z", "--full-tree", tree, *([prefix] if prefix else []))
    entries = [_entry(line) for line in listed.split(b"\0") if line]
    if not entries:
        return None
    _refuse_submodules(folder, prefix, entries, revision)
    files = [entry for entry in entries if entry.path.endswith(".avsc") and entry.mode != _SUBMODULE]
    paths = (entry.path.removeprefix(prefix) for entry in files)
    return dict(zip(paths, _contents(folder, tree, files), strict=True))


def merge_base(folder: Path, revision: str) -> str:
    """Return the commit at which what is checked out has left `revision`; raise ContractsError where there is none."""
    _prefix(folder)  # says so where there is no repository
    _tree(folder, revision)  # and where there is no such revision
    try:
        return _git(folder, "merge-base", revision, "HEAD").decode().strip()
    except _GitFailed:
        raise ContractsError(
            f"the repository of {folder} has no commit that {revision} and HEAD have in common; "
            "in a shallow clone the commits between are missing: `git fetch --unshallow`"
        ) from None


def _prefix(folder: Path) -> str:
    """Return the folder's path from the top of its repository, ending in a slash, or the empty string at the top."""
    try:
        return os.fsdecode(_git(folder, "rev-parse", "--show-prefix")).removesuffix("\n")
    except _GitFailed as error:
        raise ContractsError(
            f"{folder} is in no git repository that could be read ({error}); "
            "compare with released versions instead: --against history"
        ) from error


def _tree(folder: Path, revision: str) -> str:
    is_branch = re.fullmatch(r"(?!HEAD)[\w.-]+", revision) and not revision.startswith("-")
    remote = f"a remote's branch is 'git:origin/{revision}'; " if is_branch else ""
    unknown = ContractsError(
        f"the repository of {folder} has no revision {revision!r}; name a branch, a tag or a commit that is here "
        f"({remote}a shallow clone needs `git fetch --unshallow`)"
    )
    if revision.startswith(("-", "^")):  # an option; all that is not in a revision
        raise unknown
    try:
        return _git(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{tree}}").decode().strip()
    except _GitFailed:
        raise unknown from None


def _entry(line: bytes) -> _Entry:
    facts, _, path = line.partition(b"\t")  # "<mode> <type> <object>\t<path>"
    return _Entry(facts.split()[0].decode(), os.fsdecode(path))


def _refuse_submodules(folder: Path, prefix: str, entries: list[_Entry], revision: str) -> None:
    for entry in entries:
        path = folder / entry.path.removeprefix(prefix)
        if entry.mode == _SUBMODULE and any(path.rglob("*.avsc")):
            raise ContractsError(
                f"{path} was a submodule at {revision}: its schemas are in a repository of their own; "
                f"check them there: --schemas {path}"
            )


def _contents(folder: Path, tree: str, files: list[_Entry]) -> Iterator[bytes]:
    """Yield what each file had in it; a symbolic link has what it leads to."""
    for entry in files:
        if "\n" in entry.path:
            raise ContractsError(f"{entry.path!r}: a file's name may have no line break")
    names = "".join(f"{tree}:{entry.path}\n" for entry in files)
    answer = BytesIO(_git(folder, "cat-file", "--batch", "--follow-symlinks", stdin=os.fsencode(names)))
    for entry in files:
        *_, kind, size = answer.readline().split()  # "<object> blob <size>", or for a bad link "<kind> <size>"
        content = answer.read(int(size))
        answer.read(1)  # the line's end
        if kind != b"blob":
            raise ContractsError(f"{entry.path} is a symbolic link that leads to no file of the repository")
        yield content


class _GitFailed(ContractsError):
    """Git has refused a command; the message is its own."""


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    environment = {name: value for name, value in os.environ.items() if name not in _DIRECTED_ELSEWHERE}
    try:
        done = subprocess.run(  # noqa: S603 - git, arguments are no shell text
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - whichever git the user has
            env=environment,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=GIT_SECONDS_MAX,
        )
    except FileNotFoundError as error:
        raise ContractsError("--against git:REF needs the program git, which is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ContractsError(f"git has not answered within {GIT_SECONDS_MAX} s") from error
    if done.returncode:
        raise _GitFailed(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
    return done.stdout
