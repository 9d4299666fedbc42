"""The one place from which the fake talks to others: callbacks out, reference images and LoRAs in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

USER_AGENT = "ltx-mock"


class Unanswered(Exception):  # noqa: N818 - not an error of ours
    """The other side gave no HTTP answer. `timed_out` tells a silent one from a dead one."""

    def __init__(self, reason: str, *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out


class Sender:
    """An HTTP client made when it is first needed. It follows no redirects and ignores proxy settings."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def post(self, url: str, body: bytes, timeout_s: float, content_type: str) -> int:
        """POST a body and return the status as soon as it is there.

        Raises:
            Unanswered: no answer came, or not within `timeout_s` real seconds.
        """
        headers = {"content-type": content_type}
        async with self._stream("POST", url, timeout_s, content=body, headers=headers) as response:
            return response.status_code

    async def get(self, url: str, timeout_s: float, limit: int) -> tuple[int, str | None, bytes]:
        """GET and return status, `Location` and at most `limit` bytes of the body.

        Raises:
            Unanswered: no answer came, or it was not complete within `timeout_s` real seconds.
        """
        async with self._stream("GET", url, timeout_s) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) >= limit:
                    break
            return response.status_code, response.headers.get("location"), bytes(body[:limit])

    async def close(self) -> None:
        """Close what is open."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @asynccontextmanager
    async def _stream(
        self, method: str, url: str, timeout_s: float, **request: object
    ) -> AsyncIterator[httpx.Response]:
        import httpx  # noqa: PLC0415 - half of the start-up time, needed only for callbacks and assets

        if self._client is None:
            # A connection kept alive would fail when the receiver restarts, and the failure would be ours.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                timeout=None,  # noqa: S113 - the whole exchange is limited here below
                limits=limits,
                trust_env=False,
                headers={"user-agent": USER_AGENT},
            )
        self._client.cookies.clear()  # one exchange must not know of another
        try:
            async with asyncio.timeout(timeout_s), self._client.stream(method, url, **request) as response:  # type: ignore[arg-type]
                yield response
        except TimeoutError:
            raise Unanswered(f"no answer within {timeout_s:g} s", timed_out=True) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise Unanswered(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from None
