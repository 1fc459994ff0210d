"""What a registry has of a folder's subjects, read side by side; and as earlier versions, to compare schemas with.

A registry has other users. Of a folder are: its subjects, those that it has released, and all under its topics' names.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from codegen.avro.json_text import read_json
from codegen.avro.parsing import parse
from codegen.avro.schema_text import compact, normal_form
from codegen.checks import history
from codegen.checks.history import Earlier, Version
from codegen.contracts import Contracts
from codegen.errors import RegistryError, SchemaError
from codegen.registry.client import TEXTS_MAX, Registry, SubjectVersion

REQUESTS_AT_A_TIME: Final = 8
"""Subjects that are asked for side by side: fast enough for a thousand versions, and no load for a registry."""


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version of a subject; `text` has its references inlined."""

    registered: SubjectVersion
    text: str

    @property
    def number(self) -> int:
        """The registry's number of it."""
        return self.registered.version

    def has_data_of(self, text: str) -> bool:
        """Say whether it is a schema as far as every registry tells schemas apart."""
        return same_data(self.text, text)

    def is_exactly(self, text: str) -> bool:
        """Say whether it is a schema, docs and aliases included."""
        return self.text == text or normal_form(read_json(self.text)) == normal_form(read_json(text))


@dataclass(frozen=True, slots=True)
class RegisteredSubject:
    """A subject with its own level, if it has one, and its versions, oldest first: none where it is not registered."""

    name: str
    level: str | None
    versions: tuple[RegisteredVersion, ...]

    def newest_with(self, text: str) -> RegisteredVersion | None:
        """Return the newest version that has a schema, as far as every registry tells schemas apart."""
        return next((version for version in reversed(self.versions) if version.has_data_of(text)), None)


def read(contracts: Contracts, released: Earlier, registry: Registry) -> Mapping[str, RegisteredSubject]:
    """Return what the registry has, by subject, of all subjects that are the folder's; raise RegistryError."""
    names = {subject.name: None for subject in contracts.subjects()} | dict.fromkeys(released.versions)
    prefixes = tuple(f"{topic}-" for topic in contracts.topics)
    names |= dict.fromkeys(sorted(name for name in registry.subjects() if name.startswith(prefixes)))
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as pool:
        found = pool.map(lambda name: subject(name, registry), names)
        return {each.name: each for each in found}


def same_data(one: str, other: str) -> bool:
    """Say whether two self-contained schemas are the same but for docs, aliases and enums' defaults."""
    return _data(one) == _data(other)


@lru_cache(TEXTS_MAX)
def _data(text: str) -> str:
    return compact(normal_form(read_json(text), data_only=True))


def subject(name: str, registry: Registry) -> RegisteredSubject:
    """Return what the registry has of one subject."""
    versions = [registry.version(name, number) for number in registry.versions(name)]
    texts = tuple(RegisteredVersion(version, _text(version, registry)) for version in versions)
    return RegisteredSubject(name, registry.level(name), texts)


def _text(version: SubjectVersion, registry: Registry) -> str:
    try:
        return registry.self_contained(version)
    except SchemaError as error:
        raise RegistryError(f"version {version.version} of {version.subject} in the registry: {error}") from error


def earlier(registered: Mapping[str, RegisteredSubject]) -> Earlier:
    """Return the versions as what schemas are compared with; those that are no valid Avro are told in the notice."""
    versions: dict[str, tuple[Version, ...]] = {}
    unread: list[str] = []
    for name, each in registered.items():
        if parsed := tuple(_parsed(each, unread)):
            versions[name] = parsed
    notice = "the registry has nothing to compare with" if not versions and not unread else None
    if unread:
        notice = f"in the registry, and not compared: {'; '.join(unread)}"
    return Earlier(versions, history.newest_types(versions), notice)


def _parsed(found: RegisteredSubject, unread: list[str]) -> Iterator[Version]:
    for version in found.versions:
        place = f"version {version.number} of {found.name}"
        try:
            yield Version(version.number, parse(version.text), place, version.text)
        except SchemaError as error:
            unread.append(f"{place} ({error})")
