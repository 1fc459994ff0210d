"""A real process: it stops from the outside in, and does not live on half dead."""

import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

PROGRAM = """
import sys, threading
from services.process import http, logs, run
from services.process.settings import ProcessSettings

logs.configure("info", service="test")
app = http.application("Test", "under test", ProcessSettings())

@app.on_event("startup")
async def started() -> None:
    print("started", flush=True)

def loop(stopping: threading.Event) -> None:
    if "fail" in sys.argv:
        raise RuntimeError("broken")
    stopping.wait()
    print("loop ended", flush=True)

sys.exit(run.serve(app, ProcessSettings(), {"loop": loop}, drained=[lambda: print("drained", flush=True)]))
"""


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    program = textwrap.dedent(PROGRAM)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", program, *arguments], stdout=subprocess.PIPE, text=True
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def test_a_stopped_process_ends_its_loops_last_and_exits_0() -> None:
    with process() as running:
        assert running.stdout is not None
        assert "started" in running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=30)

    assert running.returncode == 0
    assert output.index("drained") < output.index("loop ended") < output.index("event=stopped")


def test_a_loop_that_fails_ends_the_process() -> None:
    with process("fail") as running:
        output, _ = running.communicate(timeout=30)

    assert running.returncode == 1
    assert "event=loop_failed" in output
    assert "RuntimeError: broken" in output
