"""Dates, times of day, instants, clocks on the wall, nanoseconds and durations: to the edges of what Python has."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codegen.errors import DecodeError, EncodeError
from codegen.runtime import Duration
from codegen.tests.building import build, logical, record
from codegen.tests.round_trips import TRIAL, round_trip, try_instances

TYPES: dict[str, Any] = {
    "day": logical("date", "int"),
    "time_millis": logical("time-millis", "int"),
    "time_micros": logical("time-micros", "long"),
    "instant_millis": logical("timestamp-millis", "long"),
    "instant_micros": logical("timestamp-micros", "long"),
    "wall_millis": logical("local-timestamp-millis", "long"),
    "wall_micros": logical("local-timestamp-micros", "long"),
    "nanos": logical("timestamp-nanos", "long"),
    "wall_nanos": logical("local-timestamp-nanos", "long"),
    "span": {"type": "fixed", "name": "Span", "size": 12, "logicalType": "duration"},
}


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One class for each type, with a field `x`, and one with all of them in containers."""
    folder = tmp_path_factory.mktemp("times")
    built = {name: build(folder, record("n.R", x=type_))["n.R"] for name, type_ in TYPES.items()}
    holding = {
        name: {"type": "array", "items": ["null", {"type": "map", "values": type_}]} for name, type_ in TYPES.items()
    }
    return {**built, "all": build(folder, record("n.R", **holding))["n.R"]}


