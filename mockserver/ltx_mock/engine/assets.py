"""Check reference images and LoRAs as the real service does (FAIL-2, FAIL-3).

Only URLs on loopback are fetched unless `fetch_assets` is set; all others count as valid, so that the documented
examples work without a network. A fetch runs beside its request, because an app may serve the image in the thread that
waits for generateTask.
"""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from urllib.parse import urljoin

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import INVALID_IMAGE_URL, Failure, assets, failure
from ltx_mock.core.hosts import CONTAINER_HOST, in_container, url_host
from ltx_mock.engine.outbound import Fetched, Sender, Unanswered
from ltx_mock_contracts.request import GenerateRequest

MAX_IMAGE_BYTES = 10 * 1024 * 1024
FETCH_SECONDS = 10.0
MAX_REDIRECTS = 5


def image_type(start: bytes) -> str | None:
    """Return the media type of an image by its first bytes, or None when it is not JPG, PNG or WebP."""
    if start.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "image/webp"
    return None


class InspectionResult(NamedTuple):
    """The result of checking the assets of a request: the task's failure, and why an asset was not checked."""

    failure: Failure | None = None
    doubt: Cause | None = None


NOTHING = InspectionResult()


class Inspector:
    """Fetches the assets of a request and returns the failure of its task, if any."""

    def __init__(self, sender: Sender, *, fetch_all: bool) -> None:
        self._sender = sender
        self._fetch_all = fetch_all

    def concerns(self, request: GenerateRequest, *, local: bool) -> bool:
        """Tell whether the request has assets to fetch; `local` is whether one of them is on this machine."""
        return local or (self._fetch_all and bool(request.image_urls or request.loras))

    async def inspect(self, request: GenerateRequest) -> InspectionResult:
        """Fetch image and LoRAs concurrently and return the first failure, the image's before a LoRA's."""
        wanted = [(code, url) for code, urls in assets(request) for url in urls if self._fetches(url)]
        problems = await asyncio.gather(*(self._problem(code, url) for code, url in wanted))
        doubt: Cause | None = None
        for (code, url), problem in zip(wanted, problems, strict=True):
            if isinstance(problem, Unanswered):  # a bad certificate says nothing about the file
                doubt = doubt or Cause("asset", f"{url} was not fetched and counts as valid: {problem}")
            elif problem is not None:
                return InspectionResult(failure(code, Cause("asset", f"fetched {url}"), problem))
        return InspectionResult(doubt=doubt)

    def _fetches(self, url: str) -> bool:
        return self._fetch_all or url_host(url).is_here

    async def _problem(self, code: str, url: str) -> str | Unanswered | None:
        """Return the problem of an asset; the reason itself if only its certificate was refused."""
        limit = MAX_IMAGE_BYTES if code == INVALID_IMAGE_URL else 0
        try:
            fetched = await self._follow(url, limit)
        except Unanswered as reason:
            return reason if reason.kind == "untrusted" else f"{reason}{_hint(url, reason)}"
        if fetched is None:
            return None
        if fetched.status != 200:
            return f"{url} responded with HTTP {fetched.status}"
        if code == INVALID_IMAGE_URL:
            return _image_problem(url, fetched)
        return None if fetched.size else f"{url} is empty"

    async def _follow(self, url: str, limit: int) -> Fetched | None:
        """Follow redirects and return the last response; None if a redirect leads to a host that is not fetched."""
        for _ in range(MAX_REDIRECTS + 1):
            fetched = await self._sender.get(url, FETCH_SECONDS, limit)
            if fetched.status not in {301, 302, 303, 307, 308} or not fetched.location:
                return fetched
            try:
                url = urljoin(url, fetched.location)
            except ValueError:
                url = ""
            if not url.lower().startswith(("http://", "https://")):
                raise Unanswered(f"a redirect to {fetched.location[:80]!r}, which is no http or https URL")
            if not self._fetches(url):
                return None
        raise Unanswered(f"more than {MAX_REDIRECTS} redirects")


def _hint(url: str, reason: Unanswered) -> str:
    """Return a hint for a file on this machine that cannot be reached."""
    if reason.kind != "refused" or not url_host(url).is_here or not in_container():
        return ""
    return f"; in a container this host is the container itself: give a file on its host as {CONTAINER_HOST}"


def _image_problem(url: str, fetched: Fetched) -> str | None:
    if fetched.size > MAX_IMAGE_BYTES:
        return f"{url} is larger than 10 MB"
    if image_type(fetched.start) is None:
        return f"{url} is not a JPG, PNG or WebP image"
    return None
