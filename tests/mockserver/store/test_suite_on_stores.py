"""The tests of the fake pass on every store: a sample of what `make test-stores` runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import clean_environment
from support.stores import BACKENDS, VARIABLE

TESTS = Path(__file__).parents[1]
FILES = (
    "api/test_generate_task.py",
    "api/test_status_task.py",
    "control/test_events.py",
    "control/test_routes.py",
    "engine/test_callbacks.py",
    "engine/test_reentrant_advance.py",
    "scenarios/test_one_shot.py",
)


@pytest.mark.sample
@pytest.mark.parametrize("store", BACKENDS)
@pytest.mark.parametrize("file", FILES)
def test_a_file_of_tests_passes_on_another_store(store: str, file: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-profile=quick"]
    ran = subprocess.run(
        [*command, "-m", "not slow", str(TESTS / file)],
        env=clean_environment() | {VARIABLE: store},
        cwd=TESTS.parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
