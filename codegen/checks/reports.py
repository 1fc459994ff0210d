"""Findings as text for people and as what machines around a repository read; pure.

What a finding says may come from a schema that anybody wrote, so every format escapes what it would take for its own
syntax. The findings are sorted by place, so equal checks give equal reports. Sources: GitHub's workflow commands,
GitLab's Code Quality report, the JUnit XML that Jenkins and GitLab read, SARIF 2.1.0 (OASIS) in the part that code
scanning shows, GitHub Flavored Markdown.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import PurePath
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree

from codegen.avro.json_text import Json
from codegen.checks.findings import Finding, Rule, Severity
from codegen.checks.rules import RULES

TOOL: Final = "contracts"
SARIF_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_MARKDOWN_SYNTAX: Final = re.compile(r"([\\`*_{}\[\]<>|~#])")
# Control characters move a terminal's cursor, line separators break a report that has a line for each finding, half of
# a surrogate pair cannot be encoded, and the last two are no characters.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Format(StrEnum):
    """A form of report."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"
    JUNIT = "junit"
    SARIF = "sarif"
    MARKDOWN = "markdown"


def render(
    findings: Iterable[Finding], form: Format, *, checked: str = "no findings", extra: Mapping[str, Json] | None = None
) -> str:
    """Return a report without a line end behind it.

    `checked` says for people what was looked at ("14 schemas"), where nothing was found; `extra` are top-level keys of
    the JSON form beside "findings".
    """
    ordered = sorted(findings, key=_place)
    match form:
        case Format.TEXT:
            return "\n".join([*_texts(_groups(ordered)), _summary(ordered, checked)])
        case Format.JSON:
            return _json({"findings": [as_json(finding) for finding in ordered], **(extra or {})})
        case Format.GITHUB:
            return "\n".join([*(_github(group) for group in _groups(ordered)), _summary(ordered, checked)])
        case Format.GITLAB:
            return _json([_gitlab(finding, mark) for finding, mark in _with_fingerprints(ordered)])
        case Format.JUNIT:
            return _junit(ordered)
        case Format.SARIF:
            return _json(_sarif(ordered))
        case Format.MARKDOWN:
            return _markdown(ordered, checked)


def as_json(finding: Finding) -> dict[str, Json]:
    """Return a finding as JSON: these keys in this order are an interface."""
    return {
        "rule": finding.rule,
        "category": finding.category.value,
        "severity": finding.severity.value,
        "path": finding.path,
        "message": finding.message,
        "fix": finding.fix,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "subject": finding.subject,
        "versions": finding.versions,
    }


def _texts(groups: Iterable[Sequence[Finding]]) -> Iterator[str]:
    """Yield each fault with its fix, where no fault before it had the same: thirteen missing docs need one advice."""
    told: set[tuple[str, str]] = set()
    for group in groups:
        advice = group[0].rule, group[0].fix
        yield _text(group, with_fix=advice not in told)
        told.add(advice)


def _text(group: Sequence[Finding], *, with_fix: bool = True) -> str:
    """Return findings of one fault as compilers say them: place and message once, and the fix on a line of its own."""
    finding = group[0]
    place = ":".join(str(part) for part in (finding.file, finding.line, finding.column) if part is not None)
    words = [f"{place}:" if place else "", finding.severity, finding.rule, f"{finding.path}:" if finding.path else ""]
    said = " ".join(word for word in (*words, _message(finding)) if word)
    fix = [f"fix: {finding.fix}"] if with_fix else []
    return "\n    ".join(_one_line(line) for line in (said, *_others(group), *fix))


