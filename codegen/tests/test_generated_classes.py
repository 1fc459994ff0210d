"""Generated classes against fastavro: the same bytes, the same values, for every kind of type."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen.errors import DecodeError
from codegen.tests.building import as_datum, fastavro_bytes, fastavro_datum, without_type_names
from codegen.tests.golden.kinds import Empty
from codegen.tests.golden.kinds.sample import AVRO_TYPES, Compact, Kinds, Names, Tree
from codegen.tests.golden.kinds.sample.part import Point, Vector
from codegen.tests.values import instances

CLASSES: list[Any] = [Kinds, Names, Tree, Point, Vector, Empty]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.NAME)
@given(data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_bytes_equal_fastavros_and_are_read_back(cls: Any, data: st.DataObject) -> None:
    value = data.draw(instances(cls, AVRO_TYPES | {"Empty": Empty}))

    encoded = value.encode()

    assert encoded == fastavro_bytes(cls.SCHEMA, as_datum(value))
    assert cls.decode(encoded) == value
    assert fastavro_datum(cls.SCHEMA, encoded) == without_type_names(as_datum(value))


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.NAME)
@given(data=st.data())
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_truncation_is_refused(cls: Any, data: st.DataObject) -> None:
    value = data.draw(instances(cls, AVRO_TYPES | {"Empty": Empty}))
    encoded = value.encode()
    if not encoded:
        return
    end = data.draw(st.integers(0, len(encoded) - 1))

    with pytest.raises(DecodeError):
        cls.decode(encoded[:end])
    with pytest.raises(DecodeError, match="bytes are left after the end"):
        cls.decode(encoded + b"\x00")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.NAME)
@given(noise=st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_noise_is_read_or_refused_but_nothing_else(cls: Any, noise: bytes) -> None:
    try:
        value = cls.decode(noise)
    except DecodeError:
        return

    assert cls.decode(value.encode()) == value or "nan" in repr(value)


def test_values_are_immutable_and_comparable() -> None:
    point = Point(x=1)

    assert point == Point(x=1, y=0)
    assert point != Vector(x=1)  # type: ignore[comparison-overlap]
    assert hash(point) == hash(Point.decode(point.encode()))
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]


def test_an_instance_has_no_room_for_other_attributes() -> None:
    assert not hasattr(Point.decode(Point(x=1).encode()), "__dict__")


def test_defaults_that_hold_things_are_not_shared() -> None:
    first, second = Tree(label="a"), Tree(label="b")

    first.children.append(second)

    assert second.children == []


def test_unions_of_records_are_chosen_by_class() -> None:
    as_point = Kinds(**_required_fields(), either=Point(x=1, y=2))
    as_vector = Kinds(**_required_fields(), either=Vector(x=1, y=2))

    assert as_point.encode() != as_vector.encode()
    assert type(Kinds.decode(as_vector.encode()).either) is Vector


def _required_fields() -> dict[str, Any]:
    instant = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    return {
        "time_millis": time(1, 2, 3),
        "time_micros": time(1, 2, 3, 4),
        "instant_millis": instant.replace(microsecond=0),
        "local_millis": instant.replace(tzinfo=None, microsecond=0),
        "local_micros": instant.replace(tzinfo=None),
        "misspelt": 1,
        "when": date(2026, 1, 2),
        "only": 5,
    }


def test_defaults_are_those_of_the_schema() -> None:
    value = Kinds(**_required_fields(), either=Point(x=0))

    assert value.colour == "GREEN"
    assert value.raw == b"\x00\xff\"'"
    assert value.grid == [[1, None], []]
    assert value.points == {"origin": Point(x=0, y=0)}
    assert value.instant_micros.isoformat() == "2023-11-14T22:13:20.123456+00:00"


def test_a_uuid_in_a_fixed_is_its_16_bytes() -> None:
    value = Compact(identity=UUID("00112233-4455-6677-8899-aabbccddeeff"))

    assert value.encode() == bytes.fromhex("00112233445566778899aabbccddeeff")
    assert Compact.decode(value.encode()) == value