@pytest.mark.parametrize("name", [*TYPES, "all"])
def test_bytes_equal_fastavros_and_are_read_back(classes: dict[str, Any], name: str) -> None:
    assert try_instances({"n.R": classes[name]}, 80) == 1


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def wall(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


HOUR_EAST, HALF_PAST_WEST = timezone(timedelta(hours=1)), timezone(-timedelta(hours=9, minutes=30, seconds=1))
NUMBERS: list[tuple[str, Any, int]] = [
    ("day", date(1970, 1, 1), 0),
    ("day", date(1969, 12, 31), -1),
    ("day", date(2026, 2, 28), 20512),
    ("day", date(1, 1, 1), -719162),
    ("day", date(9999, 12, 31), 2932896),
    ("day", date(2000, 2, 29), 11016),
    ("time_millis", time(0), 0),
    ("time_millis", time(23, 59, 59, 999000), 86_399_999),
    ("time_micros", time(0), 0),
    ("time_micros", time(0, 0, 0, 1), 1),
    ("time_micros", time(23, 59, 59, 999999), 86_399_999_999),
    ("instant_millis", at(1970, 1, 1), 0),
    ("instant_millis", at(1970, 1, 1, 0, 0, 0, 1000), 1),
    ("instant_millis", at(1969, 12, 31, 23, 59, 59, 999000), -1),
    ("instant_millis", at(1, 1, 1), -62_135_596_800_000),
    ("instant_millis", at(9999, 12, 31, 23, 59, 59, 999000), 253_402_300_799_999),
    ("instant_micros", at(1970, 1, 1), 0),
    ("instant_micros", at(1970, 1, 1, 0, 0, 0, 1), 1),
    ("instant_micros", at(1969, 12, 31, 23, 59, 59, 999999), -1),
    ("instant_micros", at(1, 1, 1), -62_135_596_800_000_000),
    ("instant_micros", at(9999, 12, 31, 23, 59, 59, 999999), 253_402_300_799_999_999),
    ("instant_micros", at(1978, 1, 11, 21, 31, 40, 497663), 253_402_300_497_663),
    ("wall_millis", wall(1969, 12, 31, 23, 59, 59, 999000), -1),
    ("wall_millis", wall(1, 1, 1), -62_135_596_800_000),
    ("wall_micros", wall(1969, 12, 31, 23, 59, 59, 999999), -1),
    ("wall_micros", wall(9999, 12, 31, 23, 59, 59, 999999), 253_402_300_799_999_999),
    ("nanos", 1, 1),
    ("nanos", -(2**63), -(2**63)),
    ("wall_nanos", 2**63 - 1, 2**63 - 1),
]


@pytest.mark.parametrize(("name", "value", "number"), NUMBERS, ids=[f"{case[0]} {case[2]}" for case in NUMBERS])
def test_a_time_is_a_number_of_its_unit_since_1970_or_midnight(
    classes: dict[str, Any], plain: Any, name: str, value: Any, number: int
) -> None:
    encoded = round_trip(classes[name](x=value))

    assert plain.decode(encoded).x == number
    assert plain(x=number).encode() == encoded


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A class with a field `x`, a long without a logical type."""
    return build(tmp_path_factory.mktemp("long"), record("n.R", x="long"))["n.R"]


@pytest.mark.parametrize("zone", [HOUR_EAST, HALF_PAST_WEST])
@pytest.mark.parametrize("name", ["instant_millis", "instant_micros"])
def test_an_instant_is_the_same_in_every_zone_and_is_read_in_utc(
    classes: dict[str, Any], name: str, zone: timezone
) -> None:
    instant = at(2026, 2, 28, 12)

    encoded = classes[name](x=instant.astimezone(zone)).encode()

    assert encoded == classes[name](x=instant).encode()
    assert classes[name].decode(encoded).x.tzinfo is UTC


@given(micros=st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
@TRIAL
def test_every_microsecond_from_year_1_to_9999_is_read(classes: dict[str, Any], plain: Any, micros: int) -> None:
    data = plain(x=micros).encode()

    value = classes["instant_micros"].decode(data)

    assert value.x == at(1970, 1, 1) + timedelta(microseconds=micros)
    assert value.encode() == data


ROUNDED: list[tuple[str, Any, Any]] = [
    ("time_millis", time(1, 2, 3, 4999), time(1, 2, 3, 4000)),
    ("instant_millis", at(2026, 1, 1, 0, 0, 0, 1999), at(2026, 1, 1, 0, 0, 0, 1000)),
    ("instant_millis", at(1969, 12, 31, 23, 59, 59, 999999), at(1969, 12, 31, 23, 59, 59, 999000)),
    ("wall_millis", wall(1, 1, 1, 0, 0, 0, 999), wall(1, 1, 1)),
]


@pytest.mark.parametrize(("name", "value", "expected"), ROUNDED, ids=str)
def test_what_is_written_as_milliseconds_loses_its_microseconds(
    classes: dict[str, Any], name: str, value: Any, expected: Any
) -> None:
    assert classes[name].decode(classes[name](x=value).encode()).x == expected


# Durations

SPANS: list[tuple[Duration, str]] = [
    (Duration(), "000000000000000000000000"),
    (Duration(months=1, days=2, milliseconds=3), "010000000200000003000000"),
    (Duration(months=2**32 - 1, days=2**31, milliseconds=256), "ffffffff0000008000010000"),
]


@pytest.mark.parametrize(("span", "data"), SPANS)
def test_a_duration_is_three_numbers_of_four_bytes(classes: dict[str, Any], span: Duration, data: str) -> None:
    assert round_trip(classes["span"](x=span)).hex() == data


def test_months_days_and_milliseconds_are_not_turned_into_one_another() -> None:
    assert Duration(months=12) != Duration(days=365)
    assert Duration(days=1) != Duration(milliseconds=86_400_000)
    assert hash(Duration(days=1)) == hash(Duration(days=1))


@pytest.mark.parametrize("part", ["months", "days", "milliseconds"])
@pytest.mark.parametrize(
    ("value", "error"), [(-1, ValueError), (2**32, ValueError), (1.0, TypeError), (True, TypeError), ("1", TypeError)]
)
def test_a_duration_of_other_numbers_cannot_be(part: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"whole numbers|from 0 to 4294967295"):
        Duration(**{part: value})


# What is refused

NOON = at(2026, 1, 2, 12)
REFUSED: list[tuple[str, Any, str]] = [
    ("day", NOON, r"a datetime is not a date"),
    ("day", 1, r"a date is needed, not 1"),
    ("day", "2026-01-02", r"a date is needed"),
    ("day", time(1), r"a date is needed"),
    ("time_millis", NOON, r"a time is needed"),
    ("time_millis", NOON.time().replace(tzinfo=UTC), r"a time of day has no zone"),
    ("time_millis", timedelta(hours=1), r"a time is needed"),
    ("time_micros", 5, r"a time is needed"),
    ("time_micros", date(2026, 1, 1), r"a time is needed"),
    ("instant_millis", date(2026, 1, 1), r"a datetime is needed"),
    ("instant_millis", NOON.replace(tzinfo=None), r"offset-naive"),
    ("instant_micros", date(2026, 1, 1), r"a datetime is needed"),
    ("instant_micros", NOON.replace(tzinfo=None), r"offset-naive"),
    ("instant_micros", 1_700_000_000, r"a datetime is needed"),
    ("instant_micros", NOON.isoformat(), r"a datetime is needed"),
    ("wall_millis", NOON, r"offset-"),
    ("wall_micros", NOON, r"offset-"),
    ("wall_micros", NOON.time(), r"a datetime is needed"),
    ("nanos", NOON, r"an int is needed"),
    ("nanos", 1.5, r"an int is needed"),
    ("nanos", 2**63, r"does not fit long"),
    ("wall_nanos", -(2**63) - 1, r"does not fit long"),
    ("span", timedelta(days=1), r"a Duration is needed"),
    ("span", b"123456789012", r"a Duration is needed"),
    ("span", (1, 2, 3), r"a Duration is needed"),
]


@pytest.mark.parametrize(("name", "value", "message"), REFUSED, ids=[f"{case[0]}={case[1]!r}" for case in REFUSED])
def test_what_is_no_such_time_is_refused(classes: dict[str, Any], name: str, value: Any, message: str) -> None:
    with pytest.raises(EncodeError, match=f"^x: .*{message}"):
        classes[name](x=value).encode()


BEYOND: list[tuple[str, int]] = [
    ("day", -719163),
    ("day", 2932897),
    ("day", 2**31 - 1),
    ("day", -(2**31)),
    ("time_millis", -1),
    ("time_millis", 86_400_000),
    ("time_micros", -1),
    ("time_micros", 86_400_000_000),
    ("time_micros", 2**63 - 1),
    ("instant_millis", -62_135_596_800_001),
    ("instant_millis", 253_402_300_800_000),
    ("instant_millis", 2**63 - 1),
    ("instant_micros", -62_135_596_800_000_001),
    ("instant_micros", 253_402_300_800_000_000),
    ("instant_micros", -(2**63)),
    ("instant_micros", 2**63 - 1),
    ("wall_millis", 2**63 - 1),
    ("wall_micros", -(2**63)),
]


@pytest.mark.parametrize(("name", "number"), BEYOND)
def test_times_that_python_does_not_have_are_refused(
    classes: dict[str, Any], plain: Any, name: str, number: int
) -> None:
    for writer in (None, f"{classes[name].SCHEMA} "):
        with pytest.raises(DecodeError, match=rf"^x: {number} \(int\) is no (date|time|timestamp|local)"):
            classes[name].decode(plain(x=number).encode(), writer)


@pytest.mark.parametrize("name", ["day", "time_millis"])
def test_a_number_of_more_than_32_bits_is_no_int(classes: dict[str, Any], plain: Any, name: str) -> None:
    with pytest.raises(DecodeError, match=r"^x: "):
        classes[name].decode(plain(x=2**32).encode())


EAST, WEST = timezone(timedelta(hours=1)), timezone(-timedelta(hours=1))
OUTSIDE_IN_UTC = [
    datetime(9999, 12, 31, 23, tzinfo=WEST),
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=23, minutes=59))),
    datetime(1, 1, 1, 0, 59, 59, 999999, tzinfo=EAST),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59))),
]
JUST_WITHIN = [
    datetime(9999, 12, 31, 22, 59, 59, 999000, tzinfo=WEST),
    datetime(1, 1, 1, 1, tzinfo=EAST),
    datetime(3111, 1, 1, tzinfo=WEST),
    datetime(3112, 1, 1, tzinfo=EAST),
]


@pytest.mark.parametrize("value", OUTSIDE_IN_UTC, ids=str)
@pytest.mark.parametrize("name", ["instant_millis", "instant_micros"])
def test_an_instant_that_has_no_year_in_utc_is_refused(classes: dict[str, Any], name: str, value: datetime) -> None:
    with pytest.raises(
        EncodeError, match=r"^x: datetime.* does not fit timestamp-mi.*: in UTC it is before the year 1"
    ):
        classes[name](x=value).encode()


@pytest.mark.parametrize("value", JUST_WITHIN, ids=str)
@pytest.mark.parametrize("name", ["instant_millis", "instant_micros"])
def test_an_instant_near_to_that_is_read_back(classes: dict[str, Any], name: str, value: datetime) -> None:
    assert classes[name].decode(classes[name](x=value).encode()).x == value


MISPLACED: list[dict[str, Any]] = [
    logical("date", "long"),
    logical("time-millis", "long"),
    logical("timestamp-micros", "int"),
    logical("timestamp-milis", "long"),
    logical("duration", "long"),
]


@pytest.mark.parametrize("type_", MISPLACED, ids=str)
def test_a_time_in_the_wrong_place_is_a_plain_number(tmp_path: Path, type_: Any) -> None:
    cls = build(tmp_path, record("n.R", x=type_))["n.R"]

    assert cls.decode(cls(x=5).encode()).x == 5
