"""`pipeline chaos` as a person types it, on the system of these tests, before anything undecodable is in its topics."""

import json
from pathlib import Path

import pytest

from services.tests.system import Pipeline

pytestmark = pytest.mark.timeout(300)


def test_orders_survive_the_death_of_kafka_postgres_and_a_service(pipeline: Pipeline, tmp_path: Path) -> None:
    file = tmp_path / "chaos.json"

    ended = pipeline(
        "chaos", "--seed", "5", "--orders", "200", "--rate", "20", "--kills", "3", "--freezes", "0", "--json", str(file)
    )

    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["findings"] == []
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert {"kafka", "postgres"} < {fault["process"] for fault in told["faults"]}
    assert all(fault["pid"] and fault["ready_again_seconds"] for fault in told["faults"])
    assert told["load"]["accepted"] == 200
    assert "seed 5" in ended.stdout
    assert pipeline.ready()
