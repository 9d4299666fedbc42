"""`ltx-mock recordings`: what is in a folder, and what becomes of HAR and NDJSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ltx_mock_contracts import Exchange, write_ndjson
from ltx_mock_contracts.recordings import read_recordings
from support.bodies import TEXT, request_body
from support.processes import ltx_mock
from support.recordings import document

pytestmark = pytest.mark.sample(3)

MADE = Exchange(
    at=1_767_965_610_000,
    operation="generateTask",
    method="POST",
    target="https://api.example/api/v1/generateTask/ltx-2-19b",
    status=200,
    request=request_body(TEXT, prompt="for jane@mail.example"),
    answer={"code": 200, "message": "success", "data": {"taskId": "task_1"}},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "recordings"
    made.mkdir()
    (made / "task_recorded_1.json").write_text(json.dumps(document()))
    (made / "refused-1.json").write_text(json.dumps(document(taskId=None, end=None, answers=[], request={})))
    (made / "broken.json").write_text("{}")
    return made


def test_recordings_are_listed_and_broken_files_are_lines(folder: Path) -> None:
    code, out, err = ltx_mock("recordings", "list", str(folder))
    assert code == 0
    assert err == 'ltx-mock: broken.json: format must be "ltx-mock-recording", but is null\n'
    assert "task_recorded_1.json" in out
    assert "success after 60.871 s" in out
    code, out, _ = ltx_mock("recordings", "list", str(folder), "--json")
    assert [(each["file"], each["answers"], each["end"]) for each in json.loads(out)] == [
        ("refused-1.json", 0, ""),
        ("task_recorded_1.json", 3, "success after 60.871 s"),
    ]


def test_a_trace_is_imported_and_what_is_there_stays(tmp_path: Path) -> None:
    trace = tmp_path / "trace.ndjson"
    trace.write_text(write_ndjson([MADE]) + "nonsense\n")
    code, out, err = ltx_mock("recordings", "import", "trace.ndjson", "--output", "made", cwd=tmp_path)
    assert (code, out) == (0, "")
    assert err.splitlines() == [
        "ltx-mock: line 2: it is not JSON: Expecting value at column 1",
        "ltx-mock: 1 recording written into made",
    ]
    (recording,) = read_recordings(tmp_path / "made").recordings
    assert (recording.name, recording.task_id) == ("task_1", "task_1")
    assert "jane" not in (tmp_path / "made" / "task_1.json").read_text()
    code, _, err = ltx_mock("recordings", "import", "trace.ndjson", "--output", "made", cwd=tmp_path)
    assert code == 0
    assert "task_1.json is there already, and is left as it is" in err
    assert "0 recordings written" in err


def test_prompts_of_several_imports_have_digests_with_the_same_salt(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "trace.ndjson").write_text(write_ndjson([MADE]).replace("task_1", f"task_{number}"))
        args = ("trace.ndjson", "--output", "made", "--keep-prompts", "no")
        assert ltx_mock("recordings", "import", *args, cwd=tmp_path)[0] == 0
    one, two = read_recordings(tmp_path / "made").recordings
    assert one.request == two.request
    assert one.redaction.salt


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("list", "none"), "none cannot be read: No such file or directory"),
        (("list", "empty"), "empty has no recording"),
        (("import", "none", "--output", "made"), "none: it cannot be read: No such file or directory"),
        (("import", "polls", "--output", "made"), "polls has no generateTask that can be recorded"),
        (("import", "polls", "--output", "polls"), "--output polls: it cannot be written: File exists"),
        (("import", "polls"), "Missing option '--output'"),
    ],
)
def test_wrong_use_is_one_line(args: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "polls").write_text('{"at": 1, "method": "GET", "target": "/x"}\n')
    code, out, err = ltx_mock("recordings", *args, cwd=tmp_path)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert problem in err
