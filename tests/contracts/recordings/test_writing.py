"""Recordings are written whole, one change after the other, whoever writes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ltx_mock_contracts.recordings import Body, Recording, RecordingError, read_recording
from ltx_mock_contracts.recordings.writing import RecordingFolder, name_of_task
from support.recordings import recording

CHANGES = """
import sys
from dataclasses import replace
from pathlib import Path
from ltx_mock_contracts.recordings.writing import RecordingFolder

folder = RecordingFolder(Path(sys.argv[1]))
for _ in range(30):
    folder.change("one", lambda before: before and replace(before, upstream=before.upstream + sys.argv[2]))
"""


def test_a_recording_is_made_changed_and_readable(tmp_path: Path) -> None:
    folder = RecordingFolder(tmp_path / "new" / "folder")
    told = recording()
    assert folder.change("one", lambda before: told if before is None else None) == told
    assert read_recording(folder.path / "one.json") == told
    assert folder.change("one", lambda before: before and replace(before, model="m")) == replace(told, model="m")
    assert folder.change("one", lambda _: None) is None
    text = (folder.path / "one.json").read_text()
    assert read_recording(folder.path / "one.json").model == "m"
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"


def test_processes_that_change_a_recording_at_once_lose_no_change(tmp_path: Path) -> None:
    RecordingFolder(tmp_path).change("one", lambda _: recording(upstream=""))
    writers = [subprocess.Popen([sys.executable, "-c", CHANGES, str(tmp_path), sign]) for sign in "abc"]
    assert [each.wait() for each in writers] == [0, 0, 0]
    assert sorted(read_recording(tmp_path / "one.json").upstream) == sorted("abc" * 30)


def test_a_recording_that_would_be_too_large_to_read_is_not_written(tmp_path: Path) -> None:
    folder = RecordingFolder(tmp_path)
    folder.change("one", lambda _: recording())

    def enlarged(before: Recording | None) -> Recording:
        body = Body("text", "x" * 17 * 2**20)
        assert before is not None
        return replace(before, request=replace(before.request, body=body))

    with pytest.raises(RecordingError, match="it would have more than 16 MiB"):
        folder.change("one", enlarged)
    assert read_recording(tmp_path / "one.json") == recording()


@pytest.mark.parametrize("task_id", ["task_12345678", "0123456789abcdef0123456789abcdef"])
def test_a_usual_id_is_the_name_of_its_file(task_id: str) -> None:
    assert name_of_task(task_id) == task_id


@pytest.mark.parametrize(
    ("task_id", "readable"),
    [("Task", "task"), ("../../etc/passwd", "etc-passwd"), ("", "task"), ("-x", "x"), ("a" * 300, "a" * 80)],
)
def test_the_name_of_any_other_file_is_readable_and_has_a_digest(task_id: str, readable: str) -> None:
    assert re.fullmatch(rf"{readable}-[0-9a-f]{{8}}", name_of_task(task_id))


def test_ids_that_differ_only_in_case_have_names_of_their_own() -> None:
    assert len({name_of_task(each).lower() for each in ("task_a", "task_A", "TASK_A", "task/a", "task\\a")}) == 5


@pytest.mark.posix
def test_a_lock_that_is_no_file_is_an_error_and_nobody_waits(tmp_path: Path) -> None:
    precious, linked, piped, dangling = (tmp_path / name for name in ("precious", "linked", "piped", "dangling"))
    precious.write_bytes(b"precious")
    for folder in (linked, piped, dangling):
        folder.mkdir()
    (linked / ".lock").symlink_to(precious)
    (dangling / ".lock").symlink_to(tmp_path / "new")
    os.mkfifo(piped / ".lock")
    for folder, why in ((linked, "a symbolic link"), (dangling, "a symbolic link"), (piped, "not a file")):
        with pytest.raises(OSError, match=why):
            RecordingFolder(folder)
    assert not (tmp_path / "new").exists()
