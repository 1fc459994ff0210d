"""The files that are downloaded: which they are (artifacts.lock), and where they lie once they are whole.

The lock file holds coordinates, sizes and SHA-256, never an address. The cache lies outside the state folder, is laid out
like a Maven repository and is shared by all systems on the machine: a file is in it under its own name only when its hash was right.
"""

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "PIPELINE_CACHE_DIR"
REPOSITORY_VARIABLE = "PIPELINE_MAVEN_URL"
LOCK_FILE = Path(__file__).with_name("artifacts.lock")


@dataclass(frozen=True, order=True)
class Artifact:
    """One file of a Maven repository, pinned."""

    part: str
    group: str
    artifact: str
    version: str
    classifier: str
    packaging: str
    size_bytes: int
    sha256: str

    @property
    def filename(self) -> str:
        """Name of the file in a Maven repository."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.artifact}-{self.version}{classifier}.{self.packaging}"

    @property
    def path(self) -> str:
        """Path below the root of a Maven repository, with slashes."""
        return "/".join((*self.group.split("."), self.artifact, self.version, self.filename))


def load_lock(file: Path = LOCK_FILE) -> tuple[Artifact, ...]:
    """Read the pinned files of all parts."""
    document = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(Artifact(**{"classifier": "", "packaging": "jar", **entry}) for entry in document["artifact"])


def dump_lock(artifacts: Sequence[Artifact]) -> str:
    """Write the lock file's text: sorted, one table a file, so that a change reads well in a review."""
    lines = ["# Made by `python -m stack.lock` from artifacts.toml; do not edit."]
    for artifact in sorted(artifacts):
        lines += ["", "[[artifact]]"]
        for name in ("part", "group", "artifact", "version", "classifier", "packaging"):
            value = getattr(artifact, name)
            if value and (name, value) != ("packaging", "jar"):
                lines.append(f'{name} = "{value}"')
        lines += [f"size_bytes = {artifact.size_bytes}", f'sha256 = "{artifact.sha256}"']
    return "\n".join(lines) + "\n"


def of_part(artifacts: Sequence[Artifact], part: str) -> tuple[Artifact, ...]:
    """Choose the files of one part of the stack."""
    return tuple(artifact for artifact in artifacts if artifact.part == part)


def cache_folder() -> Path:
    """Folder of downloaded files: PIPELINE_CACHE_DIR, else the user's cache folder."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("order-pipeline", appauthor=False))


def bytecode_folder() -> Path:
    """Folder of what services compile where Python may not write beside sources."""
    return cache_folder() / "bytecode"


def repository_url() -> str:
    """Address of the Maven repository: PIPELINE_MAVEN_URL (a mirror), else the resolver's default."""
    from jgo.constants import MAVEN_CENTRAL_URL  # here: slow to import, and needed only when downloading

    return os.environ.get(REPOSITORY_VARIABLE, MAVEN_CENTRAL_URL).rstrip("/")
