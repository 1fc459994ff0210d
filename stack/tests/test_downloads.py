"""Downloads from a real (small) HTTP server: resumed, verified, never half in place; and the lock file."""

import hashlib
import http.server
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from stack import artifacts, downloads
from stack.artifacts import Artifact
from stack.errors import DownloadFailed

CONTENT = bytes(range(256)) * 400
QUIET = Console(quiet=True)
JAR = Artifact("kafka", "org.example", "broker", "1.0", "all", "jar", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


class Repository(http.server.ThreadingHTTPServer):
    """Serves CONTENT at the jar's path; may break off, and remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.break_after_bytes: list[int] = []
        self.honours_ranges = True
        self.asked: list[str | None] = []


class Handler(http.server.BaseHTTPRequestHandler):
    server: Repository  # pyright: ignore[reportIncompatibleVariableOverride] - the one that made this handler

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        if self.path != f"/{JAR.path}":
            self.send_error(404)
            return
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.honours_ranges else 0
        body = self.server.content[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.break_after_bytes.pop()] if self.server.break_after_bytes else body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        return


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    with Repository() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv(artifacts.REPOSITORY_VARIABLE, f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(downloads, "FIRST_PAUSE_SECONDS", 0.0)
        yield server
        server.shutdown()
        thread.join()


def test_a_file_is_downloaded_once(repository: Repository, tmp_path: Path) -> None:
    downloads.fetch_all([JAR], QUIET, tmp_path)
    downloads.fetch_all([JAR], QUIET, tmp_path)

    assert (tmp_path / JAR.path).read_bytes() == CONTENT
    assert repository.asked == [None]


def test_a_broken_download_goes_on_where_it_stopped(repository: Repository, tmp_path: Path) -> None:
    repository.break_after_bytes = [1000]

    downloads.fetch_all([JAR], QUIET, tmp_path)

    assert repository.asked == [None, "bytes=1000-"]
    assert (tmp_path / JAR.path).read_bytes() == CONTENT


def test_a_later_run_goes_on_where_an_earlier_one_was_killed(repository: Repository, tmp_path: Path) -> None:
    partial = tmp_path / f"{JAR.path}.part"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(CONTENT[:5000])

    downloads.fetch_all([JAR], QUIET, tmp_path)

    assert repository.asked == ["bytes=5000-"]
    assert (tmp_path / JAR.path).read_bytes() == CONTENT


def test_a_server_without_ranges_is_read_from_the_start(repository: Repository, tmp_path: Path) -> None:
    repository.honours_ranges = False
    repository.break_after_bytes = [1000]

    downloads.fetch_all([JAR], QUIET, tmp_path)

    assert (tmp_path / JAR.path).read_bytes() == CONTENT


def test_other_bytes_than_the_pinned_ones_are_never_put_in_place(repository: Repository, tmp_path: Path) -> None:
    repository.content = CONTENT[:-1] + b"!"

    with pytest.raises(DownloadFailed, match=f"SHA-256 is .*, pinned is {JAR.sha256}"):
        downloads.fetch_all([JAR], QUIET, tmp_path)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == [".lock"]


def test_a_download_that_never_ends_keeps_what_it_has(repository: Repository, tmp_path: Path) -> None:
    repository.break_after_bytes = [100] * downloads.TRIES

    with pytest.raises(DownloadFailed, match=r"ended after 400 of|peer closed"):
        downloads.fetch_all([JAR], QUIET, tmp_path)
    assert (tmp_path / f"{JAR.path}.part").read_bytes() == CONTENT[:400]


def test_a_missing_file_is_not_asked_for_again(repository: Repository, tmp_path: Path) -> None:
    other = replace(JAR, version="2.0")

    with pytest.raises(DownloadFailed, match=r"broker-2.0-all.jar from http.*404"):
        downloads.fetch_all([other], QUIET, tmp_path)
    assert len(repository.asked) == 1


def test_an_archive_is_unpacked_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "inside").write_text("content", encoding="utf-8")
    with tarfile.open(tmp_path / "archive.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "inside", "folder/inside")
    target = tmp_path / "target"
    (tmp_path / "target.part").mkdir()  # an earlier try was killed

    assert downloads.unpack(tmp_path / "archive.tar.gz", target) == target
    assert (target / "folder" / "inside").read_text(encoding="utf-8") == "content"


def test_the_lock_file_is_as_it_would_be_written_and_holds_no_address() -> None:
    text = artifacts.LOCK_FILE.read_text(encoding="utf-8")

    assert artifacts.dump_lock(artifacts.load_lock()) == text
    assert "://" not in text


def test_the_lock_file_fits_what_is_asked_for() -> None:
    locked = artifacts.load_lock()
    versions = {it.artifact: it.version for it in locked}

    assert versions["kafka_2.13"].startswith("4.3.")
    assert versions["log4j-slf4j-impl"] == versions["log4j-core"]
    assert [it.filename for it in artifacts.of_part(locked, "registry")] == [
        f"apicurio-registry-app-{versions['apicurio-registry-app']}-all.tar.gz"
    ]
