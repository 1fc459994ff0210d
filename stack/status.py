"""How a system does, read from its state folder by another process. Imports little: `pipeline status` is asked often."""

from collections.abc import Mapping
from typing import Any

from stack import children
from stack.state import StateFolder


def read(state: StateFolder) -> dict[str, Any]:
    """Read what the supervisor wrote last, corrected by what the operating system says of its processes."""
    known = state.status()
    running = state.processes()
    supervisor = running.get("supervisor")
    supervised = supervisor is not None and children.is_alive(supervisor)
    processes = [_corrected(entry, running, supervised=supervised) for entry in known.get("processes", [])]
    ready = supervised and bool(known.get("ready")) and all(entry["state"] == "ready" for entry in processes)
    return {**known, "ready": ready, "supervised": supervised, "processes": processes}


def _corrected(
    entry: Mapping[str, Any], running: Mapping[str, children.Identity], *, supervised: bool
) -> dict[str, Any]:
    """Correct an entry whose process has ended, or whose supervisor has."""
    known = running.get(str(entry["name"]))
    alive = known is not None and known.pid == entry["pid"] and children.is_alive(known)
    if alive:
        return {**entry, "state": entry["state"] if supervised else "unsupervised"}
    stopped = (
        entry["state"] if entry["state"] != "ready" and supervised else ("restarting" if supervised else "stopped")
    )
    return {**entry, "pid": None, "state": stopped}
