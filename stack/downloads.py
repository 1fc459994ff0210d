"""Downloads the pinned files: in parallel, resumed where they broke off, verified, and put in place only when whole.

The system's certificate store and the proxy variables count, so that it works behind a company's proxy.
"""

import contextlib
import fcntl
import hashlib
import ssl
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import truststore
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from stack.artifacts import Artifact, cache_folder, repository_url
from stack.errors import DownloadFailed

PARALLEL_DOWNLOADS = 6
# A connection that is silent for this long is given up and tried again.
SILENCE_SECONDS = 30.0
TRIES = 4
FIRST_PAUSE_SECONDS = 0.5


def fetch_all(artifacts: Sequence[Artifact], console: Console, cache: Path | None = None) -> Path:
    """Make sure that all these files lie in the cache, and return its folder. Nothing is asked of the net when they do."""
    cache = cache or cache_folder()
    missing = [artifact for artifact in artifacts if not (cache / artifact.path).exists()]
    if not missing:
        return cache
    cache.mkdir(parents=True, exist_ok=True)
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    address = repository_url()
    with (
        _only_one(cache),
        _progress(console, missing) as advance,
        httpx.Client(verify=context, timeout=SILENCE_SECONDS, follow_redirects=True) as client,
        ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool,
    ):
        # The biggest first: it decides when the last one is done.
        tasks = [
            pool.submit(fetch, client, f"{address}/{artifact.path}", artifact, cache / artifact.path, advance)
            for artifact in sorted(missing, key=lambda artifact: -artifact.size_bytes)
        ]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return cache


def fetch(client: httpx.Client, url: str, artifact: Artifact, target: Path, advance: Callable[[int], None]) -> None:
    """Download one file, go on where an earlier try stopped, and give it its name once its hash is right."""
    if target.exists():  # another process was faster
        advance(artifact.size_bytes)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    advance(_size(partial))
    for attempt in range(1, TRIES + 1):
        try:
            _receive(client, url, artifact, partial, advance)
            break
        except (httpx.HTTPError, OSError) as error:
            if attempt == TRIES or _is_final(error):
                raise DownloadFailed(f"{artifact.filename} from {url}: {_reason(error)}") from error
            time.sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    found = _sha256(partial)
    if found != artifact.sha256:
        partial.unlink()
        raise DownloadFailed(f"{artifact.filename} from {url}: SHA-256 is {found}, pinned is {artifact.sha256}")
    partial.replace(target)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive into this folder once, whole or not at all, and return the folder."""
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(folder.parent):
        if folder.exists():
            return folder
        unfinished = folder.with_name(folder.name + ".part")
        with tarfile.open(archive) as content:
            # Python 3.11.4 learned to refuse paths that lead out of the folder; the archive is pinned by its hash anyway.
            if hasattr(tarfile, "data_filter"):
                content.extractall(unfinished, filter="data")
            else:
                content.extractall(unfinished)  # noqa: S202 - see above
        unfinished.replace(folder)
    return folder


def _receive(client: httpx.Client, url: str, artifact: Artifact, partial: Path, advance: Callable[[int], None]) -> None:
    """Append what is still missing to the partial file."""
    have = _size(partial)
    if have == artifact.size_bytes:
        return
    if have > artifact.size_bytes:
        partial.unlink()
        advance(-have)
        have = 0
    with client.stream("GET", url, headers=_range(have)) as response:
        response.raise_for_status()
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        if have and not resumed:
            advance(-have)
        with partial.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_raw():
                file.write(chunk)
                advance(len(chunk))
    if _size(partial) < artifact.size_bytes:
        raise httpx.ReadError(f"ended after {_size(partial)} of {artifact.size_bytes} bytes")


def _range(have: int) -> dict[str, str]:
    """Ask for the rest only, and for the bytes as they are: the hash is of the file, not of a decoding of it."""
    return {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _is_final(error: Exception) -> bool:
    """Tell whether trying again is pointless: the server knows the file not, or the disk is full."""
    if isinstance(error, httpx.HTTPStatusError):
        return error.response.is_client_error and error.response.status_code != httpx.codes.TOO_MANY_REQUESTS
    return isinstance(error, OSError)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Let one process at a time write here; others wait and then find its files."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _progress(console: Console, artifacts: Sequence[Artifact]) -> Iterator[Callable[[int], None]]:
    """Show one bar over all files; yields what to call with the number of bytes that arrived."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        total = sum(artifact.size_bytes for artifact in artifacts)
        task = progress.add_task(f"Downloading {len(artifacts)} files", total=total)
        yield lambda size: progress.advance(task, size)
