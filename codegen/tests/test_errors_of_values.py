"""What encode says of a value that does not fit: the path, what is needed, what was given."""

import dataclasses
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import pytest

from codegen.errors import DecodeError, EncodeError
from codegen.tests.golden.kinds.sample import Kinds, Names, Tree
from codegen.tests.golden.kinds.sample.part import Point

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
VALID = Kinds(
    time_millis=time(1),
    time_micros=time(1),
    instant_millis=NOW,
    local_millis=NOW.replace(tzinfo=None),
    local_micros=NOW.replace(tzinfo=None),
    misspelt=1,
    when=NOW,
    only=1,
    either=Point(x=1),
)

FAULTS: list[tuple[str, Any, str]] = [
    ("nothing", 0, r"nothing: None is needed, not 0 \(int\)"),
    ("yes", 1, r"yes: a bool is needed, not 1 \(int\)"),
    ("small", "1", r"small: an int is needed, not '1' \(str\)"),
    ("small", 1.0, r"small: an int is needed, not 1.0 \(float\)"),
    ("small", True, r"small: True \(bool\) does not fit int"),
    ("small", 2**31, r"small: 2147483648 \(int\) does not fit int"),
    ("small", -(2**31) - 1, r"small: -2147483649 \(int\) does not fit int"),
    ("large", 2**63, r"large: 9223372036854775808 \(int\) does not fit long"),
    ("large", -(2**63) - 1, r"large: -9223372036854775809 \(int\) does not fit long"),
    ("large", None, r"large: an int is needed, not None"),
    ("single", 1e300, r"single: 1e\+300 \(float\) does not fit float"),
    ("single", "x", r"single: a float is needed"),
    ("double", True, r"double: True \(bool\) does not fit double"),
    ("raw", "text", r"raw: a bytes is needed, not 'text' \(str\)"),
    ("text", b"bytes", r"text: a str is needed, not b'bytes' \(bytes\)"),
    ("text", "\ud800", r"text: .* does not fit string: .*surrogates not allowed"),
    ("identity", str(UUID(int=1)), r"identity: a UUID is needed"),
    ("digest", b"123", r"digest: 4 bytes are needed, not b'123'"),
    ("date", NOW, r"date: .* does not fit date: a datetime is not a date"),
    ("time_micros", time(1, tzinfo=UTC), r"time_micros: .* a time of day has no zone"),
    ("instant_micros", NOW.replace(tzinfo=None), r"instant_micros: .* does not fit timestamp-micros: .*offset-naive"),
    ("instant_micros", date(2026, 1, 1), r"instant_micros: a datetime is needed"),
    ("local_micros", NOW, r"local_micros: .* does not fit local-timestamp-micros"),
    ("colour", "BLUE", r"colour: a symbol of sample.Colour is needed, not 'BLUE'"),
    ("colour", 1, r"colour: a symbol of sample.Colour is needed"),
    ("numbers", "12", r"numbers: a list is needed, not '12'"),
    ("numbers", [1, 2, "3"], r"numbers\[2\]: an int is needed, not '3'"),
    ("grid", [[1], [None, 2.5]], r"grid\[1\]\[1\]: an int is needed, not 2.5"),
    ("weights", {"a": 1.0, "b": "x"}, r'weights\["b"\]: a float is needed'),
    ("weights", {1: 1.0}, r"weights\[1\]: a str is needed"),
    ("weights", [], r"weights: a dict is needed"),
    ("points", {"p": Point(x=None)}, r'points\["p"\]\.x: an int is needed'),  # type: ignore[arg-type]
    ("point", {"x": 1, "y": 2}, r"point: a sample.part.Point is needed, not \{'x': 1, 'y': 2\} \(dict\)"),
    ("maybe_point", Tree(label="x"), r"maybe_point: a sample.part.Point is needed"),
    ("maybe_point", Point(x=2**40), r"maybe_point\.x: 1099511627776 \(int\) does not fit int"),
    ("anything", object(), r"anything: <object object at .*> \(object\) fits no branch of the union"),
    ("anything", Point(x="1"), r"anything\.x: an int is needed"),  # type: ignore[arg-type]
    ("anything", 2**70, r"anything: .* fits no branch"),
    ("text_or_null", 1, r"text_or_null: a str is needed"),
    ("either", None, r"either: None fits no branch"),
    ("only", "x", r"only: an int is needed"),
]


@pytest.mark.parametrize(("field", "value", "message"), FAULTS, ids=[f"{f[0]}={f[1]!r:.20}" for f in FAULTS])
def test_a_value_that_does_not_fit_is_refused_with_its_path(field: str, value: Any, message: str) -> None:
    event = dataclasses.replace(VALID, **{field: value})

    with pytest.raises(EncodeError, match=f"^{message}"):
        event.encode()


def test_the_valid_value_is_valid() -> None:
    assert Kinds.decode(VALID.encode()).only == 1


def test_a_fault_deep_in_a_recursion_is_found() -> None:
    tree = Tree(label="a", children=[Tree(label="b"), Tree(label="c", parent=Tree(label=5))])  # type: ignore[arg-type]

    with pytest.raises(EncodeError, match=r"^children\[1\]\.parent\.label: a str is needed, not 5"):
        tree.encode()


def test_a_path_has_the_fields_name_as_in_the_schema() -> None:
    numbers = dict.fromkeys(("self", "encode_", "decode_", "SCHEMA_", "read_long"), 1)
    texts = dict.fromkeys(("data", "at", "value", "str"), "")
    names: Any = Names
    value = names(class_="x", count=[], UUID=UUID(int=1), Point=Point(x=1), **numbers, **texts)

    with pytest.raises(EncodeError, match=r"^class: an int is needed"):
        value.encode()


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(EncodeError) as caught:
        dataclasses.replace(VALID, small="x" * 10_000).encode()  # type: ignore[arg-type]

    assert len(str(caught.value)) < 200


def test_the_place_of_bad_bytes_is_named() -> None:
    data = Tree(label="a", children=[Tree(label="bcd")]).encode()

    with pytest.raises(DecodeError, match=r"^children\[0\]\.label: the data ends within this field.* \(byte 5 of 7\)"):
        Tree.decode(data[:7])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x01", r"label: a size of -1"),
        (b"\x02\xff\x00\x00", r"label: no UTF-8"),
        (b"\x00\x04", r"parent: no branch of the union has position 2"),
        (b"\x00\x01", r"parent: no branch of the union has position -1"),
        (b"\x00\x00\xff\xff\xff\xff\x0f\x00", r"children: more items than the data can hold"),
        (b"\x00\x00" + b"\xff" * 11, r"children: a varint of more than ten bytes"),
        (b"\x00\x00" + b"\xff" * 9 + b"\x7f", r"children: a varint of more than 64 bits"),
        (b"", r"label: the data ends within this field"),
    ],
)
def test_bad_bytes_are_refused_with_their_path(data: bytes, message: str) -> None:
    with pytest.raises(DecodeError, match=f"^{message}"):
        Tree.decode(data)


@pytest.mark.parametrize("data", ["text", None, 5, memoryview(b"\x00\x00\x00")])
def test_what_is_not_bytes_is_refused(data: Any) -> None:
    with pytest.raises(DecodeError, match="bytes are needed, not"):
        Tree.decode(data)


def test_an_endless_nesting_is_refused() -> None:
    with pytest.raises(DecodeError):
        Tree.decode(b"\x00\x02" * 100_000)


def test_a_value_that_contains_itself_is_refused() -> None:
    tree = Tree(label="a")
    tree.children.append(tree)

    with pytest.raises(EncodeError):
        tree.encode()
