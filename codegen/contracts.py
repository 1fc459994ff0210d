"""contracts.toml: what the topics carry, who writes them, and how their schemas may change.

A folder without the file is fine: then there are no topics, and every type that no other type refers to is a subject
of its own name.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from codegen.avro import schema_files
from codegen.avro.json_text import Json, Location
from codegen.avro.schema_files import SchemaFile, SchemaFolder
from codegen.checks.findings import Severity
from codegen.checks.ignores import Ignore, Severities, lines
from codegen.checks.rules import RULES
from codegen.errors import ContractsFileError

FILE_NAME: Final = "contracts.toml"
LEVELS: Final = (
    *("BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE"),
    *("FULL", "FULL_TRANSITIVE", "NONE"),
)
STRATEGY: Final = "TopicRecordName"
_TOPIC_KEYS: Final = frozenset(
    {"writer", "key", "events", "dead_letter", "partitions", "retention_days", "max_message_bytes"}
)
_TOPIC_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_NOT_TO_BE_SET: Final = frozenset({"INVALID_SCHEMA", "UNRESOLVED_REFERENCE"})
_SERVICE_KEYS: Final = frozenset({"consumes", "code", "description"})
_IGNORE_KEYS: Final = frozenset({"rule", "subject", "path", "reason", "until"})


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: one service writes it; `keys` says for each event (full name) which field is the record's key."""

    name: str
    writer: str
    partitions: int
    retention: timedelta
    max_message_bytes: int
    dead_letter: bool = False
    key: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def events(self) -> tuple[str, ...]:
        """The full names of the events it carries."""
        return tuple(self.keys)


@dataclass(frozen=True, slots=True)
class Service:
    """A program that consumes events, or writes a topic; `code`: the folder of its Python code, if that is here."""

    name: str
    consumes: tuple[str, ...] = ()  # full names of events
    code: Path | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Documentation:
    """Where the pages about the events go, their title, and values for their examples by the names of fields."""

    out: Path | None = None
    title: str = "Events"
    examples: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subject:
    """A name in the registry, the file behind it, and the subjects that hold the types it refers to."""

    name: str
    file: SchemaFile
    references: tuple["SubjectReference", ...]


@dataclass(frozen=True, slots=True)
class SubjectReference:
    """A use of another file's type: its full name and the subject under which that file is registered."""

    name: str
    subject: str


@dataclass(frozen=True, slots=True)
class Contracts:
    """A folder of schemas with what contracts.toml says about it."""

    folder: Path
    schemas: SchemaFolder
    topics: Mapping[str, Topic]
    compatibility: str = "FULL_TRANSITIVE"
    out: Path | None = None
    package: str | None = None
    ignores: tuple[Ignore, ...] = ()
    severities: Severities = field(default_factory=dict)
    event_header: str | None = None  # full name of the type of every event's first field
    services: Mapping[str, Service] = field(default_factory=dict)
    documentation: Documentation = field(default_factory=Documentation)

    @classmethod
    def load(cls, folder: Path) -> "Contracts":
        """Read contracts.toml, if there is one, and every schema; raise ContractsFileError or SchemaError."""
        return cls.of(folder, schema_files.load(folder))

    @classmethod
    def of(cls, folder: Path, schemas: SchemaFolder, *, may_be_gone: bool = False) -> "Contracts":
        """Read what contracts.toml says of a folder's schemas, if there is one; raise ContractsFileError.

        Where events and keys `may_be_gone`, those that the schemas no longer have are no mistake.
        """
        path = folder / FILE_NAME
        if not path.exists():
            return cls(folder, schemas, {})
        try:
            text = path.read_text(encoding="utf-8")
            document = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ContractsFileError(f"{FILE_NAME}: {error}") from error
        return _Reader(document, text, folder, schemas, may_be_gone).contracts()

    def topic_of(self, event: str) -> Topic:
        """Return the topic that carries an event, by the event's full name."""
        for topic in self.topics.values():
            if event in topic.keys:
                return topic
        raise ContractsFileError(f"no topic of {FILE_NAME} carries {event}")

    def consumers_of(self, event: str) -> list[Service]:
        """Return the services that consume an event, by the event's full name."""
        return [service for service in self.services.values() if event in service.consumes]

    def subject_of(self, event: str) -> str:
        """Return the subject of an event: `<topic>-<full name>`."""
        return f"{self.topic_of(event).name}-{event}"

    def subjects(self) -> list[Subject]:
        """Return everything to be registered, each after what it refers to.

        Events stand under their topics' subjects; a type that is referred to (or that no topic carries) under its
        full name.
        """
        carried = {event: f"{topic.name}-{event}" for topic in self.topics.values() for event in topic.events}
        referred = {self.schemas.owner(name) for file in self.schemas.files.values() for name in file.references}
        result = []
        for file in self.schemas.in_reference_order():
            references = tuple(SubjectReference(name, self.schemas.owner(name)) for name in file.references)
            if file.name in referred or file.name not in carried:
                result.append(Subject(file.name, file, references))
            if file.name in carried:
                result.append(Subject(carried[file.name], file, references))
        return result


