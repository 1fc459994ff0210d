"""The golden folders: what the generator makes of them, and what formatters, linters and type checkers say of that."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codegen.python import generated_files
from codegen.tests.building import build, logical, record, record_of, write_package
from codegen.tests.golden_packages import CASES, GOLDEN, REWRITE, files, generated, modules, package_of
from codegen.tests.importing import PROJECT, imported_first
from codegen.tests.round_trips import try_instances

TYPING = Path(__file__).parent / "generated" / "typing_of_classes.py"
LINT = (
    *("--extend-select", "E4,E7,E9,F"),  # pycodestyle and pyflakes, whatever ruff's own choice is
    *("--ignore", "RUF009"),  # a UUID or a Duration is as good a default as a number: nobody can change it
    *("--config", "lint.isort.combine-as-imports = true"),
)


def said_by(*command: str, environment: dict[str, str] | None = None) -> str:
    """Return what a tool has to say of the golden files, nothing if it is content."""
    result = subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return "" if result.returncode == 0 else result.stdout


def paths(case: str) -> list[str]:
    return [str(path) for path in files(case)]


@pytest.mark.parametrize("case", CASES)
def test_generated_files_are_the_golden_ones(case: str) -> None:
    differences = generated_files.differences(GOLDEN / case, generated(case))

    assert differences == [], f"if they are better so: {REWRITE}"


@pytest.mark.parametrize("case", CASES)
def test_every_file_of_a_package_is_generated(case: str) -> None:
    assert {path.relative_to(GOLDEN / case).as_posix() for path in files(case)} == {
        str(path) for path in generated(case)
    }


@pytest.mark.parametrize("case", CASES)
def test_generating_again_changes_nothing(case: str, tmp_path: Path) -> None:
    generated_files.write(tmp_path, generated(case), "package")

    assert generated_files.write(tmp_path, generated(case), "package") == []


def test_no_order_of_a_set_shows_in_the_files() -> None:
    script = (
        "import hashlib; from codegen.tests.golden_packages import *;"
        "print(hashlib.sha256(repr([sorted(generated(case).items()) for case in CASES]).encode()).hexdigest())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=PROJECT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "20")
    }

    assert len(outputs) == 1


@pytest.mark.parametrize("case", CASES)
def test_generated_files_are_formatted(case: str) -> None:
    assert said_by("-m", "ruff", "format", "--isolated", "--line-length", "120", "--diff", *paths(case)) == ""


@pytest.mark.parametrize("case", CASES)
def test_linters_have_nothing_to_say(case: str) -> None:
    assert said_by("-m", "ruff", "check", "--isolated", "--line-length", "120", *LINT, *paths(case)) == ""


def test_mypy_knows_all_types(tmp_path: Path) -> None:
    everything = [str(TYPING), *(path for case in CASES for path in paths(case))]

    assert said_by("-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path), *everything) == ""


BUILTINS = ("str", "bool", "list", "dict", "object", "type", "property", "tuple", "classmethod")


def test_mypy_knows_classes_that_are_called_like_builtins(tmp_path: Path) -> None:
    records = [
        record_of(
            f"{name}.{name}",
            {
                name: {"type": "array", "items": "string"},
                "own": {"type": "array", "items": f"{name}.{name}"},
                "by_key": {"type": "map", "values": ["null", "boolean", f"{name}.{name}"]},
            },
            {name: ["x"], "own": []},
        )
        for name in BUILTINS
    ]
    write_package(tmp_path, "package", *records)

    files = [str(path) for path in (tmp_path / "package").rglob("*.py")]
    assert said_by("-m", "mypy", "--strict", "--follow-imports=silent", "--cache-dir", str(tmp_path), *files) == ""


def test_pyright_has_nothing_to_say(tmp_path: Path) -> None:
    settings = {
        "typeCheckingMode": "strict",
        "include": [str(GOLDEN)],
        "exclude": [],
        "extraPaths": [str(PROJECT)],
        "pythonVersion": "3.11",
        "venvPath": str(Path(sys.prefix).parent),
        "venv": Path(sys.prefix).name,
        "reportPrivateUsage": False,  # an attribute `_x` is named so in the schema
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))

    assert said_by("-m", "basedpyright", "--project", str(tmp_path / "pyrightconfig.json")) == ""


@pytest.mark.parametrize("case", CASES)
def test_any_module_may_be_imported_first(case: str) -> None:
    assert imported_first(package_of(case), modules(case), PROJECT) == modules(case)


# Lines that are too long


def names(count: int) -> list[str]:
    return [f"n.Branch{number}" for number in range(count)]


LENGTHS = range(1, 130)
NAMES = range(1, 60)
LONG_NAMES = range(20, 99, 3)


def everything(length: int) -> dict[str, Any]:
    """Return a record whose names are all of this length, of types that are written and read in all ways there are."""
    record_name, enum_name, fixed_name = (letter * length for letter in "REF")
    enum = {"type": "enum", "name": enum_name, "symbols": ["S" * length, "T"]}
    fixed = {"type": "fixed", "name": fixed_name, "size": 16}
    own = [f"n.{enum_name}", f"n.{fixed_name}", "null"]
    types: dict[str, Any] = {
        "enum": enum, "fixed": fixed, "record": ["null", f"n.{record_name}"], "either": [f"n.{record_name}", *own],
        "several": {"type": "array", "items": f"n.{enum_name}"}, "by_key": {"type": "map", "values": {"type": "map", "values": own}},
        "maybe": ["null", f"n.{enum_name}"], "maybe_several": ["null", {"type": "array", "items": f"n.{record_name}"}],
        "maybe_text": ["null", "string"], "text": "string", "number": "long", "grid": {"type": "array", "items": {"type": "array", "items": own}},
        "price": logical("decimal", "bytes", precision=9, scale=2), "day": ["null", logical("date", "int")], "yes": "boolean",
        "chosen": f"n.{enum_name}", "chosen_texts": {"type": "map", "values": f"n.{enum_name}"}, "id": logical("uuid", "string"),
        "moment": logical("timestamp-micros", "long"),
    }  # fmt: skip
    names = {kind: f"{kind}_".ljust(length, "f") for kind in types}
    defaults: dict[str, Any] = {
        "several": ["T", "S" * length], "chosen": "T", "maybe": None, "chosen_texts": {"a": "S" * length, "b": "T"}, "price": "\x01",
        "id": "00000000-0000-0000-0000-000000000001", "moment": 1, "text": "x" * length,
    }  # fmt: skip
    return record_of(
        f"n.{record_name}",
        {names[kind]: type_ for kind, type_ in types.items()},
        {names[kind]: default for kind, default in defaults.items()},
    )


LONG: dict[str, list[dict[str, Any]]] = {
    "names of fields": [record("n.R", **{"f" * length: "string" for length in NAMES})],
    "names of fields of nullable containers": [
        record("n.R", **{"f" * length: {"type": "map", "values": ["null", "string"]} for length in NAMES})
    ],
    "names of records": [record(f"n.{'N' * length}", {"x": None}, x=["null", "N" * length]) for length in NAMES],
    "symbols": [{"type": "enum", "name": "E", "namespace": "n", "symbols": ["S" * length for length in NAMES]}],
    "names of everything": [everything(length) for length in LONG_NAMES],
    "names of enums": [{"type": "enum", "name": "E" * length, "namespace": "n", "symbols": ["S" * length]} for length in range(1, 130)],
    "texts": [record("n.R", {f"f{length}": "x" * length for length in LENGTHS}, **{f"f{length}": "string" for length in LENGTHS})],
    "texts of words": [
        record("n.R", {f"f{length}": "word " * length for length in LENGTHS}, **{f"f{length}": "string" for length in LENGTHS})
    ],
    "texts of wide characters": [
        record("n.R", {f"f{length}": "\u5b57" * length + "e\u0301" for length in LENGTHS}, **{f"f{length}": "string" for length in LENGTHS})
    ],
    "docs of wide characters": [
        {**record(f"n.R{length}", x="int"), "doc": "\u5b57" * length} for length in range(1, 130)
    ],
    "bytes": [
        record("n.R", {f"f{length}": "\u00ff" * length for length in LENGTHS}, **{f"f{length}": "bytes" for length in LENGTHS})
    ],
    "items": [
        record(
            "n.R",
            {f"f{length}": ["x"] * length for length in LENGTHS},
            **{f"f{length}": {"type": "array", "items": "string"} for length in LENGTHS},
        )
    ],
    "records": [
        record("n.R", {f"f{length}": {"x": "x" * length, "y": 1} for length in LENGTHS}, **{f"f{length}": "n.Part" for length in LENGTHS}),
        record("n.Part", x="string", y="int"),
    ],
    "unions": [
        record("n.R", {f"n{count}": None for count in range(2, 16)}, **{f"u{count}": names(count) for count in range(2, 16)}, **{f"n{count}": ["null", *names(count)] for count in range(2, 16)}),
        *(record(name, x="int") for name in names(16)),
    ],
    "unions in containers": [
        record("n.R", **{f"u{count}": {"type": "array", "items": {"type": "map", "values": names(count)}} for count in range(2, 16)}),
        *(record(name, x="int") for name in names(16)),
    ],
    "namespaces": [
        *(record(f"{'n' * length}.R", {"x": None}, x=["null", f"{'m' * length}.S"]) for length in range(1, 90)),
        *(record(f"{'m' * length}.S", x=["null", f"{'n' * length}.R"]) for length in range(1, 90)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", LONG)
def test_lines_that_are_too_long_are_broken_as_the_formatter_would(case: str, tmp_path: Path) -> None:
    write_package(tmp_path, "package", *LONG[case])

    assert said_by("-m", "ruff", "format", "--isolated", "--line-length", "120", "--diff", str(tmp_path)) == ""


@pytest.mark.parametrize("length", [50, 90, 150])
def test_classes_of_long_names_write_and_read_as_others_do(length: int, tmp_path: Path) -> None:
    assert try_instances(build(tmp_path, everything(length))) == 1
