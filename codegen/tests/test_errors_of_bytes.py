"""What decode says of bytes that are no datum: the path and the byte, whatever is wrong; and nothing is read as another value."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.errors import DecodeError
from codegen.tests.building import as_datum, build, fastavro_datum, record, without_type_names
from codegen.tests.golden.cycles import library, people
from codegen.tests.golden.invoice import billing
from codegen.tests.golden.invoice.billing import Terms
from codegen.tests.golden.kinds import Empty
from codegen.tests.golden.kinds import sample as kinds
from codegen.tests.golden.kinds.sample import Tree
from codegen.tests.golden.kinds.sample.part import Point
from codegen.tests.golden.names import names
from codegen.tests.golden.same_names import sales
from codegen.tests.round_trips import TRIAL
from codegen.tests.values import instances

TYPES: dict[str, Any] = {
    "Empty": Empty,
    **{
        name: cls
        for module in (kinds, library, people, billing, names, sales)
        for name, cls in module.AVRO_TYPES.items()
    },
}
CLASSES: list[Any] = [cls for cls in TYPES.values() if dataclasses.is_dataclass(cls)]
FIELDS = [cls for cls in CLASSES if dataclasses.fields(cls)]


def refused(cls: Any, data: bytes, writer: str | None = None) -> str:
    """Return the message of the error that there must be; it starts with a field's path, or says that bytes are left."""
    with pytest.raises(DecodeError) as caught:
        cls.decode(data, writer)
    message = str(caught.value)
    names = "|".join(re.findall(r'"name":"(\w+)"', cls.SCHEMA))
    assert re.match(rf"({names})\b|\d+ bytes are left after the end of {re.escape(cls.NAME)}$", message), message
    return message


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.NAME)
@given(data=st.data())
@settings(TRIAL, max_examples=6)
def test_every_truncation_is_refused(cls: Any, data: st.DataObject) -> None:
    encoded = data.draw(instances(cls, TYPES)).encode()

    for end in range(min(len(encoded), 300)):
        assert "bytes are left" not in refused(cls, encoded[:end])


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.NAME)
@given(data=st.data(), more=st.binary(min_size=1, max_size=5))
@settings(TRIAL, max_examples=6)
def test_what_is_left_is_refused(cls: Any, data: st.DataObject, more: bytes) -> None:
    encoded = data.draw(instances(cls, TYPES)).encode()

    for writer in (None, f"{cls.SCHEMA} "):
        assert refused(cls, encoded + more, writer) == f"{len(more)} bytes are left after the end of {cls.NAME}"


def edited(data: bytes, position: int, kind: str, byte: int) -> bytes:
    """Return bytes of which one was changed, taken out or put in."""
    position %= len(data) + 1
    return data[:position] + (b"" if kind == "out" else bytes([byte])) + data[position + (kind != "in") :]


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.NAME)
@given(
    data=st.data(),
    position=st.integers(0, 500),
    kind=st.sampled_from(["change", "out", "in"]),
    byte=st.integers(0, 255),
)
@settings(TRIAL, max_examples=40)
def test_bytes_that_were_edited_are_refused_or_read_as_fastavro_reads_them(
    cls: Any, data: st.DataObject, position: int, kind: str, byte: int
) -> None:
    check_as_fastavro(cls, edited(data.draw(instances(cls, TYPES)).encode(), position, kind, byte))


@pytest.mark.parametrize("cls", FIELDS, ids=lambda cls: cls.NAME)
@given(noise=st.binary(max_size=200))
@settings(TRIAL, max_examples=40)
def test_noise_is_refused_or_read_as_fastavro_reads_it(cls: Any, noise: bytes) -> None:
    check_as_fastavro(cls, noise)


def check_as_fastavro(cls: Any, data: bytes) -> None:
    """Read bytes twice, by both kinds of code; what is read is what fastavro reads, and is written as it is read."""
    try:
        value = cls.decode(data)
    except DecodeError:
        refused(cls, data)
        refused(cls, data, f"{cls.SCHEMA} ")
        return
    assert repr(cls.decode(data, f"{cls.SCHEMA} ")) == repr(value)
    if "nan" in repr(value):
        return
    assert cls.decode(value.encode()) == value
    theirs, ours = fastavro_datum(cls.SCHEMA, data), without_type_names(as_datum(value))
    assert {**ours, "rate": None} == {**theirs, "rate": None}  # a big-decimal is bytes to it, however many


# One by one

