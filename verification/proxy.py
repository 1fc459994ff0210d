"""A TCP proxy between Kafka's clients and a broker that delays, keeps back and loses single messages, for drills.

It understands the framing only: a size of four bytes, then API key, version and correlation id; an answer belongs to the
request with its correlation id. Broker and proxy are on 127.0.0.1, so answers that name brokers differ in four bytes (the
port), which are replaced in place: all of a client's traffic comes through here. One broker, no TLS, no SASL.

    with Proxy("127.0.0.1:9092") as proxy:
        late = proxy.inject(Fault(Api.END_TXN, cut=True))   # keep the next EndTxn, close its connection
        ...                                                 # a client of proxy.bootstrap_servers commits, and repeats
        late.wait(10).release()                             # the broker gets it now
"""

import asyncio
import contextlib
import enum
import queue
import random
import struct
import threading
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated, Any, Self

import typer

HOST = "127.0.0.1"
FRAME_BYTES_MAX = 256 << 20
ANSWER_SECONDS_MAX = 60.0  # how long a message whose client is gone may wait for the broker's answer


class Api(enum.IntEnum):
    """Keys of the requests that drills are about (https://kafka.apache.org/protocol#protocol_api_keys)."""

    PRODUCE = 0
    FETCH = 1
    METADATA = 3
    FIND_COORDINATOR = 10
    HEARTBEAT = 12
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS_TO_TXN = 24
    END_TXN = 26
    DESCRIBE_CLUSTER = 60


NAMING_BROKERS = frozenset({Api.PRODUCE, Api.METADATA, Api.FIND_COORDINATOR, Api.DESCRIBE_CLUSTER})
"""Whose answers name brokers. Fetch names them only when a leader has moved, and its answers hold records: left alone."""


class Stage(enum.Enum):
    """What is kept back: a request on its way to the broker, or the answer on its way to the client."""

    REQUEST = "request"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client. ``payload`` is the frame without its size."""

    api_key: int
    api_version: int
    correlation_id: int
    payload: bytes

    @classmethod
    def of(cls, payload: bytes) -> Self:
        """Read the request header, of which every version begins alike. Raises ValueError."""
        if len(payload) < 8:
            raise ValueError(f"a request of {len(payload)} bytes has no header")
        api_key, api_version, correlation_id = struct.unpack_from(">hhi", payload)
        return cls(api_key, api_version, correlation_id, payload)


def commits(request: Request) -> bool:
    """Whether an EndTxn commits, or aborts: its last field, which tagged fields (none) follow from version 3 on."""
    assert request.api_key == Api.END_TXN
    return bool(request.payload[-2 if request.api_version >= 3 else -1])


def error_of_end_transaction(request: Request, answer: bytes) -> int:
    """The error code in the answer to an EndTxn: after correlation id (tagged fields from version 3 on) and throttle time."""
    assert request.api_key == Api.END_TXN
    return int(struct.unpack_from(">h", answer, 9 if request.api_version >= 3 else 8)[0])


def with_port(answer: bytes, port: int, replacement: int) -> bytes:
    """An answer in which brokers on 127.0.0.1 have another port.

    In every answer that names a broker the port follows the host; a host's length is two bytes, or one more than itself
    as a varint (KIP-482), so its last byte is 9 or 10.
    """
    for length in (len(HOST), len(HOST) + 1):
        host = bytes([length]) + HOST.encode()
        answer = answer.replace(host + struct.pack(">i", port), host + struct.pack(">i", replacement))
    return answer


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of messages of one API.

    A message is kept for ``seconds``, or until it is released where that is None; what comes behind it on its connection
    waits, as TCP demands. With ``cut`` the client's connection is closed at once, while the broker's stays: a request that
    is released later still reaches the broker, and one that never is, is lost.
    """

    api: Api
    stage: Stage = Stage.REQUEST
    cut: bool = False
    seconds: float | None = None
    times: int | None = 1
    """How many messages it meets; None: all."""
    chance: float = 1.0


