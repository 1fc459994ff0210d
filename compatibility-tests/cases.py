"""The corpus as values: `corpus/*.toml` (README.md says how they read), tables of pairs spelled out as single cases."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path
from typing import Any

from avro_json import Resolved, binary, plain, resolved

FOLDER = Path(__file__).parent / "corpus"
HEXADECIMAL = "0x"
FAILS = "fails"


class Answer(StrEnum):
    """What is to be said of a pair of valid schemas."""

    SAME = "same"  # everything that is written is read, and means what was meant
    OTHER = "other"  # everything is read, but not everything means what was meant
    UNREADABLE = "unreadable"  # there are data that cannot be read


@dataclass(frozen=True)
class Datum:
    """One datum as written, and what the reader makes of it; None: it fails, with an error that begins with `error`."""

    written: str
    value: str | None
    error: str = ""

    def data(self, writer: Resolved) -> bytes:
        """Return the bytes, as the specification wants them written."""
        if self.written.startswith(HEXADECIMAL):
            return bytes.fromhex(self.written.removeprefix(HEXADECIMAL))
        return binary(writer, json.loads(self.written))


@dataclass(frozen=True)
class Case:
    """A writer's and a reader's schema, and all that is to be said of them. A finding is a rule and a field path."""

    id: str
    group: str
    writer: str
    reader: str
    answer: Answer
    findings: tuple[tuple[str, str], ...] | None = None  # None: which rules they break is not what this case is about
    data: tuple[Datum, ...] = ()

    @property
    def readable(self) -> bool:
        return self.answer is not Answer.UNREADABLE

    @property
    def same_meaning(self) -> bool:
        return self.answer is Answer.SAME

    @property
    def may_be_two_branches(self) -> bool:
        """Whether the meaning hangs on the branch that a reader chooses: the value shows which one it was."""
        return any(rule == "AMBIGUOUS_UNION" for rule, _ in self.findings or ())

    def expected(self, datum: Datum) -> Any:
        """Return the Python value that a decoder is to return for a datum that is read."""
        assert datum.value is not None
        return plain(resolved(self.reader), json.loads(datum.value))


@dataclass(frozen=True)
class Single:
    """One schema's text, and the JSON pointer of what makes it invalid (None: it is valid)."""

    id: str
    group: str
    text: str
    fault: str | None

    @property
    def valid(self) -> bool:
        return self.fault is None


def cases() -> tuple[Case, ...]:
    """Return all reader/writer cases."""
    found = [*_written_out(), *_promotions(), *_defaults(), *_families(), *_ignored()]
    return tuple(sorted(found, key=lambda case: case.group))


def singles() -> tuple[Single, ...]:
    """Return all cases of a schema by itself."""
    content = _read("validity")
    schemas = [
        Single(f"schema-{each['id']}", "validity", each["text"], each.get("fault")) for each in content["schema"]
    ]
    return (*schemas, *(_single_default(each) for each in content["default"]))


def _single_default(each: dict[str, str]) -> Single:
    field = f'{{"name": "a", "type": {each["type"]}, "default": {each["default"]}}}'
    fault = f"/fields/0/default{each['fault']}" if "fault" in each else None
    text = f'{{"type": "record", "name": "R", "fields": [{field}]}}'
    return Single(f"schema-default-{each['id']}", "validity of defaults", text, fault)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _written_out() -> Iterator[Case]:
    for file in sorted(FOLDER.glob("*.toml")):
        for each in _read(file.stem).get("case", ()):
            findings = tuple(_finding(finding) for finding in each.get("findings", ()))
            data = tuple(_datum(*entry) for entry in each["data"])
            group = file.stem.replace("_", " ")
            yield Case(each["id"], group, each["writer"], each["reader"], Answer(each["answer"]), findings, data)


def _finding(text: str) -> tuple[str, str]:
    rule, _, path = text.partition(" ")
    return rule, path


def _datum(written: str, value: str, error: str = "") -> Datum:
    return Datum(written, None if value == FAILS else value, error)


def _promotions() -> Iterator[Case]:
    table = _read("promotions")
    for written, wanted in product(table, repeat=2):
        row = table[written]
        answer = next((Answer(key) for key in ("same", "other") if wanted in row.get(key, ())), Answer.UNREADABLE)
        value = row.get(answer, {}).get(wanted)
        rules = {Answer.SAME: (), Answer.OTHER: (("LOSSY_PROMOTION", ""),), Answer.UNREADABLE: (("TYPE_CHANGED", ""),)}
        texts = json.dumps(written), json.dumps(wanted)
        data = (Datum(row["datum"], value),)
        yield Case(f"promotion-{written}-to-{wanted}", "promotions", *texts, answer, rules[answer], data)


def _defaults() -> Iterator[Case]:
    writer = '{"type": "record", "name": "R", "fields": []}'
    for each in _read("defaults")["default"]:
        field = f'{{"name": "a", "type": {each["type"]}, "default": {each["default"]}}}'
        reader = f'{{"type": "record", "name": "R", "fields": [{field}]}}'
        data = (Datum("{}", f'{{"a": {each["value"]}}}'),)
        yield Case(f"default-{each['id']}", "defaults", writer, reader, Answer.SAME, (), data)


def _families() -> Iterator[Case]:
    for underlying, family in _read("logical_families").items():
        data = (Datum(family["datum"], family["datum"]),)
        types = {name: text for name, text in family.items() if name != "datum"}
        for written, wanted in product(types, repeat=2):
            answer = Answer.SAME if written == wanted else Answer.OTHER
            yield Case(
                f"{underlying}-{written}-to-{wanted}", "logical types, all pairs", types[written], types[wanted], answer,
                None if answer is Answer.OTHER else (), data,
            )  # fmt: skip


def _ignored() -> Iterator[Case]:
    for each in _read("logical")["ignored"]:
        data = (Datum(each["datum"], each["datum"]),)
        for direction, writer, reader in (("to", each["plain"], each["type"]), ("from", each["type"], each["plain"])):
            yield Case(
                f"ignored-{direction}-{each['id']}", "logical types, ignored", writer, reader, Answer.SAME, (), data
            )
