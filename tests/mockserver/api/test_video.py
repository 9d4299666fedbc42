"""Rendered videos, judged by ffprobe and ffmpeg and by a look at their boxes."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterator
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock.api.video import dimensions, render
from ltx_mock_fixtures import FRAMES_PER_SECOND, fragments

SIZES = [(resolution, ratio) for resolution in ("480p", "720p", "1080p") for ratio in ("16:9", "9:16")]
CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl"}
VISIBLE = 5
"""Mean difference of two samples (0 to 255) that nobody overlooks."""
UNSEEN = 16
"""Difference of single samples that nobody sees at the edge between two colours."""


def make(resolution: str = "480p", aspect_ratio: str = "16:9", seconds: int = 5, picture: bytes = b"a sunset") -> bytes:
    return render(resolution=resolution, aspect_ratio=aspect_ratio, seconds=seconds, picture=picture)


def boxes(content: bytes, offset: int = 0) -> Iterator[tuple[bytes, int, bytes]]:
    """Walk through the boxes of an MP4, into the containers: kind, position and payload."""
    start = 0
    while start < len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        payload = content[start + 8 : start + size]
        yield kind, offset + start, payload
        if kind in CONTAINERS:
            yield from boxes(payload, offset + start + 8)
        start += size


def table(payload: bytes, skip: int = 4) -> list[int]:
    """Read the numbers of a counted table, which follow the version and flags and what `skip` adds to them."""
    (count,) = struct.unpack_from(">I", payload, skip)
    return list(struct.unpack_from(f">{count}I", payload, skip + 4))


def decode(file: Path, content: bytes, *, pixels: str = "gray", frames: int | None = None) -> bytes:
    """Decode to raw samples; anything that ffmpeg has to say is an error."""
    file.write_bytes(content)
    limit = [] if frames is None else ["-frames:v", str(frames)]
    command = ["ffmpeg", "-v", "error", "-i", str(file), *limit, "-f", "rawvideo", "-pix_fmt", pixels, "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    return done.stdout


def probe(file: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json", str(file)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.parametrize(
    ("resolution", "aspect_ratio", "size"),
    [
        ("480p", "16:9", (854, 480)),
        ("720p", "16:9", (1280, 720)),
        ("1080p", "16:9", (1920, 1080)),
        ("480p", "9:16", (480, 854)),
        ("720p", "9:16", (720, 1280)),
        ("1080p", "9:16", (1080, 1920)),
    ],
)
def test_dimensions_are_those_of_the_resolution_turned_for_9_16(
    resolution: str, aspect_ratio: str, size: tuple[int, int]
) -> None:
    assert dimensions(resolution, aspect_ratio) == size


@given(picture=st.binary(), seconds=st.integers(1, 20), size=st.sampled_from(SIZES))
def test_the_same_arguments_give_the_same_bytes(picture: bytes, seconds: int, size: tuple[str, str]) -> None:
    assert make(*size, seconds, picture) == make(*size, seconds, picture)


@pytest.mark.parametrize("seconds", [1, 5, 20, 90])
def test_the_index_comes_first_and_agrees_with_the_media(seconds: int) -> None:
    content = make(seconds=seconds)
    found = {kind: (position, payload) for kind, position, payload in boxes(content)}
    assert [kind for kind, _, _ in boxes(content) if kind in {b"ftyp", b"moov", b"mdat"}] == [b"ftyp", b"moov", b"mdat"]
    media_start, media = found[b"mdat"]
    sizes = table(found[b"stsz"][1], skip=8)
    chunks = table(found[b"stco"][1])
    assert len(sizes) == seconds * FRAMES_PER_SECOND
    assert sum(sizes) == len(media)
    assert chunks == [media_start + 8 + second * (len(media) // seconds) for second in range(seconds)]
    assert table(found[b"stss"][1]) == [1 + second * FRAMES_PER_SECOND for second in range(seconds)]


def test_the_header_boxes_tell_the_duration_and_the_display_size() -> None:
    found = {kind: payload for kind, _, payload in boxes(make("720p", "9:16", 7))}
    assert struct.unpack_from(">II", found[b"mvhd"], 12) == (1000, 7000)
    assert struct.unpack_from(">I", found[b"tkhd"], 20) == (7000,)
    assert struct.unpack_from(">II", found[b"tkhd"], 76) == (720 << 16, 1280 << 16)
    assert struct.unpack_from(">II", found[b"mdhd"], 12) == (FRAMES_PER_SECOND, 7 * FRAMES_PER_SECOND)


def test_pictures_of_different_digests_almost_never_are_the_same() -> None:
    digests = [blake2b(bytes([number]), digest_size=16).digest() for number in range(200)]
    assert len({make(seconds=1, picture=digest) for digest in digests}) == 200


@pytest.mark.sample
@pytest.mark.ffmpeg
@pytest.mark.parametrize("seconds", [5, 20])
@pytest.mark.parametrize(("resolution", "aspect_ratio"), SIZES)
def test_ffprobe_finds_the_video_that_was_asked_for(
    tmp_path: Path, resolution: str, aspect_ratio: str, seconds: int
) -> None:
    file = tmp_path / "video.mp4"
    file.write_bytes(make(resolution, aspect_ratio, seconds))
    told = probe(file)
    (stream,) = told["streams"]
    assert (stream["width"], stream["height"]) == dimensions(resolution, aspect_ratio)
    assert (stream["codec_name"], stream["profile"], stream["pix_fmt"]) == ("h264", "High", "yuv420p")
    assert (stream["r_frame_rate"], stream["has_b_frames"]) == ("24/1", 0)
    assert stream["nb_frames"] == stream["nb_read_frames"] == str(24 * seconds)
    assert float(stream["duration"]) == float(told["format"]["duration"]) == seconds
    assert "mp4" in told["format"]["format_name"]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("resolution", "aspect_ratio"), SIZES)
def test_two_digests_give_visibly_different_pictures_and_one_the_same(
    tmp_path: Path, resolution: str, aspect_ratio: str
) -> None:
    def first_frame(picture: bytes) -> bytes:
        video = make(resolution, aspect_ratio, 1, picture)
        return decode(tmp_path / "video.mp4", video, pixels="rgb24", frames=1)

    looks = [first_frame(picture) for picture in (b"one", b"two", b"three", b"one")]
    assert looks[0] == looks[3]
    for one, other in pairwise(looks):
        assert sum(abs(a - b) for a, b in zip(one[::97], other[::97], strict=True)) / len(one[::97]) > VISIBLE


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("resolution", "aspect_ratio"), SIZES)
def test_a_band_looks_the_same_whichever_bands_it_is_mixed_with(
    tmp_path: Path, resolution: str, aspect_ratio: str
) -> None:
    width, height = dimensions(resolution, aspect_ratio)
    source = fragments(width, height)
    bands = range(len(source.variants[0][0]))

    def rows(variants: list[int]) -> list[bytes]:
        slices = [source.variants[variants[band]][frame][band] for frame in range(FRAMES_PER_SECOND) for band in bands]
        stream = b"".join(b"\0\0\0\1" + nal for nal in (source.sps, source.pps, *slices))
        samples = decode(tmp_path / "video.h264", stream)
        return [samples[start : start + width] for start in range(0, len(samples), width)]

    one, other, mixed = rows([0 for _ in bands]), rows([1 for _ in bands]), rows([band % 2 for band in bands])
    assert len(mixed) == height * FRAMES_PER_SECOND
    assert mixed not in (one, other)
    strays = [(row, pair) for row, *pair in zip(mixed, one, other, strict=True) if row not in pair]
    assert max((min(worst(row, pure) for pure in pair) for row, pair in strays), default=0) <= UNSEEN


def worst(row: bytes, other: bytes) -> int:
    return max(abs(a - b) for a, b in zip(row, other, strict=True))
