"""Generated classes for tests: from schemas in the test to classes it can use, and to fastavro's view of a value."""

import importlib
import io
import itertools
import json
import struct
import sys
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

import fastavro

from codegen.avro import schema_files
from codegen.python import generated_files
from codegen.python import source as python_source
from codegen.python.names import attribute_names
from codegen.runtime import Duration

_numbers = itertools.count()


def write_schemas(folder: Path, *schemas: Mapping[str, Any]) -> Path:
    """Write each schema into a file named after its type."""
    folder.mkdir(parents=True, exist_ok=True)
    for schema in schemas:
        (folder / f"{schema['name']}.avsc").write_text(json.dumps(schema), encoding="utf-8")
    return folder


def build(folder: Path, *schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Generate and import classes for schemas; return them by full name."""
    number = next(_numbers)
    package = f"generated_for_test_{number}"
    source = write_schemas(folder / f"schemas_{number}", *schemas)
    files = python_source.generate(schema_files.load(source), package)
    generated_files.write(folder / package, files, package)
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        return {name: cls for module in _modules(package, files) for name, cls in module.AVRO_TYPES.items()}
    finally:
        sys.path.remove(str(folder))


def _modules(package: str, files: Mapping[Any, str]) -> Iterator[Any]:
    for path in files:
        parts = [part for part in path.with_suffix("").parts if part != "__init__"]
        module = importlib.import_module(".".join([package, *parts]))
        if hasattr(module, "AVRO_TYPES"):
            yield module


def fastavro_bytes(schema: str, datum: Any) -> bytes:
    """Return what fastavro writes."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, _parsed(schema), datum)
    return stream.getvalue()


def fastavro_datum(schema: str, data: bytes) -> Any:
    """Return what fastavro reads."""
    return fastavro.schemaless_reader(io.BytesIO(data), _parsed(schema), None)


@cache
def _parsed(schema: str) -> Any:
    return fastavro.parse_schema(json.loads(schema))


def as_datum(value: Any) -> Any:
    """Return a generated object as fastavro wants it: dicts (named, for unions of records), plain symbols."""
    if is_dataclass(value) and not isinstance(value, type):
        if isinstance(value, Duration):
            return struct.pack("<III", value.months, value.days, value.milliseconds)  # fastavro knows no durations
        avro = [field["name"] for field in json.loads(value.SCHEMA)["fields"]]  # type: ignore[attr-defined]
        attributes = attribute_names(tuple(avro)).items()
        return {"-type": value.NAME} | {name: as_datum(getattr(value, attribute)) for name, attribute in attributes}  # type: ignore[attr-defined]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [as_datum(item) for item in value]
    if isinstance(value, dict):
        return {key: as_datum(item) for key, item in value.items()}
    return value


def without_type_names(datum: Any) -> Any:
    """Return a datum without the type names that `as_datum` puts in."""
    if isinstance(datum, dict):
        return {key: without_type_names(item) for key, item in datum.items() if key != "-type"}
    if isinstance(datum, list):
        return [without_type_names(item) for item in datum]
    return datum
