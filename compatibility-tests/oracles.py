"""What other implementations of Avro say of the corpus: fastavro and Apache Avro for Python, asked in this process.

An `Oracle` is a tool as three functions, any of which may raise whatever it likes. `ask` turns what they do into one
`Mark` a question: nothing where the tool is right or was not asked, else what it says.
"""

import importlib.metadata
import io
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import avro.compatibility
import avro.io
import avro.schema
import fastavro
from avro_json import alike, resolved
from cases import Case, Datum, Single
from generic_reader import reader_for

from codegen.avro.parsing import parse
from codegen.checks.comparing import Source, judge

TEXT_MAX = 90


class Question(StrEnum):
    """What is asked of a tool; the value heads a column."""

    VALID = "valid"
    READABLE = "readable"
    READS = "reads the datum"
    MEANING = "meaning"


Marks = dict[Question, str | None]
"""What a tool says wrongly by question, None where it is right; what it was not asked is absent."""


@dataclass(frozen=True)
class Oracle:
    """A tool: it parses a text, decodes bytes by writer's and reader's text, and perhaps compares the two."""

    name: str
    version: str
    parse: Callable[[str], object]
    decode: Callable[[str, str, bytes], Any]
    why_incompatible: Callable[[str, str], str | None] | None  # None: compatible


def ask_about_schema(oracle: Oracle, single: Single) -> Marks:
    """Ask whether one schema is valid."""
    refusal = _raised(lambda: oracle.parse(single.text))
    return {Question.VALID: wrong_validity(single, refusal)}


def wrong_validity(single: Single, refusal: str | None) -> str | None:
    """Return what is wrong with refusing a schema, or with not refusing it."""
    if single.valid:
        return f"refuses: {refusal}" if refusal is not None else None
    return "accepts" if refusal is None else None


def ask_about_pair(oracle: Oracle, case: Case) -> Marks:
    """Ask all about a pair: first whether its schemas are valid, as they are."""
    refusal = _raised(lambda: (oracle.parse(case.writer), oracle.parse(case.reader)))
    if refusal is not None:
        return {Question.VALID: f"refuses: {refusal}"}
    marks: Marks = {Question.VALID: None}
    incompatible: str | None = None
    if oracle.why_incompatible is not None:
        incompatible = _incompatible(oracle.why_incompatible, case)
        marks[Question.READABLE] = wrong_compatibility(case, incompatible)
    if case.data:
        marks[Question.READS] = next(filter(None, (_misread(oracle, case, datum) for datum in case.data)), None)
    if case.data and case.readable:
        told = case.may_be_two_branches and (incompatible is not None or marks[Question.READS] is None)
        marks[Question.MEANING] = None if told else _misunderstood(oracle, case, incompatible)
    return marks


def wrong_compatibility(case: Case, incompatible: str | None) -> str | None:
    """Return what is wrong with a checker's answer on whether all data can be read."""
    if case.readable:
        return f"incompatible: {incompatible}" if incompatible is not None else None
    return "compatible" if incompatible is None else None


def _incompatible(why_incompatible: Callable[[str, str], str | None], case: Case) -> str | None:
    try:
        return why_incompatible(case.writer, case.reader)
    except Exception as error:  # noqa: BLE001 - a tool may fail as it likes: that it does is its answer
        return type(error).__name__


def _misread(oracle: Oracle, case: Case, datum: Datum) -> str | None:
    data = datum.data(resolved(case.writer))
    try:
        value = oracle.decode(physical(case.writer), physical(case.reader), data)
    except Exception as error:  # noqa: BLE001 - decoders have no common error; the answer is whether it fails
        return None if datum.value is None else f"fails: {type(error).__name__}"
    if datum.value is None:
        return short(f"reads {value!r}")
    return None if alike(value, case.expected(datum)) else short(f"reads {value!r}")


