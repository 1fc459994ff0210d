"""Backend `local`: Kafka, registry and PostgreSQL as processes of this machine, in one state folder.

`running` is for tests and tools: the real parts alone, started under a folder and stopped afterwards.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from stack import children, downloads, ports
from stack.artifacts import load_lock
from stack.backend import Endpoints, Stack, Unit
from stack.errors import StartFailed
from stack.journal import journal
from stack.kafka import Kafka
from stack.postgres import Postgres
from stack.registry import Registry
from stack.state import StateFolder
from stack.supervisor import Supervisor

PORTS: dict[str, int | None] = {
    "kafka": 9092,
    "kafka-controller": None,
    "registry": 8081,
    "registry-management": None,
    "postgres": 5432,
}
PARTS = ("kafka", "registry", "postgres")
START_SECONDS = 120.0


class Local:
    """The real parts on this machine. Making one downloads what is missing; nothing is started."""

    name = "local"

    def __init__(
        self,
        state: StateFolder,
        chosen: Mapping[str, int],
        console: Console | None = None,
        service_connections: int = 0,
    ) -> None:
        artifacts = load_lock()
        cache = downloads.fetch_all(artifacts, console or Console(stderr=True))
        self._postgres = Postgres(state, chosen["postgres"], service_connections)
        self._kafka = Kafka(state, artifacts, cache, chosen["kafka"], chosen["kafka-controller"])
        self._registry = Registry(
            state, artifacts, cache, self._postgres, chosen["registry"], chosen["registry-management"]
        )

    def endpoints(self) -> Endpoints:
        """Say the addresses, the same ones each time."""
        return Endpoints(self._kafka.bootstrap_servers, self._registry.url, self._postgres.url)

    def units(self) -> Sequence[Unit]:
        """Describe the three parts with their preparation."""
        return (*self._kafka.units(), *self._postgres.units(), *self._registry.units())


class Running:
    """The real parts while they run, with the means to break them on purpose."""

    def __init__(self, endpoints: Endpoints, supervisor: Supervisor) -> None:
        self.endpoints = endpoints
        self._supervisor = supervisor

    def kill(self, part: str) -> None:
        """SIGKILL a part ("kafka", "registry", "postgres"); it stays down until `start`."""
        self._supervisor.kill(part)

    def start(self, part: str, timeout_seconds: float = START_SECONDS) -> None:
        """Start a part that was killed, or not started yet, and wait until it is ready."""
        self._supervisor.start(part)
        self._supervisor.wait_until_ready(timeout_seconds, part)


@contextlib.contextmanager
def running(backend: Stack, state: StateFolder, parts: Sequence[str] = PARTS) -> Iterator[Running]:
    """Run only the real parts of a backend, these at once and others when started; stop them in the end, keep their data."""
    with state.locked():
        children.end(state.processes().values())
        with journal(state.log("supervisor")) as report:
            supervisor = Supervisor(backend.units(), state, report, held=True)
            thread = threading.Thread(target=_quietly, args=(supervisor,), name="supervisor")
            thread.start()
            system = Running(backend.endpoints(), supervisor)
            try:
                for part in parts:
                    supervisor.start(part)
                supervisor.wait_until_ready(START_SECONDS, *parts)
                yield system
            finally:
                supervisor.stop()
                thread.join()


def local(folder: Path) -> tuple[Local, StateFolder]:
    """Make a local backend in a folder, on any free ports."""
    state = StateFolder(folder)
    state.create()
    chosen = ports.choose(dict.fromkeys(PORTS), state.addresses())
    state.remember_addresses(chosen)
    return Local(state, chosen), state


def _quietly(supervisor: Supervisor) -> None:
    """Run the loop; what fails is raised where somebody waits for readiness."""
    with contextlib.suppress(StartFailed):
        supervisor.run()
