"""The services as processes: which there are, how they are started and asked for readiness."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stack import health
from stack.backend import Launch, Process
from stack.ports import HOST, Listeners
from stack.state import StateFolder

PROJECT = Path(__file__).parents[1]
STOP_SECONDS = 20.0
# Of one process: two pools of 8 readers and 2 writers each (DATABASE_POOL_SIZE, DATABASE_WRITERS), one of them the relay's,
# and a third one in the worker of payments while it simulates its provider. Mostly 4 are open; each costs about 2 MB when used.
CONNECTIONS_PER_PROCESS = 30


@dataclass(frozen=True)
class Service:
    """A service of the project."""

    name: str
    port: int
    """Usual port of its HTTP API."""
    has_worker: bool = True
    has_database: bool = True

    @property
    def database_variable(self) -> str:
        """The environment variable that holds its database's URL."""
        return f"{self.name.upper()}_DATABASE_URL"


SERVICES = (
    Service("orders", 8001),
    Service("payments", 8002),
    Service("inventory", 8003),
)


def present(project: Path = PROJECT) -> tuple[Service, ...]:
    """Choose the services whose program exists."""
    return tuple(service for service in SERVICES if (project / "services" / service.name / "main.py").exists())


def process_names(services: Sequence[Service], replicas: int) -> Mapping[str, tuple[Service, str]]:
    """Name the processes, with service and role: as many APIs and workers of each as wanted; none with 0."""
    numbers = range(1, replicas + 1)
    names: dict[str, tuple[Service, str]] = {}
    for service in services:
        names |= {f"{service.name}-api" + (f"-{number}" if number > 1 else ""): (service, "api") for number in numbers}
        if service.has_worker:
            names |= {f"{service.name}-worker-{number}": (service, "worker") for number in numbers}
    return names


def connections(services: Sequence[Service], replicas: int) -> int:
    """How many connections to PostgreSQL all processes may have open together."""
    return CONNECTIONS_PER_PROCESS * len(process_names(services, replicas))


def wanted_ports(services: Sequence[Service], replicas: int) -> dict[str, int | None]:
    """Ports by name: the usual one for each service, which its API processes share, and any for each process."""
    names = process_names(services, replicas)
    return {service.name: service.port for service in services if replicas} | dict.fromkeys(names)


def command(service: Service, role: str) -> tuple[str, ...]:
    """Command of a service in one of its roles: api, worker, migrate."""
    return (sys.executable, "-m", f"services.{service.name}.main", role)


def processes(
    services: Sequence[Service],
    replicas: int,
    own_ports: Mapping[str, int],
    environment: Mapping[str, Mapping[str, str]],
    needs: Mapping[str, Sequence[str]],
    listeners: Listeners,
    state: StateFolder,
) -> Iterator[Process]:
    """Describe all processes of the services; environment and needs by service name.

    A service's port is opened here, when its first API process is started, and stays open as long as the supervisor lives:
    processes that come and go inherit it. So no stranger can take it meanwhile, what connects while none is there waits
    for the next one, and a frozen process keeps nobody waiting whom another could serve (with SO_REUSEPORT each would have
    a queue of its own). On its own port each process answers for itself.
    """
    for name, (service, role) in process_names(services, replicas).items():
        own = {"HTTP_HOST": HOST, "HTTP_PORT": str(own_ports[name]), **environment[service.name]}
        own |= {"CONSUMER_INSTANCE": f"{name}-{state.id}"} if role == "worker" else {}
        launch = partial(
            _launch,
            command(service, role),
            own,
            partial(code_of, state, name),
            listeners if role == "api" else None,
            own_ports[service.name],
        )
        check = partial(health.check_process, f"http://{HOST}:{own_ports[name]}")
        yield Process(name, tuple(needs[service.name]), launch, check, STOP_SECONDS)


def code_of(state: StateFolder, name: str) -> Path:
    """The folder whose code a process runs from its next start on: `python -m` looks there first."""
    return state.code().get(name, PROJECT)


def _launch(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    code: Callable[[], Path],
    listeners: Listeners | None,
    shared_port: int,
) -> Launch:
    folder = code()
    if listeners is None:
        return Launch(arguments, environment, folder)
    descriptor = listeners.descriptor(shared_port)
    shared = {"HTTP_SHARED_SOCKET": str(descriptor)}
    return Launch(arguments, {**environment, **shared}, folder, descriptors=(descriptor,))
