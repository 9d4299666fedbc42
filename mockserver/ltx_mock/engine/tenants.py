"""Find, open, reset and close tenants, and change their settings at run time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ltx_mock.core.keys import is_key, key_label, require_key
from ltx_mock.core.records import Task
from ltx_mock.core.settings import OF_THE_SERVER, Settings
from ltx_mock.engine.callbacks import Callbacks
from ltx_mock.engine.clocks import Clocks
from ltx_mock.engine.inspections import Inspections
from ltx_mock.engine.observers import Observer
from ltx_mock.errors import ConflictError, NotFoundError, SettingsError
from ltx_mock.store.interface import Store, Tenant


class Tenants:
    """The tenants of a store, with their background work.

    Attributes:
        settings: The server's settings, the defaults of each tenant.
        anonymous: The tenant for requests without a valid key.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        callbacks: Callbacks,
        inspections: Inspections,
        clocks: Clocks,
        observer: Observer,
    ) -> None:
        self.settings = settings
        self.anonymous: Tenant = store.tenant("")
        self._keys = frozenset(settings.api_key)
        self._store = store
        self._callbacks = callbacks
        self._inspections = inspections
        self._clocks = clocks
        self._observer = observer

    def of_key(self, key: str) -> Tenant | None:
        """Return the tenant of an API key, or None when the key is not accepted (AUTH-2)."""
        known = self._store.find(key)  # also one of an opened tenant
        if known is not None or not is_key(key) or (self._keys and key not in self._keys):
            return known
        return self._store.tenant(key)

    async def open(self, key: str, values: Mapping[str, Any], *, new: bool = False) -> Tenant:
        """Make a new tenant for a key, with its own settings, replacing the old one.

        Raises:
            SettingsError: the key is invalid; a setting is unknown, is one of the whole server, or its value is not
                allowed.
            ConflictError: the tenant must be `new`, but the key has one.
        """
        require_key("key", key)
        if new and self._store.find(key) is not None:
            raise ConflictError(
                f"the key {key_label(key)} is in use: another client, such as a test run, has a tenant with it"
            )
        for name in values:
            if name in OF_THE_SERVER:
                raise SettingsError(f"{name} is a setting of the whole server; a tenant cannot have its own value")
        settings = self.settings.replace(**values)
        await self.close(key)
        tenant = self._store.open(key, settings)
        self._observer.tenant_changed(tenant)
        return tenant

    async def close(self, key: str) -> None:
        """Delete the tenant of a key, with its settings."""
        if (tenant := self._store.find(key)) is not None:
            await self._forget([tenant])

    def extend_settings(self, tenant: Tenant | None, values: Mapping[str, Any]) -> Settings:
        """Add values to settings of one tenant, or of all and of future ones; return the new settings.

        Raises:
            SettingsError: see `Settings.with_more`.
        """
        return self._change_settings(tenant, lambda settings: settings.with_more(values))

    def reduce_settings(self, tenant: Tenant | None, values: Mapping[str, Any]) -> Settings:
        """Remove values from settings; see `extend_settings` and `Settings.with_fewer`."""
        return self._change_settings(tenant, lambda settings: settings.with_fewer(values))

    def _change_settings(self, tenant: Tenant | None, change: Callable[[Settings], Settings]) -> Settings:
        if tenant is not None:
            tenant.configure(change(tenant.settings))
            return tenant.settings
        self.settings = change(self.settings)
        self._store.configure(self.settings)
        changed: dict[int, tuple[Settings, Settings]] = {}  # most tenants share the settings of the server
        for each in self._store.tenants():
            before = each.settings
            if id(before) not in changed:
                changed[id(before)] = before, change(before)
            each.configure(changed[id(before)][1])
        return self.settings

    def find_task(self, task_id: str) -> tuple[Tenant, Task]:
        """Return a task of any tenant, and the tenant; for the control plane and for result files.

        Raises:
            NotFoundError: unknown task.
        """
        tenant = self._store.owner(task_id)
        task = tenant.task(task_id) if tenant else None
        if tenant is None or task is None:
            raise NotFoundError(f"no task {task_id[:80]!r}")
        return tenant, task

    async def reset(self, key: str | None = None) -> None:
        """Reset one tenant or all of them. Their own settings stay."""
        tenants = self._store.tenants() if key is None else [self._store.find(key)]
        await self._forget([tenant for tenant in tenants if tenant is not None], reopen=True, everything=key is None)

    async def _forget(self, tenants: Sequence[Tenant], *, reopen: bool = False, everything: bool = False) -> None:
        """Remove tenants and cancel their background work; the new ones exist before anything is awaited."""
        for tenant in tenants:
            self._store.drop(tenant.key, forever=not reopen)
            self._clocks.forget(tenant)
        if everything:
            self._store.reset()
            self._observer.server_reset()
        else:
            self._observer.tenants_removed(tenants, "reset" if reopen else "closed")
        self.anonymous = self._store.tenant("")
        for tenant in tenants:
            if reopen and tenant.opened:
                self._store.open(tenant.key, tenant.settings)
        await asyncio.gather(*self._inspections.cancel(tenants), return_exceptions=True)
        for tenant in tenants:
            await self._callbacks.forget(tenant)
