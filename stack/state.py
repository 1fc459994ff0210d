"""The state folder: all that a system remembers between two commands.

`lock` is held by the supervisor as long as it lives; what the other files say of running processes is checked against the
operating system before it is believed. Written whole or not at all.
"""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stack.children import Identity
from stack.errors import AlreadyRunning

DEFAULT_FOLDER = Path(".pipeline")


class StateFolder:
    """One system's folder. Others (who may not read its secrets) may pass through: PostgreSQL can run as another user."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._processes_lock = threading.Lock()

    def create(self) -> None:
        """Make the folder, if it is not there yet."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        if not self._file("id").exists():
            self._write("id", secrets.token_hex(8))

    def exists(self) -> bool:
        """Tell whether a system was ever started here."""
        return self._file("id").exists()

    @property
    def id(self) -> str:
        """A name for this system that no other has; it stays as long as its data."""
        return self._file("id").read_text(encoding="utf-8")

    @property
    def logs(self) -> Path:
        """Folder of the log files, one a process."""
        return self.path / "logs"

    def log(self, name: str) -> Path:
        """Log file of a process or step."""
        return self.logs / f"{name}.log"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only supervisor here, or raise AlreadyRunning. A killed process holds no lock."""
        with self._file("lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(f"A supervisor already runs in {self.path}") from error
            yield

    def remember_process(self, name: str, known: Identity | None) -> None:
        """Write down a started process before anything depends on it; None once it has ended."""
        with self._processes_lock:
            processes = self._read("processes.json", {})
            if known is None:
                processes.pop(name, None)
            else:
                processes[name] = asdict(known)
            self._write("processes.json", json.dumps(processes, indent=1))

    def processes(self) -> dict[str, Identity]:
        """Processes that were started here and not seen to end, the supervisor among them."""
        return {name: Identity(**entry) for name, entry in self._read("processes.json", {}).items()}

    def addresses(self) -> dict[str, int]:
        """Ports by name, as used the last time."""
        return dict(self._read("addresses.json", {}))

    def remember_addresses(self, ports: dict[str, int]) -> None:
        """Keep the ports: whoever wrote an address down finds the part there after a restart."""
        self._write("addresses.json", json.dumps(ports, indent=1, sort_keys=True))

    def code(self) -> dict[str, Path]:
        """Folders of code by process name, of those processes that are not to run the project's own (see rollout.py)."""
        return {name: Path(folder) for name, folder in self._read("code.json", {}).items()}

    def remember_code(self, names: Iterable[str], folder: Path | None) -> None:
        """Have these processes run the code of a folder from their next start on; None: the project's own."""
        known = {name: str(path) for name, path in self.code().items()}
        for name in names:
            if folder is None:
                known.pop(name, None)
            else:
                known[name] = str(folder.absolute())
        self._write("code.json", json.dumps(known, indent=1, sort_keys=True))

    def secret(self, name: str) -> str:
        """Return a password, drawn once."""
        known = self._read("secrets.json", {})
        if name not in known:
            known[name] = secrets.token_urlsafe(18)
            self._write("secrets.json", json.dumps(known, indent=1), mode=0o600)
        return str(known[name])

    def status(self) -> dict[str, Any]:
        """What the supervisor wrote last; empty when none ever ran."""
        return dict(self._read("status.json", {}))

    def write_status(self, status: dict[str, Any]) -> None:
        """Tell other processes how things stand."""
        self._write("status.json", json.dumps(status, indent=1), mode=0o600)

    def remove(self) -> None:
        """Delete the folder and all data in it."""
        shutil.rmtree(self.path, ignore_errors=False)

    def _file(self, name: str) -> Path:
        return self.path / name

    def _read(self, name: str, default: Any) -> Any:
        file = self._file(name)
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else default

    def _write(self, name: str, text: str, mode: int = 0o644) -> None:
        target = self._file(name)
        unfinished = target.with_name(f".{name}.{os.getpid()}")
        unfinished.touch(mode=mode)
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(target)
