"""Killing processes of a running system, which may die by themselves meanwhile."""

import subprocess
import sys
from pathlib import Path

from services.tests.system import Pipeline


class Stale(Pipeline):
    """Says that a process runs which has just ended."""

    def pids(self) -> dict[str, int]:
        with subprocess.Popen([sys.executable, "-c", ""]) as ended:
            pass
        return {"ended": ended.pid}


def test_process_that_has_just_died_is_not_killed(tmp_path: Path) -> None:
    assert Stale(tmp_path).kill("ended") is None
    assert Stale(tmp_path).kill("never started") is None
