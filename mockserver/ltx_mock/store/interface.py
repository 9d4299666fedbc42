"""The interface of the store, which holds all state of tenants.

Whatever changes a tenant is a *unit of work*: a function that is given the tenant, and that `Store.run` runs as one
step. The store notifies its observers of every change, whoever made it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from ltx_mock.core.clock import Clock
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.observers import Observers
from ltx_mock.store.tenant import Tenant

T = TypeVar("T")


class Store(Protocol):
    """All tenants.

    What is no coroutine reads what this process knows: of the tenants that it has worked on since `refresh`, and all
    others as `refresh` found them.
    """

    @property
    def observers(self) -> Observers:
        """Are notified of every change after it was made, also by another process."""

    @property
    def worker(self) -> str:
        """The id of this process among all that share the store."""

    def is_alive(self, worker: str) -> bool:
        """Tell whether a process works with the store."""

    async def open(self) -> None:
        """Get ready; call it in the event loop of the server, before anything else, and again after `close`.

        Then this is another process among those that share the store.

        Raises:
            LtxMockError: the state cannot be reached or read.
        """

    async def close(self) -> None:
        """Let go of everything."""

    async def refresh(self) -> None:
        """Learn what other processes have changed."""

    async def run(self, tenant: Tenant, work: Callable[[Tenant], T]) -> T:
        """Run a unit of work on a tenant, and return what it returns as soon as its changes are safe.

        It may be run several times, because another process has changed the tenant meanwhile; only the last run counts.
        So it must have no other effect than its changes of the tenant. It must raise before it changes anything. If
        another process has replaced the tenant, it is run on the present one of its key.

        Raises:
            UnavailableError: the state cannot be reached now. The work may have been done or not.
        """

    async def run_in_background(self, tenant: Tenant, work: Callable[[Tenant], T]) -> T:
        """Do the same for something that was begun for this very tenant, and whose outcome must not be lost.

        It waits while the state cannot be reached. What is done to a tenant that was removed goes nowhere.
        """

    @property
    def clock(self) -> Clock:
        """The initial clock of future tenants."""

    async def move_clock(self, moment: int) -> None:
        """Advance that clock to a moment."""

    async def set_clock(self, mode: str | None, speed: float | None) -> None:
        """Change that clock's mode or speed."""

    async def reset(self) -> None:
        """Remove everything, and restart ids and numbers; then open the tenants with own settings anew."""

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """The initial scenarios of future tenants, besides those of their settings."""

    async def existing(self, key: str) -> Tenant | None:
        """Return the tenant of this key, or None; `find` with a look at what other processes did."""

    async def tenant(self, key: str) -> Tenant:
        """Return the tenant of this key; make it if the key is new."""

    async def open_tenant(self, key: str, settings: Settings | None) -> Tenant:
        """Make a new, empty tenant, replacing that of the same key.

        Args:
            key: its key.
            settings: its own settings; None for those of the server.
        """

    @property
    def settings(self) -> Settings:
        """The settings of future tenants."""

    async def configure(self, tenant: Tenant | None, change: Callable[[Settings], Settings]) -> Settings:
        """Change the settings of one tenant, or of all and of future ones; return the new ones."""

    def find(self, key: str) -> Tenant | None:
        """Return the tenant of this key, or None."""

    def find_id(self, tenant_id: str) -> Tenant | None:
        """Return the tenant with this id, or None."""

    def tenants(self) -> Sequence[Tenant]:
        """Return all tenants in order of creation."""

    async def add_scenario(self, scenario: Scenario) -> None:
        """Activate a scenario for each tenant, including future ones."""

    async def drop_scenarios(self) -> None:
        """Remove the scenarios of all tenants, including future ones."""

    def owner(self, task_id: str) -> Tenant | None:
        """Return the tenant of this task, or None."""

    async def find_owner(self, task_id: str) -> Tenant | None:
        """The same with a look at what other processes have made or changed."""

    async def drop(self, tenant: Tenant) -> None:
        """Remove a tenant with its state and its id."""

    @property
    def journal_bytes(self) -> int:
        """The approximate size of all journals in bytes, limited by the setting `journal_memory`."""

    @property
    def task_bytes(self) -> int:
        """The approximate size of all tasks and callbacks in bytes."""
