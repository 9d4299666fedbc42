"""A store that gives another handle each time, as every store must that keeps its tenants elsewhere."""

from __future__ import annotations

from typing import Any

from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.memory_tenant import MemoryTenant

HANDLES = frozenset({"tenant", "open", "find", "find_id", "owner"})


class Handle:
    """Stands for a tenant, and is equal to every other that does."""

    def __init__(self, tenant: MemoryTenant) -> None:
        object.__setattr__(self, "_tenant", tenant)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tenant, name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a handle has nothing of its own to set; {name} must be changed by a method")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and self._tenant == other._tenant

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
        if name not in HANDLES:
            return value

        def call(*args: Any) -> Handle | None:
            found = value(*args)
            return None if found is None else Handle(found)

        return call
