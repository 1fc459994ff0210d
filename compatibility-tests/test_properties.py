"""The checker against data: what it says of random pairs of schemas is what happens to random data.

Readable: every datum reads, by the reference decoder and by the code that is generated from the plan, as the same
value. The same meaning: and no value means anything else. Not readable: a datum proves it. The long run is
`python compatibility-tests/test_properties.py --pairs 100000`; a pair that fails is shrunk and printed.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import pytest
import reference
import reference_encoding
from generic_reader import reader_for
from random_model import Json
from random_schemas import Pair, pair
from reference import Reading, Unreadable
from rich.console import Console
from rich.progress import track

from codegen import runtime
from codegen.avro import resolution
from codegen.avro.parsing import parse_json
from codegen.avro.resolution import same_name
from codegen.avro.schema import Schema, simple_name
from codegen.checks import meaning
from codegen.checks.comparing import Source, judge
from codegen.errors import DecodeError, UnsupportedSchema
from codegen.samples.data import Datum, as_json, encode
from codegen.samples.sampling import Sampler
from codegen.tests.building import build

SEED = 20_260_301
SCREEN = Console(highlight=False, markup=False, soft_wrap=True)
DATA = 6
"""Data of every pair, at least; more until every branch, symbol and size has been drawn."""
DATA_MAX = 40
PROOF_MAX = 1000
"""Data among which one must be that proves a pair unreadable."""


@dataclass(eq=False)
class Disagreement(Exception):
    """The checker, the decoders and the data do not agree about a pair."""

    what: str
    pair: Pair
    datum: Json = None

    def __str__(self) -> str:
        return "\n".join(
            [
                self.what,
                f"writer {json.dumps(self.pair.writer)}",
                f"reader {json.dumps(self.pair.reader)}",
                f"edits {', '.join(self.pair.edits)}",
                f"datum {json.dumps(self.datum)}",
            ]
        )


def check(made: Pair, random: Random) -> str:
    """Return the verdict of a pair ("readable", ...) after it was tried on data; raise Disagreement."""
    verdict = judge(Source(made.writer), Source(made.reader))
    if not verdict.valid:
        raise Disagreement(f"a valid schema is refused: {verdict.findings}", made)
    trial = Trial(made, parse_json(made.writer), parse_json(made.reader))
    lost = unreadable = False
    for datum in data_of(trial.writer, random):
        losses = trial.losses(datum)
        unreadable |= losses is None
        lost |= bool(losses)
        if verdict.readable and losses is None:
            raise Disagreement("said to be readable, but this datum is not", made, as_json(datum))
        if verdict.same_meaning and losses:
            raise Disagreement(f"said to mean the same, but {losses[0]} does not", made, as_json(datum))
    if not verdict.readable:
        if not unreadable and not trial.has_proof(random):
            raise Disagreement(f"said to be unreadable, but no datum shows it: {verdict.findings[0].message}", made)
        return "unreadable"
    if verdict.same_meaning:
        return "same meaning"
    return "other meaning, shown" if lost else "other meaning, not shown"


@dataclass(frozen=True)
class Trial:
    """A pair, parsed, and how data of the writer's fare with its reader."""

    pair: Pair
    writer: Schema
    reader: Schema

    def losses(self, datum: Datum) -> list[str] | None:
        """Return the places where a datum's meaning is lost, None where it cannot be read. Both decoders agree."""
        data = encode(self.writer, datum)
        value = reference_encoding.decode(data, self.writer)
        if reference_encoding.encode(value, self.writer.root, self.writer) != data:
            raise Disagreement("the encoders differ", self.pair, as_json(datum))
        try:
            reading = reference.resolve(value, self.writer, self.reader)
        except Unreadable:
            reading = None
        self.try_generated_code(data, reading, datum)
        return None if reading is None else reading.losses

    def try_generated_code(self, data: bytes, reading: Reading | None, datum: Datum) -> None:
        """Raise Disagreement if the code that is generated for the pair reads anything else."""
        expected = None if reading is None else sorted_text(reference.named(reading.value))
        try:
            read = sorted_text(self.generated(data))
        except runtime.FAULTS as error:
            if expected is not None and "\\udc" not in expected:  # bytes that are no text are refused as a string
                raise Disagreement(f"generated code refuses: {error}", self.pair, as_json(datum)) from error
        else:
            if read != expected:
                raise Disagreement(f"generated code reads otherwise: {expected}, {read}", self.pair, as_json(datum))

    @cached_property
    def generated(self) -> Callable[[bytes], Any]:
        """The reader that is generated for the pair."""
        return reader_for(json.dumps(self.pair.writer), json.dumps(self.pair.reader), named=True)

    def has_proof(self, random: Random) -> bool:
        """Say whether a datum is found that cannot be read: deeper ones come later."""
        for recursion_max in (1, 2, 4):
            sampler = Sampler(self.writer, random, finite=False, recursion_max=recursion_max)
            if any(self.losses(sampler.valid()) is None for _ in range(PROOF_MAX // 3)):
                return True
        return False


def sorted_text(value: Any) -> str:
    """Return a value as text, by which NaN is NaN and 0.0 not -0.0."""
    match value:
        case dict():
            return f"{{{', '.join(f'{key!r}: {sorted_text(value[key])}' for key in sorted(value))}}}"
        case list() | tuple():
            return f"[{', '.join(sorted_text(item) for item in value)}]"
    return repr(value)


def data_of(schema: Schema, random: Random) -> Iterator[Datum]:
    """Yield data of a schema until every branch, symbol and size that was met has been drawn."""
    sampler = Sampler(schema, random, finite=False)
    for count in range(DATA_MAX):
        if count >= DATA and sampler.covered:
            return
        yield sampler.valid()


def shrunk(found: Disagreement, random: Random) -> Disagreement:
    """Return the same disagreement about smaller schemas: fields are left out as long as it stays."""
    smaller = True
    while smaller:
        smaller = False
        for candidate in without_a_field(found.pair):
            try:
                checked(candidate, random)
            except Disagreement as still:  # another one, where a type is gone that is used elsewhere
                if still.what[:20] == found.what[:20]:
                    found, smaller = still, True
                    break
    return found


def without_a_field(made: Pair) -> Iterator[Pair]:
    """Yield the pair with one field left out of the writer's, the reader's or both schemas."""
    for place in places_of_fields(made.writer):
        writer, name = without(made.writer, place)
        for other in places_of_fields(made.reader):
            reader, other_name = without(made.reader, other)
            if name == other_name:
                yield replace(made, writer=writer, reader=reader)
        yield replace(made, writer=writer)
    for place in places_of_fields(made.reader):
        yield replace(made, reader=without(made.reader, place)[0])


def places_of_fields(node: Json, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every field."""
    if isinstance(node, dict | list):
        for key, item in node.items() if isinstance(node, dict) else enumerate(node):
            if place and place[-1] == "fields":
                yield (*place, key)
            if key != "default":
                yield from places_of_fields(item, (*place, key))


def without(node: Json, place: tuple[Any, ...]) -> tuple[Json, str]:
    """Return a schema without the field at this place, and the field's name."""
    copied = json.loads(json.dumps(node))
    holder = copied
    for key in place[:-1]:
        holder = holder[key]
    return copied, holder.pop(place[-1])["name"]


def pairs(seed: int, count: int) -> Iterator[tuple[Pair, Random]]:
    """Yield pairs, and the random numbers for their data."""
    for number in range(count):
        random = Random(f"{seed} {number}")
        yield pair(random), random


@pytest.mark.parametrize("part", range(4))
def test_what_is_said_of_a_pair_is_what_happens_to_data(part: int, record_property: Any) -> None:
    verdicts = Counter(check(made, random) for made, random in pairs(SEED + part, 1000))

    SCREEN.print(f"seed {SEED + part}: {dict(verdicts)}")
    assert all(verdicts[each] > 50 for each in ("unreadable", "same meaning", "other meaning, shown"))


WRONG: list[tuple[str, Any, str, Any, str]] = [
    (
        "a promotion too many",
        resolution,
        "PROMOTIONS",
        {**resolution.PROMOTIONS, "double": frozenset({"float"})},
        "reads otherwise",
    ),
    (
        "aliases forgotten",
        resolution,
        "same_name",
        lambda one, other: simple_name(one.name) == simple_name(other.name),
        "refuses: .* was written",
    ),
    (
        "any name is as near",
        resolution,
        "_rank_of_names",
        lambda one, other: 0 if same_name(one, other) else None,
        "reads otherwise",
    ),
    ("items too long", resolution, "size_min", lambda *_: 2, "more items than the data can hold"),
    ("a loss forgotten", meaning, "LOSSY", {("int", "float"): "the only one"}, "said to mean the same, but"),
]


@pytest.mark.parametrize(
    ("module", "name", "value", "found"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_a_wrong_checker_is_found_out(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, value: Any, found: str
) -> None:
    monkeypatch.setattr(module, name, value)

    with pytest.raises(Disagreement, match=found):
        Counter(check(made, random) for made, random in pairs(SEED, 3000))


def test_generated_classes_read_as_the_reference_does(tmp_path: Path) -> None:
    compared = Counter[str]()
    for made, random in pairs(SEED, 400):
        if compared["read"] < 400:
            compared.update(compare_with_class(made, random, tmp_path))

    SCREEN.print(f"seed {SEED}: {dict(compared)}")
    assert compared["read"] >= 400
    assert compared["refused"] > 30


def checked(made: Pair, random: Random) -> str:
    """Do as `check` does; whatever else goes wrong is a disagreement too."""
    try:
        return check(made, random)
    except Disagreement:
        raise
    except Exception as error:  # one crash must not end a run of hours: it is told, shrunk, and fails the run
        raise Disagreement(f"{type(error).__name__}: {error}", made) from error


def compare_with_class(made: Pair, random: Random, folder: Path) -> Iterator[str]:
    """Yield what came of each datum that the generated class of the reader's schema has read, or refused."""
    if not isinstance(made.reader, dict) or made.reader["type"] != "record":
        return
    writer, reader = parse_json(made.writer), parse_json(made.reader)
    try:
        classes = build(folder, made.reader)
    except UnsupportedSchema:
        return
    cls, text = classes[reader.root.name], json.dumps(made.writer)  # type: ignore[union-attr]
    for datum in data_of(writer, random):
        data = encode(writer, datum)
        try:
            value = reference.read(data, writer, reader).value
            expected = repr(cls.decode(reference_encoding.encode(value, reader.root, reader)))
        except (Unreadable, DecodeError):  # of the latter: text that is no UUID, bytes that are no text
            with pytest.raises(DecodeError):
                cls.decode(data, text)
            yield "refused"
        else:
            assert repr(cls.decode(data, text)) == expected, str(
                Disagreement("the class differs", made, as_json(datum))
            )
            yield "read"


def main() -> int:
    """Run many pairs; print the verdicts, and every disagreement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    verdicts = Counter[str]()
    for made, random in track(pairs(arguments.seed, arguments.pairs), "pairs", total=arguments.pairs, console=SCREEN):
        try:
            verdicts[checked(made, random)] += 1
        except Disagreement as found:
            verdicts["DISAGREEMENT"] += 1
            SCREEN.print(f"seed {arguments.seed}: {shrunk(found, random)}\n")
    SCREEN.print(f"seed {arguments.seed}, {arguments.pairs} pairs: {dict(verdicts)}")
    return int(verdicts["DISAGREEMENT"] > 0)


if __name__ == "__main__":
    sys.exit(main())