BAD: list[tuple[str, bytes, str]] = [
    ("a negative size", b"\x01", r"label: a size of -1 \(byte 1 of 1\)"),
    ("no UTF-8", b"\x02\xff\x00\x00", r"label: no UTF-8: .*invalid start byte \(byte 2 of 4\)"),
    ("half a character", b"\x04\xc3\x28\x00\x00", r"label: no UTF-8"),
    ("a surrogate", b"\x06\xed\xa0\x80\x00\x00", r"label: no UTF-8"),
    ("a branch that is not there", b"\x00\x04", r"parent: no branch of the union has position 2"),
    ("a branch before the first", b"\x00\x01", r"parent: no branch of the union has position -1"),
    ("a branch far away", b"\x00\xfe\xff\xff\xff\x0f", r"parent: no branch of the union has position 2147483647"),
    ("more items than bytes", b"\x00\x00\xff\xff\xff\xff\x0f\x00", r"children: more items than the data can hold"),
    ("a varint too long", b"\x00\x00" + b"\xff" * 11, r"children: a varint of more than ten bytes"),
    ("a varint too large", b"\x00\x00" + b"\xff" * 9 + b"\x7f", r"children: a varint of more than 64 bits"),
    ("a varint without an end", b"\x00\x00\x80\x80", r"children: the data ends within this field"),
    ("a size too large", b"\xfe\xff\xff\xff\x0f", r"label: the data ends within this field: 2147483647 bytes are needed"),
    ("nothing", b"", r"label: the data ends within this field \(byte 0 of 0\)"),
    ("a branch in more bytes than needed", b"\x00\x80\x00\x00", r"parent: "),
    ("an end in more bytes than needed", b"\x00\x00\x80\x00", r"children: "),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
@pytest.mark.parametrize("writer", [None, f"{Tree.SCHEMA} "], ids=["", "another version"])
def test_bad_bytes_are_refused_with_their_path(data: bytes, message: str, writer: str | None) -> None:
    with pytest.raises(DecodeError, match=f"^{message}"):
        Tree.decode(data, writer)


def test_the_place_of_bad_bytes_is_named() -> None:
    data = Tree(label="a", children=[Tree(label="bcd")]).encode()

    with pytest.raises(DecodeError, match=r"^children\[0\]\.label: the data ends within this field.* \(byte 5 of 7\)"):
        Tree.decode(data[:7])


@pytest.mark.parametrize("data", [b"\x80\x00\x02", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x02"])
def test_a_number_may_have_more_bytes_than_it_needs(data: bytes) -> None:
    assert Point.decode(data) == Point(x=0, y=1)


@pytest.mark.parametrize(
    "data", [b"\x80\x80\x80\x80\x10\x00", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", b"\x80" * 10 + b"\x00\x00"]
)
def test_an_int_of_more_than_32_bits_is_refused(data: bytes) -> None:
    with pytest.raises(DecodeError, match=r"^x: no int: "):
        Point.decode(data)


@pytest.mark.parametrize("byte", [2, 3, 127, 128, 255])
def test_a_boolean_is_0_or_1(byte: int) -> None:
    with pytest.raises(DecodeError, match=rf"^in_advance: no boolean: {byte} is neither 0 nor 1"):
        Terms.decode(bytes([byte]) + Terms().encode()[1:])


@pytest.mark.parametrize("data", ["text", None, 5, [0, 0, 0], (0,), object()], ids=repr)
@pytest.mark.parametrize("cls", [Tree, Point, Empty])
def test_what_is_not_bytes_is_refused(cls: Any, data: Any) -> None:
    with pytest.raises(DecodeError, match="bytes are needed, not"):
        cls.decode(data)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_of_another_kind_are_read_as_bytes(kind: Any) -> None:
    value = Terms(seal=b"seal", mark=b"no")

    read = Terms.decode(kind(value.encode()))

    assert read == value
    assert (type(read.seal), type(read.mark)) == (bytes, bytes)


def test_an_endless_nesting_is_refused() -> None:
    for writer in (None, f"{Tree.SCHEMA} "):
        with pytest.raises(DecodeError, match="nested too deeply"):
            Tree.decode(b"\x00\x02" * 100_000, writer)


@pytest.mark.parametrize("writer", ["", "{", "5", "null", "[]", '"string"', '"n.Unknown"', "[" * 100_000, 5, b"{}", [], {}], ids=lambda w: repr(w)[:12])  # fmt: skip
def test_a_writers_schema_that_is_none_is_refused(writer: Any) -> None:
    with pytest.raises(DecodeError):
        Point.decode(b"\x00\x00", writer)


def test_a_key_with_a_line_break_does_not_break_the_line(tmp_path: Path) -> None:
    cls = build(tmp_path, record("n.R", m={"type": "map", "values": "boolean"}))["n.R"]

    for writer in (None, f"{cls.SCHEMA} "):
        with pytest.raises(DecodeError, match=r"^m\['a\\nb'\]: no boolean: 5 is neither 0 nor 1 \(byte 6 of 7\)$"):
            cls.decode(b"\x02\x06a\nb\x05\x00", writer)
