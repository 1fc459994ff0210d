"""Databases and roles: each service has its own of both and can see nobody else's."""

import psycopg
from psycopg import sql

CONNECT_SECONDS = 10


def ensure(server: str, name: str, password: str) -> None:
    """Make a database and a role of this name that owns it. What exists is kept; the password is set."""
    identifier = sql.Identifier(name)
    with psycopg.connect(server, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        verb = sql.SQL("ALTER" if exists else "CREATE")
        connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, identifier, sql.Literal(password)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(
                sql.SQL("GRANT {} TO CURRENT_USER").format(identifier)
            )  # for a server whose admin is no superuser
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(identifier, identifier))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(identifier))


def create(server: str, name: str) -> None:
    """Make an empty database that belongs to whoever asks."""
    with psycopg.connect(server, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop(server: str, name: str) -> None:
    """Delete a database, whoever is still connected to it."""
    with psycopg.connect(server, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
