"""Making a service's database and the log agree again: ``python -m services.<service>.main repair`` (rules 4 and 9).

It may run beside the service's processes: those refuse to write until it is done, and go on by themselves. What it did is
its last log line, ``repaired``; run again it finds nothing to do.
"""

from collections.abc import Callable
from dataclasses import asdict
from time import monotonic

import structlog

from services.messaging import adoption, inbox
from services.messaging.errors import ForeignLog, LogAheadOfDatabase, is_transient
from services.messaging.repair import Owner, Repaired, repair
from services.messaging.survey import survey
from services.process.service import Service

log = structlog.get_logger()

LEASE_WAIT_SECONDS = 30.0  # a relay that refuses gives its lease back; one that was killed leaves it to expire
RENEW_SECONDS = 1.0
ATTEMPTS_MAX = 3  # a writer that was not done yet holds locks for seconds at most


def put_back(service: Service, owner: Callable[[], Owner]) -> Repaired:
    """Put back what a database restored from the past has forgotten. ``owner`` makes the service's part, anew for each attempt.

    Raises ForeignLog where the log is another one (see ``adopt_log``), RepairImpossible, LeaseLost.
    """
    own, read = service.contract.own_topics, list(service.contract.reads)
    done = Repaired()
    with service.database.connection() as connection:
        if foreign := inbox.foreign(connection, service.kafka.describe(read), read):
            raise ForeignLog(f"the inbox positions of {', '.join(map(str, foreign))} are of another cluster or topic")
    try:
        with service.database.connection() as connection:
            survey(connection, service.kafka, own)
    except LogAheadOfDatabase as ahead:
        log.info("repair_begins", reason=str(ahead))
        done = _put_back(service, owner)
    log.info("repaired", **asdict(done))
    return done


def _put_back(service: Service, owner: Callable[[], Owner]) -> Repaired:
    """One transaction: what was rolled back for a lock or a lost connection is done again from the beginning."""
    name, own, decode = service.contract.service, service.contract.own_topics, service.wire.decode
    with service.relay.standing_still(LEASE_WAIT_SECONDS) as renew:
        for attempts_left in reversed(range(ATTEMPTS_MAX)):
            try:
                with service.database.transaction() as transaction:
                    return repair(transaction, service.kafka, name, own, decode, owner(), _now_and_then(renew))
            except Exception as error:
                if not is_transient(error) or not attempts_left:
                    raise
                log.warning("repair_begins_again", reason=str(error).splitlines()[0])
    raise AssertionError("unreachable")


def adopt_log(service: Service) -> int:
    """Publish to and read from the topics as they are now, though another cluster or other topics were used before.

    Returns how many notes and positions of those were given up. Nothing is lost: what the outbox still keeps is published.
    """
    own, read = service.contract.own_topics, list(service.contract.reads)
    cluster = service.kafka.describe([*own, *read])
    with service.database.transaction() as transaction:
        adopted = adoption.adopt_log(transaction, cluster, own) + adoption.adopt_positions(transaction, cluster, read)
    log.info("repaired", adopted=adopted)
    return adopted


def adopt_beginning(service: Service) -> list[adoption.GivenUp]:
    """Go on behind the numbers that this service waits for and nobody can send again; returns what is given up."""
    given_up = adoption.adopt_beginnings(service.database, service.kafka, list(service.contract.reads))
    for each in given_up:
        log.warning("numbers_given_up", partition=str(each.partition), first=each.first, last=each.last)
    log.info("repaired", given_up=sum(each.last - each.first + 1 for each in given_up))
    return given_up


def _now_and_then(renew: Callable[[], None]) -> Callable[[int], None]:
    """Renew the lease and tell how far the repair is, once a second at most."""
    last = monotonic()

    def progress(records: int) -> None:
        nonlocal last
        if monotonic() - last > RENEW_SECONDS:
            last = monotonic()
            renew()
            log.info("repair_goes_on", records=records)

    return progress
