"""Runs a command to its end, as a step of a start: initdb, a migration, a registration of schemas."""

import subprocess

from stack import children, logs
from stack.backend import Launch
from stack.errors import StartFailed
from stack.state import StateFolder

TIMEOUT_SECONDS = 300.0
GRACE_SECONDS = 5.0


def run(state: StateFolder, name: str, launch: Launch, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
    """Run a command, its output in the log of this name; raise StartFailed, with the last lines, unless it succeeds.

    Like a supervised process it is written down, so that it does not outlive a killed supervisor for long.
    """
    log = state.log(name)
    log.unlink(missing_ok=True)
    process = children.start(launch, log)
    known = children.identity(process.pid)
    state.remember_process(name, known)
    try:
        code = process.wait(timeout_seconds)
    except subprocess.TimeoutExpired as error:
        children.end([known] if known else [], GRACE_SECONDS)
        process.wait()
        raise StartFailed(name, f"took longer than {timeout_seconds:g} s", log, logs.last_lines(log)) from error
    finally:
        state.remember_process(name, None)
    if code:
        raise StartFailed(name, f"exit code {code}", log, logs.last_lines(log))
