"""Search the catalogue of rules. Pure."""

from __future__ import annotations

import re
from typing import Any

from ltx_mock.fields import suggestion
from ltx_mock_contracts.rules import GROUPS, RULES, Rule

_WORD = re.compile(r"[\w.:-]+")
_STEM = 4
"""How many letters of a word must be there at least: `retry` finds "retries"."""


def search(query: str, limit: int) -> dict[str, Any]:
    """Return the rules that fit a query best, and how many have any of its words.

    The id of a rule finds this rule alone, that of a group its rules. A word counts the more, the fewer rules have it.
    """
    found = [rule for rule in RULES.values() if query.strip().upper() in {rule.id, rule.group}] or _ranked(query)
    answer: dict[str, Any] = {"found": len(found), "rules": [_shown(rule) for rule in found[:limit]]}
    if not found:
        groups = ", ".join(f"{name} ({title})" for name, title in GROUPS.items())
        answer["hint"] = f"no rule has these words{suggestion(query.upper(), RULES)}; the groups are {groups}"
    return answer


def _ranked(query: str) -> list[Rule]:
    score = dict.fromkeys(RULES, 0.0)
    for word in _WORD.findall(query):
        stem = re.compile(rf"\b{re.escape(word[: max(_STEM, len(word) - 3)])}", re.IGNORECASE)
        having = [rule.id for rule in RULES.values() if stem.search(f"{rule.id} {GROUPS[rule.group]} {rule.text}")]
        for rule_id in having:
            score[rule_id] += 1 / len(having)
    best = sorted(score, key=lambda rule_id: -score[rule_id])  # stable: equals stay in the order of the catalogue
    return [RULES[rule_id] for rule_id in best if score[rule_id]]


def _shown(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "group": GROUPS[rule.group], "text": rule.text, "sources": list(rule.sources)}
