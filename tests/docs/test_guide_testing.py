"""The guide "Test your client in ten minutes": its code runs, its tables are complete."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ltx_mock.testing.pytest_report  # noqa: F401 - what a run inside imports first is forgotten after it
from ltx_mock import MockServer
from ltx_mock.control.expectation import FIELDS
from ltx_mock.testing.pytest_worlds import NAMES
from support.pages import named_files, page

ROOT = Path(__file__).parents[2]
GUIDE = page("testing-your-client.md")
FILES = named_files(GUIDE)
TESTS = [name for name in FILES if name.startswith("test_")]


@pytest.fixture
def files(pytester: pytest.Pytester, server: MockServer) -> Path:
    """All files of the guide in a folder, and everything loaded that they need."""
    with server.tenant().client() as client:
        client.post("/generateTask/ltx-2-19b", json={})
    for name, text in FILES.items():
        (pytester.path / name).write_text(text)
    shutil.copy(ROOT / "examples" / "node" / "client.mjs", pytester.path)
    pytester.syspathinsert()
    return pytester.path


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.node if "node" in name else ()) for name in TESTS]
)
def test_the_tests_of_the_guide_pass(name: str, files: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-p", "no:asyncio", "-W", "error", str(files / name)
    )
    result.assert_outcomes(passed=len(re.findall(r"^def test_", FILES[name], re.MULTILINE)))


def test_the_guide_runs_with_unittest(files: Path) -> None:
    done = subprocess.run(
        [sys.executable, "check_video_client.py"], cwd=files, capture_output=True, text=True, check=False
    )
    assert done.stderr.rstrip().endswith("OK")
    assert "Ran 2 tests" in done.stderr


def test_every_block_of_python_is_run() -> None:
    assert GUIDE.count("```python") == len(FILES) == len(TESTS) + 2


def test_the_reference_names_all_there_is() -> None:
    reference = GUIDE.partition("## Reference")[2]
    named = set(re.findall(r"`(\w[\w-]*)", reference))
    assert {*NAMES, *FIELDS} - {"operation"} <= named
    plugin = (ROOT / "mockserver" / "ltx_mock" / "pytest_plugin.py").read_text(encoding="utf-8")
    fixtures = re.findall(r"@pytest.fixture(?:\(scope=.*\))?\ndef (\w+)", plugin)
    assert len(fixtures) == 7
    assert set(fixtures) <= named
    shared = (ROOT / "contracts" / "ltx_mock_contracts" / "conformance" / "plugin.py").read_text(encoding="utf-8")
    told = set(re.findall(r"\| `(--ltx-[a-z-]+)=", reference))
    declared = set(re.findall(r'^ +"(--ltx-[a-z-]+)"', plugin, re.MULTILINE))
    assert told == declared | {"--ltx-seed", "--ltx-base-url"} & set(re.findall(r'"(--ltx-[a-z-]+)"', shared))
    methods = {name for name in dir(MockServer) if name.startswith("assert_")}
    assert methods == {name for name in named if name.startswith("assert_")}
