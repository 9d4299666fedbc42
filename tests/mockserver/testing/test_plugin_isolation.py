"""The plugin beside others: free until it is used, left out where that is wished, the same in any order and worker."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ltx_mock import MockServer
from support.bodies import TEXT

HEAVY = ["httpx", "hypothesis", "jsonschema", "jsonschema_rs", "starlette", "uvicorn", "tqdm", "wcwidth", "click"]
SUITE = f"""
import pytest
BODY = {{"input": {TEXT!r}}}

@pytest.mark.parametrize("number", range(12))
def test_world(ltx_mock, ltx_callbacks, number, pytestconfig):
    with ltx_mock.client() as client:
        task = client.post("/generateTask/ltx-2-19b", json=BODY | {{
            "request_type": "callback", "callback_url": ltx_callbacks.url
        }}).json()["data"]["taskId"]
    ltx_mock.clock.run_until_idle()
    assert [each.task_id for each in ltx_callbacks.wait()] == [task]
    with open(f"drawn-{{number}}", "w") as file:
        file.write(f"{{pytestconfig.option.ltx_seed}} {{task}} {{ltx_mock.tasks[0].end_time}}")
"""
ASYNC = f"""
import asyncio
import pytest
import httpx
BODY = {{"input": {TEXT!r}}}

async def story(world):
    for options in ({{}}, {{"transport": world.transport}}):
        async with world.async_client(**options) as client:
            assert (await client.post("/generateTask/ltx-2-19b", json=BODY)).status_code == 200
    await asyncio.to_thread(world.clock.advance, 60)
    assert [task.state for task in world.tasks] == ["success"] * 2
"""


LIGHT = ["-p", "no:cacheprovider", "-p", "no:asyncio", "-p", "no:hypothesispytest"]


def drawn(pytester: pytest.Pytester) -> list[str]:
    return [(pytester.path / f"drawn-{number}").read_text() for number in range(12)]


@pytest.mark.parametrize("used", ["", "ltx_listen_address"])
def test_nothing_heavy_is_imported_until_a_fixture_is_used(
    used: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other plugins import what they like
    pytester.makepyfile(
        f"""
        import sys
        import pytest
        pytestmark = pytest.mark.ltx(credits=5)
        def test_one({used}):
            assert "ltx_mock.pytest_plugin" in sys.modules
            assert not set(sys.modules) & set({HEAVY!r})
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "ltx_mock").assert_outcomes(passed=1)


def test_importing_the_plugin_imports_pytest_and_the_standard_library() -> None:
    code = "import sys, ltx_mock.pytest_plugin; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    ours = {"ltx_mock", "ltx_mock_contracts", "pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments"}
    foreign = set(loaded) - set(sys.stdlib_module_names) - ours
    assert not {name for name in foreign if not name.startswith(("_", "sitecustomize", "distutils"))}, foreign


@pytest.mark.slow
def test_it_can_be_left_out(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_one(pytestconfig): assert not hasattr(pytestconfig.option, 'ltx_seed')")
    pytester.runpytest_subprocess("-p", "no:ltx_mock").assert_outcomes(passed=1)


@pytest.mark.slow
def test_a_test_in_a_folder_that_is_called_like_us_is_rewritten(pytester: pytest.Pytester) -> None:
    folder = pytester.mkdir("ltx_mock")
    (folder / "test_in_folder.py").write_text("def test_one(): assert [1, 2] == [1, 3]")
    result = pytester.runpytest_subprocess("--import-mode=importlib")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*At index 1 diff: 2 != 3"])


def test_a_session_may_put_back_the_finders_of_python(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("import sys\ndef pytest_sessionfinish(): sys.meta_path[:] = sys.meta_path[1:]")
    pytester.makepyfile("def test_one(ltx_mock): pass")
    result = pytester.runpytest_subprocess()
    assert result.ret == 0
    assert "Traceback" not in result.stderr.str()


def test_workers_share_a_seed_and_draw_the_same_as_one_process_in_another_order(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_inside=SUITE)
    pytester.runpytest_subprocess("--ltx-seed=random", "-n", "4", *LIGHT).assert_outcomes(passed=12)
    seeds, first = {line.split()[0] for line in drawn(pytester)}, drawn(pytester)
    assert len(seeds) == 1
    pytester.runpytest_subprocess(f"--ltx-seed={seeds.pop()}", "--random-order", *LIGHT).assert_outcomes(passed=12)
    assert drawn(pytester) == first


@pytest.mark.slow
def test_the_same_is_drawn_in_a_group_of_xdist_and_from_another_root(pytester: pytest.Pytester) -> None:
    folder = pytester.mkpydir("stories")
    (folder / "test_inside.py").write_text(
        SUITE.replace("def test_world", "@pytest.mark.xdist_group('one')\ndef test_world").replace("range(12)", "[0]")
    )
    found = set()
    for options, cwd in [
        (["stories"], "."),
        (["-n", "2", "--dist", "loadgroup", "stories"], "."),
        (["--rootdir=stories", "stories"], "."),
        (["test_inside.py"], "stories"),
        (["../stories/test_inside.py", "--import-mode=importlib", "--rootdir=/"], "elsewhere"),
    ]:
        (pytester.path / cwd).mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", *LIGHT, *options]
        subprocess.run(command, cwd=pytester.path / cwd, check=True, capture_output=True, timeout=600)
        found.add((pytester.path / cwd / "drawn-0").read_text())
    assert len(found) == 1


@pytest.mark.slow
def test_every_worker_runs_all_tests_on_one_server(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_inside=SUITE.replace('"w"', '"a"').replace("{task}", "{task} "))
    with MockServer(clock="manual") as server:
        options = ["--dist", "each", "--tx", "2*popen", f"--ltx-base-url={server.url}", *LIGHT]
        pytester.runpytest_subprocess(*options).assert_outcomes(passed=24)


@pytest.mark.slow
def test_asyncio_without_a_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_inside=ASYNC + "\ndef test_one(ltx_mock): asyncio.run(story(ltx_mock))\n")
    pytester.runpytest_subprocess("-p", "no:asyncio", "-p", "no:anyio").assert_outcomes(passed=1)


@pytest.mark.slow
def test_asyncio_with_the_plugins_of_others(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_inside=ASYNC
        + """
@pytest.mark.asyncio
async def test_pytest_asyncio(ltx_mock):
    await story(ltx_mock)

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_anyio(ltx_mock, anyio_backend):
    await story(ltx_mock)
"""
    )
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error")
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
