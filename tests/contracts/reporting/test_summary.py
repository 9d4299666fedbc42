"""The summary of a step: what GitHub makes of it has the form that we gave it, whatever a server said."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from markdown_it import MarkdownIt

from ltx_mock_contracts import Report
from ltx_mock_contracts.reporting import printable, step_summary
from support.reports import deviation, harmless, report, reports

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Page(HTMLParser):
    """What a browser sees of a page: its tags and all else that is no text, and the texts of one kind of element."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.markup: list[object] = []
        self.texts: dict[str, list[str]] = {"code": [], "pre": []}
        self._open = ""
        self.feed(MARKDOWN.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.markup.append((tag, attrs))
        if tag in self.texts:
            self._open = tag
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self.markup.append(f"/{tag}")
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts[self._open][-1] += data

    def handle_comment(self, data: str) -> None:
        self.markup.append(data)

    def handle_decl(self, decl: str) -> None:
        self.markup.append(decl)

    def unknown_decl(self, data: str) -> None:
        self.markup.append(data)

    def handle_pi(self, data: str) -> None:
        self.markup.append(data)


def test_the_summary_has_counts_a_table_with_what_is_broken_first_and_the_details() -> None:
    found = deviation(actual="<b>", curl="curl x", request={"a": 1}, checks=("test_durations",), task="t")
    text = step_summary(report(found, deviation("ENV-5", title="another choice")))
    assert text.startswith(
        "## ltx-mock: 1 broken\n\n1 kept, 1 broken, 1 observed, 4 not checked; 7 exchanges\n\n<table>\n"
    )
    assert re.findall(r"<tr><td>([A-Z]+-\d+)", text) == [
        "GEN-10",
        "ENV-5",
        "ENV-2",
        "ENV-1",
        "TASK-1",
        "TASK-9",
        "CB-3",
    ]
    assert "<tr><td>GEN-10</td><td>❌ broken</td><td>1</td><td><code>wrong</code></td></tr>\n" in text
    assert "<td>TASK-9</td><td>➖ not checked</td><td></td><td><code>it was not fetched</code></td>" in text
    assert "<summary>ENV-5 observed: <code>another choice</code></summary>" in text
    for name, told in (
        ("actual", "&lt;b&gt;"),
        ("request", "{&quot;a&quot;:1}"),
        ("where", "(task t)"),
        ("check", "test_durations"),
        ("try", "curl x"),
    ):
        assert f"<p>{name}</p>\n<pre>{told}</pre>\n" in text


def test_a_report_with_nothing_broken_says_so() -> None:
    text = step_summary(report())
    assert text.startswith("## ltx-mock: no rule is broken\n\n1 kept, 0 broken,")
    assert "<details>" not in text


def test_the_server_the_seed_the_spending_and_how_to_do_it_again_are_told() -> None:
    text = step_summary(
        report(target="http://h/?a&b", seed=7, tasks_made=1, tasks_allowed=9, reproduce="ltx-mock check x")
    )
    server, again = "server <code>http://h/?a&amp;b</code>", "again <code>ltx-mock check x</code>"
    spent = "seed <code>7</code><br>\nmade <code>1 task of at most 9</code>"
    assert f"<p>{server}<br>\n{spent}<br>\n{again}</p>\n" in text


@given(reports())
def test_whatever_a_server_says_the_markup_is_that_of_a_harmless_report(one: Report) -> None:
    assert Page(step_summary(one)).markup == Page(step_summary(harmless(one))).markup


@given(reports())
def test_whatever_a_server_says_it_is_shown_as_it_is(one: Report) -> None:
    page = Page(step_summary(one))
    for verdict in one.verdicts:
        for each in verdict.deviations:
            assert printable(each.title) in page.texts["code"]
            assert {printable(each.expected), printable(each.actual)} <= set(page.texts["pre"])


def test_a_summary_is_never_so_long_that_github_refuses_it() -> None:
    long = "&" * 5000
    found = [deviation(kind=str(number), title=long, actual=long, expected=long, request=long) for number in range(90)]
    text = step_summary(report(*found, target=long, reproduce=long))
    assert 500_000 < len(text.encode()) < 2**20
    (more,) = re.findall(r"^(\d+) more; the JSON report has them all$", text, re.MULTILINE)
    assert text.count("<details>") + int(more) == 90
