"""Tests that replace the file system with pyfakefs: the fake still has all that it ships."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from support.bodies import IMAGE, TEXT

PROGRAM = """
import sys
first, here, text, image = sys.argv[1:]
exec(first)
from pyfakefs.fake_filesystem_unittest import Patcher
with Patcher() as patcher:
    from ltx_mock import MockServer
    import json, os, urllib.error, urllib.request
    assert not os.path.exists(here)

    def ask(url, body=None):
        headers = {"authorization": "Bearer " + mock.api_key, "content-type": "application/json"}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(url, body, headers))
            return answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()

    with MockServer(clock="manual") as mock:
        submit = mock.base_url + "/generateTask/ltx-2-19b"
        for given in (json.loads(text), json.loads(image) | {"image_urls": [mock.url + "/files/images/reference.png"]}):
            status, answer = ask(submit, json.dumps({"input": given}).encode())
            assert status == 200, answer
        status, refused = ask(submit, b'{"input": {"duration": 4}}')
        assert status == 400 and b"input.duration" in refused and b"input.mode" in refused, refused
        mock.clock.run_until_idle()
        assert [task.state for task in mock.tasks] == ["success", "success"], mock.tasks
        assert ask(mock.tasks[0].result_url)[1][4:8] == b"ftyp"
        for path, part in {
            "/files/": b"images/reference.jpg",
            "/files/images/too-large.jpg": b"\\xff\\xd8\\xff",
            "/files/loras/style.safetensors": b"__metadata__",
            "/__admin/": b"<title>ltx-mock</title>",
            "/__admin/dashboard/main.js": b"import",
            "/__admin/openapi.json": b"generateTask",
            "/__admin/schemas": b"generate-request",
            "/__admin/schemas/callback": b"resultJson",
        }.items():
            status, body = ask(mock.url + path)
            assert status == 200 and part in body, (path, status, body[:200])
        assert mock.internal_errors == []
        mock.assert_requested("generateTask", times=3)

    from ltx_mock_contracts import strategies, validate_request, validate_response
    assert validate_response("statusTask", 200, b"[]") and validate_request({"input": []})
print("whole")
"""


@pytest.mark.sample
@pytest.mark.parametrize(
    "first", ["", "import ltx_mock", "import ltx_mock; ltx_mock.MockServer(clock='manual').stop()"]
)
def test_all_that_ships_is_there(first: str) -> None:
    command = [sys.executable, "-c", PROGRAM, first, __file__, json.dumps(TEXT), json.dumps(IMAGE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.stderr == ""
    assert done.stdout == "whole\n"
