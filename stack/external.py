"""Backend `external`: somebody else runs Kafka, the registry and PostgreSQL; their addresses come from the environment."""

from collections.abc import Mapping, Sequence

from stack.backend import Endpoints, Unit
from stack.errors import NotConfigured

KAFKA = "KAFKA_BOOTSTRAP_SERVERS"
REGISTRY = "SCHEMA_REGISTRY_URL"
POSTGRES = "POSTGRES_URL"


class External:
    """Addresses, and nothing to start."""

    name = "external"

    def __init__(self, environment: Mapping[str, str]) -> None:
        missing = [name for name in (KAFKA, REGISTRY) if not environment.get(name)]
        if missing:
            raise NotConfigured(f"The backend `external` needs {' and '.join(missing)} in the environment")
        postgres = environment.get(POSTGRES) or None
        self._endpoints = Endpoints(environment[KAFKA], environment[REGISTRY].rstrip("/"), postgres)

    def endpoints(self) -> Endpoints:
        """Say the addresses that were given."""
        return self._endpoints

    def units(self) -> Sequence[Unit]:
        """Start nothing."""
        return ()
