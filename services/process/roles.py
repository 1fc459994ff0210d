"""What ``python -m services.<service>.main`` does with its one argument.

``api`` and ``worker`` run until they are stopped, ``migrate`` brings the database to its newest version. ``repair``,
``adopt-log`` and ``adopt-beginning`` make a database and the log agree again (see repair.py).
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import psycopg
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from services.messaging.errors import MessagingError
from services.messaging.repair import Owner
from services.process import logs, repair
from services.process.service import Contract, Service, assemble
from services.process.settings import ProcessSettings

log = structlog.get_logger()

Settings = TypeVar("Settings", bound=ProcessSettings)

REPAIRS = ("repair", "adopt-log", "adopt-beginning")


@dataclass(frozen=True, slots=True)
class Program(Generic[Settings]):
    """A service as a program: its events, its configuration, what it serves, and its part in a repair."""

    contract: Contract
    settings: type[Settings]
    database_url: Callable[[Settings], str]
    roles: Mapping[str, Callable[[Settings], int]]
    owner: Callable[[Service], Owner]

    @contextmanager
    def mended(self, settings: Settings) -> Iterator[Service]:
        """The service's parts for a repair: nobody asks first whether database and log agree."""
        service = assemble(self.contract, settings, self.database_url(settings))
        service.database.guard = None
        try:
            yield service
        finally:
            service.close()


def main(program: Program[Any]) -> int:
    """Run one process of a service; returns its exit code: 0 stopped, 1 failed, 2 wrong usage or configuration."""
    contract, names = program.contract, [*program.roles, "migrate", *REPAIRS]
    role = sys.argv[1] if len(sys.argv) == 2 else ""
    if role not in names:
        sys.stderr.write(f"usage: python -m services.{contract.service}.main {'|'.join(names)}\n")
        return 2
    try:
        settings = program.settings()
    except ValidationError as error:
        sys.stderr.write(f"{contract.service} is not configured:\n{_told(error)}\nSee docs/configuration.md.\n")
        return 2
    logs.configure(settings.log_level, service=contract.service, role=role)
    try:
        if role == "migrate":
            return _migrate(contract, settings, program.database_url(settings))
        if role in REPAIRS:
            return _repair(program, settings, role)
        return program.roles[role](settings)
    except (MessagingError, psycopg.Error, SQLAlchemyError) as error:
        log.error("cannot_run", cause=type(error).__name__, reason=str(error))
        return 1


def _migrate(contract: Contract, settings: ProcessSettings, database_url: str) -> int:
    from services.process.migrations import migrate  # a second of imports that no other process needs

    migrate(contract.service, database_url, settings, contract.own_topics)
    return 0


def _repair(program: Program[Any], settings: ProcessSettings, role: str) -> int:
    with program.mended(settings) as service:
        if role == "repair":
            repair.put_back(service, lambda: program.owner(service))
        elif role == "adopt-log":
            repair.adopt_log(service)
        else:
            repair.adopt_beginning(service)
    return 0


def _told(error: ValidationError) -> str:
    return "\n".join(f"  {str(item['loc'][0]).upper()}: {item['msg']}" for item in error.errors())
