"""A schema registry for a benchmark, with the PostgreSQL that it needs: the real ones, in a temporary folder."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from stack import local, operation

FOLDER_PREFIX: Final = "order-pipeline-bench-"


@contextmanager
def temporary_registry() -> Iterator[str]:
    """Start both, and give the base URL of the registry's Confluent API; nothing is left of them afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    folder.chmod(0o711)  # PostgreSQL may run as another user
    try:
        backend, state = local.local(folder / "state")
        try:
            with local.running(backend, state, parts=("postgres", "registry")) as system:
                yield system.endpoints.registry
        finally:
            operation.purge(state)
    finally:
        shutil.rmtree(folder)
