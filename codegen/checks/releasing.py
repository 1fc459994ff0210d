"""Releases: a schema that has changed becomes the next version of its subject, frozen below `history/`.

What is released is what others may have written data with: it is never edited, and every later schema is held to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.avro.json_text import read_json
from codegen.avro.schema_text import normal_form
from codegen.checks import release_lock
from codegen.checks.formatting import format_text
from codegen.checks.history import FOLDER_NAME, Earlier
from codegen.contracts import Contracts


@dataclass(frozen=True, slots=True)
class Release:
    """The next version of a subject: its number, and its schema with all references inlined."""

    subject: str
    number: int
    text: str

    def path(self, folder: Path) -> Path:
        """Return the file of this version in a folder of schemas."""
        return folder / FOLDER_NAME / self.subject / f"{self.number}.avsc"


def unreleased(contracts: Contracts, earlier: Earlier) -> list[Release]:
    """Return the versions that are not released yet: of new subjects, and of those whose schema says something else now.

    A doc counts, too: what is released is what consumers are shown. The layout of a text does not.
    """
    releases = []
    for subject in contracts.subjects():
        text = contracts.schemas.self_contained_text(subject.file.name)
        versions = earlier.versions.get(subject.name, ())
        if not versions or normal_form(read_json(versions[-1].text)) != normal_form(read_json(text)):
            number = int(versions[-1].label) + 1 if versions else 1
            releases.append(Release(subject.name, number, format_text(text)))
    return releases


def write(folder: Path, releases: Sequence[Release]) -> None:
    """Write the versions, then the lock of all versions there are."""
    for release in releases:
        path = release.path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(release.text, encoding="utf-8")
    release_lock.write(folder, release_lock.hashes(folder, FOLDER_NAME))
