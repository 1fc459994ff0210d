"""What can go wrong between two services, and whose fault it is.

*Transient*: try again later, nothing is wrong with the message. *Poison*: this message can never be applied. *Refused*:
this process must not write, because database and log contradict each other; a person has to decide.
"""

import psycopg
import sqlalchemy.exc
from confluent_kafka import KafkaException


class MessagingError(Exception):
    """Something went wrong between two services."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").splitlines()[0])


class DependencyUnavailable(MessagingError):
    """A broker, registry or database does not answer."""


class TryAgain(MessagingError):
    """Another process was faster; the same work may succeed now."""


class PoisonMessage(MessagingError):
    """A record can never be applied; ``reason`` is the dead letter's reason."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Superseded(MessagingError):
    """Another consumer has taken this partition over; nothing was written."""


class RefusedToWrite(MessagingError):
    """Database and log contradict each other."""

    remedy = "a person has to look at it"
    """What to do about it; the message ends with it."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message)
        self.args = (f"{self.args[0]}; {self.remedy}",)


class LogAheadOfDatabase(RefusedToWrite):
    """The log holds a number that the database never gave out: the database was restored from the past."""

    remedy = "`pipeline repair` puts back from the log what the database has forgotten"


class ForeignLog(RefusedToWrite):
    """The cluster or the topic is not the one that this database has published to."""

    remedy = "configure the right brokers, or take this log from now on: `pipeline repair --adopt`"


class OutboxIncomplete(RefusedToWrite):
    """A number after the relay's position is missing from the outbox."""

    remedy = "somebody has deleted it; only a backup of the outbox table has it"


class NotInOutbox(MessagingError):
    """The outbox does not have this number (any more)."""


class RepairImpossible(MessagingError):
    """What the database has forgotten cannot be put back from the log."""


class LeaseLost(MessagingError):
    """Another relay of the group has taken the lease."""


class Unprepared(MessagingError):
    """A table, topic or schema that a service takes for granted is missing."""


class RecordTooLarge(MessagingError):
    """A record would not fit into its topic."""


_TRANSIENT_STATES = (
    "08",
    "40",
    "53",
    "55P03",
    "57",
)  # connection, idle in transaction, rollback, resources, lock timeout, operator intervention


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed later: a lost connection, a deadlock, a timeout (by SQLSTATE)."""
    if isinstance(error, DependencyUnavailable | TryAgain | sqlalchemy.exc.TimeoutError):
        return True
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_transient(error.orig))
    if isinstance(error, psycopg.Error):
        state = error.sqlstate
        return state.startswith(_TRANSIENT_STATES) if state else isinstance(error, psycopg.OperationalError)
    return False


def is_fault_of_a_message(error: BaseException) -> bool:
    """Whether the error is about what was to be applied, so that applying something else may succeed.

    Not an outage, a takeover or a refusal to write at all, and not a database that lacks what the statements name.
    """
    if is_transient(error) or isinstance(error, Superseded | RefusedToWrite | Unprepared | LeaseLost | KafkaException):
        return False
    if isinstance(error, sqlalchemy.exc.SQLAlchemyError) and not isinstance(error, sqlalchemy.exc.DBAPIError):
        return False
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    return not isinstance(cause, psycopg.Error) or isinstance(cause, psycopg.DataError | psycopg.IntegrityError)
