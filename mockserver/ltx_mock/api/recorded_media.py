"""The media of recorded results: the kept file, or a stand-in of the same size and length."""

from __future__ import annotations

import os
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ltx_mock.api import video
from ltx_mock.asgi.byte_ranges import BytesResponse
from ltx_mock.core.records import Task
from ltx_mock.core.seeding import digest
from ltx_mock.core.settings import MAX_RESULT_BYTES
from ltx_mock.core.timeline import result_fingerprint
from ltx_mock.store.tenant import Tenant
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
    """Return the response with the media of a result."""
    look = result_fingerprint(task.request, task.seed)
    given = result.media_type or ""
    return BytesResponse(
        lambda: _kept(tenant.settings.recordings, result) or _stand_in(task.request, look, result),
        media_type=given if given.isascii() and given.isprintable() and given else MODEL.result.media_type,
        etag=digest(look, result.url).hex(),
    )


def _kept(folder: str | os.PathLike[str] | None, result: RecordedResult) -> bytes | None:
    """Return the file of a result; None if it is not there."""
    if folder is None or result.file is None:
        return None
    try:
        return Path(folder, result.file).read_bytes()
    except OSError:
        return None


def _stand_in(request: GenerateRequest, look: bytes, result: RecordedResult) -> bytes:
    """Return a playable video of the size and length of a result.

    If every video of that length is larger, it is not playable: then neither was the recorded one, probably.
    """
    seconds = None if result.seconds is None else min(LONGEST, max(1, round(result.seconds)))
    render = partial(rendered, request, seconds=seconds)
    if result.bytes is None:
        return render(look)
    size = min(result.bytes, MAX_RESULT_BYTES)
    for number in range(PICTURES):
        made = render(digest(look, number) if number else look)
        if len(made) <= size:
            return video.fitted(made, size)
    return START[:size] + bytes(size - len(START[:size]))
