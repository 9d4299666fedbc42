"""The real API behind a proxy: requests go on unchanged, and the fake's journal keeps what came back."""

from typing import Final

RECORD_MODES: Final = ("none", "once", "new_episodes", "all")
"""How a server before recordings uses the real API; `ltx-mock serve --help` says what each means."""
