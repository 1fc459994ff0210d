"""The command `contracts who-reads`."""

from contextlib import nullcontext
from typing import Annotated, Literal

import typer
from rich.console import Console

from codegen.checks import commands, history
from codegen.contracts import Contracts
from codegen.documentation import catalogue
from codegen.exits import Exit
from codegen.usage import answer as answers
from codegen.usage import field_places, investigation
from codegen.usage.answer import Verdict


def who_reads(
    field: Annotated[str, typer.Argument(help="TOPIC.Event.field, and further .field within a record.")],
    schemas: commands.Schemas = commands.HERE,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="The form of the answer.")] = "text",
) -> None:
    """Say who reads a field of an event, line by line, and whether it is safe to drop.

    The code of the services that contracts.toml names is read with its types, which are mypy's: the first time that takes
    half a minute. Exit 0 if it is safe to drop, 100 if somebody needs it or may do, 1 if there is no such field.
    """
    contracts = Contracts.load(schemas)
    place = field_places.find(contracts, field)
    found = catalogue.of(contracts, history.released(schemas), {})
    console = Console(stderr=True)
    with console.status("Reading the services' code ...") if console.is_terminal else nullcontext():
        answer = investigation.answer(found, place)
    typer.echo(answers.as_text(answer) if form == "text" else answers.as_json(answer))
    if answer.verdict is not Verdict.UNREAD:
        raise typer.Exit(Exit.FINDINGS)
