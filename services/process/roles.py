"""What ``python -m services.<service>.main`` does with its one argument.

``api`` and ``worker`` run until they are stopped, ``migrate`` brings the database to its newest version. ``repair``,
``adopt-log`` and ``adopt-beginning`` make a database and the log agree again (see repair.py).
"""

import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

import structlog
from pydantic import ValidationError

from services.messaging.errors import MessagingError
from services.messaging.repair import Owner
from services.process import logs, repair
from services.process.service import Contract, Service, assemble
from services.process.settings import ProcessSettings

log = structlog.get_logger()

Settings = TypeVar("Settings", bound=ProcessSettings)

REPAIRS = ("repair", "adopt-log", "adopt-beginning")


def main(
    contract: Contract,
    settings_class: type[Settings],
    database_url: Callable[[Settings], str],
    roles: Mapping[str, Callable[[Settings], int]],
    owner: Callable[[Service], Owner],
) -> int:
    """Run one process of a service; returns its exit code: 0 stopped, 1 failed, 2 wrong usage or configuration."""
    names = [*roles, "migrate", *REPAIRS]
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    if role not in names:
        sys.stderr.write(f"usage: python -m services.{contract.service}.main {'|'.join(names)}\n")
        return 2
    try:
        settings = settings_class()
    except ValidationError as error:
        sys.stderr.write(f"{contract.service} is not configured:\n{_told(error)}\nSee docs/configuration.md.\n")
        return 2
    logs.configure(settings.log_level, service=contract.service, role=role)
    try:
        if role == "migrate":
            return _migrate(contract, settings, database_url(settings))
        if role in REPAIRS:
            return _repair(assemble(contract, settings, database_url(settings)), owner, role)
        return roles[role](settings)
    except MessagingError as error:
        log.error("cannot_run", cause=type(error).__name__, reason=str(error))
        return 1


def _migrate(contract: Contract, settings: ProcessSettings, database_url: str) -> int:
    from services.process.migrations import migrate  # a second of imports that no other process needs

    migrate(contract.service, database_url, settings, contract.own_topics)
    return 0


def _repair(service: Service, owner: Callable[[Service], Owner], role: str) -> int:
    service.database.guard = None  # what it asks for is what is being mended
    try:
        if role == "repair":
            repair.put_back(service, owner(service))
        elif role == "adopt-log":
            repair.adopt_log(service)
        else:
            repair.adopt_beginning(service)
    finally:
        service.close()
    return 0


def _told(error: ValidationError) -> str:
    return "\n".join(f"  {str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
