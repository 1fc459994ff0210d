"""What each OpenAPI document promises is true: schemathesis makes requests from it, good and bad, and finds nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from services.conftest import OpenService
from services.process.tests.serving import served, written
from services.process.tests.test_hostile import opened, works

SEED = 20261123
CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 8
EVENTS = "/orders/{order_id}/events"
STREAMS = ("--include-path", EVENTS, "--phases", "fuzzing", "--request-timeout", "2")
"""A stream of an order that exists ends with the time-out, so that there must not be many of them."""
SECONDS_MAX = 120


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A thousand requests are not worth a line each."""
    with structlog.testing.capture_logs():
        yield


def explored(address: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run schemathesis on a service; its exit code is 0 when it finds nothing."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIGURATION),
        "run", f"{address}/openapi.json", "--seed", str(SEED), "--max-examples", str(EXAMPLES),
        "--continue-on-failure", "--no-shrink", "--no-color", "--warnings", "off", "--generation-database", "none",
        *options,
    ]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MAX, check=False)


@pytest.mark.parametrize("letter", ["o", "p", "i"])
def test_schemathesis_finds_nothing(letter: str, open_service: OpenService, tmp_path: Path) -> None:
    service, api = opened(letter, open_service)
    with written(api), served(api.app, service.settings, api.let_go) as address:
        with httpx.Client(base_url=address) as client:
            works(client, letter)
        left_out = ["--exclude-path", "/readyz"]  # no relay runs here, and it says so
        found = explored(address, tmp_path, *left_out, "--exclude-path", EVENTS)
        streams = explored(address, tmp_path, *STREAMS) if letter == "o" else found

    assert found.returncode == 0, found.stdout + found.stderr
    assert streams.returncode == 0, streams.stdout + streams.stderr


@pytest.mark.parametrize("letter", ["o", "p", "i"])
def test_every_error_an_operation_tells_is_a_problem(
    letter: str, open_service: OpenService, subtests: pytest.Subtests
) -> None:
    document: dict[str, Any] = opened(letter, open_service)[1].app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            with subtests.test(operation=f"{method} {path}"):
                problems = {code: each for code, each in operation["responses"].items() if code[0] in "45d"}

                assert "503" in problems
                assert "default" in problems
                assert all(list(each["content"]) == ["application/problem+json"] for each in problems.values())
