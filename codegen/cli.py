"""The command `contracts`; what its exit codes say stands in `exits`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from codegen.checks import commands as check_commands
from codegen.contracts import Contracts
from codegen.documentation.commands import docs
from codegen.errors import ContractsError, Incompatible, RegistryUnreachable
from codegen.exits import Exit
from codegen.gate import gate
from codegen.python import generated_files
from codegen.python import source as python_source
from codegen.registry import commands as registry_commands
from codegen.usage.commands import who_reads

app = typer.Typer(
    name="contracts",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
RECURSION_LIMIT = 5_000  # schemas may be nested, and refer to each other, a thousand deep
for command in (
    check_commands.fmt,
    check_commands.lint,
    check_commands.breaking,
    check_commands.plan,
    gate,
    check_commands.release,
    check_commands.diff,
    check_commands.compare,
    check_commands.rules,
    check_commands.explain,
    check_commands.sample,
    docs,
    who_reads,
    registry_commands.push,
    registry_commands.drift,
):
    app.command()(command)


@app.callback()
def contracts() -> None:
    """Avro schemas as contracts: checked, turned into typed Python classes, and kept in step with a registry.

    Exit codes: 0 clean, 1 usage or tool error, 69 registry unreachable, 100 findings, 101 drift.
    """


@app.command()
def generate(
    schemas: check_commands.Schemas = check_commands.HERE,
    out: Annotated[Path | None, typer.Option(help="Folder on the import path, or the package's own folder.")] = None,
    package: Annotated[str | None, typer.Option(help="Dotted name; namespace a.b becomes module PACKAGE.a.b.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 100 if the classes differ.")] = False,
) -> None:
    """Write Python classes for every schema (where to: --out and --package, or else what contracts.toml says)."""
    loaded = Contracts.load(schemas)
    target, name = out or loaded.out, package or loaded.package
    if target is None or name is None:
        raise ContractsError("where to? Give --out and --package, or [generate] out and package in contracts.toml")
    files = python_source.generate(loaded.schemas, name)
    folder = generated_files.package_folder(target, name)
    changes = generated_files.differences(folder, files) if check else generated_files.write(folder, files, name)
    verbs = {"missing": "written", "changed": "rewritten", "left over": "removed"}
    for change in changes:
        typer.echo(f"{change.path}: {change.kind if check else verbs[change.kind]}")
    if check and changes:
        typer.echo("The generated classes differ from the schemas; run `contracts generate`.", err=True)
        raise typer.Exit(Exit.FINDINGS)
    if not changes:
        typer.echo(f"{len(files)} files are as the schemas say.")


def main() -> None:
    """Entry point: run a command and turn errors into a sentence and an exit code."""
    sys.setrecursionlimit(RECURSION_LIMIT)
    try:
        app()
    except SystemExit as stop:  # the command line's parser says 2 for a usage error
        sys.exit(Exit.ERROR if stop.code == 2 else stop.code)
    except RegistryUnreachable as error:
        sys.exit(_complain(error, Exit.UNREACHABLE))
    except Incompatible as error:
        sys.exit(_complain(error, Exit.FINDINGS))
    except ContractsError as error:
        sys.exit(_complain(error, Exit.ERROR))
    except RecursionError:
        sys.exit(_complain("the schemas are nested too deeply, or refer to each other in too long a chain", Exit.ERROR))
    except OSError as error:  # a file that cannot be read or written: its name and why
        sys.exit(_complain(f"{error.filename}: {error.strerror}" if error.filename else error, Exit.ERROR))


def _complain(error: Exception | str, code: Exit) -> Exit:
    Console(stderr=True, highlight=False).print(f"contracts: {error}", markup=False, soft_wrap=True)
    return code
