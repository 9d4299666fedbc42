"""Where things are: tests stand where their sources stand, and the pages name the folders that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ltx_mock_contracts import RULES
from project.test_import_graph import LAYERS, MODULES, ROOT

SOURCES = {"mockserver": "mockserver/ltx_mock", "contracts": "contracts/ltx_mock_contracts"}
RULE_ID = re.compile(r"\b(?:AUTH|BAL|CB|CLI|ENV|FAIL|GEN|LIM|TASK)-\d+\b")


def folders(path: Path) -> set[str]:
    """Return the names of the folders with Python files at a path."""
    return {each.name for each in path.iterdir() if each.is_dir() and any(each.glob("*.py"))}


@pytest.mark.parametrize("package", SOURCES)
def test_each_folder_of_sources_has_its_folder_of_tests_and_no_other_has_one(package: str) -> None:
    assert folders(ROOT / "tests" / package) == folders(ROOT / SOURCES[package])


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
@pytest.mark.parametrize("package", SOURCES)
def test_a_page_that_explains_the_folders_names_each(page: str, package: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert not {name for name in folders(ROOT / SOURCES[package]) if f"{name}/" not in text}


def test_the_page_on_the_architecture_lists_the_layers_in_their_order() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for source in SOURCES.values():
        table = text.partition(f"| `{Path(source).name}` |")[2].partition("\n\n")[0]
        named = [name for name in re.findall(r"`(\w+)/`", table) if name in folders(ROOT / source)]
        floor = {name: number for number, row in enumerate(LAYERS[Path(source).name]) for name in row}
        assert named, f"no table of {source}"
        assert [floor[name] for name in named] == sorted(floor[name] for name in named)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_names_only_rules_of_the_catalogue(module: str) -> None:
    assert set(RULE_ID.findall(MODULES[module].read_text(encoding="utf-8"))) <= set(RULES)
