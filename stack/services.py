"""The services as processes: which there are, how they are started and asked for readiness."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack import health
from stack.backend import Launch, Process
from stack.ports import HOST

PROJECT = Path(__file__).parents[1]
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Service:
    """A service of the project."""

    name: str
    port: int
    """Usual port of its HTTP API."""
    has_worker: bool = True
    has_database: bool = True


SERVICES = (
    Service("orders", 8001),
    Service("payments", 8002),
    Service("inventory", 8003),
)


def present(project: Path = PROJECT) -> tuple[Service, ...]:
    """Choose the services whose program exists."""
    return tuple(service for service in SERVICES if (project / "services" / service.name / "main.py").exists())


def process_names(services: Sequence[Service], replicas: int) -> Mapping[str, tuple[Service, str]]:
    """Name the processes, with service and role: one API each, and as many workers as wanted; none with 0."""
    names: dict[str, tuple[Service, str]] = {}
    for service in services if replicas else ():
        names[f"{service.name}-api"] = (service, "api")
        if service.has_worker:
            names |= {f"{service.name}-worker-{number}": (service, "worker") for number in range(1, replicas + 1)}
    return names


def wanted_ports(services: Sequence[Service], replicas: int) -> dict[str, int | None]:
    """Ports by process name: the usual ones for APIs, any for workers."""
    names = process_names(services, replicas)
    return {name: service.port if role == "api" else None for name, (service, role) in names.items()}


def command(service: Service, role: str) -> tuple[str, ...]:
    """Command of a service in one of its roles: api, worker, migrate."""
    return (sys.executable, "-m", f"services.{service.name}.main", role)


def processes(
    services: Sequence[Service],
    replicas: int,
    ports: Mapping[str, int],
    environment: Mapping[str, Mapping[str, str]],
    needs: Mapping[str, Sequence[str]],
) -> Iterator[Process]:
    """Describe all processes of the services; environment and needs by service name."""
    for name, (service, role) in process_names(services, replicas).items():
        own = {"HTTP_HOST": HOST, "HTTP_PORT": str(ports[name]), **environment[service.name]}
        yield _process(name, Launch(command(service, role), own, PROJECT), ports[name], needs[service.name])


def _process(name: str, launch: Launch, port: int, needs: Sequence[str]) -> Process:
    url = f"http://{HOST}:{port}/readyz"
    return Process(name, tuple(needs), lambda: launch, lambda: health.check(url), STOP_SECONDS)
