"""What the control plane refuses before the real API: everything that only a fake can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NoReturn

from starlette.requests import Request

from ltx_mock.core.settings import AT_RUN_TIME
from ltx_mock.errors import ConflictError

FAKE_ONLY: Final = {
    ("POST", "/scenarios"): "scenarios have no effect there",
    ("DELETE", "/scenarios"): "scenarios have no effect there",
    ("POST", "/clock"): "its clock cannot be set",
    ("POST", "/clock/advance"): "its clock cannot be advanced",
    ("POST", "/tasks/{id}/finish"): "its tasks cannot be finished by hand",
    ("POST", "/callbacks/{id}/redeliver"): "its callbacks cannot be sent again",
}
"""Why a route of the control plane, a method and a path, is refused."""
SETTINGS: Final = frozenset({*AT_RUN_TIME, "journal_entries", "journal_bytes"})
"""The settings of a tenant that mean something before the real API."""


class Refused:
    """The handler of a route that only a fake can have.

    Args:
        host: The host of the real API.
        reason: Why it is refused.
    """

    def __init__(self, host: str, reason: str) -> None:
        self._host, self._reason = host, reason

    async def __call__(self, _: Request) -> dict[str, Any]:
        """Raise a `ConflictError`."""
        refuse(self._host, self._reason)


def check_settings(host: str, names: Iterable[str]) -> None:
    """Check that settings of a tenant mean something before the real API.

    Raises:
        ConflictError: One has no effect there.
    """
    for name in names:
        if name not in SETTINGS:
            refuse(host, f"the setting {name[:40]} has no effect there")


def refuse(host: str, reason: str) -> NoReturn:
    """Raise a `ConflictError` that says what to use."""
    raise ConflictError(f"this is a proxy to {host}, the real API: {reason}; use a fake, ltx-mock serve")
