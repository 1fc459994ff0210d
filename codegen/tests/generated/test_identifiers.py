"""UUIDs on strings and fixeds, fixeds of every size, bytes."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import uuid_utils

from codegen.errors import DecodeError, EncodeError
from codegen.tests.building import build, logical, record
from codegen.tests.golden.kinds.sample import Compact
from codegen.tests.round_trips import round_trip, same, try_instances

SOME = UUID("00112233-4455-6677-8899-aabbccddeeff")
ON_FIXED = {"type": "fixed", "name": "Identity", "size": 16, "logicalType": "uuid"}


@pytest.fixture(scope="module")
def cls(tmp_path_factory: pytest.TempPathFactory) -> Any:
    schema = record("n.R", on_text=logical("uuid", "string"), on_fixed=ON_FIXED)
    return build(tmp_path_factory.mktemp("uuids"), schema)["n.R"]


def test_bytes_equal_fastavros_and_are_read_back(tmp_path: Path) -> None:
    uses = {
        "text": logical("uuid", "string"),
        "fixed": ON_FIXED,
        "texts": {"type": "array", "items": logical("uuid", "string")},
        "fixeds": {"type": "map", "values": "Identity"},
        "maybe": ["null", logical("uuid", "string")],
        "either": ["Identity", "string", "null"],
        "raw": "bytes",
        "raws": ["null", {"type": "array", "items": "bytes"}],
    }

    assert try_instances(build(tmp_path, record("n.R", **uses)), 80) == 1


def test_a_uuid_is_its_text_or_its_16_bytes(cls: Any) -> None:
    encoded = round_trip(cls(on_text=SOME, on_fixed=SOME))

    assert encoded == b"\x48" + str(SOME).encode() + SOME.bytes
    assert same(cls.decode(encoded), cls(on_text=SOME, on_fixed=SOME))


def test_a_uuid_in_a_fixed_is_its_16_bytes() -> None:
    value = Compact(identity=SOME)

    assert value.encode() == bytes.fromhex("00112233445566778899aabbccddeeff")
    assert Compact.decode(value.encode()) == value


@pytest.mark.parametrize("value", [UUID(int=0), UUID(int=2**128 - 1), uuid4()], ids=["nil", "max", "random"])
def test_what_was_read_is_a_uuid_as_any_other(cls: Any, value: UUID) -> None:
    read = cls.decode(cls(on_text=value, on_fixed=value).encode())

    for each in (read.on_text, read.on_fixed):
        assert type(each) is UUID
        assert (each, hash(each), repr(each), each.bytes, each.version) == (
            value,
            hash(value),
            repr(value),
            value.bytes,
            value.version,
        )
        assert each.is_safe is value.is_safe
        with pytest.raises(TypeError, match="immutable"):
            each.int = 5  # type: ignore[misc]


SPELLINGS = [
    str(SOME),
    str(SOME).upper(),
    SOME.hex,
    f"{{{SOME}}}",
    f"urn:uuid:{SOME}",
    "0011223344556677-8899aabbccddeeff",
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_uuid_is_read_in_every_spelling_of_pythons_own(cls: Any, text: str) -> None:
    data = bytes([len(text) << 1]) + text.encode() + SOME.bytes

    assert cls.decode(data) == cls(on_text=SOME, on_fixed=SOME)


@pytest.mark.parametrize(
    "text",
    ["", "x", str(SOME)[:-1], f"{SOME}0", str(SOME).replace("0", "g"), "-" * 36, "é" * 18, "0" * 36, f"{SOME.hex}    "],
)
def test_what_is_no_uuid_is_refused(cls: Any, text: str) -> None:
    raw = text.encode()

    for writer in (None, f"{cls.SCHEMA} "):
        with pytest.raises(DecodeError, match=r"^on_text: .* is no uuid"):
            cls.decode(bytes([len(raw) << 1]) + raw + SOME.bytes, writer)


def test_a_uuid_that_ends_too_early_is_refused(cls: Any) -> None:
    data = cls(on_text=SOME, on_fixed=SOME).encode()

    with pytest.raises(DecodeError, match=r"^on_text: the data ends within this field: 36 bytes are needed"):
        cls.decode(data[:36])
    with pytest.raises(DecodeError, match=r"^on_fixed: the data ends within this field: 16 bytes are needed"):
        cls.decode(data[:-1])


def test_the_uuids_of_uuid_utils_are_written_too(cls: Any) -> None:
    made = uuid_utils.uuid7()

    read = cls.decode(cls(on_text=made, on_fixed=made).encode())

    assert str(read.on_text) == str(read.on_fixed) == str(made)


def test_the_uuids_of_uuid_utils_are_written_in_unions_too(tmp_path: Path) -> None:
    cls = build(tmp_path, record("n.R", x=["null", "int", logical("uuid", "string")]))["n.R"]
    made = uuid_utils.uuid7()

    assert str(cls.decode(cls(x=made).encode()).x) == str(made)


@pytest.mark.parametrize("value", [str(SOME), SOME.bytes, SOME.int, None, (SOME,)], ids=repr)
@pytest.mark.parametrize("field", ["on_text", "on_fixed"])
def test_a_uuid_is_not_made_of_anything_else(cls: Any, field: str, value: Any) -> None:
    with pytest.raises(EncodeError, match=f"^{field}: a UUID is needed"):
        cls(**{"on_text": SOME, "on_fixed": SOME, field: value}).encode()


def test_a_record_with_a_field_int_is_no_uuid(tmp_path: Path) -> None:
    classes = build(tmp_path, record("n.R", x=logical("uuid", "string")), record("n.Number", int="int"))

    with pytest.raises(EncodeError, match=r"^x: a UUID is needed"):
        classes["n.R"](x=classes["n.Number"](int=5)).encode()


# Fixeds and bytes


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1000])
def test_a_fixed_may_have_any_size(tmp_path: Path, size: int) -> None:
    cls = build(tmp_path, record("n.R", x={"type": "fixed", "name": "F", "size": size}))["n.R"]

    assert round_trip(cls(x=b"\xff" * size)) == b"\xff" * size
    for wrong in (b"\xff" * (size + 1), *([b"\xff" * (size - 1)] if size else []), "x" * size, None, [0] * size):
        with pytest.raises(EncodeError, match=rf"^x: {size} bytes are needed"):
            cls(x=wrong).encode()
    with pytest.raises(DecodeError, match="bytes are left"):
        cls.decode(b"\xff" * (size + 1))


@pytest.mark.parametrize("size", [0, 1, 63, 64, 8191, 8192, 2**20])
def test_bytes_may_be_any_number(tmp_path: Path, size: int) -> None:
    cls = build(tmp_path, record("n.R", x="bytes"))["n.R"]

    round_trip(cls(x=bytes(range(256)) * (size // 256) + bytes(size % 256)))


def test_a_bytearray_is_written_and_read_as_bytes(tmp_path: Path) -> None:
    cls = build(
        tmp_path, record("n.R", x="bytes", f={"type": "fixed", "name": "F", "size": 2}, u=["null", "bytes", "string"])
    )["n.R"]

    encoded = cls(x=bytearray(b"a"), f=bytearray(b"bc"), u=bytearray(b"d")).encode()

    assert same(cls.decode(encoded), cls(x=b"a", f=b"bc", u=b"d"))


@pytest.mark.parametrize("size", [15, 17])
def test_a_uuid_on_a_fixed_of_another_size_is_plain_bytes(tmp_path: Path, size: int) -> None:
    cls = build(tmp_path, record("n.R", x={**ON_FIXED, "size": size}))["n.R"]

    assert cls.decode(cls(x=bytes(size)).encode()).x == bytes(size)
