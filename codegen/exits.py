"""What the exit code of a command says."""

from enum import IntEnum


class Exit(IntEnum):
    """0 clean, 1 usage or tool error, 69 registry unreachable (EX_UNAVAILABLE of sysexits.h), 100 findings, 101 drift."""

    CLEAN = 0
    ERROR = 1
    UNREACHABLE = 69
    FINDINGS = 100
    DRIFT = 101
