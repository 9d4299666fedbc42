"""Find, open, reset and close tenants, and change their settings at run time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from typing import Any

from ltx_mock.asgi.turns import free_in_turns
from ltx_mock.core.keys import is_key, key_label, require_key
from ltx_mock.core.records import Task
from ltx_mock.core.settings import OF_THE_SERVER, Settings
from ltx_mock.engine.callbacks import Callbacks
from ltx_mock.engine.inspections import Inspections
from ltx_mock.engine.recordings import RecordingFolders
from ltx_mock.errors import ConflictError, NotFoundError, SettingsError
from ltx_mock.store.interface import Store
from ltx_mock.store.tenant import Tenant


class Tenants:
    """The tenants of a store, with their background work."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        callbacks: Callbacks,
        inspections: Inspections,
        recordings: RecordingFolders,
    ) -> None:
        self._keys = frozenset(settings.api_key)
        self._store = store
        self._callbacks = callbacks
        self._inspections = inspections
        self._recordings = recordings

    async def anonymous(self) -> Tenant:
        """Return the tenant for requests without a valid key."""
        return await self._store.tenant("")

    def at_hand(self, key: str) -> Tenant | None:
        """Return the tenant of an accepted API key if it has been used before; otherwise None, see `of_key`."""
        return self._store.find(key) if not self._keys or key in self._keys else None

    async def of_key(self, key: str) -> Tenant | None:
        """Return the tenant of an API key, or None when the key is not accepted (AUTH-2)."""
        if is_key(key) and (not self._keys or key in self._keys):
            return self._store.find(key) or await self._store.tenant(key)
        return await self._store.existing(key)  # it may be that of an opened tenant

    async def open(self, key: str, values: Mapping[str, Any], *, new: bool = False) -> Tenant:
        """Make a new tenant for a key, with its own settings, replacing the old one.

        Raises:
            SettingsError: the key is invalid; a setting is unknown, is one of the whole server, or its value is not
                allowed.
            ConflictError: the tenant must be `new`, but the key has one.
        """
        require_key("key", key)
        if new and await self._store.existing(key) is not None:
            raise ConflictError(
                f"the key {key_label(key)} is in use: another client, such as a test run, has a tenant with it"
            )
        for name in values:
            if name in OF_THE_SERVER:
                raise SettingsError(f"{name} is a setting of the whole server; a tenant cannot have its own value")
        settings = self._store.settings.replace(**values)
        if settings.recordings is not None:
            await asyncio.to_thread(self._recordings.prepare, settings)
        await self.close(key)
        return await self._store.open_tenant(key, settings)

    async def close(self, key: str) -> None:
        """Delete the tenant of a key, with its settings."""
        if (tenant := await self._store.existing(key)) is not None:
            await self._store.drop(tenant)
            await self._forget({tenant})

    async def extend_settings(self, tenant: Tenant | None, values: Mapping[str, Any]) -> Settings:
        """Add values to settings of one tenant, or of all and of future ones; return the new settings.

        Raises:
            SettingsError: see `Settings.with_more`.
        """
        return await self._store.configure(tenant, lambda settings: settings.with_more(values))

    async def reduce_settings(self, tenant: Tenant | None, values: Mapping[str, Any]) -> Settings:
        """Remove values from settings; see `extend_settings` and `Settings.with_fewer`."""
        return await self._store.configure(tenant, lambda settings: settings.with_fewer(values))

    async def find_task(self, task_id: str) -> tuple[Tenant, Task]:
        """Return a task of any tenant, and the tenant; for the control plane and for result files.

        Raises:
            NotFoundError: unknown task.
        """
        tenant = await self._store.find_owner(task_id)
        task = tenant.task(task_id) if tenant else None
        if tenant is None or task is None:
            raise no_task(task_id)
        return tenant, task

    async def reset(self, tenant: Tenant | None = None) -> None:
        """Reset one tenant or all of them. Their own settings stay."""
        if tenant is None:
            removed = {*self._store.tenants()}
            await self._store.reset()
            await self._forget(removed)
            await free_in_turns(removed)
        else:
            await self._store.open_tenant(tenant.key, tenant.settings if tenant.opened else None)
            await self._forget({tenant})

    async def _forget(self, removed: Set[Tenant]) -> None:
        """Cancel the background work of removed tenants. Their keys may have new ones by now."""
        await asyncio.gather(*self._inspections.cancel(removed), return_exceptions=True)
        await self._callbacks.forget(removed)


def no_task(task_id: str) -> NotFoundError:
    """Return the error of a task that nobody has."""
    return NotFoundError(f"no task {task_id[:80]!r}")
