"""The bodies of control plane requests, read with `ltx_mock.control.params.body_of`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ltx_mock.core.clock import DAY, SECOND, ClockMode, read_mode, read_speed
from ltx_mock.core.keys import require_key
from ltx_mock.fields import Table, choice, number, reads, switch, table, text
from ltx_mock.scenarios.model import MAX_FAIL_CODE

MAX_ADVANCE_SECONDS = 3650 * DAY // SECOND


class SetClock(Table):
    """`POST /clock`: mode, speed or both."""

    mode: ClockMode | None = reads(read_mode, None)
    speed: float | None = reads(read_speed, None)


class Advance(Table):
    """`POST /clock/advance`: the virtual seconds."""

    seconds: float = reads(number(MAX_ADVANCE_SECONDS, zero=True))


class Finish(Table):
    """`POST /tasks/{id}/finish`: the end of a task."""

    state: Literal["success", "failed"] = reads(choice("success", "failed"), "success")
    fail_code: str | None = reads(text(MAX_FAIL_CODE), None)


class OpenTenant(Table):
    """`POST /tenants`: the key, its settings, and whether the key must be `new`."""

    key: str = reads(require_key)
    settings: Mapping[str, Any] | None = reads(table, None)
    new: bool = reads(switch, False)
