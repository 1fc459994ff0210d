"""What there is to say about events and types, put together from the folder, contracts.toml and the released versions; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from codegen.avro.json_text import Json, read_json
from codegen.avro.schema import Definition, Record, Reference, Schema, names_used, simple_name
from codegen.avro.schema_text import collect_definitions
from codegen.checks import difference, releasing, rollout
from codegen.checks.difference import Change
from codegen.checks.history import Earlier, Types, Version
from codegen.checks.rollout import Deployed, Label
from codegen.contracts import FILE_NAME, Contracts, Topic
from codegen.documentation import examples
from codegen.errors import ContractsFileError


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The contracts, and what was released of them."""

    contracts: Contracts
    earlier: Earlier
    unreleased: frozenset[str]  # subjects whose schema is not, or no longer, that of their last version
    in_use: Mapping[tuple[str, str], Label]  # by service and event: the version that it writes or reads

    @property
    def title(self) -> str:
        """What all of it is called."""
        return self.contracts.documentation.title

    @property
    def version(self) -> str:
        """A version of the whole: the minor number counts the released versions, for each can be read with all others."""
        released = sum(map(len, self.earlier.versions.values()))
        return f"1.{released}.0{'+unreleased' if self.unreleased else ''}"

    @property
    def events(self) -> list[str]:
        """The full names of all events, topic by topic."""
        return [event for topic in self.contracts.topics.values() for event in topic.events]

    @property
    def other_types(self) -> list[str]:
        """The full names of all types that are no events."""
        return sorted(self.contracts.schemas.types.keys() - set(self.events))

    def definition(self, name: str) -> Definition:
        """Return a type."""
        return self.contracts.schemas.types[name]

    def label(self, name: str) -> str:
        """Return what a type is called for short: its simple name, where no other type has it."""
        simple = simple_name(name)
        return simple if sum(simple_name(each) == simple for each in self.contracts.schemas.types) == 1 else name

    def subject(self, name: str) -> str:
        """Return the subject in which a type is registered: its own, or that of the type in whose file it stands."""
        owner = self.contracts.schemas.owner(name)
        return self.contracts.subject_of(owner) if owner in self.events else owner

    def versions(self, name: str) -> tuple[Version, ...]:
        """Return the released versions of a type's subject, the oldest first."""
        return self.earlier.versions.get(self.subject(name), ())

    def since(self, record: str, field: str) -> int | str | None:
        """Return the released version since which a record has had a field; None where the last one lacks it."""
        found: int | str | None = None
        for version in reversed(self.versions(record)):
            definition = version.schema.types.get(record)
            if not isinstance(definition, Record) or field not in {each.name for each in definition.fields}:
                break
            found = version.label
        return found

    def changes(self, name: str) -> Iterator[tuple[Version, tuple[Change, ...]]]:
        """Yield the released versions of a type's subject after the first, and what each has changed."""
        versions = self.versions(name)
        for previous, current in pairwise(versions):
            yield current, difference.changes(_types(previous), _types(current))

    def events_with(self, name: str) -> list[str]:
        """Return the events in which a type stands, however deep."""
        return [event for event in self.events if name in self._inside(event)]

    def _inside(self, name: str) -> set[str]:
        seen: set[str] = set()
        ahead = [name]
        while ahead:
            found = set(names_used(self.definition(ahead.pop()))) - seen
            seen |= found
            ahead += found
        return seen

    def topic(self, event: str) -> Topic:
        """Return the topic of an event."""
        return self.contracts.topic_of(event)

    def schema(self, name: str) -> Schema:
        """Return a type as a schema of its own."""
        return Schema(Reference(name), self.contracts.schemas.types)

    def json(self, name: str) -> Json:
        """Return the JSON of a type, with everything in it that it uses."""
        return read_json(self.contracts.schemas.self_contained_text(name))

    @property
    def values(self) -> Mapping[str, Json]:
        """The values that examples have by the names of fields, as contracts.toml gives them."""
        return self.contracts.documentation.examples


def of(contracts: Contracts, earlier: Earlier, deployed: Deployed) -> Catalogue:
    """Return the catalogue; raise ContractsFileError where contracts.toml has values for examples that nothing can take.

    Raise ContractsError where something is said to be `deployed` that there is not.
    """
    unreleased = frozenset(release.subject for release in releasing.unreleased(contracts, earlier))
    found = Catalogue(contracts, earlier, unreleased, rollout.versions_in_use(contracts, earlier, deployed))
    for name, value in found.values.items():
        _check_value(found, name, value)
    return found


def _check_value(catalogue: Catalogue, name: str, value: Json) -> None:
    records = [each for each in catalogue.contracts.schemas.types.values() if isinstance(each, Record)]
    fields = [(record, field) for record in records for field in record.fields if field.name == name]
    if not fields:
        raise ContractsFileError(f"{FILE_NAME}: docs.examples.{name}: no record has a field of this name")
    if not any(examples.fits(value, field.type, catalogue.schema(record.name)) for record, field in fields):
        raise ContractsFileError(f"{FILE_NAME}: docs.examples.{name}: {value!r} fits no field of this name")


def _types(version: Version) -> Types:
    json: dict[str, Json] = {}
    collect_definitions(read_json(version.text), json)
    return Types(version.schema.types, json)
