"""Unions: the value's class decides, never its shape; where classes are one, the first branch that holds it exactly."""

import itertools
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from codegen.avro.parsing import parse_json
from codegen.errors import EncodeError
from codegen.python.types import python_kind
from codegen.runtime import Duration
from codegen.tests.building import build, logical, record
from codegen.tests.golden.kinds.sample import Colour, Kinds
from codegen.tests.golden.kinds.sample.part import Point, Vector
from codegen.tests.round_trips import round_trip, same, try_instances

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def fixed(name: str, size: int, **attributes: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size, **attributes}


BYTES = "bytes"
TWO, THREE = fixed("Two", 2), fixed("Three", 3)
MILLIS, MICROS = logical("time-millis", "int"), logical("time-micros", "long")
PRICE = logical("decimal", "bytes", precision=4, scale=2)
RATE = fixed("Rate", 8, logicalType="decimal", precision=9, scale=6)
BIG = logical("big-decimal", "bytes")
TEXT_UUID, FIXED_UUID = logical("uuid", "string"), fixed("Id", 16, logicalType="uuid")
SPAN, NOTICE = fixed("Span", 12, logicalType="duration"), fixed("Notice", 12, logicalType="duration")
DAY, INSTANT = logical("date", "int"), logical("timestamp-micros", "long")
NANOS = logical("timestamp-nanos", "long")
FIRST = {"type": "enum", "name": "First", "symbols": ["RED", "BLUE"]}
SECOND = {"type": "enum", "name": "Second", "symbols": ["BLUE", "RED"]}

CHOICES: list[tuple[list[Any], Any, int]] = [
    (["float", "double"], 0.5, 0),
    (["float", "double"], 0.1, 1),
    (["float", "double"], 1e300, 1),
    (["float", "double"], math.inf, 0),
    (["float", "double"], math.nan, 0),
    (["float", "double"], 2**24, 0),
    (["float", "double"], 2**24 + 1, 1),
    (["double", "float"], 0.5, 0),
    (["int", "float", "double"], 1, 0),
    (["int", "float", "double"], 1.0, 1),
    (["int", "float", "double"], 0.1, 2),
    (["double", "int"], 1, 1),
    (["double", "int"], 1.0, 0),
    (["int", "long"], 2**31 - 1, 0),
    (["int", "long"], -(2**31) - 1, 1),
    (["long", "int"], 1, 0),
    (["int", NANOS], 2**31, 1),
    ([NANOS, "int"], 1, 0),
    (["int", "boolean"], True, 1),
    (["boolean", "int"], 1, 1),
    (["double", "boolean"], False, 1),
    ([BYTES, TWO], b"ab", 0),
    ([TWO, BYTES], b"ab", 0),
    ([TWO, BYTES], b"abc", 1),
    ([TWO, THREE, BYTES], b"abc", 1),
    ([THREE, TWO], b"ab", 1),
    ([MILLIS, MICROS], time(1, 2, 3, 4000), 0),
    ([MILLIS, MICROS], time(1, 2, 3, 4), 1),
    ([MILLIS, MICROS], time(1, 2, 3, 500), 1),
    ([MICROS, MILLIS], time(1), 0),
    ([PRICE, RATE], Decimal("12.34"), 0),
    ([PRICE, RATE], Decimal("12.345"), 1),
    ([PRICE, RATE], Decimal("123.4"), 1),
    ([PRICE, RATE], Decimal("12.3400"), 0),
    ([RATE, PRICE], Decimal("12.34"), 0),
    ([RATE, BIG], Decimal("1.5"), 0),
    ([RATE, BIG], Decimal("1E+30"), 1),
    ([BIG, RATE], Decimal("1.5"), 0),
    ([TEXT_UUID, FIXED_UUID], UUID(int=1), 0),
    ([FIXED_UUID, TEXT_UUID], UUID(int=1), 0),
    ([SPAN, NOTICE], Duration(days=1), 0),
    ([SPAN, fixed("Twelve", 12)], b"123456789012", 1),
    ([DAY, INSTANT], NOON, 1),
    ([INSTANT, DAY], date(2026, 1, 2), 1),
    (["string", FIXED_UUID], UUID(int=2), 1),
    (["string", BYTES], b"text", 1),
    ([BYTES, "string"], "text", 1),
    ([FIRST, "string"], "RED", 1),
    (["string", FIRST], "RED", 0),
    ([{"type": "array", "items": "int"}, BYTES], [1], 0),
    ([{"type": "map", "values": "int"}, record("n.M", k="int")], {"k": 1}, 0),
]


