"""Bringing a service's database to its newest version: Alembic, head rows, first ranges. Run by ``migrate``.

Two at once are harmless: an advisory lock lets one wait for the other.
"""

from collections.abc import Sequence
from importlib.resources import as_file, files
from typing import Any

import sqlalchemy
import structlog
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from services.messaging import outbox, ranges
from services.messaging.database import sqlalchemy_url
from services.messaging.settings import MessagingSettings

log = structlog.get_logger()

LOCK = 0x0DE5  # any number, the same for every migration


def migrate(service: str, database_url: str, settings: MessagingSettings, own_topics: Sequence[str]) -> None:
    """Bring the database to the newest version of ``services/<service>/migrations/versions``."""
    engine = sqlalchemy.create_engine(sqlalchemy_url(database_url), poolclass=sqlalchemy.NullPool)
    with as_file(files("services") / service / "migrations") as folder, engine.begin() as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        _upgrade(str(folder), connection)
        outbox.create_heads(connection, own_topics, settings.topic_partitions)
        for topic in own_topics:
            ranges.make_ahead(connection, topic, 0, settings.outbox_range_rows)
    log.info("migrated", service=service)


def _upgrade(folder: str, connection: sqlalchemy.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", folder)
    scripts = ScriptDirectory.from_config(config)

    def to_newest(revision: Any, _: object) -> list[Any]:
        return list(scripts._upgrade_revs("head", revision))

    with EnvironmentContext(config, scripts, fn=to_newest) as environment:
        environment.configure(connection=connection, target_metadata=None)
        environment.run_migrations()