def _misunderstood(oracle: Oracle, case: Case, incompatible: str | None) -> str | None:
    """A change of meaning is told by the checker or by a decoder that refuses, or the value is what was written."""
    data = case.data[0].data(resolved(case.writer))
    if case.same_meaning:
        failure = _raised(lambda: oracle.decode(case.writer, case.reader, data))
        return f"fails: {failure}" if failure is not None else None
    if incompatible is not None or _raised(lambda: oracle.decode(case.writer, case.reader, data)) is not None:
        return None
    meant, understood = oracle.decode(case.writer, case.writer, data), oracle.decode(case.writer, case.reader, data)
    return None if meant == understood else short(f"{meant!r} is read as {understood!r}")


def _raised(act: Callable[[], object]) -> str | None:
    try:
        act()
    except Exception as error:  # noqa: BLE001 - parsers and decoders have no common error; which one it was is the answer
        return type(error).__name__  # what it says besides differs between versions of Python
    return None


def short(text: str) -> str:
    """Return a tool's words on one line of a table, without what differs from run to run."""
    line = re.sub(r"\s+", " ", re.sub(r"0x[0-9a-f]{6,}", "0x...", text)).strip(" :")
    return line if len(line) <= TEXT_MAX else f"{line[: TEXT_MAX - 3]}..."


def physical(text: str) -> str:
    """Return a schema without its logical types: what is read, and what it means, are two questions."""
    return json.dumps(_without_logical_types(json.loads(text)))


def _without_logical_types(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_logical_types(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: each if key == "default" else _without_logical_types(each)
        for key, each in value.items()
        if key != "logicalType"
    }


def _fastavro_decode(writer: str, reader: str, data: bytes) -> Any:
    written, wanted = (fastavro.parse_schema(json.loads(text)) for text in (writer, reader))
    return fastavro.schemaless_reader(io.BytesIO(data), written, wanted)


def _avro_parse(text: str) -> avro.schema.Schema:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ignored logical types
        return avro.schema.parse(text)


def _avro_decode(writer: str, reader: str, data: bytes) -> Any:
    return avro.io.DatumReader(_avro_parse(writer), _avro_parse(reader)).read(avro.io.BinaryDecoder(io.BytesIO(data)))


def _avro_incompatible(writer: str, reader: str) -> str | None:
    checker = avro.compatibility.ReaderWriterCompatibilityChecker()  # type: ignore[no-untyped-call]
    result = checker.get_compatibility(_avro_parse(reader), _avro_parse(writer))
    if result.compatibility is avro.compatibility.SchemaCompatibilityType.compatible:
        return None
    return short("; ".join(sorted(result.messages)))


def _own_incompatible(writer: str, reader: str) -> str | None:
    verdict = judge(Source(json.loads(writer)), Source(json.loads(reader)))
    return None if verdict.readable else short("; ".join(finding.rule for finding in verdict.findings))


def ask_ourselves(case: Case) -> Marks:
    """Ask the toolkit of this repository: it has a word for a change of meaning, so nothing needs to be concluded."""
    marks = ask_about_pair(CONTRACTS, case)
    verdict = judge(Source(json.loads(case.writer)), Source(json.loads(case.reader)))
    if case.readable:
        wrong = verdict.same_meaning is not case.same_meaning
        marks[Question.MEANING] = f"same_meaning: {verdict.same_meaning}" if wrong else None
    return marks


FASTAVRO = Oracle(
    "fastavro",
    importlib.metadata.version("fastavro"),
    lambda text: fastavro.parse_schema(json.loads(text)),
    _fastavro_decode,
    None,
)
APACHE = Oracle(
    "Apache Avro for Python", importlib.metadata.version("avro"), _avro_parse, _avro_decode, _avro_incompatible
)
CONTRACTS = Oracle(
    "contracts",
    "this repository",
    parse,
    lambda writer, reader, data: reader_for(writer, reader)(data),
    _own_incompatible,
)