@pytest.mark.parametrize(("branches", "value", "expected"), CHOICES, ids=[f"{case[1]!r} {case[2]}" for case in CHOICES])
@pytest.mark.parametrize("null", [[], ["null"]], ids=["", "or null"])
def test_a_value_is_written_as_the_first_branch_that_holds_it(
    tmp_path: Path, branches: list[Any], value: Any, expected: int, null: list[Any]
) -> None:
    cls = build(tmp_path, record("n.R", u=[*null, *branches]))["n.R"]

    encoded = cls(u=value).encode()

    assert encoded[0] == (expected + len(null)) << 1
    assert cls.decode(encoded).u == value or math.isnan(value)


def test_a_union_may_have_one_branch(tmp_path: Path) -> None:
    assert try_instances(build(tmp_path, record("n.R", a=["null"], b=["int"], c=[FIRST]))) == 1


@pytest.mark.parametrize(
    "branches", [[FIRST, SECOND], [SECOND, FIRST], ["string", SECOND, FIRST], ["null", FIRST, SECOND]]
)
def test_an_enums_member_is_of_its_own_enum_whatever_its_text(tmp_path: Path, branches: list[Any]) -> None:
    classes = build(tmp_path, record("n.R", u=branches))

    for name in ("n.First", "n.Second"):
        for member in classes[name]:
            value = classes["n.R"](u=member)
            assert round_trip(value)[0] >> 1 == [getattr(branch, "get", str)("name") for branch in branches].index(
                name[2:]
            )


def test_records_of_the_same_fields_are_told_apart_by_class(tmp_path: Path) -> None:
    names = ["n.A", "n.B", "m.A"]
    classes = build(tmp_path, record("n.R", u=names), *(record(name, x="int", y="string") for name in names))

    values = [classes["n.R"](u=classes[name](x=1, y="")) for name in names]

    assert [round_trip(value)[0] >> 1 for value in values] == [0, 1, 2]
    assert [type(classes["n.R"].decode(value.encode()).u) for value in values] == [classes[name] for name in names]


def test_records_that_share_most_fields_are_told_apart_by_class(tmp_path: Path) -> None:
    schemas = [record("n.A", x="int", y="int", z="int"), record("n.B", x="int"), record("n.C")]
    classes = build(tmp_path, record("n.R", u=["n.A", "n.B", "n.C"]), *schemas)

    values = [classes["n.A"](x=1, y=2, z=3), classes["n.B"](x=1), classes["n.C"]()]

    assert [round_trip(classes["n.R"](u=value))[0] >> 1 for value in values] == [0, 1, 2]


def test_a_map_is_no_record_and_a_record_no_map(tmp_path: Path) -> None:
    classes = build(tmp_path, record("n.R", u=[record("n.M", k="int"), {"type": "map", "values": "int"}]))

    assert round_trip(classes["n.R"](u={"k": 1}))[0] >> 1 == 1
    assert round_trip(classes["n.R"](u=classes["n.M"](k=1)))[0] >> 1 == 0


BRANCHES: list[Any] = [
    "boolean", "int", "long", "float", "double", "bytes", "string", TWO, THREE, FIRST, SECOND, PRICE, RATE, BIG, TEXT_UUID,
    FIXED_UUID, DAY, MILLIS, MICROS, INSTANT, logical("local-timestamp-millis", "long"), NANOS, SPAN, record("n.A", x="int"),
    record("n.B", x="int"), {"type": "array", "items": "int"}, {"type": "map", "values": "int"},
]  # fmt: skip


def kind(branch: Any) -> str:
    """Return by what a union tells its branches apart: there may be no two of a kind."""
    return str(branch if isinstance(branch, str) else branch.get("name", branch["type"]))


def pairs() -> Iterator[tuple[Any, Any]]:
    """Yield all pairs of branches that may stand in one union, in both orders."""
    yield from (pair for pair in itertools.permutations(BRANCHES, 2) if kind(pair[0]) != kind(pair[1]))


