"""The guide "Recordings": what it says about replay is so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ltx_mock import MockServer
from support.bodies import TEXT, message_of, post, request_body
from support.lives import LIFE, body_of, save
from support.pages import blocks, page
from support.processes import serving

GUIDE = page("recordings.md")
REPLAY = GUIDE[GUIDE.index("## Replay") :]
CODE, TEST, RECORDED = blocks(REPLAY, "python")
TEXTS = blocks(REPLAY, "text")
pytestmark = pytest.mark.sample
CALM_SEA = request_body(TEXT, prompt="a calm sea")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the page, beside the tests."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recordings").mkdir()
    life = replace(LIFE, name="task_c60f66a92f17", request=replace(LIFE.request, body=body_of(CALM_SEA)))
    return save(tmp_path / "recordings", life)


@pytest.mark.usefixtures("folder")
def test_the_example_in_python_runs() -> None:
    exec(compile(CODE, "recordings.md", "exec"), {})


def test_the_marker_finds_the_folder_beside_the_test(folder: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        TEST.replace(
            "        ...\n", f"        assert client.post('/generateTask/ltx-2-19b', json={CALM_SEA}).is_success\n"
        )
        + "    assert ltx_mock.requests[0].cause == 'recording task_c60f66a92f17'\n"
    )
    folder.rename(pytester.path / "recordings")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_serve_prints_what_the_page_shows(folder: Path) -> None:
    with serving("--recordings", "recordings", cwd=folder.parent) as served:
        assert TEXTS[1].rstrip().replace("12 in", "1 in") in served.stderr().splitlines()


def test_a_refusal_shows_the_nearest_recording_as_on_the_page(folder: Path) -> None:
    with MockServer(recordings=folder, recordings_only=True) as mock, mock.client(verify=False) as client:
        message = message_of(post(client, request_body(TEXT, prompt="a calm sea", duration=10)), 404)
    assert message == TEXTS[4].rstrip()


def test_the_options_of_the_page_let_fields_differ(folder: Path) -> None:
    ignored = [word for word in TEXTS[3].split() if "." in word or word == "provider"]
    with MockServer(recordings=folder, recordings_only=True, match_ignore=ignored) as mock:  # noqa: SIM117
        with mock.client(verify=False) as client:
            assert post(client, request_body(TEXT, prompt="a calm sea", seed=5) | {"provider": "auto"}).is_success


def test_the_test_of_the_page_records_and_then_replays(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    pytester.makepyfile(RECORDED.replace("advance(5)", "advance(0.02)"))
    with MockServer(speed=1000) as api:
        monkeypatch.setenv("LTX_MOCK_UPSTREAM", api.url)
        monkeypatch.setenv("APIXO_API_KEY", api.api_key)
        pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
    for name in ("LTX_MOCK_UPSTREAM", "APIXO_API_KEY"):
        monkeypatch.delenv(name)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
