"""Read size and length of a video from the boxes of an MP4 file."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["VideoFormat", "is_complete", "is_mp4", "media_of", "read_format"]

_CONTAINERS: Final = (b"moov", b"trak")


class VideoFormat(NamedTuple):
    """The width and height of a video in pixels, and its length in seconds."""

    width: int
    height: int
    seconds: float


def is_mp4(raw: bytes) -> bool:
    """Tell whether a file begins like an MP4 file."""
    return raw[4:8] == b"ftyp"


def is_complete(raw: bytes) -> bool:
    """Tell whether the last box of an MP4 file ends at the end of the file."""
    at = 0
    while at + 8 <= len(raw):
        (size,) = struct.unpack_from(">I", raw, at)
        if size == 1 and at + 16 <= len(raw):
            (size,) = struct.unpack_from(">Q", raw, at + 8)
        at = len(raw) if size == 0 else at + max(size, 8)
    return at == len(raw) > 0


def read_format(raw: bytes) -> VideoFormat | None:
    """Return size and length from the headers of an MP4 file; None if they are missing, as in a fragmented file."""
    try:
        width, height, seconds = 0, 0, 0.0
        for kind, box in _boxes(raw):
            if kind == b"mvhd":
                scale, length = struct.unpack_from(">IQ" if box[0] else ">II", box, 20 if box[0] else 12)
                seconds = length / scale
            elif kind == b"tkhd":
                size = [side >> 16 for side in struct.unpack(">II", box[-8:])]
                width, height = max((width, height), (size[0], size[1]))
    except (struct.error, IndexError, ZeroDivisionError):
        return None
    return VideoFormat(width, height, seconds) if width and height and seconds else None


def media_of(raw: bytes) -> list[bytes]:
    """Return the media data of an MP4 file, without its headers."""
    return [box for kind, box in _boxes(raw) if kind == b"mdat"]


def _boxes(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield all boxes with content, including those inside container boxes."""
    at = 0
    while at + 8 <= len(raw):
        size, kind = struct.unpack_from(">I4s", raw, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", raw, at + 8), 16
        elif size == 0:
            size = len(raw) - at
        if size < head:
            return
        body = raw[at + head : at + size]
        if kind in _CONTAINERS:
            yield from _boxes(body)
        else:
            yield kind, body
        at += size
