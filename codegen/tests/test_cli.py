"""The commands that write: exit codes, and what they say."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codegen.tests.building import write_schemas
from codegen.tests.running import Result, run, run_process

RECORD: dict[str, Any] = {"type": "record", "name": "R", "namespace": "a.b", "fields": [{"name": "x", "type": "int"}]}


def generate(folder: Path, *more: str) -> Result:
    return run("generate", "--schemas", "schemas", "--out", "src", "--package", "p", *more, cwd=folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_schemas(tmp_path / "schemas", RECORD)
    return tmp_path


def test_generate_writes_modules_by_namespace(folder: Path) -> None:
    result = generate(folder)

    assert result.returncode == 0
    assert "src/p/a/b.py: written" in result.stdout
    script = "from p.a.b import R; print(R.decode(R(x=5).encode()))"
    shown = subprocess.run(
        [sys.executable, "-c", script], cwd=folder / "src", capture_output=True, text=True, check=True
    )
    assert shown.stdout == "R(x=5)\n"


def test_generate_check_is_clean_after_generate(folder: Path) -> None:
    generate(folder)

    assert generate(folder, "--check").returncode == 0


def test_generate_check_names_what_differs_and_writes_nothing(folder: Path) -> None:
    generate(folder)
    module = folder / "src" / "p" / "a" / "b.py"
    module.write_text(module.read_text() + "# edited\n")
    (folder / "src" / "p" / "__init__.py").unlink()

    result = generate(folder, "--check")

    assert result.returncode == 100
    assert "src/p/a/b.py: changed" in result.stdout
    assert "src/p/__init__.py: missing" in result.stdout
    assert "run `contracts generate`" in result.stderr
    assert not (folder / "src" / "p" / "__init__.py").exists()


def test_generate_reads_contracts_toml(folder: Path) -> None:
    (folder / "schemas" / "contracts.toml").write_text('[generate]\nout = "../lib"\npackage = "q"\n')

    assert run("generate", cwd=folder).returncode == 0
    assert (folder / "lib" / "q" / "a" / "b.py").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("generate", "--schemas", "nowhere"), "nowhere: no such folder"),
        (("generate",), "where to? Give --out and --package"),
        (("generate", "--no-such-option"), "No such option"),
        (("no-such-command",), "No such command"),
        (("push",), "say either --plan or --apply"),
        (("push", "--plan", "--apply"), "say either --plan or --apply"),
    ],
)
def test_usage_errors_exit_1_with_a_sentence(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run(*arguments, cwd=folder)

    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_an_invalid_schema_exits_1_and_is_named(folder: Path) -> None:
    write_schemas(folder / "schemas", {**RECORD, "name": "Bad", "fields": [{"name": "y", "type": "Nope"}]})

    result = generate(folder)

    assert result.returncode == 1
    assert result.stderr == "contracts: schemas/Bad.avsc:1:88: a.b.Bad.y: unknown type 'a.b.Nope'\n"


@pytest.mark.parametrize("mode", ["--plan", "--apply"])
def test_an_unreachable_registry_exits_69_with_a_sentence(folder: Path, mode: str) -> None:
    result = run("push", mode, "--registry", "http://127.0.0.1:1", cwd=folder)

    assert result.returncode == 69
    assert result.stderr.startswith("contracts: the schema registry at http://127.0.0.1:1 does not answer: ")
    assert "Traceback" not in result.stderr


def test_as_a_process_it_teaches_and_exits_with_the_code(folder: Path) -> None:
    result = run_process("--help", cwd=folder)

    assert result.returncode == 0
    assert "generate" in result.stdout
    assert "push" in result.stdout
    assert run_process("no-such-command", cwd=folder).returncode == 1
