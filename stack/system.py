"""One whole system: the parts of a backend, their preparation and the services, in one state folder."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from stack import ports, services
from stack.backend import Endpoints, Process, Stack, Unit
from stack.external import External
from stack.local import PORTS, Local
from stack.ports import HOST, Listeners
from stack.preparation import Preparation
from stack.state import StateFolder


@dataclass(frozen=True)
class System:
    """What is to be run, and where it will be found."""

    backend: str
    units: Sequence[Unit]
    endpoints: Mapping[str, str]
    """By part, as `pipeline status` gives them."""
    environment: Mapping[str, str]
    """Configuration of all services together, for tools that look behind them. It holds passwords."""
    notes: Sequence[str]
    """What a person should know, such as ports that are not the usual ones."""
    listeners: Listeners
    """All ports are reserved, and those of the services open, while the system runs."""


def build(state: StateFolder, backend: str, replicas: int, console: Console) -> System:
    """Put a system together; downloads what is missing, starts nothing. With 0 replicas no service is among it."""
    chosen = services.present()
    wanted = services.wanted_ports(chosen, replicas) | ({} if backend == "external" else PORTS)
    listeners = Listeners()
    own_ports = ports.choose(wanted, state.addresses(), listeners.reserve)
    state.remember_addresses(state.addresses() | own_ports)
    stack: Stack = (
        External(os.environ)
        if backend == "external"
        else Local(state, own_ports, console, services.connections(chosen, replicas))
    )
    endpoints = stack.endpoints()
    preparation = Preparation(state, endpoints, chosen)
    units = list(stack.units())
    parts = [unit.name for unit in units if isinstance(unit, Process)]
    environment = {service.name: preparation.environment(service) for service in chosen}
    needs = {service.name: preparation.needs(service, parts) for service in chosen}
    units += preparation.steps(parts)
    units += services.processes(chosen, replicas, own_ports, environment, needs, listeners, state)
    return System(
        stack.name,
        units,
        _addresses(endpoints) | {it.name: f"http://{HOST}:{own_ports[it.name]}" for it in chosen if replicas},
        {name: value for own in environment.values() for name, value in own.items()},
        ports.moved(wanted, own_ports),
        listeners,
    )


def _addresses(endpoints: Endpoints) -> dict[str, str]:
    known = {"kafka": endpoints.kafka, "registry": endpoints.registry, "postgres": endpoints.postgres}
    return {name: address for name, address in known.items() if address}
