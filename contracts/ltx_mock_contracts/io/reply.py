"""What `ltx_mock_contracts.io.http_client` returns and raises, for those who do not send requests themselves."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["LARGEST_RESPONSE", "NoReplyError", "Reply"]

LARGEST_RESPONSE: Final = 1024 * 1024


class Reply(NamedTuple):
    """A response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class NoReplyError(Exception):
    """A request got no readable response; the text says what happened instead.

    Attributes:
        unreachable: Whether no connection could be made.
    """

    def __init__(self, what: str, *, unreachable: bool = False) -> None:
        super().__init__(what)
        self.unreachable = unreachable
