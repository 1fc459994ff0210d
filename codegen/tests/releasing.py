"""Earlier versions for tests: released files, and commits of a real git repository."""

import json
import subprocess
from pathlib import Path
from typing import Any

from codegen.contracts import Contracts


def release(folder: Path, subject: str, number: int | str, schema: Any) -> Path:
    """Write a released version: text as it is, anything else as JSON."""
    path = folder / "history" / subject / f"{number}.avsc"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(schema if isinstance(schema, str) else json.dumps(schema), encoding="utf-8")
    return path


def release_all(folder: Path, number: int) -> None:
    """Write a released version of every subject as it is now."""
    contracts = Contracts.load(folder)
    for subject in contracts.subjects():
        release(folder, subject.name, number, contracts.schemas.self_contained_text(subject.file.name))


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, as somebody; return what it says."""
    user = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(folder), *user, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def init(folder: Path) -> Path:
    """Make a repository with the branch main."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    return folder


def commit(folder: Path, tag: str) -> None:
    """Commit everything there is, and tag it."""
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", tag)
    git(folder, "tag", tag)
