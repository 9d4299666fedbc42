"""A folder of recordings is read file by file: a broken one is one line, and all others are there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ltx_mock_contracts.recordings import RecordingError, read_recordings
from ltx_mock_contracts.recordings.folder import LARGEST
from support.recordings import document


def test_recordings_are_in_order_of_time_and_broken_files_are_lines(tmp_path: Path) -> None:
    for name, recorded in (
        ("b", "2026-01-31T12:00:00.000Z"),
        ("a", "2026-01-31T12:00:00.000Z"),
        ("z", "2025-01-31T12:00:00Z"),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(document(recorded=recorded)))
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "newer.json").write_text(json.dumps(document(version=9)))
    (tmp_path / "large.json").write_text(" " * (LARGEST + 1))
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "text.json").write_bytes(b"\xff")
    (tmp_path / ".half-written.json").write_text("{")
    told = read_recordings(tmp_path)
    assert [each.name for each in told.recordings] == ["z", "a", "b"]
    assert [line.partition(":")[0] for line in told.problems] == [
        "broken.json",
        "folder.json",
        "large.json",
        "newer.json",
        "text.json",
    ]
    assert told.problems[3] == "newer.json: version must be 1, the newest that this ltx-mock reads, but is 9"
    assert all("\n" not in line for line in told.problems)


def test_recordings_of_tasks_without_an_end_are_lines(tmp_path: Path) -> None:
    for name, changes in {"whole": {}, "cut": {"end": None}, "refused": {"taskId": None, "end": None}}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document(**changes)))
    (line,) = read_recordings(tmp_path).endless
    assert line.startswith("cut.json has no end")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="none cannot be read: No such file"):
        read_recordings(tmp_path / "none")


@pytest.mark.posix
def test_a_pipe_is_a_line_and_nobody_waits_for_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    monkeypatch.setattr("select.select", None)
    assert read_recordings(tmp_path).problems == ("pipe.json: it cannot be read: it is not a file but a pipe",)


@pytest.mark.posix
def test_the_name_of_a_file_is_printable_in_its_line(tmp_path: Path) -> None:
    (tmp_path / "a\n\x1b[2Jb.json").write_text("{")
    (line,) = read_recordings(tmp_path).problems
    assert line.startswith("a��[2Jb.json: ")
    assert line.isprintable()
