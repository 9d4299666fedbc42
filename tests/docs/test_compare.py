"""The page that compares tools has the figures of the page on performance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "compare.md").read_text(encoding="utf-8")
SPEED = PAGE.partition("## Speed")[2].partition("## ")[0]


def rows_of(text: str) -> dict[str, list[str]]:
    """Return the rows of all tables by their first cell."""
    rows = ([cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|"))
    return {name: cells for name, *cells in rows if name.strip("-")}


MEASURED = rows_of((DOCS / "performance.md").read_text(encoding="utf-8").partition("## The pytest plugin")[0])
COMPARED = rows_of(SPEED)


@pytest.mark.parametrize("name", COMPARED)
def test_a_figure_is_one_of_the_page_on_performance(name: str) -> None:
    status, _, small, first, _ = MEASURED[name]
    assert COMPARED[name] == [status, small, first]


def test_there_are_figures() -> None:
    assert {"ltx-mock with its lines", "WireMock", "Prism", "pytest-httpserver"} <= COMPARED.keys()


def test_every_tool_of_the_first_table_is_in_the_second_or_no_mock() -> None:
    better, lives = (PAGE.partition(f"## {title}")[2].partition("\n## ")[0] for title in ("When", "What they do"))
    tools = {re.sub(r"\[(.*?)\]\(.*?\)", r"\1", name) for name in rows_of(better)} - {"tool"}
    assert len(tools) == 9
    assert tools - rows_of(lives).keys() == {"Schemathesis"}