@pytest.mark.parametrize(
    "first",
    BRANCHES,
    ids=lambda branch: f"{kind(branch)} {dict(branch).get('logicalType', '')}" if isinstance(branch, dict) else branch,
)
def test_every_pair_of_types_is_written_as_fastavro_does(tmp_path: Path, first: Any) -> None:
    seconds = [second for one, second in pairs() if one == first]
    named = {branch["name"]: branch for branch in BRANCHES if isinstance(branch, dict) and "name" in branch}
    holder = record("n.Names", **{f"f_{name}": branch for name, branch in named.items()})

    def use(branch: Any) -> Any:
        return f"n.{branch['name']}" if kind(branch) in named else branch

    user = record("n.R", **{f"f{number}": [use(first), use(second)] for number, second in enumerate(seconds)})

    classes = build(tmp_path, holder, user)

    assert try_instances({name: cls for name, cls in classes.items() if name != "n.Names"}) >= 1


def test_the_pairs_of_one_python_type_are_among_them() -> None:
    shared = set()
    for pair in pairs():
        schema = parse_json({"type": "record", "name": "n.R", "fields": [{"name": "u", "type": list(pair)}]})
        union = schema.types["n.R"].fields[0].type  # type: ignore[union-attr]
        kinds = {python_kind(branch, schema) for branch in union.branches}  # type: ignore[union-attr]
        if len(kinds) == 1:
            shared |= kinds
    assert shared == {"float", "bytes", "Decimal", "UUID", "time"}


# Where unions stand


@pytest.mark.parametrize(
    "type_",
    [
        ["null", "int"],
        ["int", "null"],
        ["string", "null", "int"],
        {"type": "array", "items": ["null", "string"]},
        {"type": "map", "values": ["int", "string", "null"]},
        ["null", {"type": "array", "items": ["null", {"type": "map", "values": ["null", "long"]}]}],
        [
            {"type": "array", "items": ["int", "string"]},
            {"type": "map", "values": ["int", {"type": "array", "items": "int"}]},
        ],
        ["null", "n.R"],
        ["n.R", "null", "int"],
        {"type": "array", "items": ["n.R", "int"]},
    ],
    ids=str,
)
def test_unions_may_stand_anywhere(tmp_path: Path, type_: Any) -> None:
    assert try_instances(build(tmp_path, record("n.R", u=type_, after="int")), 50) == 1


@pytest.mark.parametrize("count", [63, 64, 65, 130])
def test_a_union_may_have_more_branches_than_one_byte_can_tell(tmp_path: Path, count: int) -> None:
    names = [f"n.B{number}" for number in range(count)]
    classes = build(tmp_path, record("n.R", u=["null", *names]), *(record(name, x="int") for name in names))
    cls = classes["n.R"]

    encoded = [round_trip(cls(u=classes[name](x=1))) for name in names]

    assert [type(cls.decode(data).u).NAME for data in encoded] == names
    assert {len(data) for data in encoded} == ({2} if count < 64 else {2, 3})


@pytest.mark.parametrize(
    "whole",
    ["int", "long", NANOS],
)
def test_a_whole_number_that_fits_no_branch_is_refused(tmp_path: Path, whole: Any) -> None:
    cls = build(tmp_path, record("n.R", u=[whole, "double"]))["n.R"]

    assert round_trip(cls(u=2.0**70))[0] >> 1 == 1
    with pytest.raises(EncodeError, match=r"^u: "):
        cls(u=2**70).encode()


def test_a_golden_union_of_everything(tmp_path: Path) -> None:
    required: dict[str, Any] = {
        "time_millis": time(1),
        "time_micros": time(1),
        "instant_millis": NOON,
        "local_millis": NOON.replace(tzinfo=None),
        "local_micros": NOON.replace(tzinfo=None),
        "misspelt": 1,
        "when": NOON,
        "only": 1,
    }
    for anything in (None, True, 1, 2**40, 0.5, Colour.RED, "RED", b"", Point(x=1), ["a"], {"a": 1}):
        value = Kinds(**required, anything=anything, either=Vector(x=1))
        round_trip(value)
        assert same(Kinds.decode(value.encode()).anything, anything)