class _Reader:
    """Turns the parsed TOML into values, refusing what it does not know."""

    def __init__(
        self, document: Mapping[str, Any], text: str, folder: Path, schemas: SchemaFolder, may_be_gone: bool
    ) -> None:
        self._may_be_gone = may_be_gone
        self._document = document
        self._text = text
        self._folder = folder
        self._schemas = schemas

    def contracts(self) -> Contracts:
        """Return the contracts that the document describes."""
        known = {"registry", "generate", "topics", "topic_defaults", "dead_letter_defaults", "services"}
        known |= {"ignore", "rules", "lint", "docs"}
        self._refuse_unknown("", self._document, known)
        registry = self._table("registry", {"subject_strategy", "compatibility"})
        if registry.get("subject_strategy", STRATEGY) != STRATEGY:
            raise ContractsFileError(f"{FILE_NAME}: registry.subject_strategy can only be {STRATEGY!r}")
        level = registry.get("compatibility", "FULL_TRANSITIVE")
        if level not in LEVELS:
            raise ContractsFileError(f"{FILE_NAME}: registry.compatibility is one of {', '.join(LEVELS)}")
        generate = self._table("generate", {"out", "package"})
        out = generate.get("out")
        topics = {name: self._topic(name, value) for name, value in self._table("topics", None).items()}
        self._check_events(topics)
        out_path = Path(os.path.normpath(self._folder / out)) if out is not None else None
        return Contracts(
            self._folder,
            self._schemas,
            topics,
            compatibility=level,
            out=out_path,
            package=generate.get("package"),
            ignores=self._ignores(),
            severities=self._severities(),
            event_header=self._event_header(),
            services=self._services(topics),
            documentation=self._documentation(),
        )

    def _table(self, name: str, known: set[str] | None) -> Mapping[str, Any]:
        """Return a table whose keys are `known` (None: whoever asks looks at them)."""
        table = self._document.get(name, {})
        if not isinstance(table, Mapping):
            raise ContractsFileError(f"{FILE_NAME}: {name} is a table")
        if known is not None:
            self._refuse_unknown(f"{name}.", table, known)
        return table

    def _refuse_unknown(self, prefix: str, table: Mapping[str, Any], known: set[str] | frozenset[str]) -> None:
        for key in table:
            if key not in known:
                raise ContractsFileError(
                    f"{FILE_NAME}: unknown key {prefix}{key}; known are {', '.join(sorted(known))}"
                )

    def _topic(self, name: str, own: Any) -> Topic:
        place = f"topics.{name!r}"
        if not _TOPIC_NAME.fullmatch(name) or name in {".", ".."}:
            raise ContractsFileError(
                f"{FILE_NAME}: {place}: Kafka's topics have 1 to 249 letters, digits, '.', '_' and '-'"
            )
        if not isinstance(own, Mapping):
            raise ContractsFileError(f"{FILE_NAME}: {place} is a table")
        self._refuse_unknown(f"{place}.", own, _TOPIC_KEYS)
        dead_letter = own.get("dead_letter", False)
        defaults = self._table("dead_letter_defaults" if dead_letter else "topic_defaults", None)
        values = {"partitions": 1, "retention_days": 7, "max_message_bytes": 1_048_576, **defaults, **own}
        for number in ("partitions", "retention_days", "max_message_bytes"):
            if type(values[number]) is not int or values[number] < 1:
                raise ContractsFileError(f"{FILE_NAME}: {place}.{number} is a whole number of 1 or more")
        if not isinstance(values.get("writer"), str):
            raise ContractsFileError(f"{FILE_NAME}: {place}.writer, the service that writes the topic, is missing")
        return Topic(
            name=name,
            writer=values["writer"],
            partitions=values["partitions"],
            retention=timedelta(days=values["retention_days"]),
            max_message_bytes=values["max_message_bytes"],
            dead_letter=dead_letter,
            key=values.get("key"),
            keys=dict(self._events(place, values.get("events", []), values.get("key"))),
        )

    def _events(self, place: str, items: Any, topic_key: str | None) -> Iterator[tuple[str, str]]:
        """Yield each event's full name and the field that is its key, checked against its schema."""
        if not isinstance(items, list):
            raise ContractsFileError(f"{FILE_NAME}: {place}.events is a list")
        for item in items:
            entry = item if isinstance(item, Mapping) else {"name": item}
            name, key = str(entry.get("name")), str(entry.get("key", topic_key))
            if name in self._schemas.files:
                self._check_key(place, name, key)
                yield name, key
            elif not self._may_be_gone:
                raise ContractsFileError(f"{FILE_NAME}: {place} carries {name!r}, which no file defines")

    def _check_key(self, place: str, name: str, key: str) -> None:
        fields = getattr(self._schemas.types[name], "fields", ())
        if key not in {each.name for each in fields} and not self._may_be_gone:
            raise ContractsFileError(f"{FILE_NAME}: {place} is keyed by {key!r}, which is no field of {name}")

    def _check_events(self, topics: Mapping[str, Topic]) -> None:
        carriers: dict[str, str] = {}
        for topic in topics.values():
            for event in topic.events:
                if event in carriers:
                    raise ContractsFileError(f"{FILE_NAME}: both {carriers[event]} and {topic.name} carry {event}")
                carriers[event] = topic.name

    def _services(self, topics: Mapping[str, Topic]) -> Mapping[str, Service]:
        """Return the services that are described, and those that write a topic and are not."""
        described = {name: self._service(name, value, topics) for name, value in self._table("services", None).items()}
        writers = {topic.writer: Service(topic.writer) for topic in topics.values()}
        return writers | described

    def _service(self, name: str, value: Any, topics: Mapping[str, Topic]) -> Service:
        place = f"services.{name}"
        if not isinstance(value, Mapping):
            raise ContractsFileError(f"{FILE_NAME}: {place} is a table")
        self._refuse_unknown(f"{place}.", value, _SERVICE_KEYS)
        consumes, code, description = value.get("consumes", []), value.get("code"), value.get("description", "")
        if not (isinstance(consumes, list) and all(isinstance(each, str) for each in consumes)):
            raise ContractsFileError(f"{FILE_NAME}: {place}.consumes is a list of the full names of events")
        if not (isinstance(description, str) and isinstance(code, str | None)):
            raise ContractsFileError(f"{FILE_NAME}: {place}.code and {place}.description are text")
        carried = {event for topic in topics.values() for event in topic.events}
        unknown = [event for event in consumes if event not in carried]
        if unknown and not self._may_be_gone:
            raise ContractsFileError(f"{FILE_NAME}: {place} consumes {unknown[0]!r}, which no topic carries")
        folder = Path(os.path.normpath(self._folder / code)) if code is not None else None
        known = tuple(event for event in consumes if event in carried)
        return Service(name, known, folder, description)

    def _documentation(self) -> Documentation:
        table = self._table("docs", {"out", "title", "examples"})
        out, title, examples = table.get("out"), table.get("title", Documentation().title), table.get("examples", {})
        if not (isinstance(out, str | None) and isinstance(title, str)):
            raise ContractsFileError(f"{FILE_NAME}: docs.out and docs.title are text")
        if not (
            isinstance(examples, Mapping) and all(isinstance(each, str | int | float) for each in examples.values())
        ):
            raise ContractsFileError(
                f"{FILE_NAME}: docs.examples has a text, number or boolean for each name of a field"
            )
        return Documentation(Path(os.path.normpath(self._folder / out)) if out is not None else None, title, examples)

    def _severities(self) -> Severities:
        table = self._table("rules", None)
        for rule, value in table.items():
            if rule not in RULES:
                raise ContractsFileError(f"{FILE_NAME}: rules.{rule} is no rule; `contracts rules` lists them")
            if rule in _NOT_TO_BE_SET:
                raise ContractsFileError(f"{FILE_NAME}: rules.{rule} cannot be set: what cannot be read is not checked")
            if value not in ("error", "warning", "off"):
                raise ContractsFileError(f"{FILE_NAME}: rules.{rule} is 'error', 'warning' or 'off', not {value!r}")
        return {rule: None if value == "off" else Severity(value) for rule, value in table.items()}

    def _event_header(self) -> str | None:
        name = self._table("lint", {"event_header"}).get("event_header")
        if name is not None and not (isinstance(name, str) and name in self._schemas.types):
            raise ContractsFileError(f"{FILE_NAME}: lint.event_header is {name!r}, which no file defines")
        return name

    def _ignores(self) -> tuple[Ignore, ...]:
        items = self._document.get("ignore", [])
        if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
            raise ContractsFileError(f"{FILE_NAME}: an ignore is a table of a list, written [[ignore]]")
        places = lines(self._text, len(items))
        return tuple(self._ignore(item, line) for item, line in zip(items, places, strict=True))

    def _ignore(self, item: Mapping[str, Any], line: int) -> Ignore:
        self._refuse_unknown("ignore.", item, _IGNORE_KEYS)
        place = f"{FILE_NAME}:{line}: ignore"
        for key in ("rule", "subject", "path", "reason"):
            if key in item and not isinstance(item[key], str):
                raise ContractsFileError(f"{place}.{key} is text")
        if item.get("rule") not in RULES:
            raise ContractsFileError(f"{place}.rule {item.get('rule')!r} is no rule; `contracts rules` lists them")
        if item["rule"] in _NOT_TO_BE_SET:
            raise ContractsFileError(f"{place}: {item['rule']} cannot be ignored: what cannot be read is not checked")
        if not item.get("reason", "").strip():
            raise ContractsFileError(f"{place}.reason is missing: say why, so that others can judge it later")
        until = item.get("until")
        if type(until) is not date:
            raise ContractsFileError(
                f"{place}.until is missing or no date: the last day it holds, written 2027-01-31 without quotes"
            )
        location = Location(f"{self._folder.as_posix()}/{FILE_NAME}", line, 1)
        return Ignore(item["rule"], item["reason"], until, location, item.get("subject"), item.get("path"))
