"""PostgreSQL started by root: whom it runs as, and where its program and data are when the project is closed to others."""

import os
import shutil
from pathlib import Path

import psycopg
import pytest

from stack import accounts
from stack.local import local, running
from stack.postgres import PUBLIC_DATA, purge

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


def test_an_ordinary_user_starts_it_as_himself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert accounts.server_user() is None


@AS_ROOT
def test_root_starts_it_as_somebody_else() -> None:
    user = accounts.server_user()

    assert user
    assert user.uid != 0


@AS_ROOT
def test_a_program_in_a_closed_folder_is_copied_to_an_open_one(tmp_path: Path) -> None:
    user = accounts.server_user()
    closed = tmp_path / "closed"
    (closed / "bin").mkdir(parents=True)
    shutil.copy("/bin/true", closed / "bin" / "program")
    closed.chmod(0o700)
    open_top = PUBLIC_DATA.with_name("order-pipeline-tests")
    copy = open_top / tmp_path.name
    try:
        accounts.copy_program(closed, copy, open_top)
        accounts.copy_program(closed, copy, open_top)  # again: it is there

        assert not accounts.may_execute(user, closed / "bin" / "program")
        assert accounts.may_execute(user, copy / "bin" / "program")
    finally:
        shutil.rmtree(open_top)


@AS_ROOT
def test_data_of_a_closed_state_folder_lie_outside_and_survive_until_it_is_deleted(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    backend, state = local(tmp_path / "first")
    outside = PUBLIC_DATA / state.id
    with running(backend, state, ["postgres"]) as system, connect(system.endpoints.postgres) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert outside.exists()
    assert not (state.path / "postgres").exists()

    with running(backend, state, ["postgres"]) as system, connect(system.endpoints.postgres) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)

    shutil.rmtree(state.path)  # as people do; the next system in a closed folder clears up
    other_backend, other_state = local(tmp_path / "second")
    with running(other_backend, other_state, ["postgres"]):
        assert not outside.exists()
    purge(other_state)
    assert not (PUBLIC_DATA / other_state.id).exists()


def connect(url: str | None) -> psycopg.Connection:
    assert url
    return psycopg.connect(url)
