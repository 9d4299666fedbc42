"""Keeps the fake's own lines out of the log of the program that it runs in."""

from __future__ import annotations

import logging
import threading

LOGGERS = ("asyncio", "httpcore.connection", "httpcore.http11", "httpx", "uvicorn.error")
_thread = threading.local()


def quiet_this_thread() -> None:
    """Drop what the libraries below the fake log in this thread, unless it is a warning or worse."""
    _thread.quiet = True
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_passes)


def _passes(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not getattr(_thread, "quiet", False)
