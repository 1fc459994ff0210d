"""Defaults: bytes, nested records, containers, logical types; what a class gives is what a reader fills in."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from codegen.errors import UnsupportedSchema
from codegen.runtime import Duration
from codegen.tests.building import build, logical, record
from codegen.tests.golden.invoice.billing import Currency, Line, Terms
from codegen.tests.golden.kinds.sample import Kinds, Tree
from codegen.tests.golden.kinds.sample.part import Point
from codegen.tests.round_trips import round_trip, same


def fixed(size: int, name: str = "F", **attributes: Any) -> dict[str, Any]:
    return {"type": "fixed", "name": name, "size": size, **attributes}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def mapping(values: Any) -> dict[str, Any]:
    return {"type": "map", "values": values}


DECIMAL = logical("decimal", "bytes", precision=6, scale=2)
FIXED_DECIMAL = fixed(3, logicalType="decimal", precision=5, scale=3)
DURATION = fixed(12, logicalType="duration")
PAIR = record("n.Pair", {"y": 2}, x="int", y="int")
NODE = record("n.Node", {"next": None, "more": []}, x="int", next=["null", "n.Node"], more=array("n.Node"))
SYMBOLS = {"type": "enum", "name": "E", "symbols": ["A", "class", "mro"]}

DEFAULTS: list[tuple[str, Any, Any, Any]] = [
    ("null", "null", None, None),
    ("boolean", "boolean", True, True),
    ("int", "int", -(2**31), -(2**31)),
    ("long", "long", 2**63 - 1, 2**63 - 1),
    ("float", "float", 0.5, 0.5),
    ("float of a whole number", "float", 3, 3.0),
    ("float that is rounded", "float", 0.1, 0.10000000149011612),
    ("double", "double", 1e300, 1e300),
    ("double that is small", "double", -5e-324, -5e-324),
    ("double of a whole number", "double", 2**60, float(2**60)),
    ("bytes", "bytes", "\x00\xff\"'\\", b"\x00\xff\"'\\"),
    ("bytes that are none", "bytes", "", b""),
    ("bytes, all there are", "bytes", bytes(range(256)).decode("latin-1"), bytes(range(256))),
    ("string", "string", "it's \"text\" \\ ü \n\t\x00 \u2028 🙂", "it's \"text\" \\ ü \n\t\x00 \u2028 🙂"),
    ("string that looks like code", "string", '""" + exit() + """ {x} %s', '""" + exit() + """ {x} %s'),
    ("string that is long", "string", "word " * 100, "word " * 100),
    ("fixed", fixed(2), "\x00ÿ", b"\x00\xff"),
    ("fixed without bytes", fixed(0), "", b""),
    ("enum", SYMBOLS, "class", "class"),
    ("array", array("int"), [1, 2], [1, 2]),
    ("array that is empty", array("string"), [], []),
    ("array of arrays", array(array("bytes")), [["a"], []], [[b"a"], []]),
    ("array of nullables", array(["null", "int"]), [None], [None]),
    ("map", mapping("double"), {"a": 1, "it's": 2.5}, {"a": 1.0, "it's": 2.5}),
    ("map that is empty", mapping("int"), {}, {}),
    ("map of arrays of maps", mapping(array(mapping("int"))), {"a": [{"b": 1}]}, {"a": [{"b": 1}]}),
    ("union, of its first branch", ["null", "int"], None, None),
    ("union, of another branch", ["null", "int"], 5, 5),
    ("union of arrays", [array("int"), "null"], [1], [1]),
    ("union of bytes and text", ["bytes", "null"], "ÿ", b"\xff"),
    ("union of text and bytes", ["string", "bytes"], "ÿ", "ÿ"),
    ("decimal", DECIMAL, "\x07\xcf", Decimal("19.99")),
    ("decimal below zero", DECIMAL, "ÿ", Decimal("-0.01")),
    ("decimal of no bytes", DECIMAL, "", Decimal("0.00")),
    ("decimal on a fixed", FIXED_DECIMAL, "\xff\xfe\x0c", Decimal("-0.500")),
    ("big-decimal", logical("big-decimal", "bytes"), "\x02\x0a\x04", Decimal("0.10")),
    ("uuid", logical("uuid", "string"), "6f1c1e0e-6a63-4d4f-9d6b-3c7b6f8a9b10", UUID("6f1c1e0e-6a63-4d4f-9d6b-3c7b6f8a9b10")),
    ("uuid on a fixed", fixed(16, logicalType="uuid"), "\x00" * 15 + "\x01", UUID(int=1)),
    ("date", logical("date", "int"), -719162, date(1, 1, 1)),
    ("time-millis", logical("time-millis", "int"), 86_399_999, time(23, 59, 59, 999000)),
    ("time-micros", logical("time-micros", "long"), 1, time(0, 0, 0, 1)),
    ("timestamp-millis", logical("timestamp-millis", "long"), -1, datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)),
    ("timestamp-micros", logical("timestamp-micros", "long"), 0, datetime(1970, 1, 1, tzinfo=UTC)),
    ("local-timestamp-millis", logical("local-timestamp-millis", "long"), 60_000, datetime(1970, 1, 1, 0, 1)),  # noqa: DTZ001
    ("local-timestamp-micros", logical("local-timestamp-micros", "long"), 1, datetime(1970, 1, 1, 0, 0, 0, 1)),  # noqa: DTZ001
    ("timestamp-nanos", logical("timestamp-nanos", "long"), 2**62, 2**62),
    ("duration", DURATION, "\x01\0\0\0\x02\0\0\0\x03\0\0\0", Duration(months=1, days=2, milliseconds=3)),
    ("array of logical types", array(logical("date", "int")), [0], [date(1970, 1, 1)]),
    ("union of logical types", ["null", logical("date", "int")], 0, date(1970, 1, 1)),
    ("map of decimals", mapping(DECIMAL), {"a": "\x01"}, {"a": Decimal("0.01")}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "default", "expected"), [case[1:] for case in DEFAULTS], ids=[case[0] for case in DEFAULTS]
)
def test_a_default_is_that_of_the_schema(tmp_path: Path, type_: Any, default: Any, expected: Any) -> None:
    cls = build(tmp_path, record("n.R", {"x": default}, x=type_))["n.R"]

    assert cls().x == expected
    assert isinstance(cls().x, type(expected))
    round_trip(cls())


@pytest.mark.parametrize(("type_", "default"), [case[1:3] for case in DEFAULTS], ids=[case[0] for case in DEFAULTS])
def test_a_reader_fills_in_what_the_class_gives(tmp_path: Path, type_: Any, default: Any) -> None:
    cls = build(tmp_path, record("n.R", {"x": default}, x=type_))["n.R"]

    assert same(cls.decode(b"", '{"type": "record", "name": "n.R", "fields": []}'), cls())


def nested(folder: Path, default: Any, type_: Any = "n.Pair") -> Any:
    """Return the classes of a record with such a default, and of the types that it may be of."""
    return build(folder, record("n.R", {"x": default}, x=type_), PAIR, NODE)


NESTED: list[tuple[str, Any, Any, str]] = [
    ("a record", {"x": 1, "y": 5}, "n.Pair", "Pair(x=1, y=5)"),
    ("a record with defaults of its own", {"x": 1}, "n.Pair", "Pair(x=1, y=2)"),
    ("records in an array", [{"x": 1}, {"x": 2}], array("n.Pair"), "[Pair(x=1, y=2), Pair(x=2, y=2)]"),
    ("records in a map", {"k": {"x": 1}}, mapping("n.Pair"), "{'k': Pair(x=1, y=2)}"),
    ("a record in a union", {"x": 1}, ["n.Pair", "null"], "Pair(x=1, y=2)"),
    ("the first of two records that fit", {"x": 1}, ["null", "n.Node", "n.Pair"], "Node(x=1, next=None, more=[])"),
    ("a record within itself", {"x": 1, "more": [{"x": 2}]}, "n.Node", "Node(x=1, next=None, more=[Node(x=2, next=None, more=[])])"),
    ("an empty record", {}, record("n.Empty"), "Empty()"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("default", "type_", "expected"), [case[1:] for case in NESTED], ids=[case[0] for case in NESTED]
)
def test_a_default_may_be_of_records(tmp_path: Path, default: Any, type_: Any, expected: str) -> None:
    classes = nested(tmp_path, default, type_)
    cls = classes["n.R"]

    assert repr(cls().x) == expected
    assert same(cls.decode(b"", '{"type": "record", "name": "n.R", "fields": []}'), cls())
    round_trip(cls())


def test_a_record_of_defaults_alone_can_be_made_of_nothing(tmp_path: Path) -> None:
    inner = record("n.Inner", {"a": 1, "b": []}, a="int", b=array("int"))
    middle = record("n.Middle", {"inner": {}}, inner=inner)
    cls = build(tmp_path, record("n.R", {"middle": {}}, middle=middle))["n.R"]

    assert repr(cls()) == "R(middle=Middle(inner=Inner(a=1, b=[])))"


def test_defaults_that_hold_things_are_not_shared(tmp_path: Path) -> None:
    cls = nested(tmp_path, {"x": 1, "more": []}, "n.Node")["n.R"]
    first, second = Tree(label="a"), Tree(label="b")

    first.children.append(second)
    cls().x.more.append(cls().x)

    assert second.children == []
    assert cls().x.more == []


def test_what_a_reader_fills_in_is_not_shared(tmp_path: Path) -> None:
    cls = nested(tmp_path, {"x": 1, "more": []}, "n.Node")["n.R"]
    empty = '{"type": "record", "name": "n.R", "fields": []}'

    cls.decode(b"", empty).x.more.append(1)

    assert cls.decode(b"", empty).x.more == []


# Of the golden classes


def test_the_defaults_of_all_kinds() -> None:
    terms = Terms()

    assert (terms.days, terms.limit, terms.in_advance, terms.title) == (30, 10**12, False, "Invoice")
    assert (terms.weight, terms.risk) == (0.10000000149011612, 0.1)
    assert (terms.seal, terms.mark) == (b"\x00\xff", b"ok")
    assert (terms.currency, terms.languages, terms.fees) == (Currency.EUR, ["en", "de"], {"reminder": 5})
    assert (terms.vat, terms.interest, terms.rate) == (Decimal("19.00"), Decimal("-0.500"), Decimal("0.1"))
    assert (terms.since, terms.opens, terms.closes) == (date(2026, 1, 1), time(9), time(17, 0, 0, 1))
    assert terms.signed == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert terms.notice == Duration(months=1, days=14)
    assert terms.first.parts == [Line(sku="visit", quantity=2, unit_price=Decimal(0))]
    assert same(Terms.decode(round_trip(terms)), terms)


def test_the_defaults_of_records_and_containers() -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    wall = now.replace(tzinfo=None)
    value = Kinds(
        time_millis=time(1), time_micros=time(1), instant_millis=now, local_millis=wall, local_micros=wall, misspelt=1,
        when=now, only=1, either=Point(x=0),
    )  # fmt: skip

    assert value.colour == "GREEN"
    assert value.raw == b"\x00\xff\"'"
    assert value.grid == [[1, None], []]
    assert value.points == {"origin": Point(x=0, y=0)}
    assert value.instant_micros.isoformat() == "2023-11-14T22:13:20.123456+00:00"


# What has no value in Python

UNSUPPORTED: list[tuple[str, Any, Any, str]] = [
    ("no date", logical("date", "int"), 2**31 - 1, r"the default 2147483647 is no date"),
    ("no time", logical("time-millis", "int"), 86_400_000, r"the default 86400000 is no time-millis"),
    ("no instant", logical("timestamp-micros", "long"), 2**63 - 1, r"the default 9223372036854775807 is no timestamp-micros"),
    ("no uuid", logical("uuid", "string"), "x", r'the default "x" is no uuid'),
    ("no decimal", logical("decimal", "bytes", precision=1), "\x0a", r"the default .* is no decimal"),
    ("no decimal on a fixed", FIXED_DECIMAL, "\x7f\xff\xff", r"the default .* is no decimal"),
    ("no big-decimal", logical("big-decimal", "bytes"), "\x00", r"the default .* is no big-decimal"),
    ("beyond a float", "float", 1e300, r"the default 1e\+300 does not fit float"),
    ("beyond a double", "double", 10**400, r"the default 1000.* does not fit double"),
    ("no date in an array", array(logical("date", "int")), [0, 2**31 - 1], r"the default 2147483647 is no date"),
    ("no date in a record", record("n.D", d=logical("date", "int")), {"d": 2**31 - 1}, r"the default 2147483647 is no date"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("type_", "default", "message"), [case[1:] for case in UNSUPPORTED], ids=[case[0] for case in UNSUPPORTED]
)
def test_a_default_without_a_value_in_python_is_refused_by_name(
    tmp_path: Path, type_: Any, default: Any, message: str
) -> None:
    with pytest.raises(UnsupportedSchema, match=rf"^n\.R\.x: {message}"):
        build(tmp_path, record("n.R", {"x": default}, x=type_))
