"""Whom PostgreSQL runs as: it refuses root, so root starts it as somebody without rights. An ordinary user starts it as himself.

That somebody must be able to reach the program and the data. Where the project lies in a folder that only root may enter, a copy
of the program and the data are put where everybody may pass.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from stack.backend import User
from stack.errors import NotPermitted

# Who exists nearly everywhere and owns nothing; else whoever is found.
PREFERRED = ("nobody", "daemon")
SHELL = "/bin/sh"


def server_user() -> User | None:
    """Choose whom to run as: None (as we are) unless we are root."""
    if os.geteuid() != 0:
        return None
    known = {account.pw_name: account for account in pwd.getpwall()}
    accounts = [known[name] for name in PREFERRED if name in known] + list(known.values())
    for account in accounts:
        user = User(account.pw_name, account.pw_uid, account.pw_gid)
        if user.uid != 0 and _test_as(user, "true"):
            return user
    raise NotPermitted("PostgreSQL refuses to run as root, and no other user could be taken on")


def may_execute(user: User | None, program: Path) -> bool:
    """Tell whether this user can start the program."""
    return os.access(program, os.X_OK) if user is None else _test_as(user, 'test -x "$1"', program)


def may_pass(user: User | None, folder: Path) -> bool:
    """Tell whether this user can reach what lies in the folder."""
    return user is None or _test_as(user, 'test -x "$1"', folder)


def copy_program(source: Path, target: Path, top: Path) -> None:
    """Copy an installed program to a folder below `top` where everybody may read it; whole or not at all."""
    if target.exists():
        return
    open_folder(target.parent, top)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(source, unfinished, symlinks=True, dirs_exist_ok=True)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    try:
        unfinished.replace(target)
    except OSError:  # another process was faster
        shutil.rmtree(unfinished)


def open_folder(folder: Path, top: Path) -> None:
    """Make a folder that everybody may pass through, and those above it up to `top`, whatever the umask."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in (folder, *folder.parents):
        if each.is_relative_to(top):
            each.chmod(0o711)


def owned_folder(folder: Path, user: User | None) -> None:
    """Make a folder that belongs to this user and is closed to all others."""
    folder.mkdir(parents=True, exist_ok=True)
    if user is not None:
        os.chown(folder, user.uid, user.gid)
    folder.chmod(0o700)


def _test_as(user: User, command: str, *arguments: Path) -> bool:
    """Ask the operating system itself, by doing it: mount options, ACLs and user namespaces have their say."""
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command, a path as its argument
            (SHELL, "-c", command, SHELL, *arguments),
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
    except OSError:
        return False
    return answer.returncode == 0
