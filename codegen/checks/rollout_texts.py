"""A rollout as text, as a table for a pull request, and as JSON."""

import json
from collections.abc import Iterator
from itertools import groupby

from codegen.avro.json_text import Json
from codegen.checks.listing import Listing
from codegen.checks.rollout import Change, Label, Meeting, Order, Pair, Rollout

NOTHING = (
    "Nothing to deploy: every service runs the schemas as they are here, if each runs the newest version there is to compare "
    "with (--deployed says which runs another, --against what to compare with)."
)
_ORDERS = {
    Order.ANY: "in any order",
    Order.READER_FIRST: "{reader} before {writer}",
    Order.WRITER_FIRST: "{writer} before {reader}, and {reader} when it has read all that was written before",
    Order.NONE: "in no order",
}


def render(rollout: Rollout, form: Listing) -> str:
    """Return a rollout in a form, without a line end behind it."""
    match form:
        case Listing.TEXT:
            return "\n".join(_text(rollout))
        case Listing.MARKDOWN:
            return "\n".join(_markdown(rollout))
        case Listing.JSON:
            return json.dumps(_json(rollout), indent=2, ensure_ascii=False)


def _text(rollout: Rollout) -> Iterator[str]:
    if not rollout.changes:
        yield NOTHING
        return
    for change in rollout.changes:
        yield _title(change)
        if not change.pairs:
            yield f"  {change.writer} writes it; nobody reads it, as far as contracts.toml says"
        for pair in change.pairs:
            yield f"  {pair.writer} -> {pair.reader}: deploy {_order(pair)}"
            for when, meeting in _meetings(pair):
                yield f"    {_names(pair, meeting):{_width(rollout)}}  {when}: {_verdict(meeting)}"
        yield from (f"  {line}" for line in _left_behind(change))
        yield ""
    yield from _deployment(rollout)


def _markdown(rollout: Rollout) -> Iterator[str]:
    if not rollout.changes:
        yield NOTHING
        return
    for change in rollout.changes:
        yield f"#### {_title(change)}"
        yield ""
        if change.pairs:
            yield "| writes | reads | when | safe |"
            yield "| --- | --- | --- | --- |"
        for pair in change.pairs:
            for when, meeting in _meetings(pair):
                cells = (
                    _party(pair.writer, meeting.written),
                    _party(pair.reader, meeting.read),
                    when,
                    _verdict(meeting),
                )
                yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        yield from (f"\n{line}" for line in _left_behind(change))
        yield ""
    yield from _deployment(rollout)


def _title(change: Change) -> str:
    if change.current is None:
        return f"{change.subject}: is no longer written"
    released = "" if change.is_released else " (not released yet)"
    return f"{change.subject}: {_version(change.current)}{released}"


def _version(label: Label | None) -> str:
    if label is None:
        return "without it"
    return f"version {label}" if isinstance(label, int) else str(label)


def _party(service: str, label: Label | None) -> str:
    return f"{service} ({_version(label)})"


def _names(pair: Pair, meeting: Meeting) -> str:
    return f"{_party(pair.writer, meeting.written)} -> {_party(pair.reader, meeting.read)}"


def _width(rollout: Rollout) -> int:
    pairs = [pair for change in rollout.changes for pair in change.pairs]
    return max((len(_names(pair, meeting)) for pair in pairs for _, meeting in _meetings(pair)), default=0)


def _meetings(pair: Pair) -> list[tuple[str, Meeting]]:
    """Return the combinations that differ, each with when it occurs."""
    today = [("today", pair.today)] if pair.today.written is not None else []
    named = [
        *today,
        (f"{pair.reader} first", pair.reader_first),
        (f"{pair.writer} first", pair.writer_first),
    ]
    seen: dict[tuple[Label | None, Label | None], tuple[str, Meeting]] = {}
    for when, meeting in named:
        seen.setdefault((meeting.written, meeting.read), (when, meeting))
    return list(seen.values())


def _order(pair: Pair) -> str:
    if pair.writer == pair.reader and pair.order in {Order.READER_FIRST, Order.WRITER_FIRST}:
        return "all its processes at once: none may run beside a newer one"
    return _ORDERS[pair.order].format(reader=pair.reader, writer=pair.writer)


def _verdict(meeting: Meeting) -> str:
    if meeting.is_safe:
        return "safe"
    if not meeting.faults:
        return "UNSAFE: it is skipped"
    first = meeting.faults[0]
    more = f" (and {len(meeting.faults) - 1} more)" if len(meeting.faults) > 1 else ""
    path = f"{first.path}: " if first.path else ""
    return f"UNSAFE: {first.rule} {path}{first.message}{more}"


def _left_behind(change: Change) -> Iterator[str]:
    """Yield what becomes of records that are in the topic still, those together that have the same fate."""
    days = f" for {change.retention_days} days" if change.retention_days else ""
    for verdict, group in groupby(change.left_behind, _verdict):
        meetings = list(group)
        labels = " and ".join(_version(meeting.written) for meeting in meetings)
        yield (
            f"records of {labels} may be in the topic{days}, and are not for {_version(change.current)}: "
            f"{verdict.removeprefix('UNSAFE: ')}"
        )


def _deployment(rollout: Rollout) -> Iterator[str]:
    if rollout.obstacles:
        yield "No order is safe:"
        yield from (f"- {obstacle}" for obstacle in rollout.obstacles)
        if rollout.refusal:
            yield f"\n{rollout.refusal}"
        return
    steps = [f"deploy {' and '.join(step)}{', in any order' if len(step) > 1 else ''}" for step in rollout.steps]
    if not all(change.is_released for change in rollout.changes):
        steps.insert(0, "`contracts release`")
    steps.insert(
        len(steps) - len(rollout.steps),
        "`contracts push --apply`: a service starts only when its schemas are registered",
    )
    yield "In this order:"
    yield from (f"{number}. {step}" for number, step in enumerate(steps, start=1))
    if len(rollout.steps) > 1:
        yield "Each step ends when no process of an earlier version is left."
        yield "Roll back in the opposite order; a service that was first, when it has read all that it could not read before."
    else:
        yield "Roll back in any order."
    if rollout.refusal:
        yield f"\n{rollout.refusal}"


def _json(rollout: Rollout) -> Json:
    return {
        "possible": not rollout.obstacles and not rollout.refusal,
        "steps": [list(step) for step in rollout.steps],
        "obstacles": list(rollout.obstacles),
        "refusal": rollout.refusal or None,
        "events": [_change_json(change) for change in rollout.changes],
    }


def _change_json(change: Change) -> Json:
    return {
        "event": change.event,
        "subject": change.subject,
        "topic": change.topic,
        "version": change.current,
        "released": change.is_released,
        "writer": change.writer,
        "pairs": [
            {
                "writer": pair.writer,
                "reader": pair.reader,
                "order": pair.order.value,
                "meetings": [{"when": when, **_meeting_json(meeting)} for when, meeting in _meetings(pair)],
            }
            for pair in change.pairs
        ],
        "left_behind": [_meeting_json(meeting) for meeting in change.left_behind],
    }


def _meeting_json(meeting: Meeting) -> dict[str, Json]:
    found = [{"rule": each.rule, "path": each.path, "message": each.message} for each in meeting.faults]
    return {"written": meeting.written, "read": meeting.read, "safe": meeting.is_safe, "findings": found}
