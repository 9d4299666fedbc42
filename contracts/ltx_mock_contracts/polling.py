"""The documented advice on polling (CLI-2), in milliseconds."""

from __future__ import annotations

from typing import Final

__all__ = ["FASTEST_SAMPLE_MS", "FIRST_POLL_MS", "POLL_EVERY_MS"]

FIRST_POLL_MS: Final = 60_000
"""Wait at least this long between submitting a task and the first poll."""

POLL_EVERY_MS: Final = 5_000
"""Wait at least this long between two polls."""

FASTEST_SAMPLE_MS: Final = 3_000
"""The samples on the vendor's other pages poll every three seconds, so this interval also follows a document."""
