"""Parse the URL of a server as people write it: with or without its scheme."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from ltx_mock_contracts.api import BASE_PATH

__all__ = ["START_HINT", "server_root", "server_url"]

START_HINT: Final = "start it with: ltx-mock serve"
"""What to do if nobody listens at an address of this machine."""


def server_url(text: str) -> str:
    """Return the URL of a server; `127.0.0.1:8219` without a scheme means http.

    Raises:
        ValueError: It is not an http or https URL with a host; the text says what is allowed.
    """
    given = text.strip()
    url = given if "://" in given else f"http://{given.removeprefix('//')}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or " " in url or not url.isprintable():
        raise ValueError(f"must be the http or https URL of a server, such as http://127.0.0.1:8219, not {text!r}")
    return url


def server_root(text: str) -> str:
    """Return the URL of a server without a trailing slash or `/api/v1`; otherwise like `server_url`."""
    return server_url(text).rstrip("/").removesuffix(BASE_PATH)
