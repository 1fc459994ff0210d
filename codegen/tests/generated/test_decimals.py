"""Decimals: on bytes, on fixeds of every size, with a scale of their own; nothing is ever rounded."""

from decimal import Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.avro.logical_types import digits
from codegen.errors import DecodeError, EncodeError
from codegen.tests.building import build, logical, record
from codegen.tests.round_trips import TRIAL, round_trip, try_instances


def decimal(precision: int, scale: int | None = None) -> dict[str, Any]:
    return logical("decimal", "bytes", precision=precision, **({} if scale is None else {"scale": scale}))


def fixed(size: int, precision: int, scale: int = 0) -> dict[str, Any]:
    return {
        "type": "fixed",
        "name": f"F{size}",
        "size": size,
        "logicalType": "decimal",
        "precision": precision,
        "scale": scale,
    }


TYPES: list[Any] = [
    *(decimal(precision, scale) for precision, scale in [(1, 0), (1, 1), (2, 1), (4, 2), (9, 9), (18, 6), (38, 10), (100, 50), (300, 0)]),
    decimal(5),
    *(fixed(size, digits(size), digits(size) // 2) for size in range(1, 20)),
    fixed(64, digits(64), 3),
    fixed(8, 3, 1),
]  # fmt: skip


def shown(type_: Any) -> str:
    return f"decimal({type_['precision']}, {type_.get('scale', 0)}) on {type_.get('size', 'bytes')}"


@pytest.mark.parametrize("type_", TYPES, ids=shown)
def test_bytes_equal_fastavros_and_are_read_back(tmp_path: Path, type_: Any) -> None:
    assert try_instances(build(tmp_path, record("n.R", x=type_)), 60) == 1


@pytest.mark.parametrize("type_", TYPES, ids=shown)
def test_the_largest_and_the_smallest_fit_and_no_more(tmp_path: Path, type_: Any) -> None:
    cls = build(tmp_path, record("n.R", x=type_))["n.R"]
    precision, scale = type_["precision"], type_.get("scale", 0)
    limit = 10**precision - 1

    for number in (limit, -limit, 1, -1, 0):
        round_trip(cls(x=Decimal(f"{number}E-{scale}")))
    for text in (f"1E{precision - scale}", f"-1E{precision - scale}", f"1E-{scale + 1}", f"-1E-{scale + 1}"):
        with pytest.raises(EncodeError, match=r"^x: .* does not fit decimal\(\d+, \d+\): \d+ digits"):
            cls(x=Decimal(text)).encode()


@pytest.fixture(scope="module")
def cls(tmp_path_factory: pytest.TempPathFactory) -> Any:
    schema = record("n.R", on_bytes=decimal(4, 2), on_fixed=fixed(4, 9, 2), big=logical("big-decimal", "bytes"))
    return build(tmp_path_factory.mktemp("decimals"), schema)["n.R"]


WRITTEN: list[tuple[str, str, str]] = [
    ("0", "02 00", "00 00 00 00"),
    ("-0", "02 00", "00 00 00 00"),
    ("0E+50", "02 00", "00 00 00 00"),
    ("0E-50", "02 00", "00 00 00 00"),
    ("1", "02 64", "00 00 00 64"),
    ("1.27", "02 7f", "00 00 00 7f"),
    ("1.28", "04 00 80", "00 00 00 80"),
    ("-0.01", "02 ff", "ff ff ff ff"),
    ("-1.27", "02 81", "ff ff ff 81"),
    ("-1.28", "04 ff 80", "ff ff ff 80"),
    ("19.99", "04 07 cf", "00 00 07 cf"),
    ("19.990", "04 07 cf", "00 00 07 cf"),
    ("19.9900000000000000000000000000000000000000", "04 07 cf", "00 00 07 cf"),
    ("2E+1", "04 07 d0", "00 00 07 d0"),
    ("99.99", "04 27 0f", "00 00 27 0f"),
]


@pytest.mark.parametrize(("text", "on_bytes", "on_fixed"), WRITTEN)
def test_a_decimal_is_the_whole_number_of_its_last_digits(cls: Any, text: str, on_bytes: str, on_fixed: str) -> None:
    value = cls(on_bytes=Decimal(text), on_fixed=Decimal(text), big=Decimal(0))

    assert value.encode() == bytes.fromhex(f"{on_bytes} {on_fixed} 06 02 00 00")
    read = cls.decode(value.encode())
    assert (read.on_bytes, read.on_fixed) == (Decimal(text), Decimal(text))
    assert read.on_bytes.as_tuple().exponent == read.on_fixed.as_tuple().exponent == -2


BIG: list[tuple[str, str]] = [
    ("0", "06 02 00 00"),
    ("0.1", "06 02 01 02"),
    ("0.10", "06 02 0a 04"),
    ("-1.5", "06 02 f1 02"),
    ("1E+3", "06 02 01 05"),
    ("1E-2147483647", "0e 02 01 fe ff ff ff 0f"),
    ("1E+2147483648", "0e 02 01 ff ff ff ff 0f"),
    ("123456789012345678901234567890", "1e 1a 01 8e e9 0f f6 c3 73 e0 ee 4e 3f 0a d2 00"),
]


@pytest.mark.parametrize(("text", "data"), BIG)
def test_a_big_decimal_has_a_scale_of_its_own(cls: Any, text: str, data: str) -> None:
    value = cls(on_bytes=Decimal(0), on_fixed=Decimal(0), big=Decimal(text))

    assert value.encode() == bytes.fromhex(f"02 00 00 00 00 00 {data}")
    assert cls.decode(value.encode()).big.as_tuple() == Decimal(text).as_tuple()


@given(text=st.decimals(allow_nan=False, allow_infinity=False).map(str))
@TRIAL
def test_a_big_decimal_is_read_digit_by_digit(cls: Any, text: str) -> None:
    value = cls(on_bytes=Decimal(0), on_fixed=Decimal(0), big=Decimal(text))

    assert cls.decode(round_trip(value)).big.as_tuple()[1:] == Decimal(text).as_tuple()[1:]


def test_nobody_elses_context_has_a_say(cls: Any) -> None:
    value = cls(
        on_bytes=Decimal("19.99"), on_fixed=Decimal("1234567.89"), big=Decimal("1.2345678901234567890123456789")
    )

    with localcontext(Context(prec=2, Emax=3, Emin=-3)):
        encoded = value.encode()
        assert cls.decode(encoded) == value

    assert round_trip(value) == encoded


# What is refused

REFUSED: list[tuple[Any, str]] = [
    (Decimal("1.999"), r"Decimal\('1.999'\) \(Decimal\) does not fit decimal\({p}, 2\): 3 digits after the point, 2 at most"),
    (Decimal("0.001"), r".* does not fit decimal\({p}, 2\): 3 digits after the point, 2 at most"),
    (Decimal("1E-50"), r".* does not fit decimal\({p}, 2\): 50 digits after the point, 2 at most"),
    (Decimal("1E+7"), r".* does not fit decimal\({p}, 2\): 8 digits before the point, {b} at most"),
    (Decimal("-12345678.9"), r".* does not fit decimal\({p}, 2\): 8 digits before the point, {b} at most"),
    (Decimal("1E+999999999"), r".* does not fit decimal\({p}, 2\): 1000000000 digits before the point, {b} at most"),
    (Decimal("NaN"), r".* does not fit decimal\({p}, 2\): it has no digits"),
    (Decimal("sNaN"), r".* does not fit decimal\({p}, 2\): it has no digits"),
    (Decimal("Infinity"), r".* does not fit decimal\({p}, 2\): it has no digits"),
    (Decimal("-Infinity"), r".* does not fit decimal\({p}, 2\): it has no digits"),
    (1, r"a Decimal is needed, not 1 \(int\)"),
    (1.5, r"a Decimal is needed, not 1.5 \(float\)"),
    (True, r"a Decimal is needed, not True \(bool\)"),
    ("1.5", r"a Decimal is needed, not '1.5' \(str\)"),
    (b"\x01", r"a Decimal is needed, not b"),
    (None, r"a Decimal is needed, not None"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=repr)
@pytest.mark.parametrize(("field", "precision", "before"), [("on_bytes", 4, 2), ("on_fixed", 9, 7)])
def test_what_does_not_fit_is_never_rounded(
    cls: Any, field: str, precision: int, before: int, value: Any, message: str
) -> None:
    fitting = {"on_bytes": Decimal(0), "on_fixed": Decimal(0), "big": Decimal(0)}

    with pytest.raises(EncodeError, match=f"^{field}: {message.format(p=precision, b=before)}"):
        cls(**{**fitting, field: value}).encode()


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("-Infinity"), Decimal("1E+2147483649"), Decimal("1E-2147483648"), 1, 1.5, "1", None], ids=repr)  # fmt: skip
def test_what_is_no_big_decimal_is_refused(cls: Any, value: Any) -> None:
    with pytest.raises(EncodeError, match=r"^big: "):
        cls(on_bytes=Decimal(0), on_fixed=Decimal(0), big=value).encode()


GARBAGE: list[tuple[str, str, str]] = [
    ("more digits than the precision", "04 27 10 00 00 00 00 06 02 00 00", r"on_bytes: .* is no decimal\(4, 2\): more digits"),
    ("far more digits", "14 7f ff ff ff ff ff ff ff ff ff 00 00 00 00 06 02 00 00", r"on_bytes: .* is no decimal\(4, 2\): more digits"),
    ("more digits on a fixed", "02 00 3b 9a ca 00 06 02 00 00", r"on_fixed: .* is no decimal\(9, 2\): more digits"),
    ("a negative size", "01 00 00 00 00 06 02 00 00", r"on_bytes: a size of -1"),
    ("a big-decimal without bytes", "02 00 00 00 00 00 00", r"big: .* is no big-decimal"),
    ("a big-decimal without a scale", "02 00 00 00 00 00 04 02 00", r"big: .* is no big-decimal"),
    ("a big-decimal with more after the scale", "02 00 00 00 00 00 08 02 00 00 00", r"big: .* is no big-decimal"),
    ("a big-decimal of more digits than bytes", "02 00 00 00 00 00 06 06 00 00", r"big: .* is no big-decimal"),
    ("a big-decimal of a negative size", "02 00 00 00 00 00 06 01 00 00", r"big: .* is no big-decimal"),
    ("a scale of more than 32 bits", "02 00 00 00 00 00 0e 02 01 80 80 80 80 10", r"big: .* is no big-decimal"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), [case[1:] for case in GARBAGE], ids=[case[0] for case in GARBAGE])
def test_bytes_that_are_no_decimal_are_refused(cls: Any, data: str, message: str) -> None:
    for writer in (None, f"{cls.SCHEMA} "):
        with pytest.raises(DecodeError, match=f"^{message}"):
            cls.decode(bytes.fromhex(data), writer)


@pytest.mark.parametrize(
    ("data", "expected"), [("00 00 00 00 00 06 02 00 00", "0"), ("08 00 00 07 cf 00 00 00 00 06 02 00 00", "19.99")]
)
def test_no_bytes_and_more_than_needed_are_read(cls: Any, data: str, expected: str) -> None:
    assert cls.decode(bytes.fromhex(data)).on_bytes == Decimal(expected)


IGNORED: list[Any] = [
    {"type": "bytes", "logicalType": "decimal"},
    {"type": "bytes", "logicalType": "decimal", "precision": 0},
    {"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3},
    {"type": "fixed", "name": "F", "size": 2, "logicalType": "decimal", "precision": 5},
]


@pytest.mark.parametrize("type_", IGNORED, ids=str)
def test_a_decimal_that_cannot_be_is_plain_bytes(tmp_path: Path, type_: Any) -> None:
    cls = build(tmp_path, record("n.R", x=type_))["n.R"]

    assert cls.decode(cls(x=b"ab").encode()).x == b"ab"
