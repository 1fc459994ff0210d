"""What an operator asks every process: is it alive, is it ready, what has it counted."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.messaging.database import Database, fetch
from services.process import http
from services.process.problems import RETRY_AFTER, Problem

NOT_READY = http.responses({503: "Not ready"})
METRICS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The figures", "content": {"text/plain": {"schema": {"type": "string"}}}}
}

Check = Callable[[], str | None]
"""Why a part is not ready; None when it is."""


def router(checks: Mapping[str, Check]) -> APIRouter:
    """``/healthz``, ``/readyz`` and ``/metrics``. The first two say which process answers: others may share its port."""
    operations = APIRouter(tags=["operations"])

    @operations.get("/healthz", summary="Is the process alive?")
    async def healthz() -> dict[str, str | int]:
        return {"status": "alive", "pid": os.getpid()}

    @operations.get("/readyz", summary="Can it do its work? 503 says what is missing.", responses=NOT_READY)
    def readyz() -> dict[str, str | int]:
        reasons = {name: reason for name, check in checks.items() if (reason := check()) is not None}
        if reasons:
            told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise Problem(503, f"not ready: {told}", headers=RETRY_AFTER, reasons=reasons, pid=os.getpid())
        return {"status": "ready", "pid": os.getpid()}

    @operations.get(
        "/metrics", summary="Figures in Prometheus' text format.", response_class=Response, responses=METRICS
    )
    def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return operations


def database_check(database: Database) -> Check:
    """Ready when the database answers."""

    def check() -> str | None:
        try:
            with database.connection() as connection:
                fetch(connection, "SELECT 1")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            return str(error).splitlines()[0]
        return None

    return check
