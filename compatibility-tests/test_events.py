"""Every event class against fastavro and apache-avro: the same bytes both ways, with whatever values."""

import contextlib
import io
import json
from typing import Any
from uuid import UUID

import avro.io
import avro.schema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen.errors import DecodeError
from codegen.tests.building import as_datum, fastavro_bytes, fastavro_datum, without_type_names
from codegen.tests.values import instances
from services.events.shop import common, inventory, orders, payments

TYPES: dict[str, Any] = common.AVRO_TYPES | inventory.AVRO_TYPES | orders.AVRO_TYPES | payments.AVRO_TYPES
CLASSES = [cls for cls in TYPES.values() if hasattr(cls, "SCHEMA")]
EVENTS = [cls for cls in CLASSES if "header" in cls.__annotations__]
FAST = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.NAME)
@given(data=st.data())
@FAST
def test_bytes_equal_fastavros_both_ways(cls: Any, data: st.DataObject) -> None:
    value = data.draw(instances(cls, TYPES))

    encoded = value.encode()

    assert encoded == fastavro_bytes(cls.SCHEMA, as_datum(value))
    assert fastavro_datum(cls.SCHEMA, encoded) == without_type_names(as_datum(value))
    assert cls.decode(encoded) == value


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.NAME)
@given(data=st.data())
@settings(FAST, max_examples=25)
def test_apache_avro_reads_the_same(cls: Any, data: st.DataObject) -> None:
    value = data.draw(instances(cls, TYPES))

    reader = avro.io.DatumReader(avro.schema.parse(cls.SCHEMA))
    read = reader.read(avro.io.BinaryDecoder(io.BytesIO(value.encode())))

    assert read == with_uuids_as_text(without_type_names(as_datum(value)))


def with_uuids_as_text(datum: Any) -> Any:
    """Return a datum as apache-avro sees it, which knows no UUID."""
    if isinstance(datum, dict):
        return {key: with_uuids_as_text(item) for key, item in datum.items()}
    if isinstance(datum, list):
        return [with_uuids_as_text(item) for item in datum]
    return str(datum) if isinstance(datum, UUID) else datum


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.NAME)
@given(data=st.data())
@settings(FAST, max_examples=25)
def test_a_version_with_more_fields_is_read_and_reads(cls: Any, data: st.DataObject) -> None:
    value = data.draw(instances(cls, TYPES))
    newer = json.loads(cls.SCHEMA)
    newer["fields"].insert(
        1, {"name": "newer", "type": ["null", {"type": "array", "items": "string"}], "default": None}
    )
    text = json.dumps(newer)

    written = fastavro_bytes(text, {**as_datum(value), "newer": ["x", "y"]})

    assert cls.decode(written, text) == value


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.NAME)
@given(noise=st.binary(max_size=150))
@FAST
def test_noise_never_raises_anything_else(cls: Any, noise: bytes) -> None:
    with contextlib.suppress(DecodeError):
        cls.decode(noise)


def test_every_event_starts_with_its_header() -> None:
    assert len(EVENTS) == 10
    assert all(json.loads(cls.SCHEMA)["fields"][0]["name"] == "header" for cls in EVENTS)
