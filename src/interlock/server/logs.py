"""Structured logs on stderr, one JSON object a line; secrets are never handed to a logger."""

from __future__ import annotations

import logging
import sys

import structlog

__all__ = ["configure"]


def configure(level: int = logging.INFO) -> None:
    """Set up logging for a process of ours."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
