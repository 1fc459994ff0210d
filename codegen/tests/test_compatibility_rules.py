"""Every WIRE, SEM and API rule on its examples: the bad one breaks it where it says, the good one keeps it."""

from collections.abc import Iterable

import pytest

from codegen.avro.parsing import parse
from codegen.avro.schema import Schema
from codegen.checks import faults
from codegen.checks.compatibility_rules import COMPATIBILITY_RULES, FOR_READERS_FIRST
from codegen.checks.faults import Changed, Fault
from codegen.checks.findings import Rule, Severity
from codegen.checks.rules import RULES, examples

PAIRS = [rule for rule in COMPATIBILITY_RULES if rule.id != "SUBJECT_REMOVED"]  # of a folder: test_breaking.py


def faults_of_versions(previous: Schema, current: Schema) -> list[Fault]:
    return [
        *faults.find(writer=previous, reader=current, changed=Changed.READER),
        *faults.find(writer=current, reader=previous, changed=Changed.WRITER),
        *faults.compare_versions(previous, current),
    ]


@pytest.mark.parametrize("rule", PAIRS, ids=lambda rule: rule.id)
def test_the_bad_example_breaks_the_rule_and_the_good_one_keeps_it(rule: Rule) -> None:
    schemas = {path: parse(text) for path, text in examples(rule).items()}
    previous, bad, good = schemas["previous.avsc"], schemas["bad.avsc"], schemas["good.avsc"]

    found = [fault for fault in faults_of_versions(previous, bad) if fault.rule == rule.id]

    assert len({fault.path for fault in found}) == 1
    assert all(fault.place is not None and fault.place.type in bad.types for fault in found)
    assert rule.id not in {fault.rule for fault in faults.all_faults(writer=previous, reader=good)}
    assert (
        faults_of_versions(previous, previous) == faults_of_versions(bad, bad) == faults_of_versions(good, good) == []
    )


@pytest.mark.parametrize("rule", PAIRS, ids=lambda rule: rule.id)
def test_the_good_example_breaks_nothing_at_the_level_that_it_is_for(rule: Rule) -> None:
    schemas = {path: parse(text) for path, text in examples(rule).items()}
    previous, good = schemas["previous.avsc"], schemas["good.avsc"]

    of_readers = faults.all_faults(writer=previous, reader=good)
    of_writers = faults.find(writer=good, reader=previous, changed=Changed.WRITER)

    assert _errors(of_readers) == []
    assert bool(_errors(of_writers)) == (rule.id in FOR_READERS_FIRST)


def _errors(found: Iterable[Fault]) -> list[Fault]:
    return [fault for fault in found if RULES[fault.rule].severity is Severity.ERROR]
