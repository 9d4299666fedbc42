"""What `make test` runs: quick tests, and a sample of the slow ones that hangs on nothing but names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.processes import clean_environment
from support.tiers import SLOW_TOOLS, mark_slow

ROOT = Path(__file__).parents[2]
TABLE = """
import pytest

@pytest.mark.sample(2)
@pytest.mark.parametrize("case", {cases})
def test_table(case): ...
"""


def quick(pytester: pytest.Pytester, source: str) -> set[str]:
    """Return the names of the tests that `make test` would run."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    items, _ = pytester.inline_genitems(pytester.makepyfile(source))
    mark_slow(items)
    return {item.name for item in items if item.get_closest_marker("slow") is None}


def test_the_sample_of_a_table_hangs_on_the_names_of_its_cases(pytester: pytest.Pytester) -> None:
    names = [f"case-{number}" for number in range(20)]
    chosen = quick(pytester, TABLE.format(cases=names))
    assert len(chosen) == 2
    assert quick(pytester, TABLE.format(cases=names[::-1])) == chosen
    for count in range(20, 30):
        more = [f"case-{number}" for number in range(count)]
        assert len(quick(pytester, TABLE.format(cases=more)) & {f"test_table[{name}]" for name in more}) == 2
    assert quick(pytester, TABLE.format(cases=names[:1])) == {"test_table[case-0]"}, "a small table is its own sample"


def test_a_sampled_module_leaves_out_what_is_slow_or_needs_a_slow_tool(pytester: pytest.Pytester) -> None:
    source = """
        import pytest

        pytestmark = pytest.mark.sample

        @pytest.mark.slow
        def test_slow(): ...

        @pytest.mark.node
        def test_in_node(): ...

        def test_one(): ...

        def test_two(): ...

        @pytest.mark.sample
        def test_of_its_own(): ...
    """
    chosen = quick(pytester, source)
    assert chosen == {"test_of_its_own"} | (chosen & {"test_one", "test_two"})
    assert len(chosen) == 2


@pytest.mark.parametrize("tool", SLOW_TOOLS)
def test_what_needs_a_slow_tool_is_slow_unless_it_is_sampled(pytester: pytest.Pytester, tool: str) -> None:
    source = f"""
        import pytest

        pytestmark = pytest.mark.{tool}

        def test_one(): ...

        @pytest.mark.sample
        def test_two(): ...
    """
    assert quick(pytester, source) == {"test_two"}


def test_what_draws_examples_is_marked_so_for_ci() -> None:
    """`.ci/run` runs what is slow or marked; Hypothesis marks what has `@given`."""
    unmarked = r"^from hypothesis.* import .*\b(?:find|run_state_machine_as_test)\b"
    for path in (ROOT / "tests").rglob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        if re.search(unmarked, text, re.MULTILINE):
            assert "\npytestmark = pytest.mark.hypothesis" in text, path


@pytest.mark.slow
def test_each_file_has_a_quick_test_unless_it_is_all_about_a_slow_tool() -> None:
    chosen = " or ".join(["not slow", *SLOW_TOOLS])
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", chosen]
    told = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=True).stdout
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    assert files - set(re.findall(r"^(\S+?)::", told, re.MULTILINE)) == set()
