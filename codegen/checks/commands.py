"""The commands of `contracts` that need the folder alone: fmt, lint, breaking, release, diff, compare, rules, explain, sample.

They need no registry and no network. Findings go to standard output in the form that --format says, everything else
to standard error.
"""

import json
import secrets
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, TextIO

import typer

from codegen.avro import schema_files
from codegen.avro.json_text import Json, decoded, read_json
from codegen.avro.schema_files import SchemaFolder
from codegen.checks import breaking as checking
from codegen.checks import difference, formatting, history, releasing, reports, rollout_texts, rule_texts
from codegen.checks import rollout as rollouts
from codegen.checks.comparing import Source, Verdict, judge
from codegen.checks.compatibility_rules import COMPATIBILITY_RULES
from codegen.checks.findings import Finding, failing
from codegen.checks.folder_findings import contracts_of, linted, of_file, settled, unformatted
from codegen.checks.history import Earlier
from codegen.checks.ignores import Severities
from codegen.checks.lint_rules import LINT_RULES
from codegen.checks.listing import Listing
from codegen.checks.reports import Format
from codegen.contracts import Contracts
from codegen.errors import ContractsError, SchemaError
from codegen.exits import Exit
from codegen.samples import sampling

Schemas = Annotated[Path, typer.Option("--schemas", help="The folder of .avsc files.")]
Form = Annotated[Format, typer.Option("--format", help="The form of the report.")]
Against = Annotated[
    str | None,
    typer.Option(
        help="'git:REF', such as git:main, 'registry', or 'history', the released versions, which is meant if there are some."
    ),
]
RegistryUrl = Annotated[
    str, typer.Option("--registry", envvar="SCHEMA_REGISTRY_URL", help="Base URL of the registry's Confluent API.")
]
Configured = Annotated[
    Path | None, typer.Option("--schemas", help="Say the severities as this folder's contracts.toml sets them.")
]
DeployedFile = Annotated[
    Path | None,
    typer.Option(
        "--deployed",
        help='TOML: under [service], "full.name.of.Event" = version, where it runs another than the newest.',
    ),
]
HERE = Path("schemas")
REGISTRY = "http://127.0.0.1:8081/apis/ccompat/v7"
VERSION_IDS = frozenset(rule.id for rule in COMPATIBILITY_RULES)
LINT_IDS = frozenset(rule.id for rule in LINT_RULES)


def fmt(
    schemas: Schemas = HERE,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 100 if a file would change.")] = False,
    form: Form = Format.TEXT,
    show_diff: Annotated[bool, typer.Option("--diff", help="Show what changes, or would.")] = False,
) -> None:
    """Write every .avsc file in the one layout: order of keys, indentation, short objects on one line. Values stay."""
    if show_diff and form is not Format.TEXT:
        raise ContractsError("--diff is for people: leave --format out")
    found = formatting.differences(schemas) if check else formatting.write(schemas)
    if show_diff:
        typer.echo("".join(each.diff() for each in found), nl=False)
    if check:
        findings = settled(_contracts(schemas), unformatted(found), {"UNFORMATTED"})
        _report(findings, form, f"every file below {schemas} is formatted")
        return
    for each in found:
        typer.echo(f"{each.path}: formatted")
    if not found:
        typer.echo(f"Every file below {schemas} is formatted.")


def lint(schemas: Schemas = HERE, form: Form = Format.TEXT) -> None:
    """Check every schema by itself: valid, documented, and free of what goes wrong later.

    `contracts rules` lists what is looked for. Severities and exceptions are set in contracts.toml.
    """
    examination = schema_files.examine(schemas)
    contracts = contracts_of(schemas, examination)
    _report(settled(contracts, linted(contracts, examination), LINT_IDS), form, _looked_at(contracts))


def breaking(
    schemas: Schemas = HERE, against: Against = None, form: Form = Format.TEXT, registry: RegistryUrl = REGISTRY
) -> None:
    """Say what the schemas break towards earlier versions: unreadable data, changed meaning, changed Python code.

    Which versions must read which follows from registry.compatibility in contracts.toml (FULL_TRANSITIVE where it says
    nothing: every version reads every other). Exit 100 if something breaks; a change of Python code alone is a warning.
    """
    examination = schema_files.examine(schemas)
    if examination.faults:
        typer.echo("contracts: nothing is compared before every schema can be read", err=True)
        _report([of_file(each) for each in examination.faults], form, "")
        return
    contracts = Contracts.of(schemas, examination.folder, may_be_gone=True)
    earlier = _earlier(against, contracts, registry)
    found = checking.find(contracts, earlier)
    compared = bool(earlier.versions) and contracts.compatibility != "NONE"
    said = f"{_looked_at(contracts)} against {against or 'history'}" if compared else "nothing was compared"
    _report(settled(contracts, found, VERSION_IDS), form, said)