def _groups(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings with those together that one edit has made: of a shared type every user's path and versions."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for each in findings:
        key = (each.file, each.line, each.column, each.rule, each.severity, each.message, each.fix)
        groups.setdefault(key if each.file else (each.path, *key), []).append(each)
    return [
        sorted(group, key=lambda each: (len(each.path), each.path, each.subject or "")) for group in groups.values()
    ]


def _others(group: Sequence[Finding]) -> list[str]:
    return [" ".join(part for part in ("also", each.path or each.rule, _broken(each)) if part) for each in group[1:]]


def _place(finding: Finding) -> tuple[str, int, int, str, str, str, str]:
    place = (finding.file or "", finding.line or 0, finding.column or 0)
    return (*place, finding.rule, finding.path, finding.subject or "", finding.message)


def _summary(findings: Sequence[Finding], checked: str) -> str:
    """Return how many faults there are, and in how many places where one is in several."""
    places = Counter(finding.severity for finding in findings)
    faults = Counter(group[0].severity for group in _groups(findings))
    parts = []
    for each in Severity:
        if places[each]:
            where = "" if places[each] == faults[each] else f" in {places[each]} places"
            parts.append(f"{faults[each]} {each}{'' if faults[each] == 1 else 's'}{where}")
    return ", ".join(parts) or f"clean: {checked}"


def _title(finding: Finding) -> str:
    return f"{finding.rule} {finding.path}" if finding.path else finding.rule


def _message(finding: Finding) -> str:
    return " ".join(part for part in (finding.message, _broken(finding)) if part)


def _broken(finding: Finding) -> str:
    """Return which versions a change breaks, with the subject where the file's name does not say it."""
    numbers = [str(version) for version in finding.versions if isinstance(version, int)]
    revisions = [version for version in finding.versions if isinstance(version, str)]
    versions = [f"version{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"] if numbers else []
    type_name = (finding.subject or "").rpartition(".")[2]
    told = not finding.subject or (finding.file is not None and PurePath(finding.file).stem == type_name)
    broken = ", ".join([*versions, *revisions])
    return f"(breaks {broken}{'' if told else f' of {finding.subject}'})" if broken else ""


def _one_line(text: str) -> str:
    return _UNPRINTABLE.sub(lambda character: json.dumps(character[0])[1:-1], text)


def _json(value: Json) -> str:
    return json.dumps(value, indent=2)  # in ASCII: whatever encoding a terminal or a file has, it arrives


def _with_fingerprints(findings: Iterable[Finding]) -> list[tuple[Finding, str]]:
    """Return each finding with what tells it from others and stays the same when lines move."""
    seen: Counter[tuple[str, ...]] = Counter()
    marked = []
    for finding in findings:
        identity = (finding.rule, finding.file or "", finding.path, finding.subject or "")
        text = json.dumps([*identity, seen[identity]])
        seen[identity] += 1
        marked.append((finding, hashlib.sha256(text.encode()).hexdigest()))
    return marked


# GitHub


def _github(group: Sequence[Finding]) -> str:
    """Return a workflow command, which becomes an annotation of the pull request; ten of a kind are shown."""
    finding = group[0]
    values = {"file": finding.file, "line": finding.line, "col": finding.column, "title": _title(finding)}
    properties = ",".join(f"{key}={_github_property(str(value))}" for key, value in values.items() if value is not None)
    message = "\n".join((_message(finding), *_others(group), f"fix: {finding.fix}"))
    return f"::{finding.severity} {properties}::{_github_data(message)}"


def github_error(message: str) -> str:
    """Return a workflow command that shows a message which belongs to no file."""
    return f"::error title={TOOL}::{_github_data(message)}"


def _github_data(text: str) -> str:
    return _one_line(text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A"))


def _github_property(text: str) -> str:
    return _github_data(text).replace(":", "%3A").replace(",", "%2C")


# GitLab


def _gitlab(finding: Finding, fingerprint: str) -> dict[str, Json]:
    message = f"{_message(finding)} Fix: {finding.fix}"
    return {
        "description": f"{finding.path}: {message}" if finding.path else message,
        "check_name": finding.rule,
        "fingerprint": fingerprint,
        "severity": {Severity.ERROR: "major", Severity.WARNING: "minor"}[finding.severity],
        "location": {"path": _repository_path(finding), "lines": {"begin": finding.line or 1}},
    }


def _repository_path(finding: Finding) -> str:
    """Return the path as GitLab wants it, without ./ before it; it also wants one where there is no file."""
    return PurePath(finding.file).as_posix() if finding.file else (finding.subject or TOOL)


# JUnit


def _junit(findings: Sequence[Finding]) -> str:
    """Return a suite for each file. A warning is a test that passes and says something: it fails no check elsewhere."""
    root = ElementTree.Element("testsuites", {"name": TOOL, **_test_counts(findings)})
    for file, group in groupby(findings, key=lambda finding: finding.file or finding.subject or TOOL):
        members = list(group)
        suite = ElementTree.SubElement(root, "testsuite", {"name": _xml(file), **_test_counts(members)})
        for finding in members:
            suite.append(_junit_case(finding, file))
    if not findings:  # some readers refuse a report without a test
        suite = ElementTree.SubElement(root, "testsuite", name=TOOL, tests="1", failures="0", errors="0")
        ElementTree.SubElement(suite, "testcase", name="no findings", classname=TOOL)
        root.set("tests", "1")
    ElementTree.indent(root)
    report: bytes = ElementTree.tostring(root, encoding="us-ascii", xml_declaration=True)
    return report.decode("ascii")


def _test_counts(findings: Sequence[Finding]) -> dict[str, str]:
    failures = sum(finding.severity is Severity.ERROR for finding in findings)
    return {"tests": str(len(findings)), "failures": str(failures), "errors": "0"}


def _junit_case(finding: Finding, file: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", name=_xml(_title(finding)), classname=_xml(file))
    if finding.file is not None:
        case.set("file", _xml(finding.file))
    if finding.line is not None:
        case.set("line", str(finding.line))
    if finding.severity is Severity.ERROR:
        said = ElementTree.SubElement(case, "failure", type=finding.rule, message=_xml(_message(finding)))
    else:
        said = ElementTree.SubElement(case, "system-out")
    said.text = _xml(_text([finding]))
    return case


def _xml(text: str) -> str:
    """Return text without the characters that XML 1.0 cannot say at all; the library escapes the others."""
    return _NOT_XML.sub("\ufffd", text)


# SARIF


def _sarif(findings: Sequence[Finding]) -> dict[str, Json]:
    positions = {rule: position for position, rule in enumerate(RULES)}
    driver: Json = {"name": TOOL, "rules": [_sarif_rule(rule) for rule in RULES.values()]}
    results = [_sarif_result(finding, positions[finding.rule], mark) for finding, mark in _with_fingerprints(findings)]
    run: Json = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}


def _sarif_rule(rule: Rule) -> dict[str, Json]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.purpose},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {"tags": [rule.category.value]},
    }


