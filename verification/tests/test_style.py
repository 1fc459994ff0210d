"""Rules of the house that a program can check."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

from codegen.contracts import Contracts
from verification.configuration import page

PROJECT = Path(__file__).parents[2]
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 480
IMPURE = {"now", "utcnow", "today", "uuid1", "uuid4", "uuid7", "random", "time", "monotonic"}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    """Our own Python files; generated ones have the generator's rules."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    for name in listed.split():
        if not name.startswith("services/events/") and "/golden/" not in name:
            yield PROJECT / name, ast.parse((PROJECT / name).read_text(encoding="utf-8"))


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_functions_and_modules_are_short() -> None:
    long = []
    for path, module in sources():
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MODULE_LINES_MAX:
            long.append(f"{path.relative_to(PROJECT)}: {lines} lines")
        long += [
            f"{path.relative_to(PROJECT)}:{function.lineno} {function.name}"
            for function in functions(module)
            if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES_MAX
        ]

    assert not long


def test_a_domain_has_no_clock_and_no_chance() -> None:
    impure = []
    for path, module in sources():
        if path.name == "domain.py":
            called = [node.func for node in ast.walk(module) if isinstance(node, ast.Call)]
            names = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in called}
            impure += [f"{path.relative_to(PROJECT)}: {name}" for name in sorted(names & IMPURE)]

    assert not impure


def test_every_setting_is_documented() -> None:
    assert (PROJECT / "docs" / "configuration.md").read_text(encoding="utf-8") == page()
    assert "| None |" not in page()


def test_every_topic_and_event_is_in_the_architecture() -> None:
    architecture = (PROJECT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    contracts = Contracts.load(PROJECT / "schemas")
    names = [topic for topic in contracts.topics if not topic.endswith(".dlq")]
    names += [event.rpartition(".")[2] for topic in contracts.topics.values() for event in topic.events]

    assert [name for name in names if name not in architecture] == []


def test_links_between_documents_lead_somewhere() -> None:
    dead = []
    for document in [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("services/*/README.md")]:
        links = _links(document.read_text(encoding="utf-8"))
        dead += [f"{document.relative_to(PROJECT)}: {link}" for link in links if not (document.parent / link).exists()]

    assert not dead


def _links(text: str) -> Iterator[str]:
    for piece in text.split("](")[1:]:
        link = piece.partition(")")[0].partition("#")[0]
        if link and "://" not in link:
            yield link
