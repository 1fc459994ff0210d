"""Structured logs: one line per batch or request, key-values, never prose."""

import logging
import sys

import structlog


def configure(level: str, **context: str) -> None:
    """Write log lines as logfmt to standard output, each with these key-values."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(**context)
    logging.basicConfig(
        stream=sys.stdout, level=logging.WARNING, format="level=%(levelname)s event=%(name)s message=%(message)r"
    )
