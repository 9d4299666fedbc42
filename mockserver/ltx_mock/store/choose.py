"""Choose the store by the setting `store`."""

from __future__ import annotations

from ltx_mock.core.setting_readers import MEMORY
from ltx_mock.core.settings import Settings
from ltx_mock.store.backend import Backend
from ltx_mock.store.interface import Store
from ltx_mock.store.memory import MemoryStore


def new_store(settings: Settings) -> Store:
    """Return the store of these settings, not opened yet.

    Raises:
        LtxMockError: it needs a library that is not installed.
    """
    if settings.store == MEMORY:
        return MemoryStore(settings)
    from ltx_mock.store.shared import SharedStore  # noqa: PLC0415 - who needs it not should not wait for it

    return SharedStore(settings, _backend(settings.store))


def _backend(store: str) -> Backend:
    scheme, _, path = store.partition(":")
    if scheme == "sqlite":
        from ltx_mock.store.sqlite_backend import SqliteBackend  # noqa: PLC0415 - see above

        return SqliteBackend(path)
    from ltx_mock.store.redis_backend import RedisBackend  # noqa: PLC0415 - see above

    return RedisBackend(store)
