"""uvicorn, with what it leaves open: a bound on request heads, problems for what is no HTTP, and a stop that answers."""

import asyncio
import json
import socket
from collections.abc import Callable, Sequence

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from services.process.problems import Problem
from services.process.settings import ProcessSettings

HEAD_BYTES_MAX = 64 << 10  # request line and headers, or trailers; the parser itself would keep whatever is sent
ABORT = "connection.abort"  # an ASGI extension: ends the connection without waiting for a peer that takes nothing
TURNS = 10  # of the event loop; what has arrived is accepted in one, read in another, and its answer begun in a third


class Server(uvicorn.Server):
    """Answers what has arrived before it stops. ``let_go`` is called in its event loop: who waits is to be answered."""

    def __init__(self, config: uvicorn.Config, let_go: Sequence[Callable[[], None]] = ()) -> None:
        super().__init__(config)
        self._let_go = let_go

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections and answer the rest; uvicorn would reset a connection whose request is unread."""
        for _ in range(TURNS):  # not a time: a process that got no turn for long has much to read
            await asyncio.sleep(0)
        for let_go in self._let_go:
            let_go()
        await super().shutdown(sockets)


def configured(app: FastAPI, settings: ProcessSettings) -> uvicorn.Config:
    """How every process serves HTTP."""
    return uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=settings.http_stop_seconds,
        timeout_keep_alive=30,
    )


class Protocol(HttpToolsProtocol):
    """One connection. What is no HTTP is answered with a problem, too, and nothing but a body grows beyond a bound."""

    _unread_bytes = 0
    """Bytes since the last that were somebody's: those of a head, of trailers, or between the chunks of a body."""
    _in_body = False

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        self._unread_bytes += len(data)
        super().data_received(data)
        if self._unread_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            part = "trailer section" if self._in_body else "head"
            self._end(Problem(431, f"the request's {part} is larger than {HEAD_BYTES_MAX} bytes"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what follows a chunked body is none, and would still be taken for one."""
        if not self._in_body:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._unread_bytes, self._in_body = 0, True
        self.scope["extensions"] = {ABORT: {"abort": self.transport.abort}}
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body; the application says how much is too much."""
        self._unread_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next request's head."""
        self._unread_bytes, self._in_body = 0, False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request; ``msg`` says so."""
        self._end(Problem(400, msg))

    def _end(self, problem: Problem) -> None:
        """Answer by hand, since there is no request that the application could answer, and close."""
        body = json.dumps(problem.document()).encode()
        head = (
            f"HTTP/1.1 {problem.status} {problem.document()['title']}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
