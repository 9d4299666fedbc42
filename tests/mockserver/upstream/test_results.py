"""Videos of results are downloaded within a bound, and nothing is left of one that is not kept."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import BinaryIO

import pytest

from ltx_mock.engine.outbound import Sender
from ltx_mock.upstream.results import NotKeptError, ResultDownloads
from ltx_mock_contracts.io.safe_files import new_file_beside
from ltx_mock_contracts.recordings import RecordedResult
from support.raw_upstream import RawUpstream, response

FULL = Path("/dev/full")
"""A device that is always full."""


def download(folder: Path, answer: bytes, path: str = "/v.mp4", largest: int = 10) -> RecordedResult:
    with RawUpstream([answer]) as host:
        downloads = ResultDownloads(Sender(), host.url, largest)
        return asyncio.run(downloads.download(f"{host.url}{path}", folder, "task_1"))


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/v.mp4?token=a", "task_1.mp4"),
        ("/v.WEBM", "task_1.webm"),
        ("/v", "task_1.mp4"),
        ("/v.json", "task_1.mp4"),
        ("/v.html", "task_1.mp4"),
    ],
)
def test_a_video_is_kept_under_the_name_of_its_recording(path: str, file: str, tmp_path: Path) -> None:
    kept = download(tmp_path, response(b"0123456789", "200 OK", "Content-Type: Video/MP4; token=x"), path)
    assert (kept.file, kept.bytes, kept.media_type, kept.seconds) == (file, 10, "video/mp4", None)
    assert (tmp_path / file).read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (response(b"x" * 11), "it has more than 9.53674e-06 MiB"),
        (response(b"no", "404 Not Found"), "its host responds with HTTP 404"),
        (response(b"", "302 Found", "Location: http://127.0.0.1/"), "its host responds with HTTP 302"),
        (response(b"<p>", "200 OK", "Content-Type: text/html"), "it is no video or image but text/html"),
        (response(b"<svg>", "200 OK", "Content-Type: image/svg+xml"), r"it is no video or image but image/svg\+xml"),
        (response(b"x", length=5), "RemoteProtocolError"),
        (response(b"x", "200 OK", "Content-Encoding: gzip"), "Content-Encoding 'gzip'"),
    ],
)
def test_nothing_is_left_of_what_is_not_kept(answer: bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(NotKeptError, match=problem):
        download(tmp_path, answer)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.posix
@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def full(target: Path) -> tuple[Path, BinaryIO]:
        part, opened = new_file_beside(target)
        opened.close()
        return part, FULL.open("w+b")

    monkeypatch.setattr("ltx_mock.upstream.results.new_file_beside", full)
    with pytest.raises(OSError, match="No space left on device"):
        download(tmp_path, response(b"x" * 100_000), largest=200_000)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("given", ["application/octet-stream", "binary/octet-stream"])
def test_a_video_of_a_host_that_knows_no_type_is_kept(given: str, tmp_path: Path) -> None:
    kept = download(tmp_path, response(b"0123456789", "200 OK", f"Content-Type: {given}"))
    assert (kept.file, kept.media_type) == ("task_1.mp4", given)


@pytest.mark.posix
def test_nothing_is_written_through_a_link_that_somebody_put_first(tmp_path: Path) -> None:
    precious, folder = tmp_path / "precious", tmp_path / "out"
    precious.write_bytes(b"precious")
    folder.mkdir()
    for name in (".task_1.mp4.part", "task_1.mp4"):
        (folder / name).symlink_to(precious)
    assert download(folder, response(b"0123456789")).file == "task_1.mp4"
    assert precious.read_bytes() == b"precious"
    assert not (folder / "task_1.mp4").is_symlink()
    assert (folder / "task_1.mp4").read_bytes() == b"0123456789"
