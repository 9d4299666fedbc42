"""How a client should poll, as the documents advise (CLI-2). Milliseconds."""

from __future__ import annotations

from typing import Final

__all__ = ["FASTEST_SAMPLE_MS", "FIRST_POLL_MS", "POLL_EVERY_MS"]

FIRST_POLL_MS: Final = 60_000
"""How long to wait after submitting a task."""

POLL_EVERY_MS: Final = 5_000
"""How long to wait between two polls, at least."""

FASTEST_SAMPLE_MS: Final = 3_000
"""The samples on the vendor's other pages poll every three seconds: who polls no faster goes by a document."""
