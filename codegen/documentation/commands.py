"""The command `contracts docs`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from codegen.checks import commands, history, rollout
from codegen.checks.rollout import Deployed
from codegen.contracts import Contracts
from codegen.documentation import asyncapi, catalogue
from codegen.documentation import page as pages
from codegen.errors import ContractsError
from codegen.exits import Exit

PAGE = "events.md"
DOCUMENT = "asyncapi.json"


def docs(
    schemas: commands.Schemas = commands.HERE,
    out: Annotated[Path | None, typer.Option(help="The folder that gets the two files.")] = None,
    deployed: commands.DeployedFile = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 100 if a file would change.")] = False,
) -> None:
    """Write down all events for people and tools: events.md, one page, and asyncapi.json, an AsyncAPI 3.0 document.

    Where to: --out, or else [docs] out in contracts.toml.
    """
    contracts = Contracts.load(schemas)
    target = out or contracts.documentation.out
    if target is None:
        raise ContractsError("where to? Give --out, or [docs] out in contracts.toml")
    files = {
        target / name: text
        for name, text in written(contracts, rollout.read_deployed(deployed) if deployed else {}).items()
    }
    changed = [path for path, text in files.items() if not path.is_file() or path.read_bytes() != text.encode()]
    for path in changed:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[path].encode())
        typer.echo(f"{path}: {'is not as the schemas say' if check else 'written'}")
    if check and changed:
        typer.echo("The documentation differs from the schemas; run `contracts docs`.", err=True)
        raise typer.Exit(Exit.FINDINGS)
    if not changed:
        typer.echo(f"{' and '.join(str(path) for path in files)} are as the schemas say.")


def written(contracts: Contracts, deployed: Deployed) -> Mapping[str, str]:
    """Return what the two files contain, by their names, if services run the versions that are `deployed`."""
    found = catalogue.of(contracts, history.released(contracts.folder), deployed)
    return {PAGE: pages.page(found), DOCUMENT: asyncapi.text(found)}
