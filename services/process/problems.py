"""Every error a client sees is ``application/problem+json`` (RFC 9457): what is wrong, where, and whether to come back."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any

import psycopg
import sqlalchemy.exc
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from services.messaging.errors import DependencyUnavailable, MessagingError, RefusedToWrite, is_transient

log = structlog.get_logger()

RETRY_AFTER = {"Retry-After": "1"}
"""Seconds; what is away comes back within a few."""


class FieldError(BaseModel):
    """Which part of a request is not valid, and why."""

    in_: Annotated[str, Field(alias="in", description="body, query, path or header")]
    pointer: Annotated[str, Field(description="Where in it, as a JSON pointer (RFC 6901).")]
    detail: str


class ProblemDocument(BaseModel):
    """What is wrong (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] | None = None


class Problem(Exception):
    """An answer other than the one hoped for. ``members`` are extension members of the problem document."""

    def __init__(self, status: int, detail: str, *, headers: dict[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.members = members

    def document(self) -> dict[str, Any]:
        """The problem document."""
        title = HTTPStatus(self.status).phrase
        return {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail, **self.members}


def unavailable(detail: str) -> Problem:
    """503 with Retry-After: nothing was stored, come back soon."""
    return Problem(503, detail, headers=RETRY_AFTER)


def not_valid(item: ValidationError) -> Problem:
    """422 for one item of a batch; where its faults are is told from the item."""
    errors = item.errors(include_url=False, include_input=False)
    return _not_valid([{**error, "loc": ("body", *error["loc"])} for error in errors])


def problem_of(error: BaseException) -> Problem:
    """What a client is told of an error; one that nobody expected is logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        return _not_valid(error.errors())
    if isinstance(error, HTTPException):
        if isinstance(error.__cause__, Problem):  # raised while FastAPI read the body
            return error.__cause__
        if isinstance(error.__cause__, ValueError | RecursionError):
            return Problem(422, "the body is not JSON text")
        return Problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))
    if isinstance(error, RefusedToWrite):
        return unavailable(f"this service refuses to write: {error}")
    if isinstance(error, DependencyUnavailable) or is_transient(error):
        return unavailable(
            "a part this service depends on does not answer; repeat the request with the same Idempotency-Key"
        )
    log.error("request_failed", exc_info=error)
    return Problem(500, "an unexpected error; it is in this service's log")


def _not_valid(errors: Sequence[Any]) -> Problem:
    return Problem(422, "the request is not valid", errors=[_field_error(error) for error in errors])


def _field_error(item: Mapping[str, Any]) -> dict[str, str]:
    place, *path = [str(part) for part in item["loc"]]
    pointer = "".join(f"/{part}" for part in path)
    return {"in": place, "pointer": pointer, "detail": str(item["msg"])}


def _response(problem: Problem) -> JSONResponse:
    return JSONResponse(
        problem.document(), status_code=problem.status, headers=problem.headers, media_type="application/problem+json"
    )


async def _answer(request: Request, error: Exception) -> JSONResponse:
    problem = _wrong_type(request, error) or problem_of(error)
    if problem.status == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request)):
        problem.headers = {"Allow": ", ".join(methods)}
    return _response(problem)


def _wrong_type(request: Request, error: Exception) -> Problem | None:
    """415 where a body was not read at all, since it is not called JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0"
    in_body = isinstance(error, RequestValidationError) and any(item["loc"][0] == "body" for item in error.errors())
    if not (in_body and has_body) or media_type == "application/json" or media_type.endswith("+json"):
        return None
    return Problem(415, "the body must be called application/json", headers={"Accept": "application/json"})


def _methods(request: Request) -> list[str]:
    """The methods of every route of this path; Starlette names those of the first one only."""
    paths, path = request.app.openapi()["paths"], request.scope["path"]
    matching = [path] if path in paths else [each for each in paths if re.fullmatch(_pattern(each), path)]
    return sorted({method.upper() for each in matching for method in paths[each]})


def _pattern(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "[^/]+", path)


def install(app: FastAPI) -> None:
    """Answer every error of this application as a problem.

    Outages are named beside ``Exception``, which Starlette answers outside every middleware and raises again.
    """
    outages = (MessagingError, psycopg.Error, sqlalchemy.exc.SQLAlchemyError)
    for kind in (Problem, RequestValidationError, HTTPException, *outages, Exception):
        app.add_exception_handler(kind, _answer)
