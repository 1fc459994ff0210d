"""What can go wrong with the stack, and whose fault it is. The docstring of a class is its default message."""

from pathlib import Path


class StackError(Exception):
    """The stack could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class DownloadFailed(StackError):
    """A file could not be downloaded whole; what arrived is kept and the next try goes on from there."""


class NotReady(StackError):
    """A part does not answer yet; asked again shortly."""


class Stuck(NotReady):
    """Nothing is heard of a process, or nothing that gives hope: if that lasts, only a new one helps."""


class AlreadyRunning(StackError):
    """A supervisor already runs in this state folder."""


class NotConfigured(StackError):
    """The backend `external` lacks an address in the environment."""


class NotPermitted(StackError):
    """The operating system does not let the stack do what it must."""


class StartFailed(StackError):
    """A part of the stack, or a step of its preparation, failed."""

    def __init__(self, unit: str, why: str, log: Path | None = None, tail: tuple[str, ...] = ()) -> None:
        super().__init__(f"{unit}: {why}" + (f" (log: {log})" if log else ""))
        self.unit = unit
        self.why = why
        self.log = log
        self.tail = tail
