"""One service's PostgreSQL: an engine with limits, and the one way to open a transaction.

Rule 10: nobody waits for a frozen process; every wait has a limit, on both ends of the connection.
Rule 4: a process that writes events looks at the log before its first write on each new connection (``guard``).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import sqlalchemy
from psycopg.abc import Params
from psycopg.sql import SQL, Composed
from sqlalchemy.engine import URL, make_url

from services.messaging.settings import MessagingSettings

Transaction = sqlalchemy.Connection
Statement = LiteralString | SQL | Composed
Guard = Callable[[Transaction], None]


def sqlalchemy_url(url: str) -> URL:
    """The address as SQLAlchemy wants it: ``postgresql://`` spoken by psycopg."""
    return make_url(url).set(drivername="postgresql+psycopg")


def _connect_arguments(settings: MessagingSettings, application: str, *, wait_for_disk: bool) -> dict[str, Any]:
    milliseconds = int(settings.database_timeout_seconds * 1000)
    return {
        "application_name": application,
        "connect_timeout": max(2, int(settings.database_timeout_seconds)),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": milliseconds,
        "options": " ".join(
            f"-c {name}={value}"
            for name, value in {
                "statement_timeout": milliseconds,
                "idle_in_transaction_session_timeout": milliseconds,
                "lock_timeout": int(settings.database_lock_timeout_seconds * 1000),
                "tcp_keepalives_idle": 5,
                "tcp_keepalives_interval": 2,
                "tcp_keepalives_count": 3,
                "tcp_user_timeout": milliseconds,
                "synchronous_commit": "on" if wait_for_disk else "off",
                "TimeZone": "UTC",
            }.items()
        ),
    }


class Database:
    """Connections to one service's database; threads share it, a transaction belongs to one thread."""

    def __init__(
        self,
        url: str,
        settings: MessagingSettings,
        *,
        application: str,
        guard: Guard | None = None,
        wait_for_disk: bool = True,
    ) -> None:
        self.guard = guard
        arguments = _connect_arguments(settings, application, wait_for_disk=wait_for_disk)

        def engine(connections: int) -> sqlalchemy.Engine:
            return sqlalchemy.create_engine(
                sqlalchemy_url(url),
                pool_size=connections,
                max_overflow=0,
                pool_timeout=settings.database_timeout_seconds,
                connect_args=arguments,
            )

        # apart, so that a burst of readers does not leave the writer with connections that the guard has not seen
        self._writing, self._reading = engine(settings.database_writers), engine(settings.database_pool_size)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that writes events: committed at the end of the block, rolled back on any error.

        Raises RefusedToWrite when database and log contradict each other (asked once per new connection).
        """
        with _connection(self._writing) as connection:
            if self.guard is not None and not connection.info.get("guarded"):
                self.guard(connection)
                connection.rollback()
                connection.info["guarded"] = True
            with connection.begin():
                yield connection

    @contextmanager
    def connection(self) -> Iterator[Transaction]:
        """A connection for reading, and for the relay, which looks at the log by itself."""
        with _connection(self._reading) as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._writing.dispose()
        self._reading.dispose()


@contextmanager
def _connection(engine: sqlalchemy.Engine) -> Iterator[Transaction]:
    with engine.connect() as connection:
        try:
            yield connection
        except BaseException:
            if not connection.invalidated:
                driver = connection.connection.driver_connection
                if driver is not None and driver.closed:
                    connection.invalidate()  # SQLAlchemy does not see errors of hot statements
            raise


def hot(transaction: Transaction) -> psycopg.Connection[Any]:
    """The psycopg connection under a transaction, for the few hot statements: arrays as binary parameters, no compiling."""
    if not transaction.in_transaction():
        transaction.begin()  # or SQLAlchemy's commit and rollback would know of nothing to end
    driver = transaction.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def fetch(transaction: Transaction, query: Statement, parameters: Params | None = None) -> Sequence[tuple[Any, ...]]:
    """Run one hot statement and return its rows (none for a statement that returns nothing)."""
    cursor = hot(transaction).execute(query, parameters)
    return cursor.fetchall() if cursor.description is not None else []


def run(transaction: Transaction, query: Statement, parameters: Params | None = None) -> int:
    """Run one hot statement and return how many rows it touched."""
    return hot(transaction).execute(query, parameters).rowcount
