"""Whose answer counts when a process is asked whether it is ready."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from stack import health
from stack.artifacts import load_lock
from stack.errors import NotReady, Stuck
from stack.postgres import Postgres
from stack.registry import Registry
from stack.state import StateFolder

PID = 4711
Answers = dict[str, tuple[int, object]]


@contextlib.contextmanager
def answering(answers: Answers) -> Iterator[str]:
    """Address of a server with these answers by path; no answer to any other path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path in answers:
                status, document = answers[self.path]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - so named there
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_process_itself_says_that_it_is_ready() -> None:
    with answering({"/readyz": (200, {"status": "ready", "pid": PID})}) as url:
        health.check_process(url, PID)


@pytest.mark.parametrize("status", [200, 404, 503])
@pytest.mark.parametrize("stranger", [{"status": "ready", "pid": PID + 1}, {"status": "ready"}, "hello", None])
def test_a_stranger_on_its_port_is_not_taken_for_it(stranger: object, status: int) -> None:
    answers: Answers = {"/readyz": (status, stranger), "/healthz": (status, stranger)}
    with answering(answers) as url, pytest.raises(Stuck):
        health.check_process(url, PID)


def test_a_refusal_is_an_answer() -> None:
    refusal = {"detail": "refuses to write", "reasons": {"relay": "x" * 1_000}, "pid": PID}
    with answering({"/readyz": (503, refusal)}) as url, pytest.raises(NotReady) as raised:
        health.check_process(url, PID)

    assert "refuses to write" in str(raised.value)
    assert not isinstance(raised.value, Stuck)


def test_a_process_that_is_alive_is_not_stuck() -> None:
    with answering({"/healthz": (200, {"status": "alive", "pid": PID})}) as url, pytest.raises(NotReady) as raised:
        health.check_process(url, PID)

    assert not isinstance(raised.value, Stuck)


def test_an_unexpected_error_of_a_process_that_is_alive_is_no_silence() -> None:
    answers: Answers = {"/readyz": (500, {"detail": "an error"}), "/healthz": (200, {"status": "alive", "pid": PID})}
    with answering(answers) as url, pytest.raises(NotReady) as raised:
        health.check_process(url, PID)

    assert not isinstance(raised.value, Stuck)


def test_a_port_where_something_else_than_http_is_spoken_is_stuck() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def speak() -> None:
            for _ in range(2):
                connection, _address = server.accept()
                with connection:
                    connection.recv(1_000)
                    connection.sendall(b"SSH-2.0-stranger\r\n")

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(Stuck):
            health.check_process(f"http://127.0.0.1:{server.getsockname()[1]}", PID)
        thread.join(5)


def test_a_process_that_answers_nothing_is_stuck() -> None:
    with answering({}) as url, pytest.raises(Stuck):
        health.check_process(url, PID)


def test_a_registry_that_goes_on_saying_that_it_is_not_ready_is_stuck(tmp_path: Path) -> None:
    state = StateFolder(tmp_path / "state")
    state.create()
    with answering({"/health/ready": (503, {"status": "DOWN"})}) as url:
        port = int(url.rpartition(":")[2])
        registry = Registry(state, load_lock(), tmp_path, Postgres(state, 0), port, port)

        for pid in (PID, PID + 1):  # the next one has its time, too
            with pytest.raises(NotReady) as first:
                registry.check(pid)
            with pytest.raises(Stuck):
                registry.check(pid)

            assert not isinstance(first.value, Stuck)