def release(
    schemas: Schemas = HERE,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 100 if a schema differs from its last version.")
    ] = False,
    form: Form = Format.TEXT,
) -> None:
    """Freeze every schema that has changed as the next version of its subject: history/<subject>/<n>.avsc.

    contracts.lock keeps their SHA-256: from then on a version that is edited or lost is an error of every command that
    reads them. What breaks a released version is not released: exit 100, with what `contracts breaking` says of it.
    """
    contracts = Contracts.load(schemas)
    earlier = history.released(schemas)
    findings = settled(contracts, checking.find(contracts, earlier), VERSION_IDS)
    if failing(findings):
        typer.echo("contracts: nothing is released before this is mended", err=True)
        _report(findings, form, "")
        return
    releases = releasing.unreleased(contracts, earlier)
    if not check:
        releasing.write(schemas, releases)
    for each in releases:
        typer.echo(f"{each.subject}: version {each.number}{' is not released' if check else f', {each.path(schemas)}'}")
    if check and releases:
        raise typer.Exit(Exit.FINDINGS)
    if not releases:
        typer.echo(f"{_looked_at(contracts)}: nothing has changed since the last release.")


def diff(
    schemas: Schemas = HERE,
    against: Against = None,
    form: Annotated[Listing, typer.Option("--format", help="The form of the list.")] = Listing.TEXT,
    registry: RegistryUrl = REGISTRY,
) -> None:
    """Say everything that has changed since the newest earlier version, whether it breaks something or not."""
    contracts = Contracts.of(schemas, schema_files.load_apart(schemas))
    earlier = _earlier(against, contracts, registry)
    typer.echo(difference.render(difference.between(earlier, contracts), form), nl=False)


def plan(
    schemas: Schemas = HERE,
    against: Against = None,
    deployed: DeployedFile = None,
    form: Annotated[Listing, typer.Option("--format", help="The form of the plan.")] = Listing.TEXT,
    registry: RegistryUrl = REGISTRY,
) -> None:
    """Say who deploys first: which service can read what which other one writes, before and after each is deployed.

    Who writes and reads what stands in contracts.toml. Every pair of versions is judged by itself, whatever the configured
    level promises. Exit 100 if no order is safe, or the change cannot be released as it is.
    """
    contracts = Contracts.load(schemas)
    earlier = _earlier(against, contracts, registry)
    rollout = rollouts.plan(contracts, earlier, rollouts.read_deployed(deployed) if deployed else {})
    if failing(settled(contracts, checking.find(contracts, earlier), VERSION_IDS)):
        said = f"It breaks what {contracts.compatibility} demands (`contracts breaking` says where): it is not released as it is."
        rollout = replace(rollout, refusal=said)
    typer.echo(rollout_texts.render(rollout, form))
    if rollout.obstacles or rollout.refusal:
        raise typer.Exit(Exit.FINDINGS)


def compare(
    reader: Annotated[Path | None, typer.Option(help="The schema that reads: an .avsc file.")] = None,
    writer: Annotated[Path | None, typer.Option(help="The schema that has written.")] = None,
    pairs: Annotated[
        str | None,
        typer.Option(
            help='A file (- is standard input) with one {"id", "reader", "writer"} a line; answers in JSON lines.'
        ),
    ] = None,
    schemas: Annotated[
        Path | None, typer.Option("--schemas", help="A folder with the types that the two use and do not define.")
    ] = None,
    form: Form = Format.TEXT,
) -> None:
    """Judge one pair of schemas: whether they are valid, every datum is readable, and each means the same.

    Exit 100 if not. The reader is taken for the newer version; findings stand where it would have to be mended.
    """
    folder = schema_files.load_apart(schemas) if schemas else None
    if pairs is not None and reader is None and writer is None:
        _compare_pairs(pairs, folder)
        return
    if pairs is not None or reader is None or writer is None:
        raise ContractsError("say either --reader and --writer, or --pairs")
    verdict = judge(_source(writer), _source(reader), folder)
    said = "every datum is readable and means the same"
    typer.echo(reports.render(verdict.findings, form, checked=said, extra=_verdict(verdict)))
    if form is Format.TEXT and verdict.findings:
        typer.echo(_in_words(verdict))
    _exit(verdict.findings)


def rules(
    schemas: Configured = None,
    form: Annotated[Listing, typer.Option("--format", help="The form of the list.")] = Listing.TEXT,
) -> None:
    """List every rule: its id, category, severity, and what holds where it is kept."""
    match form:
        case Listing.TEXT:
            typer.echo(rule_texts.as_text(_severities(schemas)))
        case Listing.JSON:
            typer.echo(rule_texts.as_json(_severities(schemas)))
        case Listing.MARKDOWN:
            typer.echo(rule_texts.as_markdown(_severities(schemas)))


def explain(
    rule: Annotated[str, typer.Argument(help="The id of a rule, such as FIELD_ADDED_WITHOUT_DEFAULT.")],
    schemas: Configured = None,
) -> None:
    """Teach a rule: what it demands and why, what breaks it, what keeps it, and how to mend."""
    typer.echo(rule_texts.explained(rule, _severities(schemas)))


