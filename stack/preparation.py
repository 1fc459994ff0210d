"""What services take for granted, made before they start: databases, migrations, topics, registered schemas."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from codegen.contracts import Contracts
from codegen.errors import ContractsError
from codegen.registry import push
from codegen.registry.client import Registry
from stack import commands, databases, topics
from stack.artifacts import bytecode_folder
from stack.backend import Endpoints, Launch, Step
from stack.errors import NotConfigured, StartFailed
from stack.postgres import database_url
from stack.services import PROJECT, Service, command
from stack.state import StateFolder

SCHEMAS = PROJECT / "schemas"
# The first registrations meet a cold registry on a machine that is starting everything else.
REGISTRY_SECONDS = 60.0


@dataclass(frozen=True)
class Preparation:
    """Makes everything that services need, of parts that are up."""

    state: StateFolder
    endpoints: Endpoints
    services: Sequence[Service]
    schemas: Path = SCHEMAS

    def steps(self, parts: Sequence[str]) -> Iterator[Step]:
        """Describe the steps; `parts` are those that must be waited for, the others are up already."""

        def needs(*names: str) -> tuple[str, ...]:
            return tuple(name for name in names if name in parts)

        yield Step("topics", needs("kafka"), self.make_topics)
        yield Step("warm-up", needs("kafka"), lambda: topics.warm_up(self.endpoints.kafka))
        yield Step("contracts", needs("registry"), self.register_schemas)
        for service in self.services:
            if service.has_database:
                yield Step(f"database-{service.name}", needs("postgres"), partial(self.migrate, service))

    def needs(self, service: Service, parts: Sequence[str]) -> tuple[str, ...]:
        """Name what must be there before a service starts."""
        steps = ("topics", "warm-up", "contracts", *([f"database-{service.name}"] if service.has_database else []))
        return (*(part for part in ("kafka", "registry", "postgres") if part in parts), *steps)

    def environment(self, service: Service) -> Mapping[str, str]:
        """Configure a service: addresses, and the database that is its own."""
        return self._addresses() | (
            {service.database_variable: self.database_url(service)} if service.has_database else {}
        )

    def database_url(self, service: Service) -> str:
        """URL of a service's database: given in the environment, else one of our making on the server."""
        if self.endpoints.postgres is None:
            given = os.environ.get(service.database_variable)
            if not given:
                raise NotConfigured(f"Neither POSTGRES_URL nor {service.database_variable} is in the environment")
            return given
        return database_url(self.endpoints.postgres, service.name, service.name, self.state.secret(service.name))

    def make_topics(self) -> None:
        """Create the topics of the contracts."""
        topics.ensure_contracts(self.endpoints.kafka, Contracts.load(self.schemas))

    def register_schemas(self) -> None:
        """Register what the contracts say, as `contracts push --apply` does; nobody else writes to the registry."""
        log = self.state.log("contracts")
        with log.open("w", encoding="utf-8") as output:

            def report(line: str) -> None:
                output.write(f"{line}\n")

            try:
                with Registry(self.endpoints.registry, REGISTRY_SECONDS) as registry:
                    push.apply(Contracts.load(self.schemas), registry, report)
            except ContractsError as error:
                raise StartFailed("contracts", str(error), log) from error

    def migrate(self, service: Service) -> None:
        """Make the service's database, if it is ours to make, and bring it to the newest version."""
        if self.endpoints.postgres is not None:
            databases.ensure(self.endpoints.postgres, service.name, self.state.secret(service.name))
        launch = Launch(command(service, "migrate"), self.environment(service), PROJECT)
        commands.run(self.state, f"database-{service.name}", launch)

    def _addresses(self) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.endpoints.kafka,
            "SCHEMA_REGISTRY_URL": self.endpoints.registry,
            "PYTHONUNBUFFERED": "1",
            **_compiled_once(),
            "NO_PROXY": _without_proxy(os.environ.get("NO_PROXY", "")),
            "no_proxy": _without_proxy(os.environ.get("no_proxy", "")),
        }


def _compiled_once() -> dict[str, str]:
    """Where Python may not write bytecode beside sources (containers often say so), let services have it in our cache.

    Without it each of them compiles all that it imports at every start, 1.1 s of CPU more: with a dozen of them on two cores
    that is how long the system takes to start, and how long a killed process is away.
    """
    if not sys.dont_write_bytecode:
        return {}
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(bytecode_folder())}


def _without_proxy(known: str) -> str:
    """Keep what is on this machine away from a company's proxy."""
    return ",".join(dict.fromkeys([*filter(None, known.split(",")), "127.0.0.1", "localhost"]))
