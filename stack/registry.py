"""Apicurio Registry, stored in a database of our PostgreSQL, spoken to by its Confluent API."""

from collections.abc import Sequence
from pathlib import Path

from stack import databases, downloads, health
from stack.artifacts import Artifact, of_part
from stack.backend import Launch, Process, Step, Unit
from stack.errors import NotReady, Stuck
from stack.java import JAVA, JVM_OPTIONS
from stack.ports import HOST
from stack.postgres import Postgres
from stack.state import StateFolder

DATABASE = "registry"
HEAP_MB = 320
API = "/apis/ccompat/v7"


class Registry:
    """The schema registry of one state folder."""

    def __init__(
        self,
        state: StateFolder,
        artifacts: Sequence[Artifact],
        cache: Path,
        postgres: Postgres,
        port: int,
        management_port: int,
    ) -> None:
        self._state = state
        (self._artifact,) = of_part(artifacts, "registry")
        self._cache = cache
        self._postgres = postgres
        self._port = port
        self._management_port = management_port
        self._heard: int | None = None  # the process that said last that it is not ready

    @property
    def url(self) -> str:
        """Base of the Confluent API."""
        return f"http://{HOST}:{self._port}{API}"

    def units(self) -> Sequence[Unit]:
        """Describe the registry: its database is made once, then it runs."""
        return (
            Step("registry-program", (), self.unpack),
            Step("registry-data", ("postgres",), self.create_database),
            Process(
                "registry",
                ("registry-program", "registry-data", "postgres"),
                self.launch,
                self.check,
                stop_seconds=15.0,
            ),
        )

    def unpack(self) -> None:
        """Unpack the downloaded archive beside it, once for all systems of this user."""
        downloads.unpack(self._cache / self._artifact.path, self._program)

    def create_database(self) -> None:
        """Make the registry's own database and role."""
        databases.ensure(self._postgres.url, DATABASE, self._state.secret(DATABASE))

    def launch(self) -> Launch:
        """Start the registry; settings by environment, as its container has them."""
        options = (f"-Xmx{HEAP_MB}m", f"-XX:ErrorFile={self._state.logs}/registry-crash-%p.log")
        logging = "-Djava.util.logging.manager=org.jboss.logmanager.LogManager"
        arguments = (str(JAVA), *JVM_OPTIONS, *options, logging, "-jar", str(self._program / "quarkus-run.jar"))
        return Launch(arguments, environment=self._environment(), folder=self._state.path)

    def check(self, pid: int) -> None:
        """Ask the health endpoint, which the management port has, and then what clients ask.

        A registry that loses its database while it starts says for ever that it is not ready, and a new one would be:
        what it says at first is why it is not ready yet, what it goes on to say is that it is stuck.
        """
        try:
            health.check(f"http://{HOST}:{self._management_port}/health/ready")
            health.check(f"{self.url}/subjects")
        except Stuck:
            raise
        except NotReady as error:
            known, self._heard = self._heard, pid
            if known == pid:
                raise Stuck(str(error)) from error
            raise

    @property
    def _program(self) -> Path:
        return (self._cache / self._artifact.path).with_suffix("").with_suffix("")

    def _environment(self) -> dict[str, str]:
        return {
            "QUARKUS_HTTP_HOST": HOST,
            "QUARKUS_HTTP_PORT": str(self._port),
            "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
            "QUARKUS_MANAGEMENT_HOST": HOST,
            "QUARKUS_MANAGEMENT_PORT": str(self._management_port),
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "postgresql",
            "APICURIO_DATASOURCE_URL": f"jdbc:{self._postgres.server}/{DATABASE}",
            "APICURIO_DATASOURCE_USERNAME": DATABASE,
            "APICURIO_DATASOURCE_PASSWORD": self._state.secret(DATABASE),
            # The defaults, 20 and 100 connections, are meant for a server of its own.
            "APICURIO_DATASOURCE_JDBC_INITIAL_SIZE": "2",
            "APICURIO_DATASOURCE_JDBC_MIN_SIZE": "2",
            "APICURIO_DATASOURCE_JDBC_MAX_SIZE": "10",
        }
