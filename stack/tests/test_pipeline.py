"""`pipeline up`, `status`, `logs`, `down` as a person types them, on a whole system without services."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import psutil
import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from stack import children, status
from stack.external import KAFKA, POSTGRES, REGISTRY
from stack.state import StateFolder
from stack.testing import temporary_state_folder
from stack.tests.waiting import until

COMMAND_SECONDS = 120
PARTS = {"kafka", "registry", "postgres"}


class Pipeline:
    """The command, with a state folder."""

    def __init__(self, folder: Path, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PIPELINE_STATE_DIR": str(folder), **environment}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stack.cli", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        return self("up", "--detach", "--without-services")

    def status(self) -> dict[str, Any]:
        """Status as the command reads it; asking the command itself takes half a second of CPU."""
        return status.read(StateFolder(self.folder))

    def pids(self) -> dict[str, int]:
        return {entry["name"]: entry["pid"] for entry in self.status()["processes"]}

    def supervisor(self) -> int:
        return StateFolder(self.folder).processes()["supervisor"].pid

    def processes(self) -> list[psutil.Process]:
        """Whatever names the state folder in its command line: also what no file of ours knows of."""
        found = psutil.process_iter(["cmdline"])
        return [process for process in found if any(str(self.folder) in part for part in process.info["cmdline"] or [])]


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with temporary_state_folder() as folder:
        pipeline = Pipeline(folder / "state")
        started = pipeline.up()
        try:
            assert started.returncode == 0, started.stderr
            yield pipeline
        finally:
            stopped = pipeline("down", "--purge")
        assert stopped.returncode == 0, stopped.stderr
        assert pipeline.processes() == []
        assert not pipeline.folder.exists()


def test_status_says_what_runs_and_where(pipeline: Pipeline) -> None:
    shown = json.loads(pipeline("status", "--json").stdout)

    assert set(shown) == {"ready", "endpoints", "processes"}
    assert shown["ready"] is True
    assert set(shown["endpoints"]) == PARTS
    assert {entry["name"] for entry in shown["processes"]} == PARTS
    assert all(set(entry) == {"name", "pid", "state"} and entry["state"] == "ready" for entry in shown["processes"])
    assert shown["endpoints"]["kafka"].startswith("127.0.0.1:")
    assert shown["endpoints"]["registry"].endswith("/apis/ccompat/v7")
    with psycopg.connect(shown["endpoints"]["postgres"]) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


def test_the_status_for_people_shows_no_password(pipeline: Pipeline) -> None:
    password = StateFolder(pipeline.folder).secret("postgres")

    shown = pipeline("status")

    assert shown.returncode == 0
    assert "postgresql://postgres@127.0.0.1" in shown.stdout
    assert password not in shown.stdout


def test_a_second_up_says_that_it_already_runs(pipeline: Pipeline) -> None:
    before = pipeline.pids()

    again = pipeline.up()

    assert again.returncode == 0
    assert "already runs" in again.stdout
    assert pipeline.pids() == before


def test_the_contracts_topics_are_there(pipeline: Pipeline) -> None:
    topics = AdminClient({"bootstrap.servers": pipeline.status()["endpoints"]["kafka"]}).list_topics(timeout=10).topics

    assert len(topics["shop.orders"].partitions) == 6
    assert {"shop.orders.dlq", "__transaction_state", "__consumer_offsets"} <= set(topics)


@pytest.mark.parametrize("part", sorted(PARTS))
def test_a_killed_part_comes_back_under_its_name(pipeline: Pipeline, part: str) -> None:
    before = pipeline.pids()[part]

    os.kill(before, signal.SIGKILL)

    until(lambda: pipeline.pids()[part] not in (None, before))
    until(lambda: pipeline.status()["ready"])
    assert f"died process={part}" in pipeline("logs", "supervisor", "--lines", "200").stdout


def test_the_backend_external_starts_nothing_but_prepares_what_it_is_given(pipeline: Pipeline) -> None:
    given = pipeline.status()["endpoints"]
    addresses = {KAFKA: given["kafka"], REGISTRY: given["registry"], POSTGRES: given["postgres"]}
    with temporary_state_folder() as folder:
        other = Pipeline(folder / "state", addresses)
        started = other("up", "--detach", "--backend", "external", "--without-services")
        try:
            assert started.returncode == 0, started.stderr
            assert json.loads(other("status", "--json").stdout) == {"ready": True, "endpoints": given, "processes": []}
        finally:
            assert other("down").returncode == 0
    assert pipeline.status()["ready"] is True


def test_the_backend_external_says_which_address_is_missing(pipeline: Pipeline) -> None:
    with temporary_state_folder() as folder:
        failed = Pipeline(folder / "state", {KAFKA: "127.0.0.1:1", REGISTRY: ""})("up", "--backend", "external")

    assert failed.returncode == 1
    assert "needs SCHEMA_REGISTRY_URL in the environment" in failed.stderr


def test_after_a_killed_supervisor_up_ends_what_is_left_and_goes_on_with_the_data(pipeline: Pipeline) -> None:
    before = pipeline.status()
    with psycopg.connect(before["endpoints"]["postgres"]) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    kill_supervisor(pipeline)
    assert pipeline.status()["ready"] is False

    started = pipeline.up()

    assert started.returncode == 0, started.stderr
    after = pipeline.status()
    assert after["endpoints"] == before["endpoints"]
    assert not {entry["pid"] for entry in before["processes"]} & {entry["pid"] for entry in after["processes"]}
    assert len([it for it in pipeline.processes() if "kafka.Kafka" in it.cmdline()]) == 1
    with psycopg.connect(after["endpoints"]["postgres"]) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_after_a_killed_supervisor_down_ends_what_is_left(pipeline: Pipeline) -> None:
    kill_supervisor(pipeline)
    assert len(pipeline.processes()) >= len(PARTS)

    stopped = pipeline("down")

    assert stopped.returncode == 0, stopped.stderr
    assert "had left behind" in stopped.stdout
    assert pipeline.processes() == []
    assert pipeline("down").returncode == 0  # again: nothing to do
    assert pipeline("status").returncode == 1


def test_a_start_that_fails_says_what_why_and_where(pipeline: Pipeline) -> None:
    configuration = pipeline.folder / "kafka" / "meta.properties"
    good = configuration.read_text(encoding="utf-8")
    configuration.write_text(good.replace("node.id=1", "node.id=7"), encoding="utf-8")

    failed = pipeline.up()

    configuration.write_text(good, encoding="utf-8")
    assert failed.returncode == 1
    assert "kafka failed: died 4 times while starting" in failed.stderr
    assert str(StateFolder(pipeline.folder).log("kafka")) in failed.stderr
    assert pipeline.processes() == []


def kill_supervisor(pipeline: Pipeline) -> None:
    known = StateFolder(pipeline.folder).processes()["supervisor"]
    os.kill(known.pid, signal.SIGKILL)
    until(lambda: not children.is_alive(known))
