"""The page about all events: topics, services, each event with its fields, an example and its history, and shared types.

It is GitHub-flavoured Markdown. The same contracts give the same page: it has no date, and nothing in it is drawn.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from codegen.avro.schema import Enum, Field, Fixed, Missing, Record
from codegen.avro.spelling import kind_of, spelled, spelled_logical
from codegen.checks import difference
from codegen.checks.listing import Listing
from codegen.contracts import Topic
from codegen.documentation import examples
from codegen.documentation.catalogue import Catalogue
from codegen.documentation.markdown import anchors, block, code, table, text

MADE: Final = "Made by `contracts docs` from the schemas; edit those and make it again."
_LEVELS: Final = {
    "BACKWARD": "who reads with a version can read what was written with it and with the one before",
    "FORWARD": "what is written with a version can be read with it and with the one before",
    "FULL": "what is written with a version can be read with it, the one before and the next one",
    "BACKWARD_TRANSITIVE": "who reads with a version can read what was written with it and with all before",
    "FORWARD_TRANSITIVE": "what is written with a version can be read with it and with all before",
    "FULL_TRANSITIVE": "what is written with any version can be read with any other",
    "NONE": "which version reads which is not promised",
}


def page(catalogue: Catalogue) -> str:
    """Return the page."""
    return "\n\n".join(_Page(catalogue, _links(catalogue)).parts()) + "\n"


def _headings(catalogue: Catalogue) -> list[tuple[str, str]]:
    """Return each heading below the title with what it is about: a topic, or a type by its full name."""
    contracts = catalogue.contracts
    found = [("", each) for each in ("Topics", "Services") if contracts.topics]
    for topic in contracts.topics.values():
        if topic.events:
            found += [(topic.name, topic.name), *((event, catalogue.label(event)) for event in topic.events)]
    others = catalogue.other_types
    return found + ([("", "Types"), *((name, catalogue.label(name)) for name in others)] if others else [])


def _links(catalogue: Catalogue) -> Mapping[str, str]:
    """Return a link for every topic that has events and every type, by their names."""
    headings = _headings(catalogue)
    places = anchors([catalogue.title, *(heading for _, heading in headings)])[1:]
    return {about: f"[{heading}](#{place})" for (about, heading), place in zip(headings, places, strict=True) if about}


@dataclass(frozen=True, slots=True)
class _Page:
    catalogue: Catalogue
    links: Mapping[str, str]

    def parts(self) -> Iterator[str]:
        contracts = self.catalogue.contracts
        yield f"# {text(self.catalogue.title)}"
        yield f"<!-- {MADE} -->"
        yield self._introduction()
        if contracts.topics:
            yield "## Topics"
            yield self._topics()
            yield "## Services"
            yield self._services()
            yield self._picture()
        for topic in contracts.topics.values():
            if topic.events:
                yield from self._of_topic(topic)
        if self.catalogue.other_types:
            yield "## Types"
            for name in self.catalogue.other_types:
                yield from self._type(name)

    def _introduction(self) -> str:
        events, contracts = self.catalogue.events, self.catalogue.contracts
        if not events:
            return f"{len(contracts.schemas.types)} types."
        level = contracts.compatibility
        return (
            f"{len(events)} events on {len({self.catalogue.topic(event).name for event in events})} topics, as Avro. "
            f"Compatibility is {level}: {_LEVELS[level]}. Examples are as people read them: times in ISO 8601, "
            "a union's value without its type, bytes in hexadecimal digits."
        )

    def _topics(self) -> str:
        head = ("topic", "carries", "written by", "key", "partitions", "kept for", "record up to")
        return table(head, (self._topic_row(topic) for topic in self.catalogue.contracts.topics.values()))

    def _topic_row(self, topic: Topic) -> tuple[str, ...]:
        carries = "what its writer could not process" if topic.dead_letter else self._listed(topic.events)
        keys = ", ".join(code(key) for key in dict.fromkeys(topic.keys.values()))
        size, days = f"{topic.max_message_bytes:,} bytes", topic.retention.days
        kept = f"{days} day{'' if days == 1 else 's'}"
        name = self.links.get(topic.name, topic.name)
        return name, carries, text(topic.writer), keys, str(topic.partitions), kept, size

    def _services(self) -> str:
        contracts = self.catalogue.contracts
        rows = (
            (
                text(service.name),
                text(service.description),
                self._listed(
                    [e for topic in contracts.topics.values() if topic.writer == service.name for e in topic.events]
                ),
                self._listed(service.consumes),
            )
            for service in contracts.services.values()
        )
        return table(("service", "what it does", "writes", "consumes"), rows)

    def _picture(self) -> str:
        """Return who tells whom, as a diagram: an arrow for each topic and service that consumes of it."""
        contracts = self.catalogue.contracts
        names = {name: f"s{number}" for number, name in enumerate(contracts.services)}
        lines = ["flowchart LR", *(f'    {names[name]}["{_quoted(name)}"]' for name in names)]
        for topic in contracts.topics.values():
            for service in contracts.services.values():
                taken = [self.catalogue.label(event) for event in topic.events if event in service.consumes]
                if taken:
                    label = _quoted("<br>".join(taken))
                    lines.append(f'    {names[topic.writer]} -->|"{label}"| {names[service.name]}')
        return block("mermaid", "\n".join(lines))

    def _of_topic(self, topic: Topic) -> Iterator[str]:
        yield f"## {topic.name}"
        yield f"Written by {text(topic.writer)}."
        for event in topic.events:
            yield f"### {self.catalogue.label(event)}"
            yield text(self.catalogue.definition(event).doc)
            yield self._facts(event, topic)
            yield from self._content(event)
            yield from self._changes(event)

    def _facts(self, event: str, topic: Topic) -> str:
        consumers = [self._party(service.name, event) for service in self.catalogue.contracts.consumers_of(event)]
        facts = {
            "subject": code(self.catalogue.subject(event)),
            "version": self._version(event),
            "key": code(topic.keys[event]),
            "written by": self._party(topic.writer, event),
            "consumed by": ", ".join(consumers) or "nobody that contracts.toml names",
        }
        return "\n".join(f"- {name}: {value}" for name, value in facts.items())

    def _party(self, service: str, event: str) -> str:
        version = self.catalogue.in_use.get((service, event))
        return text(service) + (f" (version {version})" if version is not None else "")

    def _version(self, name: str) -> str:
        versions = self.catalogue.versions(name)
        if not versions:
            return "not released"
        last = versions[-1].label
        return (
            f"not released; the last one is {last}"
            if self.catalogue.subject(name) in self.catalogue.unreleased
            else str(last)
        )

    def _type(self, name: str) -> Iterator[str]:
        events = self._listed(self.catalogue.events_with(name))
        yield f"### {self.catalogue.label(name)}"
        yield (
            text(self.catalogue.definition(name).doc) or f"This {kind_of(self.catalogue.definition(name))} has no doc."
        )
        owner = self.catalogue.contracts.schemas.owner(name)
        registered = (
            f"- subject: {code(self.catalogue.subject(name))}\n- version: {self._version(name)}"
            if owner == name
            else f"- defined in: {self.links[owner]}"
        )
        yield registered + (f"\n- part of: {events}" if events else "")
        yield from self._content(name)
        if owner == name:
            yield from self._changes(name)

    def _content(self, name: str) -> Iterator[str]:
        match self.catalogue.definition(name):
            case Record() as record:
                yield self._fields(record)
                schema = self.catalogue.schema(name)
                if examples.has_datum(schema):
                    datum = examples.example(schema, self.catalogue.values)
                    yield block("json", examples.readable(schema, datum))
            case Enum(symbols=symbols, default=default):
                symbols_text = ", ".join(code(symbol) for symbol in symbols)
                unknown = f" A reader takes a symbol that it does not know for {code(default)}." if default else ""
                yield f"One of {symbols_text}.{unknown}"
            case Fixed(size=size, logical=logical):
                yield f"{size} bytes{f': {spelled_logical(logical)}' if logical else ''}."

    def _fields(self, record: Record) -> str:
        head = ["field", "type", "default", "since version", "what it says"]
        rows = [self._field(record, each) for each in record.fields]
        if not self.catalogue.versions(record.name):
            head, rows = [each for each in head if each != "since version"], [[*row[:3], row[4]] for row in rows]
        return table(head, rows) if rows else "It has no fields."

    def _field(self, record: Record, field: Field) -> list[str]:
        default = "" if isinstance(field.default, Missing) else code(json.dumps(field.default, ensure_ascii=False))
        since = self.catalogue.since(record.name, field.name)
        words = spelled(field.type, self.links).replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
        return [code(field.name), words, default, "not released" if since is None else str(since), text(field.doc)]

    def _changes(self, name: str) -> Iterator[str]:
        for version, changes in self.catalogue.changes(name):
            if changes:
                yield f"Changed in version {version.label}:"
                yield difference.render(changes, Listing.MARKDOWN).rstrip("\n")

    def _listed(self, names: Iterable[str]) -> str:
        return ", ".join(self.links[name] for name in names)


def _quoted(words: str) -> str:
    """Return words for a label of a diagram, where a quotation mark would end it."""
    return words.replace('"', "#quot;")
