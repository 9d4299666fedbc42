"""Apply drift to responses."""

from __future__ import annotations

import json

from ltx_mock.scenarios.model import STATUS_FIELDS, Drift
from ltx_mock_contracts.api import ENDED

OF_AN_END = ("resultJson", "failCode", "failMsg")


def drifted(body: bytes, drift: Drift) -> bytes:
    """Return a successful response (an envelope in JSON) with this drift; any other body is not changed."""
    try:
        envelope = json.loads(body)
    except ValueError:
        return body
    if not isinstance(envelope, dict) or "data" not in envelope:
        return body
    data = envelope["data"] if isinstance(envelope["data"], dict) else {}
    if drift.state is not None and data.get("state") == "processing":
        data["state"] = drift.state
    if drift.end_state is not None and data.get("state") in ENDED:
        data = {name: value for name, value in data.items() if name not in OF_AN_END} | {"state": drift.end_state}
        envelope["data"] = data
    if drift.nulls and "state" in data:
        data |= {name: data.get(name) for name in STATUS_FIELDS}
    if isinstance(data.get("resultJson"), str):
        data["resultJson"] = _results(data["resultJson"], drift)
    for name in drift.omit:
        data.pop(name, None)
    data |= drift.extra or {}
    changed = {**(drift.extra or {}), **envelope}
    raw = json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()
    return raw[: len(raw) // 2] if drift.malformed else raw


def _results(text: str, drift: Drift) -> str:
    """Return `resultJson` with so many URLs, and with all escapes that JSON allows if wanted."""
    if drift.result_json is not None:
        return drift.result_json
    if drift.results == 1 and not drift.escaped:
        return text
    try:
        result = json.loads(text)
        first = result["resultUrls"][0]
    except (ValueError, LookupError, TypeError, RecursionError):
        return text
    copies = [f"{first}?copy={number}" for number in range(2, drift.results + 1)]
    result["resultUrls"] = [first, *copies] if drift.results else []
    if not drift.escaped:
        return json.dumps(result, separators=(",", ":"))
    return json.dumps(result | {"note": '海上日出 🌊 "quoted"'}, indent=1).replace("/", "\\/")
