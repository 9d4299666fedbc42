"""Answers that depart from the contract."""

from __future__ import annotations

import json

from ltx_mock.scenarios.model import STATUS_FIELDS, Drift


def drifted(body: bytes, drift: Drift) -> bytes:
    """Return a good answer, an envelope in JSON, as this drift has it."""
    envelope = json.loads(body)
    data = envelope["data"]
    if drift.state is not None and "state" in data:
        data["state"] = drift.state
    if drift.nulls and "state" in data:
        data |= {name: data.get(name) for name in STATUS_FIELDS}
    for name in drift.omit:
        data.pop(name, None)
    data |= drift.extra or {}
    changed = (drift.extra or {}) | envelope
    raw = json.dumps(changed, ensure_ascii=False, separators=(",", ":")).encode()
    return raw[: len(raw) // 2] if drift.malformed else raw
