"""The media of recorded results: the kept file, or a stand-in of the same size and length."""

from __future__ import annotations

import os
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ltx_mock.api import video
from ltx_mock.asgi.byte_ranges import BytesResponse, Content
from ltx_mock.asgi.messages import NO_PAGE
from ltx_mock.core.records import Task
from ltx_mock.core.seeding import digest
from ltx_mock.core.settings import MAX_RESULT_BYTES
from ltx_mock.core.timeline import result_fingerprint
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.io.safe_files import open_regular
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.request import GenerateRequest

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings import RecordedResult

PICTURES = 16
"""So many pictures are tried for a video that is not too large; their sizes differ."""
LONGEST = 120
"""The maximum length of a stand-in, in seconds."""
START = b"\x00\x00\x00\x10ftypisom\x00\x00\x02\x00"

_render = lru_cache(maxsize=16)(video.render)


def rendered(request: GenerateRequest, picture: bytes, seconds: int | None = None) -> bytes:
    """Return the video for a request, with the picture of a digest; `seconds` is another length."""
    return _render(
        resolution=request.resolution,
        aspect_ratio=request.aspect_ratio,
        seconds=request.duration if seconds is None else seconds,
        picture=picture,
    )


def media_of(tenant: Tenant, task: Task, result: RecordedResult) -> BytesResponse:
    """Return the response with the media of a result, which no browser takes for a page of ours."""
    look = result_fingerprint(task.request, task.seed)

    def content() -> Content:
        kept = _kept(tenant.settings.recordings, result)
        return _stand_in(task.request, look, result) if kept is None else kept

    return BytesResponse(
        content,
        media_type=_media_type(result.media_type),
        etag=digest(look, result.url).hex(),
        headers=NO_PAGE,
    )


class _File:
    """The content of an open file, read piece by piece."""

    def __init__(self, opened: BinaryIO) -> None:
        self._opened, self._size = opened, os.fstat(opened.fileno()).st_size
        self.close = opened.close

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        wanted = range(self._size)[part]
        self._opened.seek(wanted.start)
        return self._opened.read(len(wanted))


def _media_type(given: str | None) -> str:
    if given is None:
        return MODEL.result.media_type
    from ltx_mock_contracts.recordings.model import is_media  # noqa: PLC0415 - most servers have no recordings

    return given if is_media(given) else "application/octet-stream"


def _kept(folder: str | os.PathLike[str] | None, result: RecordedResult) -> _File | None:
    """Return the file of a result; None if there is none in the folder itself, or it is a link or no file."""
    if folder is None or not result.file or Path(result.file).name != result.file:
        return None
    try:
        return _File(open_regular(Path(folder, result.file)))
    except (OSError, ValueError):
        return None


def _stand_in(request: GenerateRequest, look: bytes, result: RecordedResult) -> Content:
    """Return a playable video of the size and length of a result.

    If every video of that length is larger, it is not playable: then neither was the recorded one, probably.
    """
    seconds = None if result.seconds is None else min(LONGEST, max(1, round(result.seconds)))
    size = None if result.bytes is None else min(result.bytes, MAX_RESULT_BYTES)
    return _made(request, look, seconds, size)


@lru_cache(maxsize=16)
def _made(request: GenerateRequest, look: bytes, seconds: int | None, size: int | None) -> Content:
    render = partial(rendered, request, seconds=seconds)
    if size is None:
        return render(look)
    for number in range(PICTURES):
        made = render(digest(look, number) if number else look)
        if len(made) <= size:
            return video.fitted(made, size)
    return video.Padded(START[:size], size)
