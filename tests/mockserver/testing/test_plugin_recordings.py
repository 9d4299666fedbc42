"""Recordings in pytest: the marker names the folder, and bad files are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.bodies import TEXT
from support.lives import LIFE, save

TESTS = f"""
    import pytest
    BODY = {{"input": {TEXT!r}}}
    def submit(world, **more):
        with world.client() as client:
            return client.post("/generateTask/ltx-2-19b", json=BODY | more)
"""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    """A folder with a recording, beside the tests."""
    return save(pytester.mkdir("lives"), LIFE)


def run(pytester: pytest.Pytester, test: str, *options: str, **outcomes: int) -> pytest.RunResult:
    """Run a test file in another process and compare how its tests ended."""
    pytester.makepyfile(test_inside=TESTS + test)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)
    result.assert_outcomes(**outcomes or {"passed": 1})
    return result


@pytest.mark.usefixtures("folder")
def test_each_test_replays_from_the_start(pytester: pytest.Pytester) -> None:
    test = """
    pytestmark = pytest.mark.ltx(recordings="lives", recordings_only=True)

    @pytest.mark.parametrize("number", range(2))
    def test_replay(ltx_mock, number):
        assert submit(ltx_mock).status_code == 200
        assert submit(ltx_mock, provider="auto").status_code == 404
        ltx_mock.clock.advance(55.5)
        assert ltx_mock.tasks[0].state == "success"

    @pytest.mark.ltx(match_ignore="provider")
    def test_other_settings(ltx_mock):
        assert submit(ltx_mock, provider="auto").status_code == 200
    """
    run(pytester, test, passed=3)


def test_bad_files_are_warnings_and_no_folder_is_an_error(pytester: pytest.Pytester, folder: Path) -> None:
    (folder / "bad.json").write_text("{")
    test = """
    @pytest.mark.ltx(recordings="lives")
    def test_replay(ltx_mock):
        assert submit(ltx_mock).status_code == 200
        assert ltx_mock.requests[0].cause == "recording life"

    @pytest.mark.ltx(recordings="deaths")
    def test_nothing(ltx_mock):
        pass
    """
    result = run(pytester, test, passed=1, errors=1, warnings=1)
    result.stdout.fnmatch_lines(["*lives: bad.json: it is not JSON*"])
    result.stdout.fnmatch_lines(["*recordings must be a folder, but '*deaths' is none*"])
