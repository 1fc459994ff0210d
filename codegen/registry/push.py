"""Carries out what brings a registry in step with a folder, and asks it again afterwards: nothing may be left to do."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from codegen.avro.json_text import Json, read_json
from codegen.avro.schema_text import (
    collect_definitions,
    compact,
    definitions_in,
    references,
    self_contained,
    with_references,
)
from codegen.checks import history
from codegen.contracts import Contracts, Subject
from codegen.errors import Incompatible, RegistryError
from codegen.registry import push_plan, registered
from codegen.registry.client import Registry, SchemaReference
from codegen.registry.push_plan import NONE, Delete, Plan, Register, SetLevel
from codegen.registry.registered import RegisteredSubject


def plan(contracts: Contracts, registry: Registry, *, delete: bool = False) -> Plan:
    """Return what there is to do, asking the registry; raise Incompatible where something registered would break."""
    return _planned(contracts, registry, delete=delete)[0]


def apply(contracts: Contracts, registry: Registry, report: Callable[[str], None], *, delete: bool = False) -> Plan:
    """Bring the registry in step, saying each step to `report`, and return what was to do.

    Raise Incompatible where something would break or the registry refuses a schema, RegistryError where something stands
    in the way or is left to do.
    """
    planned, found = _planned(contracts, registry, delete=delete)
    if planned.obstacles:
        raise RegistryError("\n".join(planned.obstacles))
    _carry_out(planned, contracts, found, registry, report)
    if planned.steps:
        after, _ = _planned(contracts, registry, delete=delete)
        if left := [*after.obstacles, *map(str, after.steps)]:
            raise RegistryError(f"the registry is not in step after all that was done: {'; '.join(left)}")
    return planned


def _planned(contracts: Contracts, registry: Registry, *, delete: bool) -> tuple[Plan, Mapping[str, RegisteredSubject]]:
    released = history.released(contracts.folder)
    found = registered.read(contracts, released, registry)
    return push_plan.plan(contracts, released, found, today=datetime.now(UTC).date(), delete=delete), found


def _carry_out(
    planned: Plan,
    contracts: Contracts,
    found: Mapping[str, RegisteredSubject],
    registry: Registry,
    report: Callable[[str], None],
) -> None:
    """Carry out the steps.

    A schema that differs from the latest version in docs, aliases or enums' defaults alone is sent too: a registry that
    tells them apart makes a version of it, another keeps what it has.
    """
    current = {subject.name: subject for subject in contracts.subjects()}
    lifted = dict.fromkeys(step.subject for step in planned.steps if isinstance(step, SetLevel) and step.reason)
    try:
        _take_steps(planned, current, found, registry, report)
    except BaseException:  # an interrupt as well: a level is not left open
        for subject in lifted:
            _put_back(subject, contracts.compatibility, registry, report)
        raise
    done = {step.subject for step in planned.steps if isinstance(step, Register)}
    for name, each in current.items():
        text = contracts.schemas.self_contained_text(each.file.name)
        if name not in done and not found[name].versions[-1].is_exactly(text):
            _register(each, registry, report)


def _put_back(subject: str, level: str, registry: Registry, report: Callable[[str], None]) -> None:
    """Set a level that was lifted when what it was lifted for has failed; say so where that fails as well."""
    try:
        registry.set_level(level, subject)
        report(f"{subject}: level {level}, as before")
    except RegistryError as error:
        report(f"{subject}: its level may be left at {NONE} ({error}); push again")


def _take_steps(
    planned: Plan,
    current: Mapping[str, Subject],
    found: Mapping[str, RegisteredSubject],
    registry: Registry,
    report: Callable[[str], None],
) -> None:
    for step in planned.steps:
        match step:
            case SetLevel(subject, _, wanted):
                registry.set_level(wanted, subject)
                report(f"{subject}: level {wanted}")
            case Register(subject, release=None):
                _register(current[subject], registry, report)
            case Register(subject):
                registry.register(subject, *_referring(step.text, subject, found.keys(), registry))
                report(f"{subject}: version {registry.versions(subject)[-1]}, which is release {step.release}")
            case Delete(subject, version):
                registry.delete(subject, version)
                report(f"{subject}: {f'version {version}' if version else 'the subject'} deleted")


def _register(subject: Subject, registry: Registry, report: Callable[[str], None]) -> None:
    versions = registry.versions(subject.name)
    referred = [
        SchemaReference(reference.name, reference.subject, registry.versions(reference.subject)[-1])
        for reference in subject.references
    ]
    try:
        registry.register(subject.name, subject.file.own_text, referred)
    except Incompatible as error:
        raise Incompatible(f"{subject.file.path} is refused as {subject.name}: {error}") from error
    after = registry.versions(subject.name)
    if versions != after:
        report(f"{subject.name}: version {after[-1]}")


def _referring(
    text: str, subject: str, subjects: Collection[str], registry: Registry
) -> tuple[str, list[SchemaReference]]:
    """Return a release with references in place of the types that have subjects of their own, as it was first registered.

    A type of which the registry does not have just that version stays as it is. (Apicurio cannot compare versions with
    references to one without.)
    """
    value = read_json(text)
    definitions: dict[str, Json] = {}
    collect_definitions(value, definitions)
    referred: dict[str, SchemaReference] = {}  # by every name that is defined elsewhere
    for name in definitions.keys() & set(subjects) - {subject}:
        definition = self_contained(name, definitions)
        version = registered.subject(name, registry).newest_with(compact(definition))
        if version:
            referred |= {each: SchemaReference(each, name, version.number) for each in definitions_in(definition)}
    result = with_references(value, {reference.subject for reference in referred.values()})
    return compact(result), [referred[name] for name in references(result)]
