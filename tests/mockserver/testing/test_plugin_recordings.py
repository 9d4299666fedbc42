"""Recordings in pytest: the marker names the folder, bad files are told, and record modes call the real API."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ltx_mock import MockServer
from ltx_mock_contracts.recordings import Recording, read_recordings
from support.bodies import TEXT
from support.lives import LIFE, save

pytestmark = pytest.mark.sample

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


# ---- record modes


@pytest.fixture
def api() -> Iterator[MockServer]:
    """An API that makes videos in a fraction of a second."""
    with MockServer(speed=1000, api_key="real-key-of-mine") as server:
        yield server


@pytest.fixture(autouse=True)
def outside_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "LTX_MOCK_UPSTREAM", "APIXO_API_KEY"):
        monkeypatch.delenv(name, raising=False)


RECORDED = """
    @pytest.mark.ltx(recordings="taken", record_mode="once")
    def test_video(ltx_mock):
        answer = submit(ltx_mock)
        assert answer.status_code == 200, answer.text
        with ltx_mock.client() as client:
            while True:
                ltx_mock.clock.advance(0.01)
                query = {"taskId": answer.json()["data"]["taskId"]}
                told = client.get("/statusTask/ltx-2-19b", params=query).json()["data"]
                if told["state"] == "success":
                    break
        assert ltx_mock.requests[0].cause_kind in ("upstream", "recording")
