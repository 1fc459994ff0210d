"""Makes artifacts.lock anew from artifacts.toml: `python -m stack.lock`.

Resolving is jgo's work. Each file is downloaded once, to take its hash; `pipeline up` then only compares.
"""

import hashlib
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import truststore
from rich.console import Console

from stack.artifacts import LOCK_FILE, Artifact, dump_lock, repository_url

if TYPE_CHECKING:
    from jgo.maven import Artifact as MavenArtifact
    from jgo.maven import MavenContext

PARALLEL_DOWNLOADS = 8
SPECIFICATION = Path(__file__).with_name("artifacts.toml")


def resolved(context: "MavenContext", coordinates: list[str]) -> "Iterator[MavenArtifact]":
    """Yield the files of these coordinates and of all they need at run time."""
    if not coordinates:
        return
    dependencies = [context.create_dependency(coordinate) for coordinate in coordinates]
    inputs, transitive = context.resolver.resolve(dependencies)
    for dependency in (*inputs, *transitive):
        yield dependency.artifact


def named(context: "MavenContext", coordinates: list[str]) -> "Iterator[MavenArtifact]":
    """Yield the files that are named one by one as group:artifact:version:classifier:packaging."""
    for coordinate in coordinates:
        group, artifact, version, classifier, packaging = coordinate.split(":")
        yield context.project(group, artifact).at_version(version).artifact(classifier, packaging)


def pinned(part: str, artifact: "MavenArtifact") -> Artifact:
    """Download one file and pin it."""
    content = Path(artifact.resolve()).read_bytes()
    return Artifact(
        part=part,
        group=artifact.groupId,
        artifact=artifact.artifactId,
        version=artifact.version,
        classifier=artifact.classifier,
        packaging=artifact.packaging,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def make_lock(specification: Path) -> tuple[Artifact, ...]:
    """Resolve every part of the specification and pin its files."""
    from jgo.maven import MavenContext  # here: after truststore was injected

    parts = tomllib.loads(specification.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        context = MavenContext(repo_cache=Path(folder), remote_repos={"default": repository_url()})
        wanted = [
            (part, artifact)
            for part, entry in parts.items()
            for artifact in (*resolved(context, entry.get("resolve", [])), *named(context, entry.get("files", [])))
        ]
        return tuple(pool.map(lambda pair: pinned(*pair), wanted))


def main() -> None:
    """Make the lock file anew."""
    truststore.inject_into_ssl()
    artifacts = make_lock(SPECIFICATION)
    LOCK_FILE.write_text(dump_lock(artifacts), encoding="utf-8")
    Console().print(f"{LOCK_FILE.name}: {len(artifacts)} files, {sum(a.size_bytes for a in artifacts) / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
