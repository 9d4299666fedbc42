"""Reports to tell of: one of every outcome, and some in which a server says all that it should not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from ltx_mock_contracts import Deviation, Report
from ltx_mock_contracts.verdicts import BINDING, VerdictCollector

RULE_IDS = ["ENV-1", "ENV-5", "GEN-10", "TASK-1", "CB-3"]

NASTY = [
    "::error::x", "::set-output name=a::b", "##[add-mask]a", "###[error]b", "##", "[", "::", ":", "%0A::error::x",
    "%25", "\n::stop-commands::x", "\r\n::error::", "\r", "\n\n", "\n# head\n", "\x1b[2J", "\x00", "\ud800",
    "\u202e", "\u2028", "\x85", "</code></pre></details></table>", "<script>", "<img src=x onerror=y>", "<!--", "-->",
    "<![CDATA[", "&lt;", "&", '"', "'", "|", "\\|", "```", "~~~", "`", "*b*", "[x](http://e.example)", "](", "\\](",
    "![x](y)", "{0}", "{{", "@user", "#12", "https://e.example", "\t", "    code", ",", "=", " ", "é", "😀", "$API_KEY",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(NASTY) | st.text(max_size=5), min_size=1, max_size=6).map("x".join).map("{}.".format)


def deviation(rule: str = "GEN-10", **changes: Any) -> Deviation:
    return Deviation(**{"rule": rule, "title": "wrong", "expected": "this", "actual": "that", **changes})


def deviations(text: st.SearchStrategy[str]) -> st.SearchStrategy[Deviation]:
    """Return deviations all of whose text is of a kind."""
    return st.builds(
        Deviation,
        rule=st.sampled_from(RULE_IDS),
        title=text,
        expected=text,
        actual=text,
        exchanges=st.lists(st.integers(1, 30), max_size=8, unique=True).map(tuple),
        task=st.none() | text,
        times=st.integers(1, 3),
        curl=st.none() | text,
        request=st.none() | text | st.dictionaries(text, text, min_size=1, max_size=2),
        checks=st.lists(text, max_size=2, unique=True).map(tuple),
        kind=st.text(max_size=3),
        binding=st.booleans(),
    )


def report(*found: Deviation, **about: Any) -> Report:
    """Return a report with these deviations, in which ENV-2 is kept and other rules are not checked."""
    collector = VerdictCollector()
    collector.checked("ENV-2")
    for each in found:
        collector.add_deviation(each)
    verdicts = collector.verdicts(["ENV-2", "TASK-9", *RULE_IDS], BINDING, {"TASK-9": "it was not fetched"})
    return Report(verdicts=verdicts, exchanges=7, **about)


def reports(text: st.SearchStrategy[str] = HOSTILE) -> st.SearchStrategy[Report]:
    about = {"target": st.none() | text, "seed": st.none() | st.integers(0), "reproduce": st.none() | text}
    spent = {"tasks_made": st.none() | st.integers(0, 9), "tasks_allowed": st.none() | st.integers(0, 9)}
    return st.lists(deviations(text), max_size=4).flatmap(
        lambda found: st.fixed_dictionaries({**about, **spent}).map(lambda told: report(*found, **told))
    )


def harmless(hostile: Report) -> Report:
    """Return a report of the same form, all of whose text is the letter x."""
    verdicts = tuple(
        replace(verdict, deviations=tuple(_harmless(each) for each in verdict.deviations))
        for verdict in hostile.verdicts
    )
    return replace(hostile, verdicts=verdicts, target=_x(hostile.target), reproduce=_x(hostile.reproduce))


def _harmless(one: Deviation) -> Deviation:
    told = {name: _x(getattr(one, name)) for name in ("title", "expected", "actual", "task", "curl", "request")}
    return replace(one, **told, checks=("x",) * len(one.checks))


def _x(value: object) -> Any:
    return None if value is None else "x"
