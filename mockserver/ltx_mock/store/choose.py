"""Choose the store by the setting `store`."""

from __future__ import annotations

from ltx_mock.core.setting_readers import MEMORY
from ltx_mock.core.settings import Settings
from ltx_mock.errors import LtxMockError
from ltx_mock.store.interface import Store
from ltx_mock.store.memory import MemoryStore


def new_store(settings: Settings) -> Store:
    """Return the store of these settings, not opened yet.

    Raises:
        LtxMockError: its URL is not valid, or it needs a library that is not installed.
    """
    if settings.store == MEMORY:
        return MemoryStore(settings)
    from ltx_mock.store.backend import BackendError  # noqa: PLC0415 - who needs these not should not wait for them
    from ltx_mock.store.backends import new_backend  # noqa: PLC0415
    from ltx_mock.store.shared import SharedStore  # noqa: PLC0415

    try:
        return SharedStore(settings, new_backend(settings.store))
    except BackendError as error:
        raise LtxMockError(str(error)) from None
