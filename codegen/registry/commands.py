"""The commands of `contracts` that talk to a registry: push and drift."""

from collections.abc import Collection
from typing import Annotated

import typer

from codegen.checks import commands, history, releasing, reports
from codegen.checks.drift_rules import DRIFT_RULES
from codegen.checks.findings import Finding, failing
from codegen.checks.folder_findings import settled
from codegen.checks.reports import Format
from codegen.contracts import Contracts
from codegen.errors import ContractsError
from codegen.exits import Exit

Seconds = Annotated[float, typer.Option(min=0.1, max=600, help="Limit of each request.")]
DRIFT_IDS = frozenset(rule.id for rule in DRIFT_RULES)


def push(
    schemas: commands.Schemas = commands.HERE,
    registry: commands.RegistryUrl = commands.REGISTRY,
    plan: Annotated[
        bool, typer.Option("--plan", help="Say what would be done; exit 100 if there is something.")
    ] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Do it. A second time there is nothing to do.")] = False,
    delete: Annotated[
        bool,
        typer.Option("--delete", help="Delete versions that nobody has released, and subjects that are retired, too."),
    ] = False,
    unreleased: Annotated[
        bool, typer.Option("--unreleased", help="Push what is not released, too: to a registry of your own.")
    ] = False,
    timeout_seconds: Seconds = 10.0,
) -> None:
    """Bring the schema registry in step with the folder: loosen levels, register versions, tighten levels.

    Nothing is registered that would break a registered version (exit 100), and nothing is deleted unless --delete says so.
    Exit 69 if the registry cannot be reached.
    """
    from codegen.registry import push as pushing  # the HTTP client is no part of the other commands' start
    from codegen.registry.client import Registry

    if plan == apply:
        raise ContractsError("say either --plan or --apply")
    loaded = Contracts.load(schemas)
    if not unreleased:
        _refuse_unreleased(loaded)
    with Registry(registry, timeout_seconds) as client:
        if apply:
            done = pushing.apply(loaded, client, typer.echo, delete=delete)
        else:
            done = pushing.plan(loaded, client, delete=delete)
    if done.notice:
        typer.echo(f"contracts: {done.notice}", err=True)
    for each in done.left:
        typer.echo(f"contracts: left as it is: {each} (--delete would)", err=True)
    in_step = f"{_counted(loaded)} in step with {schemas}."
    if apply:
        typer.echo(in_step if done.steps else f"Nothing to do: {in_step}")
        return
    for line in (*done.steps, *done.obstacles):
        typer.echo(str(line))
    if done.steps or done.obstacles:
        raise typer.Exit(Exit.FINDINGS)
    typer.echo(f"Nothing to do: {in_step}")


def _counted(contracts: Contracts) -> str:
    count = len(contracts.subjects())
    return "1 subject is" if count == 1 else f"{count} subjects are"


def _refuse_unreleased(contracts: Contracts) -> None:
    """Raise ContractsError where a folder that releases has something that is not released."""
    released = history.released(contracts.folder)
    waiting = releasing.unreleased(contracts, released) if released.versions else []
    if waiting:
        names = ", ".join(each.subject for each in waiting)
        raise ContractsError(
            f"not released yet: {names}. Run `contracts release` first: what others may write data with is never edited "
            "again (--unreleased pushes it all the same)"
        )


def drift(
    schemas: commands.Schemas = commands.HERE,
    registry: commands.RegistryUrl = commands.REGISTRY,
    form: commands.Form = Format.TEXT,
    timeout_seconds: Seconds = 10.0,
) -> None:
    """Say where the registry and the folder have come apart: schemas, levels, references, versions nobody has released.

    Exit 101 if they have, 69 if the registry cannot be reached. Nothing is written.
    """
    from codegen.registry import drift as drifting
    from codegen.registry import registered
    from codegen.registry.client import Registry

    contracts = Contracts.load(schemas)
    released = history.released(schemas)
    with Registry(registry, timeout_seconds) as client:
        found = drifting.find(contracts, released, registered.read(contracts, released, client))
    findings = settled(contracts, found, DRIFT_IDS)
    _report(findings, form, f"{_counted(contracts)} in the registry as in {schemas}")


def _report(findings: Collection[Finding], form: Format, checked: str) -> None:
    typer.echo(reports.render(findings, form, checked=checked))
    if failing(findings):
        raise typer.Exit(Exit.DRIFT)