class Held:
    """One message that is kept back, or was."""

    def __init__(self, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        self.request = request
        self._loop = loop
        self._released = asyncio.Event()
        self._answer: Future[bytes] = Future()

    def release(self) -> None:
        """Let it through."""
        self._loop.call_soon_threadsafe(self._released.set)

    def answer(self, timeout_seconds: float) -> bytes:
        """Wait for the broker's answer, whoever gets it. Raises TimeoutError."""
        return self._answer.result(timeout_seconds)

    async def pause(self, seconds: float | None) -> None:
        """Keep it back for a while, or until it is released."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._released.wait(), seconds)

    def answered(self, answer: bytes) -> None:
        """Note what the broker said."""
        if not self._answer.done():
            self._answer.set_result(answer)


class Injected:
    """A fault at work, and what it has caught."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.caught: list[Held] = []
        self._unseen: queue.SimpleQueue[Held] = queue.SimpleQueue()
        self._withdrawn = threading.Event()

    def wait(self, timeout_seconds: float) -> Held:
        """The next message it catches. Raises queue.Empty."""
        return self._unseen.get(timeout=timeout_seconds)

    def withdraw(self) -> None:
        """Catch no more."""
        self._withdrawn.set()

    def wants(self, request: Request, chance: random.Random) -> bool:
        """Whether it meets this request."""
        fault = self.fault
        met = request.api_key == fault.api and (fault.times is None or len(self.caught) < fault.times)
        return met and not self._withdrawn.is_set() and (fault.chance >= 1 or chance.random() < fault.chance)

    def catch(self, held: Held) -> None:
        """Keep this one."""
        self.caught.append(held)
        self._unseen.put(held)


@dataclass(slots=True)
class Link:
    """One client's connection and the one to the broker that was made for it."""

    client: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    broker: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    unanswered: dict[int, tuple[Request, Injected | None, Held | None]] = field(default_factory=dict)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """No request that was kept back waits for its answer."""

    def __post_init__(self) -> None:
        self.idle.set()

    def expect(self, request: Request, injected: Injected | None, held: Held | None) -> None:
        """A request is on its way to the broker, or kept back."""
        self.unanswered[request.correlation_id] = (request, injected, held)
        if held is not None:
            self.idle.clear()

    def take(self, answer: bytes) -> tuple[Request, Injected | None, Held | None]:
        """The request that the broker has answered."""
        return self.unanswered.pop(struct.unpack_from(">i", answer)[0])

    def settle(self) -> None:
        """The answer has gone its way."""
        if all(held is None for _, _, held in self.unanswered.values()):
            self.idle.set()

    def cut(self) -> None:
        """Close the client's connection at once, whatever is on its way."""
        self.client[1].transport.abort()


class Proxy:
    """A proxy in a thread of its own. All methods may be called from any thread."""

    def __init__(self, bootstrap_servers: str, *, listen_port: int = 0, seed: int = 0) -> None:
        host, _, port = bootstrap_servers.rpartition(":")
        if host not in (HOST, "localhost"):
            raise ValueError(f"the broker must be on {HOST}, not on {host}: answers are changed in place")
        self._broker_port, self._port = int(port), listen_port
        self._chance = random.Random(seed)  # noqa: S311 - a drill, not a secret
        self._injected: list[Injected] = []
        self._delay_seconds = 0.0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._links: set[asyncio.Task[None]] = set()

    @property
    def bootstrap_servers(self) -> str:
        """Where clients connect."""
        return f"{HOST}:{self._port}"

    def inject(self, fault: Fault) -> Injected:
        """Put a fault to work; where several meet a message, the oldest does."""
        injected = Injected(fault)
        self._injected.append(injected)
        return injected

    def delay(self, seconds: float) -> None:
        """Delay every message of every connection from now on, one after another; 0 ends it."""
        self._delay_seconds = seconds

    def blackhole(self, on: bool) -> None:
        """Let nothing through in either direction, connections stay open; or let it all through again."""
        self._loop.call_soon_threadsafe(self._flowing.clear if on else self._flowing.set)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(0.01)  # whoever was accepted just now begins
        for task in self._links:
            task.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)
        await asyncio.sleep(0.01)  # and connections that were closed end

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        try:
            broker = await asyncio.open_connection(HOST, self._broker_port)
            await self._carry(Link((reader, writer), broker))
        except OSError:
            writer.transport.abort()  # no broker: the client sees that
        except asyncio.CancelledError:
            writer.transport.abort()  # the proxy closes; asyncio's streams complain of a cancelled task
        finally:
            self._links.discard(task)

    async def _carry(self, link: Link) -> None:
        """Carry both directions until one side closes; what was kept back is still answered after the client has gone."""
        ways = [asyncio.create_task(self._requests(link)), asyncio.create_task(self._answers(link))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if not ways[1].done():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(link.idle.wait(), ANSWER_SECONDS_MAX)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            link.broker[1].transport.abort()
            link.cut()

    async def _requests(self, link: Link) -> None:
        async for payload in _frames(link.client[0]):
            request = Request.of(payload)
            injected = next((each for each in self._injected if each.wants(request, self._chance)), None)
            held = Held(request, self._loop) if injected else None
            link.expect(request, injected, held)
            if injected and held:
                injected.catch(held)
            await self._pass()
            if injected and held and injected.fault.stage is Stage.REQUEST:
                if injected.fault.cut:
                    link.cut()
                await held.pause(injected.fault.seconds)
            await _send(link.broker[1], payload)

    async def _answers(self, link: Link) -> None:
        async for answer in _frames(link.broker[0]):
            request, injected, held = link.take(answer)
            if held:
                held.answered(answer)
            await self._pass()
            if injected and held and injected.fault.stage is Stage.ANSWER:
                if injected.fault.cut:
                    link.cut()
                await held.pause(injected.fault.seconds)
            if request.api_key in NAMING_BROKERS:
                answer = with_port(answer, self._broker_port, self._port)
            with contextlib.suppress(ConnectionError):  # a client that has gone
                await _send(link.client[1], answer)
            link.settle()

    async def _pass(self) -> None:
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        await self._flowing.wait()


async def _frames(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Whole frames without their sizes, until the connection ends."""
    while True:
        try:
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            if not 0 <= size <= FRAME_BYTES_MAX:
                return
            yield await reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return


async def _send(writer: asyncio.StreamWriter, payload: bytes) -> None:
    writer.write(struct.pack(">i", len(payload)) + payload)
    await writer.drain()


def main(
    to: Annotated[str, typer.Option(help="The broker, host:port on this machine.", metavar="HOST:PORT")],
    listen: Annotated[int, typer.Option(help="Port for the clients.", metavar="PORT")],
    delay: Annotated[float, typer.Option(help="Delay every message by so many seconds.")] = 0.0,
    hold_request: Annotated[
        list[str] | None, typer.Option(help="Keep requests of this API back, e.g. END_TXN.", metavar="API")
    ] = None,
    hold_answer: Annotated[
        list[str] | None, typer.Option(help="Keep answers of this API back, e.g. PRODUCE.", metavar="API")
    ] = None,
    cut: Annotated[bool, typer.Option(help="Close the client's connection when one is kept back.")] = False,
    seconds: Annotated[float, typer.Option(help="How long it is kept back.")] = 1.0,
    chance: Annotated[float, typer.Option(help="How likely a message is kept back, 0 to 1.", min=0, max=1)] = 1.0,
    seed: Annotated[int, typer.Option(help="Repeats the draws.")] = 0,
) -> None:
    """Put a slow, lossy line between Kafka's clients and a broker on this machine, until Ctrl-C.

    Give the clients 127.0.0.1:PORT instead of the broker. Without --hold-... everything passes (after --delay). Example, one
    commit in twenty arrives 0.4 s late, after its connection broke and the client has sent it again:

    python -m verification.proxy --listen 19092 --to 127.0.0.1:9092 --hold-request END_TXN --cut --seconds 0.4 --chance 0.05
    """
    wanted = [*product([Stage.REQUEST], hold_request or []), *product([Stage.ANSWER], hold_answer or [])]
    if unknown := {name for _, name in wanted} - set(Api.__members__):
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: not one of {', '.join(Api.__members__)}")
    with Proxy(to, listen_port=listen, seed=seed) as proxy, contextlib.suppress(KeyboardInterrupt):
        proxy.delay(delay)
        faults = [Fault(Api[name], stage, cut, seconds, times=None, chance=chance) for stage, name in wanted]
        told = {proxy.inject(fault): 0 for fault in faults}
        typer.echo(f"{proxy.bootstrap_servers} leads to {to}, seed {seed}")
        while True:
            threading.Event().wait(0.2)
            for injected in told:
                for held in injected.caught[told[injected] :]:
                    typer.echo(f"{injected.fault.api.name} {injected.fault.stage.value} {held.request.correlation_id}")
                    told[injected] += 1


if __name__ == "__main__":
    typer.run(main)
