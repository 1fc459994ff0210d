"""Folders for the tests of LINT rules: records that are right in all but what a test is about."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codegen.avro import schema_files
from codegen.checks import linting
from codegen.checks.findings import Finding


def write(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write schemas into files by their paths below a folder."""
    for path, schema in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(json.dumps(schema), encoding="utf-8")
    return folder


def record(name: str = "Sample", *fields: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    """Return a record that no rule objects to, if its fields are so."""
    documented = [{"doc": "What it means.", **field} for field in fields]
    return {"type": "record", "name": name, "doc": "A sample.", "fields": documented, **attributes}


def of_field(folder: Path, **field: Any) -> list[Finding]:
    """Return the findings of a record that has this field alone."""
    return list(linting.lint(schema_files.load(write(folder, {"Sample.avsc": record("Sample", field)}))))
