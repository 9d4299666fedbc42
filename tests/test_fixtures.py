"""The data files and their loader."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

import ltx_mock_fixtures
from ltx_mock.engine.assets import MAX_IMAGE_BYTES, image_type
from ltx_mock_fixtures import FRAMES_PER_SECOND, IMAGE_LIMIT, fragments, names, oversize_jpeg, read

SHIPPED_BYTES = 2_500_000
SIZES = [(854, 480), (480, 854), (1280, 720), (720, 1280), (1920, 1080), (1080, 1920)]


def test_every_data_file_is_listed_and_can_be_read() -> None:
    folder = Path(ltx_mock_fixtures.__file__).parent
    files = [file for file in folder.rglob("*") if file.is_file() and file.suffix not in {".py", ".pyc", ".typed"}]
    assert names() == sorted(file.relative_to(folder).as_posix() for file in files)
    assert {name: len(read(name)) for name in names()} == {
        file.relative_to(folder).as_posix(): file.stat().st_size for file in files
    }


def test_the_data_stays_small() -> None:
    assert sum(len(read(name)) for name in names()) < SHIPPED_BYTES


@pytest.mark.parametrize("name", ["images/none.jpg", "../pyproject.toml", "", "images", "__init__.py", "py.typed"])
def test_a_name_that_is_not_listed_cannot_be_read(name: str) -> None:
    with pytest.raises(FileNotFoundError, match="no fixture is called"):
        read(name)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("images/reference.jpg", "image/jpeg"),
        ("images/reference.png", "image/png"),
        ("images/reference.webp", "image/webp"),
        ("images/not-an-image.jpg", None),
        ("images/animation.gif", None),
    ],
)
def test_images_are_what_their_names_say(name: str, media_type: str | None) -> None:
    assert image_type(read(name)) == media_type


def test_the_gif_is_a_gif_and_the_text_is_text() -> None:
    assert read("images/animation.gif").startswith(b"GIF89a")
    assert read("images/not-an-image.jpg").decode("ascii").isprintable() is False
    assert read("images/not-an-image.jpg").strip().decode("ascii").isprintable()


def test_the_oversize_image_is_a_jpeg_one_byte_over_the_limit() -> None:
    assert len(oversize_jpeg()) == IMAGE_LIMIT + 1 == MAX_IMAGE_BYTES + 1
    assert oversize_jpeg().startswith(read("images/reference.jpg"))


def test_the_lora_is_a_valid_safetensors_file() -> None:
    content = read("loras/style.safetensors")
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    del header["__metadata__"]
    ends = [tensor["data_offsets"][1] for tensor in header.values()]
    assert max(ends) == len(content) - 8 - length
    for tensor in header.values():
        rows, columns = tensor["shape"]
        assert tensor["data_offsets"][1] - tensor["data_offsets"][0] == 2 * rows * columns


@pytest.mark.parametrize("size", SIZES)
def test_every_variant_of_a_video_has_a_second_of_frames_of_equally_many_bands(size: tuple[int, int]) -> None:
    source = fragments(*size)
    assert len(source.variants) >= 10
    assert {len(frames) for frames in source.variants} == {FRAMES_PER_SECOND}
    assert len({len(bands) for frames in source.variants for bands in frames}) == 1


def test_a_size_that_is_not_there_cannot_be_loaded() -> None:
    with pytest.raises(FileNotFoundError, match="video/640x480"):
        fragments(640, 480)