def sample(
    name: Annotated[str, typer.Argument(help="A type's full name; its simple name where only one type has it.")],
    schemas: Schemas = HERE,
    count: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many data.")] = 1,
    seed: Annotated[
        int | None, typer.Option(help="The same seed gives the same data; drawn and told if absent.")
    ] = None,
    invalid: Annotated[
        bool, typer.Option("--invalid", help="Data with one fault each, its path and the reason.")
    ] = False,
    encoding: Annotated[
        sampling.Encoding, typer.Option(help="Avro's JSON encoding, or the binary one in hexadecimal digits.")
    ] = "json",
) -> None:
    """Print data of a type, a line each: valid ones that favour the edges, or ones that must be refused."""
    schema = sampling.find(schema_files.load_apart(schemas), name)
    if seed is None:
        seed = secrets.randbelow(1_000_000)
        typer.echo(f"contracts: seed {seed}", err=True)
    for line in sampling.lines(schema, count=count, seed=seed, invalid=invalid, encoding=encoding):
        typer.echo(line)


def _contracts(schemas: Path) -> Contracts:
    return contracts_of(schemas, schema_files.examine(schemas))


def _severities(schemas: Path | None) -> Severities:
    return _contracts(schemas).severities if schemas else {}


def _earlier(against: str | None, contracts: Contracts, registry: str) -> Earlier:
    earlier = (
        _registered(contracts, registry) if against == "registry" else history.read(against or "history", contracts)
    )
    if against is None and not earlier.versions:
        raise ContractsError(f"{earlier.notice}; say --against git:REF to compare with a revision")
    if earlier.notice:
        typer.echo(f"contracts: {earlier.notice}", err=True)
    return earlier


def _registered(contracts: Contracts, url: str) -> Earlier:
    from codegen.registry import registered  # the HTTP client is no part of the other commands' start
    from codegen.registry.client import Registry

    with Registry(url) as registry:
        return registered.earlier(registered.read(contracts, history.released(contracts.folder), registry))


def _looked_at(contracts: Contracts) -> str:
    count = len(contracts.schemas.files)
    return f"{count} schema{'' if count == 1 else 's'}"


def _report(findings: Collection[Finding], form: Format, checked: str) -> None:
    typer.echo(reports.render(findings, form, checked=checked))
    _exit(findings)


def _exit(findings: Iterable[Finding]) -> None:
    if failing(findings):
        raise typer.Exit(Exit.FINDINGS)


def _source(path: Path) -> Source:
    try:
        return Source(text=decoded(path.read_bytes()), file=str(path))
    except SchemaError as error:
        raise ContractsError(f"{path}: {error}") from error


@dataclass(slots=True)
class _Seen:
    """What the answers to the pairs so far amount to."""

    broken: bool = False  # a line was no pair
    failing: bool = False


def _compare_pairs(path: str, folder: SchemaFolder | None) -> None:
    seen = _Seen()
    try:
        with sys.stdin if path == "-" else Path(path).open(encoding="utf-8") as file:
            for answer in _answers(file, folder, seen):
                typer.echo(json.dumps(answer))
    except UnicodeDecodeError as error:
        raise ContractsError(f"{path}: not UTF-8: {error.reason}") from error
    if seen.broken:
        raise ContractsError(f"{path}: not every line is a pair; the answers have an 'error' there")
    if seen.failing:
        raise typer.Exit(Exit.FINDINGS)


def _answers(file: TextIO, folder: SchemaFolder | None, seen: _Seen) -> Iterator[Json]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            yield _answer(line, folder, seen)
        except (SchemaError, RecursionError) as error:
            seen.broken = True
            reason = error if isinstance(error, SchemaError) else "nested too deeply"
            yield {"id": _id_of(line), "error": f"line {number}: {reason}"}


def _answer(line: str, folder: SchemaFolder | None, seen: _Seen) -> Json:
    pair = read_json(line)
    if not isinstance(pair, dict) or not {"id", "reader", "writer"} <= pair.keys():
        raise SchemaError('a pair is an object {"id", "reader", "writer"}')
    verdict = judge(Source(pair["writer"]), Source(pair["reader"]), folder)
    seen.failing = seen.failing or failing(verdict.findings)
    findings = [reports.as_json(finding) for finding in verdict.findings]
    return {"id": pair["id"], "findings": findings, **_verdict(verdict)}


def _id_of(line: str) -> Json:
    """Return the id of a line that is no pair, as far as it has one: whoever asked wants to know of which."""
    try:
        pair = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return pair.get("id") if isinstance(pair, dict) else None


def _in_words(verdict: Verdict) -> str:
    if not verdict.valid:
        return "not valid"
    if not verdict.readable:
        return "not readable"
    return "readable, the same meaning" if verdict.same_meaning else "readable, with another meaning"


def _verdict(verdict: Verdict) -> dict[str, Json]:
    return {"valid": verdict.valid, "readable": verdict.readable, "same_meaning": verdict.same_meaning}
