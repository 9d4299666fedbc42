"""List, add and clear the scenarios of one tenant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Unpack

from ltx_mock.scenarios import Scenario, from_dict

if TYPE_CHECKING:
    from ltx_mock.testing.control_client import Admin
    from ltx_mock.testing.options import ScenarioFields


class Scenarios:
    """The active scenarios of a tenant, oldest first; the first that matches a request applies to it."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    def add(self, name: str | None = None, /, **fields: Unpack[ScenarioFields]) -> Scenario:
        """Activate a scenario of the library by its name, or a custom one.

        Args:
            name: a name that `ltx-mock scenarios` lists.
            **fields: the match (`operation`, `mode`, `request_type`, `prompt`, `nth`, `times`, `chance`) and, for a
                custom scenario, the outcome (`status`, `fault`, `delay`, `fail_code`, `generation`, `stuck`,
                `callback`, `drift`, `cut`, `bytes_per_second`, …); see docs/make-it-fail.md.

        Raises:
            SettingsError: unknown name or field, or a value that is not allowed.
        """
        added = self._admin.post("/scenarios", {**fields, "name": name} if name is not None else {**fields})
        return from_dict(added)

    def clear(self) -> None:
        """Remove all active scenarios."""
        self._admin.delete("/scenarios")

    def __iter__(self) -> Iterator[Scenario]:
        for view in self._admin.get("/scenarios")["scenarios"]:
            yield from_dict({name: value for name, value in view.items() if name not in {"tenant", "key", "seen"}})

    def __len__(self) -> int:
        return len(self._admin.get("/scenarios")["scenarios"])
