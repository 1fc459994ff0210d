"""The faults of a (writer, reader) pair, each with the field path that leads to it; walks the plan of the resolver.

A named type that is used twice gives a fault at each use. Only ways that lead to a fault are gone, and through a
record that contains itself once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, count, islice
from typing import Final

from codegen.avro.json_text import Location
from codegen.avro.resolution import RecordPair, resolve
from codegen.avro.schema import Schema
from codegen.checks.findings import Finding
from codegen.checks.plan_faults import Changed, Fault, PlanFaults, Use
from codegen.checks.rules import RULES

__all__ = ["VERSION_RULES", "Changed", "Fault", "all_faults", "compare_versions", "find", "finding"]

FAULTS_MAX: Final = 500
"""Faults that are told of one pair at each use; beyond, every fault is told once."""
STEPS_MAX: Final = 20_000
"""Steps on the ways to them: through records that contain each other there are more ways than anybody can go."""
VERSION_RULES: Final = frozenset(
    {"DEFAULT_CHANGED", "NAMESPACE_CHANGED", "CLASS_MOVED", "ATTRIBUTE_TYPE_CHANGED", "ARGUMENT_REQUIRED"}
)
"""Rules about what two versions say, which no datum that the one writes and the other reads can show."""


def find(writer: Schema, reader: Schema, changed: Changed = Changed.READER) -> tuple[Fault, ...]:
    """Return why the reader cannot read some datum that the writer may write, or takes it for something else."""
    return tuple(fault for fault in all_faults(writer, reader, changed) if fault.rule not in VERSION_RULES)


def compare_versions(previous: Schema, current: Schema) -> tuple[Fault, ...]:
    """Return what the current version says otherwise than the previous one, and code would have to follow."""
    return tuple(fault for fault in all_faults(previous, current, Changed.READER) if fault.rule in VERSION_RULES)


def all_faults(writer: Schema, reader: Schema, changed: Changed = Changed.READER) -> tuple[Fault, ...]:
    """Return the faults under all rules about a writer and a reader, or a previous and a current version."""
    resolution = resolve(writer, reader)
    of = PlanFaults(resolution, changed)
    local = {pair: list(of.of_record(pair)) for pair in resolution.records}
    faulty = _leading_to_faults(local)
    return tuple(_told(list(of.of_root()), local, faulty))


def finding(
    fault: Fault, location: Location | None, subject: str | None = None, versions: Sequence[int | str] = ()
) -> Finding:
    """Return a fault as a finding, under the severity and with the remedy of its rule."""
    rule = RULES[fault.rule]
    file, line, column = (location.file, location.line, location.column) if location else (None, None, None)
    return Finding(
        rule.id, rule.category, rule.severity, fault.path, fault.message, fault.fix or rule.fix,
        file, line, column, subject, tuple(versions),
    )  # fmt: skip


def _leading_to_faults(local: Mapping[RecordPair, Sequence[Fault | Use]]) -> set[RecordPair]:
    """Return the pairs of records in which, or within which, there is a fault."""
    users: dict[RecordPair, list[RecordPair]] = {}
    for pair, found in local.items():
        for use in found:
            if isinstance(use, Use):
                users.setdefault(use.pair, []).append(pair)
    left = [pair for pair, found in local.items() if any(isinstance(each, Fault) for each in found)]
    faulty = set(left)
    while left:
        new = set(users.get(left.pop(), ())) - faulty
        faulty |= new
        left += new
    return faulty


def _told(
    root: Sequence[Fault | Use], local: Mapping[RecordPair, Sequence[Fault | Use]], faulty: set[RecordPair]
) -> list[Fault]:
    """Return the faults on every way; where these are too many, the first ones, and every fault at least once."""
    everywhere = islice(_on_ways(root, local, faulty, STEPS_MAX, once=False), FAULTS_MAX)
    return list(dict.fromkeys(chain(everywhere, _on_ways(root, local, faulty, None, once=True))))


def _on_ways(
    root: Sequence[Fault | Use],
    local: Mapping[RecordPair, Sequence[Fault | Use]],
    faulty: set[RecordPair],
    steps_max: int | None,
    *,
    once: bool,
) -> Iterator[Fault]:
    """Yield the faults on every way from the root, or on `once` one way to each pair of records."""
    seen: set[RecordPair] = set()
    ways: list[tuple[str, frozenset[RecordPair], Iterator[Fault | Use]]] = [("", frozenset(), iter(root))]
    steps = count()
    while ways and (steps_max is None or next(steps) < steps_max):
        path, around, rest = ways[-1]
        each = next(rest, None)
        if each is None:
            ways.pop()
        elif isinstance(each, Fault):
            yield replace(each, path=(path + each.path).lstrip("."))
        elif each.pair in faulty and each.pair not in (seen if once else around):
            seen.add(each.pair)
            ways.append((path + each.path, around | {each.pair}, iter(local[each.pair])))
