"""The OpenAPI document says what is true of every operation: which problems it may answer with, and what they look like."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI

from services.process.problems import ProblemDocument

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}

EVENT = {
    "type": "object",
    "required": ["data", "event", "id"],
    "properties": {"data": {"type": "string"}, "event": {"type": "string"}, "id": {"type": "string"}},
}

EVERYWHERE = {"503": "A part this service depends on is away, or it is too busy: come back after Retry-After"}
WITH_BODY = {
    "400": "No proper HTTP request",
    "413": "The body is too large",
    "415": "The body is not called JSON, or encoded",
    "422": "The body is not valid",
}
WITH_PARAMETERS = {"422": "A parameter is not valid"}


def install(app: FastAPI) -> None:
    """Have the application's document tell its problems."""
    generate = app.openapi

    def told() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            schemas |= _definitions()
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for operation in _operations(document):
                _tell_problems(operation)
                _tell_parameters(operation)
                _tell_events(operation)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = told  # type: ignore[method-assign] # FastAPI's documented way


def _definitions() -> dict[str, Any]:
    schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), "ProblemDocument": schema}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _tell_problems(operation: dict[str, Any]) -> None:
    told = EVERYWHERE | (WITH_PARAMETERS if _has_limits(operation) else {})
    told |= WITH_BODY if "requestBody" in operation else {}
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", ()):
        del responses["422"]  # FastAPI's own, which is never sent
    for status, description in told.items():
        responses.setdefault(status, {"description": description, "content": PROBLEM})
    if "503" in responses:
        responses["503"].setdefault(
            "headers", {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}
        )
    responses.setdefault("default", {"description": "Any other problem", "content": PROBLEM})


def _tell_parameters(operation: dict[str, Any]) -> None:
    """A parameter may be left out, and is never null."""
    for parameter in operation.get("parameters", ()):
        kinds = [kind for kind in parameter["schema"].pop("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            parameter["schema"] |= kinds[0]


def _tell_events(operation: dict[str, Any]) -> None:
    """An event stream is a sequence of events (OpenAPI 3.2, section 4.14.4), no text."""
    for response in operation["responses"].values():
        if stream := response.get("content", {}).get("text/event-stream"):
            stream.clear()
            stream["itemSchema"] = EVENT


def _has_limits(operation: dict[str, Any]) -> bool:
    """Whether a parameter may be invalid; one in the path is then unknown."""
    return any(parameter["in"] != "path" for parameter in operation.get("parameters", ()))
