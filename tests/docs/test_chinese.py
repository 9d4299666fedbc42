"""The Chinese pages are in step with the English ones: the same headings, tables and lists, the same code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ZH = ROOT / "docs" / "zh"
PAIRS = {ROOT / "README.zh-CN.md": ROOT / "README.md"} | {page: ZH.parent / page.name for page in ZH.glob("*.md")}
ENGLISH = set(PAIRS.values())
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def parts(page: Path) -> list[str]:
    """Return what both languages share, in order: kinds of lines, code and links."""
    found = list[str]()
    code: list[str] | None = None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            found.append(line if code is None else "\n".join(code))
            code = [] if code is None else None
        elif code is not None:
            code.append(line)
        elif heading := re.match(r"#+ ", line):
            found.append(heading[0])
        elif line.startswith("|"):
            found.append(f"{line.count('|')} cells, {re.findall(r'`[^`]+`', line.split('|')[1])}")
        elif line.startswith(("- ", "![")):
            found.append(line[:2])
    return found


def links(page: Path) -> list[str]:
    """Return the targets of all links, from the root of the repository, without anchors."""
    text = page.read_text(encoding="utf-8")
    given = [each.partition("#")[0] for each in re.findall(r"\]\(([^)\s]+)\)", text)]
    places = [each if each.startswith("http") else str((page.parent / each).resolve()) for each in given if each]
    english = {str(chinese): str(page) for chinese, page in PAIRS.items()}
    return sorted(english.get(place, place) for place in places)


@pytest.mark.parametrize("chinese", PAIRS, ids=lambda page: page.name)
def test_a_chinese_page_has_the_structure_the_code_and_the_links_of_the_english_one(chinese: Path) -> None:
    assert parts(chinese) == parts(PAIRS[chinese])
    assert links(chinese) == links(PAIRS[chinese])


@pytest.mark.parametrize("chinese", PAIRS, ids=lambda page: page.name)
def test_a_chinese_page_leads_to_the_chinese_page_where_there_is_one(chinese: Path) -> None:
    given = re.findall(r"\[([^\]]*)\]\(([^)#\s]+)", chinese.read_text(encoding="utf-8"))
    english = [target for text, target in given if text != "English" and (chinese.parent / target).resolve() in ENGLISH]
    assert english == []


@pytest.mark.parametrize("chinese", PAIRS, ids=lambda page: page.name)
def test_the_text_of_a_chinese_page_is_chinese(chinese: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", chinese.read_text(encoding="utf-8"), flags=re.DOTALL)
    words = [line for line in text.splitlines() if re.search(r"[A-Za-z]{4,} [a-z]{3,} [a-z]{3,}", line)]
    assert not words
    assert CHINESE.search(text)
