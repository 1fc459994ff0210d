"""An application behind a real HTTP server on a port of its own, in this process."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from fastapi import FastAPI

from services.messaging.tests.conftest import eventually
from services.process.run import Api
from services.process.server import Server, configured
from services.process.settings import ProcessSettings


@contextmanager
def served(app: FastAPI, settings: ProcessSettings, let_go: Sequence[Callable[[], None]] = ()) -> Iterator[str]:
    """Serve until the block ends; yields the address."""
    server = Server(configured(app, settings), let_go)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started)
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def written(api: Api) -> Iterator[None]:
    """Run the loops beside an interface that its requests need: all but the relay."""
    stopping = threading.Event()
    with ExitStack() as closing:
        for name, loop in api.loops.items():
            if name != "relay":
                thread = threading.Thread(target=loop, args=[stopping])
                thread.start()
                closing.callback(thread.join)
        closing.callback(stopping.set)
        for close in api.drained:
            closing.callback(close)
        yield


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
