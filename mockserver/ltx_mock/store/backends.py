"""The backends of shared stores: choose one by the setting `store`, wait for it, and agree on its seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ltx_mock.core import system_time
from ltx_mock.core.setting_readers import MEMORY
from ltx_mock.core.settings import Settings
from ltx_mock.errors import LtxMockError
from ltx_mock.store.backend import Backend, BackendError, Change, Missed, NotReachedError

RETRY_SECONDS = 0.2
"""The time between two tries."""
SEED = "seed"
"""The space that holds the seed of a store, and the record in it."""


def new_backend(store: str) -> Backend:
    """Return the backend of a value of the setting `store` other than `memory`, not opened yet.

    Raises:
        BackendError: its URL is not valid, or it needs a library that is not installed.
    """
    scheme, _, path = store.partition(":")
    if scheme == "sqlite":
        from ltx_mock.store.sqlite_backend import SqliteBackend  # noqa: PLC0415 - who needs it not should not wait

        return SqliteBackend(path)
    from ltx_mock.store.redis_backend import RedisBackend  # noqa: PLC0415 - see above

    return RedisBackend(store)


async def wait_for_store(
    settings: Settings, seconds: float, note: Callable[[str], None], *, agree: bool = False
) -> Settings:
    """Wait until the store of these settings can be reached, since what runs it may start later than this process.

    Args:
        settings: The settings.
        seconds: How long to wait, in real seconds.
        note: Takes a line about the wait, if there is one.
        agree: Whether to take the seed that all who agreed on one have used with this store; the first one's is kept.

    Returns:
        The settings, with that seed.

    Raises:
        LtxMockError: it cannot be used, or not be reached in this time.
    """
    if settings.store == MEMORY:
        return settings
    end, noted = system_time.monotonic() + seconds, False
    while True:
        try:
            backend = new_backend(settings.store)
            await backend.open()
            try:
                return settings.replace(seed=await _agreed_seed(backend, settings.seed)) if agree else settings
            finally:
                await backend.close()
        except NotReachedError as error:
            if system_time.monotonic() >= end:
                raise LtxMockError(str(error)) from None
            if not noted:
                note(f"{error}; waiting for it for up to {seconds:g} s")
            noted = True
            await asyncio.sleep(RETRY_SECONDS)
        except BackendError as error:
            raise LtxMockError(str(error)) from None


async def _agreed_seed(backend: Backend, seed: int) -> int:
    """Return the seed of a store, which is this one if it has none."""
    (outcome,) = await backend.commit([Change(SEED, 0, {SEED: b"%d" % seed})])
    return int(outcome.records[SEED]) if isinstance(outcome, Missed) else seed
