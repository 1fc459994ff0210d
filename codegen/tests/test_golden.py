"""The golden folders: what the generator makes of them, and what formatters, linters and type checkers say of that."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codegen.python import generated_files
from codegen.tests.building import record, write_package
from codegen.tests.golden_packages import CASES, GOLDEN, REWRITE, files, generated, modules, package_of
from codegen.tests.importing import PROJECT, imported_first

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
LONG: dict[str, list[dict[str, Any]]] = {
    "names of fields": [record("n.R", **{"f" * length: "string" for length in NAMES})],
    "names of fields of nullable containers": [
        record("n.R", **{"f" * length: {"type": "map", "values": ["null", "string"]} for length in NAMES})
    ],
    "names of records": [record(f"n.{'N' * length}", {"x": None}, x=["null", "N" * length]) for length in NAMES],
    "symbols": [{"type": "enum", "name": "E", "namespace": "n", "symbols": ["S" * length for length in NAMES]}],
    "texts": [record("n.R", {f"f{length}": "x" * length for length in LENGTHS}, **{f"f{length}": "string" for length in LENGTHS})],
    "texts of words": [
        record("n.R", {f"f{length}": "word " * length for length in LENGTHS}, **{f"f{length}": "string" for length in LENGTHS})
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


LEFT_LONG = {
    "names of fields",
    "names of fields of nullable containers",
    "names of records",
    "symbols",
    "texts",
    "texts of words",
    "records",
    "unions",
    "unions in containers",
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.xfail(reason="left in one line", strict=True) if case in LEFT_LONG else ())
        for case in LONG
    ],
)
def test_lines_that_are_too_long_are_broken_as_the_formatter_would(case: str, tmp_path: Path) -> None:
    write_package(tmp_path, "package", *LONG[case])

    assert said_by("-m", "ruff", "format", "--isolated", "--line-length", "120", "--diff", str(tmp_path)) == ""
