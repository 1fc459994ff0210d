"""Brings a registry in step with a folder: levels first, then types in the order of their references.

The plan is made from what the registry says now, and applying it makes the plan empty. Nothing is ever deleted, and
nothing is registered under a level that has not been set. Only subjects of the folder are touched, never the global
level: a registry has other users.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from codegen.avro.json_text import read_json
from codegen.avro.schema_text import normal_form
from codegen.contracts import Contracts, Subject
from codegen.errors import Incompatible, RegistryError
from codegen.registry.client import Registry, SchemaReference


@dataclass(frozen=True, slots=True)
class SetLevel:
    """A subject's compatibility level is another one."""

    subject: str
    current: str | None
    wanted: str

    def __str__(self) -> str:
        return f"set the level of {self.subject} to {self.wanted} (now {self.current or 'none of its own'})"


@dataclass(frozen=True, slots=True)
class Register:
    """The latest version is another schema, or there is none."""

    subject: str
    version: int

    def __str__(self) -> str:
        return f"register {self.subject}, to be version {self.version}"


@dataclass(frozen=True, slots=True)
class Superseded:
    """The folder's schema is a version, but not the latest: to push it would change nothing."""

    subject: str
    version: int
    latest: int

    def __str__(self) -> str:
        return (
            f"{self.subject}: the schemas here are version {self.version}, but the registry has {self.latest} already"
        )


Action = SetLevel | Register | Superseded


def plan(contracts: Contracts, registry: Registry) -> list[Action]:
    """Return what there is to do, in the order in which it is done; raise SchemaError if files refer to each other."""
    contracts.schemas.refuse_circles()
    return [action for subject in contracts.subjects() for action in _actions(subject, contracts, registry)]


def _actions(subject: Subject, contracts: Contracts, registry: Registry) -> Iterator[Action]:
    current = registry.level(subject.name)
    if current != contracts.compatibility:
        yield SetLevel(subject.name, current, contracts.compatibility)
    versions = registry.versions(subject.name)
    same = [version for version in versions if _is_same(subject, contracts, registry, version)]
    if not same:
        yield Register(subject.name, versions[-1] + 1 if versions else 1)
    elif same[-1] != versions[-1]:
        yield Superseded(subject.name, same[-1], versions[-1])


def _is_same(subject: Subject, contracts: Contracts, registry: Registry, version: int) -> bool:
    """Say whether a version has the folder's schema, as far as every registry tells schemas apart."""
    ours = read_json(contracts.schemas.self_contained_text(subject.file.name))
    theirs = read_json(registry.self_contained(registry.version(subject.name, version)))
    return normal_form(ours, data_only=True) == normal_form(theirs, data_only=True)


def apply(contracts: Contracts, registry: Registry, report: Callable[[str], None]) -> None:
    """Carry out the plan, saying each step to `report`; raise RegistryError if a latest version is not ours after it.

    A schema that differs from the latest version in docs, aliases or enums' defaults alone is sent too: a registry
    that tells them apart makes a version of it, another keeps what it has.
    """
    actions = plan(contracts, registry)
    for action in actions:
        if isinstance(action, Superseded):
            raise RegistryError(f"{action}; take over the newer version, or restore it deliberately")
    for subject in contracts.subjects():
        for action in actions:
            if action.subject == subject.name and isinstance(action, SetLevel):
                registry.set_level(action.wanted, subject.name)
                report(f"{subject.name}: level {action.wanted}")
        _register(subject, contracts, registry, report)


def _register(subject: Subject, contracts: Contracts, registry: Registry, report: Callable[[str], None]) -> None:
    versions = registry.versions(subject.name)
    if versions and _is_exactly(subject, contracts, registry, versions[-1]):
        return
    references = [
        SchemaReference(reference.name, reference.subject, registry.versions(reference.subject)[-1])
        for reference in subject.references
    ]
    try:
        schema_id = registry.register(subject.name, subject.file.own_text, references)
    except Incompatible as error:
        raise Incompatible(f"{subject.file.path} is refused as {subject.name}: {error}") from error
    latest = registry.versions(subject.name)[-1]
    if not _is_same(subject, contracts, registry, latest):
        raise RegistryError(f"{subject.name}: version {latest} is the latest and not what was just registered")
    if versions != registry.versions(subject.name):
        report(f"{subject.name}: version {latest}, id {schema_id}")


def _is_exactly(subject: Subject, contracts: Contracts, registry: Registry, version: int) -> bool:
    ours = read_json(contracts.schemas.self_contained_text(subject.file.name))
    theirs = read_json(registry.self_contained(registry.version(subject.name, version)))
    return normal_form(ours) == normal_form(theirs)
