"""Keep the fake's log records out of the log of the host program."""

from __future__ import annotations

import logging
import threading

LOGGERS = ("asyncio", "httpcore.connection", "httpcore.http11", "httpx", "uvicorn.error")
_thread = threading.local()


def quiet_this_thread() -> None:
    """Drop log records of the fake's libraries in this thread below the level warning."""
    _thread.quiet = True
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_passes)


def _passes(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or not getattr(_thread, "quiet", False)
