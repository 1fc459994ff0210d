"""`pipeline evolve` as a person types it: contracts change while orders come in, and nothing is lost."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

COMMAND_SECONDS = 540
pytestmark = pytest.mark.timeout(COMMAND_SECONDS + 30)
OLD, NEW, NOTED = "OrderPlaced v1", "OrderPlaced v2", "LargeOrderNoted"


def test_contracts_change_while_orders_come_in(tmp_path: Path) -> None:
    file = tmp_path / "evolve.json"
    folders = set(Path(tempfile.gettempdir()).glob("order-pipeline-evolve-*"))

    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "stack.cli",
            "evolve",
            "--rate",
            "15",
            "--seed",
            "7",
            "--replicas",
            "1",
            "--json",
            str(file),
        ],
        env={**os.environ, "ORDERS_URL": "http://127.0.0.1:9"},  # of somebody else's system, which is left alone
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = json.loads(file.read_text(encoding="utf-8"))
    assert told["findings"] == []
    assert (told["load"]["violations_total"], told["load"]["unanswered"], told["load"]["refused"]) == (0, 0, 0)
    assert told["reconcile"]["clean"]
    assert told["reconcile"]["counts"]["dead_letters"] == {}
    written = {entry["period"]: {OLD, NEW, NOTED} & entry.keys() for entry in told["periods"]}
    assert written["v1"] == written["payments v2"] == written["v1 again"] == written["v1 at the end"] == {OLD}
    assert written["v2"] == {NEW}
    assert written["orders v3, payments v1"] == {NEW, NOTED}
    assert all(run[:3] == [OLD, NEW, OLD] for run in told["turns"].values())
    assert told["consumed"]["by channel"].keys() == {"unknown", "web"}
    assert told["consumed"]["outcomes at the end"].keys() <= {"applied", "skipped", "copy"}
    assert len(told["rollouts"]) == 12
    assert "NOTHING LOST" in ended.stdout
    assert set(Path(tempfile.gettempdir()).glob("order-pipeline-evolve-*")) == folders
