"""One process: an HTTP server and the loops beside it, all of which end in order on SIGTERM.

A loop that ends by itself is a defect or a refusal: the whole process stops with exit code 1, for its supervisor to start
it again, rather than live on half dead.
"""

import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
import uvicorn
from fastapi import FastAPI

from services.messaging.consumer import Handler
from services.process import http, operations
from services.process.server import Server, configured
from services.process.service import Service
from services.process.settings import ProcessSettings

log = structlog.get_logger()

Loop = Callable[[threading.Event], None]

LOOP_STOP_SECONDS = 15.0  # a Kafka transaction and a database statement end within 10 s


@dataclass(frozen=True, slots=True)
class Api:
    """What a process that serves REST is made of: the application and the loops beside it."""

    app: FastAPI
    loops: Mapping[str, Loop]
    let_go: Sequence[Callable[[], None]] = ()
    """Called first when the process stops: those who wait are to be answered."""
    drained: Sequence[Callable[[], None]] = ()
    """Called when everything is answered."""

    def serve(self, settings: ProcessSettings) -> int:
        """Serve until SIGTERM or SIGINT; returns the exit code."""
        return serve(self.app, settings, self.loops, let_go=self.let_go, drained=self.drained)


def work(service: Service, handler: Handler, loops: Mapping[str, Loop] | None = None) -> int:
    """Consume until SIGTERM or SIGINT, with the loops beside it; returns the exit code."""
    consumer = service.consumer(handler)
    app = http.application(
        f"{service.contract.service.title()} worker", "What an operator asks a worker.", service.settings
    )
    app.include_router(operations.router(service.checks() | {"consumer": consumer.not_ready}))
    try:
        return serve(app, service.settings, {"relay": service.relay.run, "consumer": consumer.run, **(loops or {})})
    finally:
        service.close()


def serve(
    app: FastAPI,
    settings: ProcessSettings,
    loops: Mapping[str, Loop],
    *,
    let_go: Sequence[Callable[[], None]] = (),
    drained: Sequence[Callable[[], None]] = (),
) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code.

    Stopping goes from the outside in: ``let_go`` (those who wait are answered), no new connection, answers to what was
    accepted, ``drained`` (what to close then), and the loops last.
    """
    ending, stopping, failed = threading.Event(), threading.Event(), threading.Event()
    server = Server(configured(app, settings), let_go)

    def guarded(name: str, loop: Loop) -> None:
        try:
            loop(stopping)
        except Exception:
            log.exception("loop_failed", loop=name)
        if not ending.is_set():
            failed.set()
            server.should_exit = True

    threads = [threading.Thread(target=guarded, args=item, name=item[0], daemon=True) for item in loops.items()]
    for thread in threads:
        thread.start()

    def stop(*_: object) -> None:
        """Before uvicorn listens to signals, and after: it raises the one that stopped it once more when it returns."""
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    server.run(_sockets(server.config, settings.http_shared_socket))
    ending.set()
    for close in drained:
        close()
    stopping.set()
    for thread in threads:
        thread.join(LOOP_STOP_SECONDS)
        if thread.is_alive():
            log.error("loop_does_not_stop", loop=thread.name)
            failed.set()
    log.info("stopped", failed=failed.is_set())
    return int(failed.is_set())


def _sockets(config: uvicorn.Config, shared: int | None) -> list[socket.socket]:
    """Where to listen: on a port of its own, and where processes share a port, on that one, too."""
    own = config.bind_socket()
    return [own] if shared is None else [own, socket.socket(fileno=shared)]
