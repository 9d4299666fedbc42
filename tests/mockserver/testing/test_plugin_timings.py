"""Timings in pytest: the marker names the file, also for a server in another process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ltx_mock import MockServer

pytestmark = pytest.mark.sample

TEST = """
    import pytest

    @pytest.mark.ltx(timings="learned.json")
    def test_life(ltx_mock):
        with ltx_mock.client() as client:
            body = {"input": {"mode": "text-to-video", "prompt": "x", "resolution": "480p", "duration": 5}}
            task = client.post("/generateTask/ltx-2-19b", json=body).json()["data"]["taskId"]
            ltx_mock.clock.advance(2)
            done = client.get("/statusTask/ltx-2-19b", params={"taskId": task}).json()["data"]
        assert (done["state"], done["costTime"]) == ("success", 1500)
"""
LIVES = [{"resolution": "480p", "mode": "text-to-video", "ends": [1500]}]


def write(folder: Path, lives: object) -> None:
    content = {"format": "ltx-mock-timings", "version": 1, "lives": lives}
    (folder / "learned.json").write_text(json.dumps(content), encoding="utf-8")


def test_the_marker_names_a_file_beside_the_test(pytester: pytest.Pytester) -> None:
    write(pytester.mkdir("inside"), LIVES)
    file = pytester.makepyfile(test_life=TEST)
    file.rename(pytester.path / "inside" / "test_life.py")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_server_in_another_process_gets_its_content(pytester: pytest.Pytester) -> None:
    write(pytester.path, LIVES)
    pytester.makepyfile(test_life=TEST)
    with MockServer() as mock:
        pytester.runpytest_subprocess("-p", "no:cacheprovider", "--ltx-base-url", mock.url).assert_outcomes(passed=1)


def test_a_wrong_file_fails_the_test_in_one_line(pytester: pytest.Pytester) -> None:
    write(pytester.path, [{"ends": [1]}])
    pytester.makepyfile(test_life=TEST)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*@pytest.mark.ltx: *learned.json: a life has either resolution and mode, or failCode*"]
    )
