"""Download the videos of results: within a bound, and from public hosts or from that of the upstream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from ltx_mock.core.hosts import host_of
from ltx_mock.engine.outbound import Sender, Unanswered
from ltx_mock_contracts.io.mp4 import VideoFormat, read_format
from ltx_mock_contracts.io.safe_files import new_file_beside
from ltx_mock_contracts.recordings.model import RecordedResult, is_media

LARGEST: Final = 256 * 1024 * 1024
SECONDS: Final = 600.0
"""How long a download may take, in real seconds."""

_MEDIA_TYPE: Final = re.compile(r"[\w.+-]{1,80}/[\w.+-]{1,80}", re.ASCII)
_BYTES: Final = frozenset({"application/octet-stream", "binary/octet-stream"})
"""What stores of files call a video of which they know no type."""
_SUFFIXES: Final = frozenset(
    {".avif", ".gif", ".jpeg", ".jpg", ".m4v", ".mkv", ".mov", ".mp4", ".png", ".webm", ".webp"}
)


class NotKeptError(Exception):
    """A video is not kept; the text says why."""


class _UnwrittenError(Exception):
    """A part of a file could not be written. The sender would take an `OSError` for one of the connection."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class ResultDownloads:
    """Downloads videos beside their recordings. No redirect is followed.

    Args:
        sender: Sends the requests.
        upstream: The root URL of the API; its host may be anywhere.
        largest: The maximum size of a video in bytes.
    """

    def __init__(self, sender: Sender, upstream: str, largest: int = LARGEST) -> None:
        self._sender, self._host, self._largest = sender, host_of(upstream), largest

    async def download(self, url: str, folder: Path, name: str) -> RecordedResult:
        """Download a video, and return what is known about it. Its URL stays as it is.

        Args:
            url: Its URL.
            folder: Where to keep it.
            name: The name of the file, without a suffix.

        Raises:
            NotKeptError: There is no video or image, it is too large, or its host is not public.
            OSError: The file cannot be written.
        """
        file = folder / f"{name}{_suffix(url)}"
        part, opened = new_file_beside(file)
        try:
            with opened:
                fetched = await self._sender.get(
                    url, SECONDS, self._largest, keep=_writer(opened.write), only_public=host_of(url) != self._host
                )
                if fetched.status != 200:
                    raise NotKeptError(f"its host responds with HTTP {fetched.status}")
                if fetched.size > self._largest:
                    raise NotKeptError(f"it has more than {self._largest / 2**20:g} MiB")
                media_type = _media_type(fetched.media_type)
                if media_type is not None and media_type not in _BYTES and not is_media(media_type):
                    raise NotKeptError(f"it is no video or image but {media_type}")
                shown = await asyncio.to_thread(_format_of, opened)
            part.replace(file)
        except Unanswered as problem:
            raise NotKeptError(str(problem)) from None
        except _UnwrittenError as unwritten:
            raise unwritten.error from None
        finally:
            with suppress(OSError):
                part.unlink()
        return RecordedResult(
            url=url,
            file=file.name,
            bytes=fetched.size,
            media_type=media_type,
            seconds=shown and shown.seconds,
            width=shown and shown.width,
            height=shown and shown.height,
        )


def _suffix(url: str) -> str:
    """Return the suffix of the file of a URL; `.mp4` if it is not that of a video or image."""
    suffix = Path(urlsplit(url).path).suffix.lower()
    return suffix if suffix in _SUFFIXES else ".mp4"


def _format_of(opened: BinaryIO) -> VideoFormat | None:
    opened.seek(0)
    return read_format(opened.read())


def _writer(write_part: Callable[[bytes], object]) -> Callable[[bytes], None]:
    def write(part: bytes) -> None:
        try:
            write_part(part)
        except OSError as error:
            raise _UnwrittenError(error) from None

    return write


def _media_type(header: str | None) -> str | None:
    """Return the media type of a `Content-Type`, without its parameters."""
    found = _MEDIA_TYPE.match(header or "")
    return found[0].lower() if found else None
