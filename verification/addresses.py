"""Where the system is: what its state folder says, and before it what the environment says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stack.errors import StackError

VARIABLES = {
    "orders": "ORDERS_URL",
    "payments": "PAYMENTS_URL",
    "inventory": "INVENTORY_URL",
    "kafka": "KAFKA_BOOTSTRAP_SERVERS",
    "registry": "SCHEMA_REGISTRY_URL",
    "orders_database": "ORDERS_DATABASE_URL",
    "payments_database": "PAYMENTS_DATABASE_URL",
    "inventory_database": "INVENTORY_DATABASE_URL",
}


class NotReachable(StackError):
    """A part of the system cannot be reached."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses of a running system, as clients want them."""

    orders: str
    payments: str
    inventory: str
    kafka: str
    registry: str
    orders_database: str
    payments_database: str
    inventory_database: str


def find(status: Mapping[str, Any], environment: Mapping[str, str]) -> Addresses:
    """Take each address from its environment variable, else from the status of the state folder's system.

    Raises NotReachable, naming what to do.
    """
    # a system that is down has left its addresses behind, and another may answer there by now
    runs = status if status.get("supervised") else {}
    known = {
        **runs.get("environment", {}),
        **{VARIABLES.get(n, n): a for n, a in runs.get("endpoints", {}).items()},
    }
    found = {name: environment.get(variable) or known.get(variable) for name, variable in VARIABLES.items()}
    if missing := [VARIABLES[name] for name, address in found.items() if not address]:
        raise NotReachable(
            f"No system runs here: start it with `pipeline up --detach`, name its folder with --state-dir, "
            f"or set {', '.join(missing)}"
        )
    return Addresses(**{name: str(address) for name, address in found.items()})
