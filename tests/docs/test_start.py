"""The page "Five minutes for each reader": its code runs, in the order in which a reader runs it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ltx_mock import MockServer
from support.pages import blocks, named_files, page, run_commands

ROOT = Path(__file__).parents[2]
START = page("start.md")
[SCRIPT] = blocks(START, "js")
FILES = named_files(START)
[ADDED] = [text for text in blocks(START, "python") if text not in FILES.values() and not text.startswith("# ")]
API = "http://127.0.0.1:8219"


@pytest.fixture
def server() -> MockServer:
    return MockServer(clock="auto")


def node(script: str, folder: Path, server: MockServer) -> subprocess.CompletedProcess[str]:
    assert API in script
    (folder / "client.mjs").write_text(script.replace(API, server.url), encoding="utf-8")
    return subprocess.run(["node", "client.mjs"], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.node
def test_the_client_of_the_page_prints_the_url_of_a_video_and_throws_the_code_of_a_failure(
    tmp_path: Path, server: MockServer
) -> None:
    with server:
        done = node(SCRIPT, tmp_path, server)
        assert done.stdout.strip().startswith(f"{server.url}/files/results/"), done.stderr
        failed = node(SCRIPT.replace("a calm sea", "a calm sea [[content-violation]]"), tmp_path, server)
        assert "Error: CONTENT_VIOLATION" in failed.stderr


def test_the_test_of_the_page_is_red_and_then_green(pytester: pytest.Pytester) -> None:
    for name, text in FILES.items():
        (pytester.path / name).write_text(text, encoding="utf-8")
    options = ("-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:random_order")
    red = pytester.runpytest_subprocess(*options)
    red.assert_outcomes(passed=1, failed=1)
    red.stdout.fnmatch_lines(["*CONTENT_VIOLATION*"])
    client = FILES["client.py"]
    end = "    raise TimeoutError"
    (pytester.path / "client.py").write_text(client.replace(end, ADDED + end), encoding="utf-8")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=2)


@pytest.mark.sample
@pytest.mark.parametrize("command", blocks(START, "sh"))
def test_the_checks_of_the_page_find_nothing_wrong(command: str, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with MockServer() as mock:
        assert "broken" not in run_commands(command.replace(API, mock.url), tmp_path)
