"""Near misses: requests with problems, scenarios that nothing has matched yet, callbacks that did not arrive. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ltx_mock.control.expectation import Expectation
from ltx_mock.control.from_json import Exchange
from ltx_mock_contracts.reporting.text import counted

View = Mapping[str, Any]
OF_SUBJECT: Final = {"mode": "mode", "requestType": "request_type", "prompt": "prompt"}
"""The fields of a scenario that a task's request must match, with their names in an `Expectation`."""
LOST_CALLBACKS: Final = frozenset({"failed", "withheld"})


def requests_with_problems(requests: Sequence[View]) -> Iterator[dict[str, Any]]:
    """Yield the requests that were refused, or accepted with findings, newest first; not those of a scenario."""
    for each in reversed(requests):
        if each["operation"] == "callback" or each["causeKind"] == "scenario":
            continue
        refused = each["status"] is None or each["status"] >= 400
        if refused or each["findings"]:
            yield problem(each)


def problem(entry: View) -> dict[str, Any]:
    """Return what is wrong with a request, from its journal entry."""
    answer = entry["answer"]
    told = answer.get("message") if isinstance(answer, dict) and entry["status"] != 200 else None
    return {
        "number": entry["number"],
        "key": entry["key"],
        "request": f"{entry['method']} {entry['target']}",
        "operation": entry["operation"],
        "status": entry["status"],
        "message": told,
        "cause": entry["cause"],
        "taskId": entry["taskId"],
        "findings": [
            {name: finding[name] for name in ("rule", "severity", "pointer", "got", "allowed", "message")}
            for finding in entry["findings"]
        ],
    }


def idle_scenarios(active: Sequence[View], requests: Sequence[View]) -> Iterator[dict[str, Any]]:
    """Yield the active scenarios that no request has matched, each with the reason and the nearest request."""
    of_tenants = [each for each in active if each["tenant"] is not None]
    for each in of_tenants or active:
        seen = each.get("seen", 0)
        if not seen or seen < each.get("nth", 1):
            yield {"name": each["name"], "key": each["key"]} | _why_idle(each, seen, requests)


def _why_idle(scenario: View, seen: int, requests: Sequence[View]) -> dict[str, Any]:
    if seen:
        return {"why": f"{counted(seen, 'request')} matched; it applies from number {scenario['nth']} on"}
    operation = scenario.get("operation")
    wanted = "generateTask or statusTask" if operation is None else operation
    mine = [each for each in requests if scenario["tenant"] in {None, each["tenant"]}]
    if not any(each["operation"] == operation or operation is None for each in mine):
        return {"why": f"there was no {wanted} request with this key"}
    fields = {name: scenario[key] for key, name in OF_SUBJECT.items() if scenario.get(key) is not None}
    if "prompt" in fields:
        fields["prompt"] = re.compile(re.escape(fields["prompt"]))
    made = [Exchange.of(each) for each in mine if each["operation"] == "generateTask"]
    expected = Expectation(fields)
    nearest = expected.nearest(made)
    if nearest is None or not (differences := expected.difference(nearest)):
        return {"why": f"no {wanted} request came to the point where it applies since it was activated"}
    return {
        "why": f"no task matches; the nearest is that of request {nearest.number}",
        "differences": [each._asdict() for each in differences],
    }


def lost_callbacks(callbacks: Sequence[View]) -> Iterator[dict[str, Any]]:
    """Yield the callbacks that were given up or withheld, newest first, each with the reason."""
    for each in reversed(callbacks):
        if each["state"] in LOST_CALLBACKS:
            last = each["attempts"][-1] if each["attempts"] else None
            yield {
                "taskId": each["taskId"],
                "url": each["url"],
                "state": each["state"],
                "reason": each["reason"],
                "attempts": len(each["attempts"]),
                "lastAttempt": last,
            }