def _sarif_result(finding: Finding, position: int, fingerprint: str) -> dict[str, Json]:
    message = f"{_message(finding)} Fix: {finding.fix}"
    return {
        "ruleId": finding.rule,
        "ruleIndex": position,
        "level": finding.severity.value,
        "message": {"text": message},
        "locations": [_sarif_location(finding)],
        "partialFingerprints": {"contracts/v1": fingerprint},
        "properties": {"path": finding.path, "subject": finding.subject, "versions": finding.versions},
    }


def _sarif_location(finding: Finding) -> dict[str, Json]:
    name = ".".join(part for part in (finding.subject, finding.path) if part)
    logical: dict[str, Json] = {"logicalLocations": [{"fullyQualifiedName": name}]} if name else {}
    if finding.file is None:
        return logical
    path = PurePath(finding.file)
    artifact = (
        {"uri": path.as_uri()}
        if path.is_absolute()
        else {"uri": quote(path.as_posix(), errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}
    )
    region = {"startLine": finding.line or 1, "startColumn": finding.column or 1}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}, **logical}


# Markdown


def _markdown(findings: Sequence[Finding], checked: str) -> str:
    """Return a table for a comment on a pull request."""
    if not findings:
        return _prose(_summary(findings, checked))
    rows = [" | ".join(_markdown_cells(group)) for group in _groups(findings)]
    head = [
        f"**{_summary(findings, checked)}**",
        "",
        "| | rule | where | what | fix |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *(f"| {row} |" for row in rows)])


def _markdown_cells(group: Sequence[Finding]) -> list[str]:
    finding = group[0]
    place = ":".join(str(part) for part in (finding.file, finding.line, finding.column) if part is not None)
    where = "<br>".join(_code(part) for part in (place, finding.path) if part)
    what = "<br>".join(_prose(line) for line in (_message(finding), *_others(group)))
    return [finding.severity.value, _code(finding.rule), where, what, _prose(finding.fix)]


def _prose(text: str) -> str:
    """Return text that Markdown shows as it is; an ampersand could begin an entity."""
    return _MARKDOWN_SYNTAX.sub(r"\\\1", _one_line(text).replace("&", "&amp;"))


def _code(text: str) -> str:
    """Return text as code; where it has what ends code, or a cell of a table, as HTML."""
    plain = _one_line(text)
    return f"<code>{_prose(text)}</code>" if set(plain) & set("`|\\") else f"`{plain}`"
