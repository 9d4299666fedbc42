"""Requests over HTTP to a server that may do anything: answer slowly, never, without end, or with no HTTP at all."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Connection", "NoAnswerError", "Reply"]

_LARGEST_ANSWER: Final = 1024 * 1024


class Reply(NamedTuple):
    """An answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class NoAnswerError(Exception):
    """A request got no answer that could be read; the text says what came instead.

    Attributes:
        unreachable: Whether nobody was there to ask.
    """

    def __init__(self, what: str, *, unreachable: bool = False) -> None:
        super().__init__(what)
        self.unreachable = unreachable


class Connection:
    """Sends requests and gives up in time.

    Args:
        timeout: How many seconds a whole answer may take.
        local: Whether the server is on this machine, so that no proxy is on the way.
    """

    def __init__(self, timeout: float, *, local: bool) -> None:
        self._timeout = timeout
        self._client = httpx.Client(timeout=timeout, trust_env=not local, follow_redirects=False)

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        most: int = _LARGEST_ANSWER,
        timeout: float | None = None,
    ) -> Reply:
        """Send a request and return the answer.

        Args:
            method: The HTTP method.
            url: The URL.
            headers: What to send besides the usual.
            content: The body.
            most: How many bytes of an answer are read.
            timeout: How many seconds it may take, if not as long as usual.

        Raises:
            NoAnswerError: There is none within the time, it is too long, or it is no HTTP.
        """
        patience = self._timeout if timeout is None else timeout
        end = monotonic() + patience
        try:
            with self._client.stream(method, url, headers=headers, content=content, timeout=patience) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > most:
                        raise NoAnswerError(f"an answer of more than {most} bytes")
                    if monotonic() > end:
                        raise NoAnswerError(f"no end of the answer within {patience:g} s")
                return Reply(response.status_code, dict(response.headers), bytes(body))
        except httpx.TimeoutException:
            raise NoAnswerError(f"no answer within {patience:g} s") from None
        except httpx.ConnectError as error:
            raise NoAnswerError(f"no connection: {error}", unreachable=True) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswerError(f"no HTTP: {str(error) or type(error).__name__}") from None

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
