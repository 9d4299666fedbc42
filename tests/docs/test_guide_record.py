"""The guide "From the real API to offline tests": its commands are run, before a server that plays the real API."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from contracts.trace.test_load import HOST, har, har_entry
from ltx_mock import MockServer
from ltx_mock_contracts.recordings import Recording
from mockserver.upstream.test_record import poll, recording, submit
from support.bodies import GENERATE, TEXT, request_body
from support.independent_server import IndependentServer
from support.pages import blocks, page
from support.processes import ltx_mock

GUIDE = page("recordings.md")
RECORD = GUIDE[: GUIDE.index("## Replay")]
COMMANDS, PRINTED, IMPORT = blocks(RECORD, "text")
(EXAMPLE,) = blocks(RECORD, "json")
VOLATILE = re.compile(
    r"\d\d:\d\d:\d\d|http://127\.0\.0\.1:\d+|https://api\.apixo\.ai|\d+ tasks?, \d+ credits|task_[0-9a-z]+|[\d.]+ s\b"
    r"|from [\w.:]+$"
)

pytestmark = pytest.mark.sample(2)


def test_the_recording_of_the_page_can_be_read() -> None:
    told = Recording.from_json(json.loads(EXAMPLE))
    assert told.to_json() == json.loads(EXAMPLE)


def test_the_commands_record_and_what_is_recorded_is_replayed_offline(tmp_path: Path) -> None:
    export, command = COMMANDS.strip().splitlines()
    assert export.startswith("export APIXO_BASE_URL=http://127.0.0.1:8219")
    program, name, _, *options = shlex.split(command)
    assert (program, name, options[:2]) == ("ltx-mock", "record", ["--output", "recordings"])
    out = tmp_path / "recordings"
    with IndependentServer() as api, recording(api.url, out, *options[2:]) as recorder:
        with recorder.client() as client:
            task_id = submit(client, duration=15)
            answers = []
            for seconds in (0, 20, 100):
                api.advance(seconds)
                answers.append(poll(client, task_id).json()["data"]["state"])
        recorder.wait_for_error_line("^ltx-mock: recorded ")
        said = recorder.stderr().splitlines() + [recorder.line() for _ in range(4)]
    shown = {VOLATILE.sub("…", line) for line in said}
    for line in PRINTED.strip().splitlines():
        expected = VOLATILE.sub("…", line)
        assert any(expected in each.replace(str(tmp_path) + "/", "") for each in shown), line
    with MockServer(recordings=out, recordings_only=True, clock="manual") as mock, mock.client() as client:
        again = client.post(GENERATE, json=request_body(TEXT, duration=15)).json()["data"]["taskId"]
        mock.clock.advance(1000)
        assert poll(client, again).json()["data"]["state"] == answers[-1] == "success"
        assert mock.requests[0].cause == f"recording {task_id}"


def test_a_har_file_becomes_recordings_that_are_listed(tmp_path: Path) -> None:
    answer = {"code": 200, "message": "success", "data": {"taskId": "task_1"}}
    entry = har_entry(f"{HOST}/api/v1{GENERATE}", method="POST", body=request_body(TEXT), answer=answer)
    (tmp_path / "session.har").write_text(har(entry))
    importing, listing = (shlex.split(line)[1:] for line in IMPORT.strip().splitlines())
    assert ltx_mock(*importing, cwd=tmp_path)[0] == 0
    code, out, _ = ltx_mock(*listing, cwd=tmp_path)
    assert code == 0
    assert "task_1.json" in out
