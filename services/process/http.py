"""The HTTP edge: bounded bodies, one log line per request, problems for errors."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from time import perf_counter
from typing import Any
from uuid import UUID

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from prometheus_client import Histogram

from services.process import openapi, problems
from services.process.fields import UUID_PATTERN
from services.process.problems import Problem
from services.process.settings import ProcessSettings

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_UUID = re.compile(UUID_PATTERN)
BODY_BYTES_MAX = 256 << 10
_LENGTH_DIGITS_MAX = 18
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)
REQUEST_SECONDS = Histogram(
    "http_request_seconds", "Answering one request", ["method", "route", "status"], buckets=_SECONDS
)


class BodyLimit:
    """Refuses a body that is too large with 413, as soon as it is known and without keeping it."""

    def __init__(self, app: Asgi, limits: Mapping[str, int]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counted body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], BODY_BYTES_MAX)
        headers = dict(scope["headers"])
        refusal = Problem(413, f"the body is larger than {limit} bytes")
        if (problem := _declared(headers, limit, refusal)) is not None:
            await _refuse(problem, scope, receive, send)
            return
        received = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise refusal
            return message

        await self._app(scope, counted, send)


def _declared(headers: Mapping[bytes, bytes], limit: int, refusal: Problem) -> Problem | None:
    """What is wrong with the body that the headers promise."""
    length, coding = headers.get(b"content-length", b"0"), headers.get(b"content-encoding", b"identity")
    if not length.isdigit():
        return Problem(400, "Content-Length is no number")
    if coding.strip().lower() != b"identity":
        return Problem(
            415, "a body is taken as it is, without a Content-Encoding", headers={"Accept-Encoding": "identity"}
        )
    return refusal if len(length) > _LENGTH_DIGITS_MAX or int(length) > limit else None


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    headers = {"Connection": "close", **(problem.headers or {})}
    response = JSONResponse(problem.document(), problem.status, headers, media_type="application/problem+json")
    await response(scope, receive, send)


class RequestLimit:
    """Answers 503 with Retry-After while too many requests are in flight. An event stream counts until it begins."""

    def __init__(self, app: Asgi, requests_max: int) -> None:
        self._app = app
        self._requests_max = requests_max
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if there is room."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._in_flight >= self._requests_max:
            await _refuse(problems.unavailable(f"{self._requests_max} requests are in flight"), scope, receive, send)
            return
        self._in_flight += 1
        counted = True

        def leave() -> None:
            nonlocal counted
            self._in_flight -= counted
            counted = False

        async def noted(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start" and _is_stream(message["headers"]):
                leave()
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            leave()


def _is_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


class CanonicalLine:
    """One log line and one measurement per request."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and tell what became of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = perf_counter(), 500

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = perf_counter() - begun
            route = getattr(scope.get("route"), "path", "none")
            REQUEST_SECONDS.labels(scope["method"], route, str(status)).observe(seconds)
            tell = log.debug if route in ("/healthz", "/readyz", "/metrics") else log.info
            tell(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )


def application(
    title: str, description: str, settings: ProcessSettings, *, body_limits: Mapping[str, int] | None = None
) -> FastAPI:
    """An empty application with the edge around it. ``body_limits``: bytes by path where the limit is another one."""
    app = FastAPI(title=title, description=description, version="1.0.0", redirect_slashes=False)
    problems.install(app)
    openapi.install(app)
    app.add_middleware(BodyLimit, limits=body_limits or {})
    app.add_middleware(RequestLimit, requests_max=settings.http_requests_max)
    app.add_middleware(CanonicalLine)
    return app


def trace_parent(request: Request) -> str | None:
    """The request's W3C trace context (``traceparent`` header), if it has a well-formed one."""
    header = request.headers.get("traceparent", "")
    return header if _TRACE_PARENT.fullmatch(header) else None


def uuid_of(text: str) -> UUID | None:
    """The id that stands in a path; None for what is no UUID in its canonical form."""
    return UUID(text) if _UUID.fullmatch(text) else None


def responses(descriptions: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """What routes may answer besides, for OpenAPI: a problem of each status."""
    return {
        status: {"description": description, "content": openapi.PROBLEM} for status, description in descriptions.items()
    }
