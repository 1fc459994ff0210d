"""The corpus: the checker's verdict, rules and paths are what the specification says, and so is what decoders do.

Each datum is encoded apart from codegen (`avro_json`). It is read by the code that codegen generates from the plan of
the pair (`generic_reader`), and by generated classes wherever there can be some.
"""

import json
from pathlib import Path

import pytest
from avro_json import alike, binary, resolved
from cases import Case, Single, cases, singles
from generic_reader import reader_for

from codegen.avro.parsing import parse
from codegen.checks.comparing import Source, Verdict, judge
from codegen.checks.findings import Severity
from codegen.errors import DecodeError, SchemaError
from codegen.runtime import FAULTS
from codegen.tests.building import build

CASES = cases()
SINGLES = singles()
WITH_RULES = [case for case in CASES if case.findings is not None]
WITH_DATA = [case for case in CASES if case.data]
WITH_CLASS = [case for case in WITH_DATA if case.reader.startswith('{"type": "record"')]


def judged(case: Case) -> Verdict:
    return judge(Source(json.loads(case.writer)), Source(json.loads(case.reader)))


def near(found: str, fault: str) -> bool:
    """Whether a place is the fault's, or that of the whole default that it is in."""
    return found in {fault, fault.partition("/default")[0] + "/default"}


@pytest.mark.parametrize("single", SINGLES, ids=lambda single: single.id)
def test_a_schema_is_refused_at_its_fault_or_not_at_all(single: Single) -> None:
    if single.fault is None:
        parse(single.text)
        return
    with pytest.raises(SchemaError) as caught:
        parse(single.text)

    assert near("".join(f"/{step}" for step in caught.value.pointer), single.fault)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_checker_answers_what_the_specification_says(case: Case) -> None:
    verdict = judged(case)

    assert (verdict.valid, verdict.readable, verdict.same_meaning) == (True, case.readable, case.same_meaning)


@pytest.mark.parametrize("case", WITH_RULES, ids=lambda case: case.id)
def test_the_checker_names_rules_and_paths(case: Case) -> None:
    findings = judged(case).findings

    errors = {(each.rule, each.path) for each in findings if each.severity is Severity.ERROR}
    assert errors <= set(case.findings or ()) <= {(each.rule, each.path) for each in findings}


@pytest.mark.parametrize("case", WITH_DATA, ids=lambda case: case.id)
def test_generated_code_reads_each_datum_or_fails(case: Case) -> None:
    read = reader_for(case.writer, case.reader)
    for datum in case.data:
        data = datum.data(resolved(case.writer))
        if datum.value is None:
            with pytest.raises(FAULTS):
                read(data)
        else:
            assert alike(read(data), case.expected(datum))


@pytest.mark.parametrize("case", WITH_CLASS, ids=lambda case: case.id)
def test_a_generated_class_reads_each_datum_or_fails_with_its_path(case: Case, tmp_path: Path) -> None:
    reader = resolved(case.reader)
    cls = build(tmp_path, json.loads(case.reader))[reader.root]

    for datum in case.data:
        data = datum.data(resolved(case.writer))
        if datum.value is None:
            with pytest.raises(DecodeError) as caught:
                cls.decode(data, case.writer)
            assert str(caught.value).startswith(datum.error)
        else:
            assert cls.decode(data, case.writer).encode() == binary(reader, json.loads(datum.value))


def test_ids_are_unique() -> None:
    ids = [case.id for case in CASES] + [single.id for single in SINGLES]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_datum_proves_what_is_unreadable(case: Case) -> None:
    assert any(datum.value is None for datum in case.data) is not case.readable
