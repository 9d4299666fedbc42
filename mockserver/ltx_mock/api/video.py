"""Make a playable MP4 for a finished task, in milliseconds and without an encoder.

The picture consists of pre-encoded horizontal bands (`ltx_mock_fixtures.fragments`). The digest of the request selects
a colour variant for each band, and the resulting second is repeated.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from hashlib import blake2b

from ltx_mock_contracts.model import MODEL
from ltx_mock_fixtures import FRAMES_PER_SECOND, Fragments, fragments

__all__ = ["Padded", "dimensions", "fitted", "padded", "render"]

_MOVIE_TIMESCALE = 1000
_IDENTITY = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LANGUAGE_UNDEFINED = 0x55C4
_TRACK_SHOWN = 3
_SAME_FILE = 1
_MEDIA = b"mdat"


def dimensions(resolution: str, aspect_ratio: str) -> tuple[int, int]:
    """Return the width and height in pixels of a video (GEN-9, GEN-11).

    Args:
        resolution: One of the model's.
        aspect_ratio: One of the model's.

    Raises:
        KeyError: There is no such resolution or aspect ratio.
    """
    return MODEL.resolutions[resolution].sizes[aspect_ratio]


class Padded:
    """Bytes that are followed by zeros up to a size; the zeros are made when they are read.

    Args:
        start: The bytes.
        size: The size, at least theirs.
    """

    def __init__(self, start: bytes, size: int) -> None:
        self._start, self._size = start, size

    def __len__(self) -> int:
        """Return the size in bytes."""
        return self._size

    def __getitem__(self, part: slice, /) -> bytes:
        """Return some of the bytes."""
        wanted = range(self._size)[part]
        found = self._start[wanted.start : wanted.stop]
        return found + bytes(len(wanted) - len(found))


def padded(video: bytes, size: int) -> Padded:
    """Return an MP4 file padded to at least `size` bytes with a box that players skip."""
    missing = size - len(video)
    if missing <= 0:
        return Padded(video, len(video))
    box = max(8, missing)
    return Padded(video + box.to_bytes(4) + b"free", len(video) + box)


def fitted(video: bytes, size: int) -> Padded:
    """Return an MP4 file of `render` with exactly `size` bytes, at least its own: its last box becomes longer."""
    start = video.index(_MEDIA) - 4
    return Padded(video[:start] + (size - start).to_bytes(4) + video[start + 4 :], size)


def render(*, resolution: str, aspect_ratio: str, seconds: int, picture: bytes) -> bytes:
    """Make an MP4 file (H.264, no sound) of exactly the requested length (TASK-4, TASK-9).

    The same arguments give the same bytes. The index precedes the media, so a player can start at once.

    Args:
        resolution: One of the model's.
        aspect_ratio: One of the model's.
        seconds: The length of the video.
        picture: A digest that determines the picture. Two digests give visibly different pictures, except for 1 in 10
            million.

    Raises:
        KeyError: There is no such resolution or aspect ratio.
    """
    width, height = dimensions(resolution, aspect_ratio)
    source, frames = _second(width, height, picture)
    start = _box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41")
    sizes = [len(frame) for frame in frames]
    # The index contains its own length as offset, so it is built twice; the value does not change the length.
    index = _movie(source, width, height, seconds, sizes, offset=0)
    index = _movie(source, width, height, seconds, sizes, offset=len(start) + len(index) + 8)
    return start + index + _box(_MEDIA, b"".join(frames) * seconds)


@lru_cache(maxsize=32)
def _second(width: int, height: int, picture: bytes) -> tuple[Fragments, tuple[bytes, ...]]:
    """Combine one second of samples, each a frame of slices prefixed with their lengths."""
    source = fragments(width, height)
    bands = len(source.variants[0][0])
    digest_number = int.from_bytes(blake2b(picture).digest())
    choice = [digest_number // len(source.variants) ** band % len(source.variants) for band in range(bands)]
    frames = (
        b"".join(_prefixed(source.variants[variant][frame][band]) for band, variant in enumerate(choice))
        for frame in range(FRAMES_PER_SECOND)
    )
    return source, tuple(frames)


def _prefixed(nal: bytes) -> bytes:
    return len(nal).to_bytes(4) + nal


def _box(kind: bytes, *parts: bytes) -> bytes:
    size = 8 + sum(map(len, parts))
    return b"".join((size.to_bytes(4), kind, *parts))


def _full_box(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    """A box with a version, always 0 here, and flags."""
    return _box(kind, flags.to_bytes(4), *parts)


def _movie(source: Fragments, width: int, height: int, seconds: int, sizes: list[int], *, offset: int) -> bytes:
    duration = seconds * _MOVIE_TIMESCALE
    next_track = 2
    header = struct.pack(">4IIH10x36s24xI", 0, 0, _MOVIE_TIMESCALE, duration, 0x10000, 0x100, _IDENTITY, next_track)
    track = struct.pack(">4xII4xI8xHHH2x36sII", 0, 1, duration, 0, 0, 0, _IDENTITY, width << 16, height << 16)
    return _box(
        b"moov",
        _full_box(b"mvhd", header),
        _box(
            b"trak",
            _full_box(b"tkhd", track, flags=_TRACK_SHOWN),
            _media(seconds, _sample_table(source, width, height, seconds, sizes, offset)),
        ),
    )


def _media(seconds: int, sample_table: bytes) -> bytes:
    header = struct.pack(">4IHH", 0, 0, FRAMES_PER_SECOND, seconds * FRAMES_PER_SECOND, _LANGUAGE_UNDEFINED, 0)
    references = _full_box(b"dref", (1).to_bytes(4), _full_box(b"url ", flags=_SAME_FILE))
    return _box(
        b"mdia",
        _full_box(b"mdhd", header),
        _full_box(b"hdlr", b"\0\0\0\0vide", bytes(12), b"ltx-mock\0"),
        _box(b"minf", _full_box(b"vmhd", bytes(8), flags=1), _box(b"dinf", references), sample_table),
    )


def _sample_table(source: Fragments, width: int, height: int, seconds: int, sizes: list[int], offset: int) -> bytes:
    """Every second is a separate chunk and starts with its only sync sample."""
    count = seconds * FRAMES_PER_SECOND
    syncs = range(1, count + 1, FRAMES_PER_SECOND)
    chunks = range(offset, offset + seconds * sum(sizes), sum(sizes))
    return _box(
        b"stbl",
        _full_box(b"stsd", (1).to_bytes(4), _sample_entry(source, width, height)),
        _full_box(b"stts", struct.pack(">III", 1, count, 1)),
        _full_box(b"stss", _table(syncs)),
        _full_box(b"stsc", struct.pack(">IIII", 1, 1, FRAMES_PER_SECOND, 1)),
        _full_box(b"stsz", bytes(4), _table(sizes * seconds)),
        _full_box(b"stco", _table(chunks)),
    )


def _table(numbers: list[int] | range) -> bytes:
    return struct.pack(f">{len(numbers) + 1}I", len(numbers), *numbers)


def _sample_entry(source: Fragments, width: int, height: int) -> bytes:
    profile = source.sps[1:4]
    length_size, one_sps, one_pps = b"\xff", b"\xe1", b"\x01"
    configuration = _box(
        b"avcC",
        b"\x01" + profile + length_size,
        one_sps + len(source.sps).to_bytes(2) + source.sps,
        one_pps + len(source.pps).to_bytes(2) + source.pps,
        # High profile also needs colour format and bit depths: 4:2:0, 8 bits, no additional parameter sets.
        b"\xfd\xf8\xf8\x00",
    )
    entry = struct.pack(">6xH16xHHII4xH32sHh", 1, width, height, 72 << 16, 72 << 16, 1, b"", 24, -1)
    return _box(b"avc1", entry, configuration)
