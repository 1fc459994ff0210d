"""Ports: the usual ones if free, else others that are remembered.

Free ports are chosen below the range from which systems take the ports of outgoing connections. A port of that range can be
taken by a client while its server restarts (TCP even lets a client connect to itself there), and the server could not come back.
"""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

HOST = "127.0.0.1"
FREE_RANGE = range(20_000, 30_000)
TRIES = 200
# Connections that wait for a process; the system may allow fewer.
BACKLOG = 2_048


def is_free(port: int) -> bool:
    """Tell whether a server could listen here now."""
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except OSError:
            return False
    with socket.socket() as client:  # some systems let a second server bind; then at least the first one answers
        client.settimeout(0.2)
        return client.connect_ex((HOST, port)) != 0


class Listeners:
    """A supervisor's ports: reserved, and those open that processes inherit, who take connections from the one queue."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` has a lock a port, the same one for all systems of a user on this machine."""
        self._folder = folder or Path(tempfile.gettempdir()) / f"order-pipeline-ports-{os.getuid()}"
        self._reserved: dict[int, int] = {}
        self._open: dict[int, socket.socket] = {}

    def reserve(self, port: int) -> bool:
        """Keep other supervisors from choosing this port until `close`, and tell whether it is to be had.

        Between the choice of a port and its use are seconds in which another system, started at the same time, would find
        it free, too. A killed supervisor holds no lock.
        """
        if port not in self._reserved:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / str(port), os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            self._reserved[port] = lock
        return is_free(port)

    def descriptor(self, port: int) -> int:
        """Open the port, the first time, and keep it open until `close`; its file descriptor."""
        if port not in self._open:
            self._open[port] = socket.create_server((HOST, port), backlog=BACKLOG)
        return self._open[port].fileno()

    def close(self) -> None:
        """Let go of all ports; what still waits in a queue is refused."""
        while self._open:
            self._open.popitem()[1].close()
        while self._reserved:
            os.close(self._reserved.popitem()[1])


def choose(
    wanted: Mapping[str, int | None],
    remembered: Mapping[str, int],
    free: Callable[[int], bool] = is_free,
    draw: Callable[[range], int] = random.choice,
) -> dict[str, int]:
    """Give each name a port: the remembered one, else the wanted one (None: any), else a free one. No port twice."""
    chosen: dict[str, int] = {}
    reserved = set(remembered.values()) | {port for port in wanted.values() if port}
    for name, default in wanted.items():
        candidates = [port for port in (remembered.get(name), default) if port]
        port = next((port for port in candidates if port not in chosen.values() and free(port)), None)
        chosen[name] = port or _any_free(reserved | set(chosen.values()), free, draw)
    return chosen


def moved(wanted: Mapping[str, int | None], chosen: Mapping[str, int]) -> list[str]:
    """Say which parts are not where one would look for them."""
    return [
        f"{name}: port {default} is taken, using {chosen[name]}"
        for name, default in wanted.items()
        if default and chosen[name] != default
    ]


def _any_free(taken: set[int], free: Callable[[int], bool], draw: Callable[[range], int]) -> int:
    for _ in range(TRIES):
        port = draw(FREE_RANGE)
        if port not in taken and free(port):
            return port
    raise OSError(f"found no free port in {FREE_RANGE.start}-{FREE_RANGE.stop - 1}")
