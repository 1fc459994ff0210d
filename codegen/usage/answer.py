"""Who reads a field, who writes it, which versions have it, and what that means for dropping it: put together, and as text."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from codegen.avro.json_text import Json
from codegen.avro.schema import Field, Missing
from codegen.avro.spelling import spelled
from codegen.usage.field_places import FieldPlace
from codegen.usage.use import Kind, Use

NOT_SEEN: Final = (
    "Not seen: code that is not these services' Python, versions of them that are deployed and are not this code, and "
    "events that are compared, hashed or printed whole, or go on to other code from where they are of type Any or object."
)
ELSEWHERE: Final = "shared code"


class Verdict(StrEnum):
    """What the answer comes to."""

    READ = "read"
    UNKNOWN = "unknown"
    KEY = "key"
    NEEDED = "needed"  # by readers of released versions that have no default for it
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """A use, and the service in whose code it stands; `shared code` where services import it from elsewhere."""

    service: str
    use: Use


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is known of a field; `versions` are the released ones that have it, as they have it."""

    place: FieldPlace
    writer: str
    consumers: Sequence[str]
    others: Sequence[str]  # further events with the record that has the field
    versions: Sequence[tuple[int | str, Field]]
    uses: Sequence[ServiceUse]
    tests: int  # lines of tests that use it
    unknown: Sequence[str]  # why there may be readers that were not seen

    @property
    def reads(self) -> list[ServiceUse]:
        """What reads the field, or may do so."""
        return [each for each in self.uses if each.use.kind is Kind.READ]

    @property
    def writes(self) -> list[ServiceUse]:
        """What writes it, or may do so."""
        return [each for each in self.uses if each.use.kind is Kind.WRITE]

    @property
    def verdict(self) -> Verdict:
        """Say what the field is good for still: it is unread only if all who could read it were looked at."""
        if self.reads:
            return Verdict.READ
        if self.unknown:
            return Verdict.UNKNOWN
        if self.place.is_key:
            return Verdict.KEY
        return Verdict.NEEDED if _needing(self) else Verdict.UNREAD


def as_json(answer: Answer) -> str:
    """Return the answer as JSON."""
    place = answer.place
    content: dict[str, Json] = {
        "field": str(place),
        "verdict": answer.verdict,
        "topic": place.topic.name,
        "event": place.event,
        "record": place.record,
        "type": spelled(place.field.type),
        "versions": [label for label, _ in answer.versions],
        "versions_without_default": _needing(answer),
        "key": place.is_key,
        "writer": answer.writer,
        "consumers": answer.consumers,
        "other_events": answer.others,
        "uses": [_use(each) for each in answer.uses],
        "tests": answer.tests,
        "unknown": answer.unknown,
        "advice": list(_advice(answer)),
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _use(found: ServiceUse) -> Json:
    use = found.use
    place: dict[str, Json] = {"service": found.service, "file": use.path.as_posix(), "line": use.line}
    return place | {"kind": use.kind, "certain": use.certain, "why": use.why, "source": use.source}


def as_text(answer: Answer) -> str:
    """Return the answer for people."""
    place = answer.place
    default = "" if isinstance(place.field.default, Missing) else f", default {json.dumps(place.field.default)}"
    lines = [f"{place}: {spelled(place.field.type)}{default}", f"  {_released(answer)}"]
    lines.append(f"  written by {answer.writer}, consumed by {_listed(answer.consumers) or 'nobody'}")
    if answer.others:
        lines.append(f"  {place.record} is also part of {_listed(answer.others)}: what reads it may have it from there")
    for title, uses in (("read by", answer.reads), ("written by", answer.writes)):
        if uses:
            lines += ["", f"{title}:", *_use_lines(uses)]
    if answer.tests:
        lines += ["", f"{answer.tests} {'line' if answer.tests == 1 else 'lines'} of tests, too."]
    lines += ["", _conclusion(answer), *(f"- {each}" for each in _advice(answer)), NOT_SEEN]
    return "\n".join(lines)


def _use_lines(uses: Sequence[ServiceUse]) -> Iterator[str]:
    width = max(len(each.service) for each in uses)
    for each in uses:
        use = each.use
        perhaps = "" if use.certain else f"  [perhaps: {use.why}]"
        remark = f"  [{use.why}]" if use.certain and use.why else ""
        yield f"  {each.service:{width}}  {use.path.as_posix()}:{use.line}: {use.source}{perhaps}{remark}"


def _released(answer: Answer) -> str:
    if not answer.versions:
        return "in no released version"
    labels = [str(label) for label, _ in answer.versions]
    return f"in released version{'s' if len(labels) > 1 else ''} {_listed(labels)}"


def _conclusion(answer: Answer) -> str:
    match answer.verdict:
        case Verdict.READ:
            services = _listed(dict.fromkeys(each.service for each in answer.reads))
            surely = any(each.use.certain for each in answer.reads)
            return f"Not safe to drop: {services} {'reads' if _is_one(services) else 'read'} it{'' if surely else ', perhaps'}."
        case Verdict.UNKNOWN:
            return "Unknown: nobody was seen to read it, but not everything could be looked at."
        case Verdict.KEY:
            return "Not safe to drop: it is the key of the topic's records."
        case Verdict.NEEDED:
            return "Nobody reads it here, and yet it is not safe to drop."
        case Verdict.UNREAD:
            return "Safe to drop, as far as can be seen: nobody reads it."


def _advice(answer: Answer) -> Iterator[str]:
    """Yield what to do, in order."""
    yield from answer.unknown
    if answer.reads:
        yield "Stop reading it there, deploy that, and ask again."
    if answer.place.is_key and answer.verdict is not Verdict.KEY:
        yield "It is the key of the topic's records."
    if needing := _needing(answer):
        labels = _listed(str(each) for each in needing)
        versions = f"version {labels}" if len(needing) == 1 else f"versions {labels}"
        first = (
            "Give it a default and release that; drop" if isinstance(answer.place.field.default, Missing) else "Drop"
        )
        yield (
            f"It has no default in {versions}: whoever reads with {'that' if len(needing) == 1 else 'one of these'} fails on "
            f"data without it. {first} it when no such reader is left and none comes back, and say so in an [[ignore]]."
        )
    if answer.verdict is Verdict.UNREAD:
        written = " and from the lines that write it" if answer.writes else ""
        yield f"Remove it from the schema{written}; `contracts breaking` has the last word."


def _needing(answer: Answer) -> list[int | str]:
    """Return the released versions whose readers need the field, for they have no default for it."""
    return [label for label, field in answer.versions if isinstance(field.default, Missing)]


def _is_one(listed: str) -> bool:
    return " and " not in listed


def _listed(words: Iterable[str]) -> str:
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last