"""


def through(api: MockServer, *more: str) -> tuple[str, ...]:
    return ("--ltx-upstream", api.url, "--ltx-api-key", api.api_key, *more)


def taken(pytester: pytest.Pytester) -> list[Recording]:
    return list(read_recordings(pytester.path / "taken").recordings)


def test_once_records_the_first_run_and_replays_all_others(pytester: pytest.Pytester, api: MockServer) -> None:
    result = run(pytester, RECORDED, *through(api))
    result.stdout.fnmatch_lines(
        [
            "ltx-mock: recorded task_*, success after *",
            "ltx-mock: 1 task, 5 credits spent,*; 1 recorded from the real API",
        ]
    )
    result.stdout.no_fnmatch_line("*has no end*")
    (recording,) = taken(pytester)
    assert recording.end is not None
    assert api.api_key not in (pytester.path / "taken" / f"{recording.name}.json").read_text()
    api.stop()
    run(pytester, RECORDED)
    run(pytester, RECORDED, *through(api))
    assert taken(pytester) == [recording]


def test_once_refuses_what_was_not_recorded(pytester: pytest.Pytester, api: MockServer) -> None:
    run(pytester, RECORDED, *through(api))
    other = RECORDED.replace("submit(ltx_mock)", "submit(ltx_mock, provider='auto')")
    result = run(pytester, other, *through(api), failed=1)
    told = "*No recording of this request; the nearest is task_*provider*"
    result.stdout.fnmatch_lines([told, "record what has no recording with --ltx-record-mode new_episodes"])
    (line,) = [line for line in result.outlines if "-> 404" in line]
    assert line.casefold().count("no recording") == 1
    assert len(api.tasks) == 1


def test_once_is_about_the_whole_run(pytester: pytest.Pytester, api: MockServer) -> None:
    several = RECORDED.replace("    @pytest", "    @pytest.mark.parametrize('_', range(2))\n    @pytest").replace(
        "(ltx_mock):", "(ltx_mock, _):"
    )
    run(pytester, several, *through(api), passed=2)
    assert len(taken(pytester)) == len(api.tasks) == 2


def test_new_episodes_records_only_what_is_new(pytester: pytest.Pytester, api: MockServer) -> None:
    run(pytester, RECORDED, *through(api))
    both = RECORDED + RECORDED.replace("submit(ltx_mock)", "submit(ltx_mock, provider='auto')").replace(
        "_video", "_new"
    )
    run(pytester, both, *through(api, "--ltx-record-mode=new_episodes"), passed=2)
    assert len(taken(pytester)) == len(api.tasks) == 2
    run(pytester, both, "--ltx-record-mode=none", passed=2)


def test_all_replaces_what_was_recorded_before(pytester: pytest.Pytester, api: MockServer) -> None:
    run(pytester, RECORDED, *through(api))
    (before,) = taken(pytester)
    run(pytester, RECORDED, *through(api, "--ltx-record-mode=all"))
    (after,) = taken(pytester)
    assert (len(api.tasks), after.task_id != before.task_id) == (2, True)


def test_none_never_calls_the_api(pytester: pytest.Pytester, api: MockServer) -> None:
    result = run(pytester, RECORDED, *through(api, "--ltx-record-mode=none"), errors=1)
    result.stdout.fnmatch_lines(["*recordings must be a folder, but '*taken' is none; record it with *"])
    assert api.tasks == []


def test_in_ci_nothing_is_recorded_unless_the_command_line_says_so(
    pytester: pytest.Pytester, api: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(pytester, RECORDED, *through(api), errors=1)
    result.stdout.fnmatch_lines(["*'*taken' is none; in CI tests only replay: record on your machine and commit*"])
    assert api.tasks == []
    result = run(pytester, RECORDED, *through(api, "--ltx-record-mode=once"))
    result.stdout.fnmatch_lines(["*--ltx-record-mode=once: tests may call the real API, in real time*"])


def test_the_api_and_the_key_may_be_in_the_environment(
    pytester: pytest.Pytester, api: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(pytester, RECORDED, errors=1)
    both = "--ltx-upstream URL or LTX_MOCK_UPSTREAM, and --ltx-api-key KEY or APIXO_API_KEY"
    result.stdout.fnmatch_lines([f"*to record the real API, give {both}"])
    monkeypatch.setenv("APIXO_API_KEY", api.api_key)
    result = run(pytester, RECORDED, errors=1)
    result.stdout.fnmatch_lines(["*to record the real API, give --ltx-upstream URL or LTX_MOCK_UPSTREAM*"])
    monkeypatch.setenv("LTX_MOCK_UPSTREAM", api.url)
    run(pytester, RECORDED)


def test_what_was_recorded_without_an_end_is_said_then_and_when_it_is_replayed(
    pytester: pytest.Pytester, api: MockServer
) -> None:
    test = """
    @pytest.mark.ltx(recordings="taken", record_mode="once")
    def test_submitted(ltx_mock):
        assert submit(ltx_mock).status_code == 200
    """
    advice = "*task_*.json has no end, so its replay never ends: delete it, or record again with the record mode all"
    result = run(pytester, test, *through(api))
    result.stdout.fnmatch_lines([f"ltx-mock: {advice}", "ltx-mock: *; 1 recorded from the real API"])
    result = run(pytester, test)
    result.stdout.fnmatch_lines([f"ltx-mock: taken: {advice}"])
    result = run(pytester, test, *through(api, "--ltx-record-mode=all", "-n", "1"))
    result.stdout.fnmatch_lines([f"ltx-mock: {advice}"])


def test_a_run_has_a_budget(pytester: pytest.Pytester, api: MockServer) -> None:
    test = """
    @pytest.mark.ltx(recordings="taken", record_mode="all")
    def test_many(ltx_mock):
        assert [submit(ltx_mock).status_code for _ in range(12)] == [200] * 10 + [429] * 2
    """
    run(pytester, test, *through(api))
    run(pytester, test.replace("[200] * 10 + [429] * 2", "[429] * 12"), *through(api, "--ltx-max-tasks=0"))
    assert len(api.tasks) == 10


def test_the_processes_of_xdist_share_the_budget(pytester: pytest.Pytester, api: MockServer) -> None:
    test = """
    @pytest.mark.parametrize("_", range(8))
    @pytest.mark.ltx(recordings="taken", record_mode="once")
    def test_many(ltx_mock, _):
        submit(ltx_mock)
    """
    run(pytester, test, *through(api, "--ltx-max-tasks=3", "-n", "2", "--dist", "load"), passed=8)
    assert len(api.tasks) <= 3
    assert len(taken(pytester)) == len(api.tasks)


def test_what_cannot_be_recorded_is_said(pytester: pytest.Pytester, api: MockServer) -> None:
    test = """
    @pytest.mark.ltx(recordings="taken", record_mode="all", scenario="stuck")
    def test_marked(ltx_mock):
        pass

    @pytest.mark.ltx(recordings="taken", record_mode="all")
    @pytest.mark.parametrize("call", [
        lambda world: world.scenario("stuck"),
        lambda world: world.fail_next(),
        lambda world: world.clock.set("manual"),
        lambda world: world.clock.run_until_idle(),
    ])
    def test_called(ltx_mock, call):
        with pytest.raises(Exception, match="while the real API is recorded"):
            call(ltx_mock)

    @pytest.mark.ltx(recordings="taken", record_mode="twice")
    def test_mode(ltx_mock):
        pass
    """
    result = run(pytester, test, *through(api), passed=4, errors=2)
    result.stdout.fnmatch_lines(["*scenario cannot be recorded, since the real API has none*"])
    result.stdout.fnmatch_lines(["*record_mode must be one of none, once, new_episodes, all, not 'twice'*"])
