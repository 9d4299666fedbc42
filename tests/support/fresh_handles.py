"""A store that gives another handle each time, as every store must that keeps its tenants elsewhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.memory_tenant import MemoryTenant
from ltx_mock.store.tenant import Tenant

HANDLES = frozenset({"tenant", "open_tenant", "find", "find_id", "owner", "find_owner"})
OF_TENANTS = frozenset({"run", "drop", "configure"})


class Handle:
    """Stands for a tenant, and is equal to every other that does."""

    def __init__(self, tenant: MemoryTenant) -> None:
        object.__setattr__(self, "_tenant", tenant)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tenant, name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a handle has nothing of its own to set; {name} must be changed by a method")

    def __eq__(self, other: object) -> bool:
        return bool(self._tenant == (other._tenant if isinstance(other, Handle) else other))

    def __hash__(self) -> int:
        return hash(self._tenant)


class FreshHandles:
    """A memory store behind such handles."""

    def __init__(self, *args: Any) -> None:
        self._store = MemoryStore(*args)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._store, name)
        if name == "tenants":
            return lambda: [Handle(tenant) for tenant in value()]
        if name in OF_TENANTS:
            return lambda tenant, *more: value(getattr(tenant, "_tenant", tenant), *map(_with_handles, more))
        if name not in HANDLES:
            return value

        def call(*args: Any) -> Any:
            found = value(*args)
            return _awaited(found) if inspect.isawaitable(found) else _handle(found)

        return call


async def _awaited(found: Any) -> Handle | None:
    return _handle(await found)


def _handle(found: MemoryTenant | None) -> Handle | None:
    return None if found is None else Handle(found)


def _with_handles(work: Callable[[Any], object]) -> Callable[[Tenant], object]:
    """Give a unit of work a handle of its tenant; leave changes of settings as they are."""
    return lambda given: work(Handle(given) if isinstance(given, MemoryTenant) else given)
