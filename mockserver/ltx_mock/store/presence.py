"""Which workers of a store are alive, by their signs of life."""

from __future__ import annotations

from uuid import uuid4

from ltx_mock.core import system_time
from ltx_mock.store.backend import ALIVE_SECONDS, Backend


class Presence:
    """What a worker knows about the others.

    Attributes:
        worker: The id of this worker; a new one each time that it begins.
    """

    def __init__(self, backend: Backend) -> None:
        self.worker = uuid4().hex
        self._backend = backend
        self._alive: frozenset[str] = frozenset()
        self._last_sign = self._trust_from = 0.0

    async def begin(self) -> None:
        """Give the first sign of life, as another worker than before."""
        before, self.worker = self.worker, uuid4().hex
        self._alive = await self._backend.sign_of_life(self.worker) - {before}
        self._last_sign = system_time.monotonic()

    async def sign(self) -> bool:
        """Give a sign of life, and tell whether another worker may have ended."""
        return self.note(await self._backend.sign_of_life(self.worker))

    def note(self, alive: frozenset[str]) -> bool:
        """Note which workers are alive, and tell whether one may have ended.

        After a time without signs the others get time to give theirs. One may have begun and ended meanwhile.
        """
        now, last = system_time.monotonic(), self._last_sign
        if now - last > ALIVE_SECONDS:
            self._trust_from = now + ALIVE_SECONDS
        self._last_sign = now
        if now < self._trust_from:
            alive |= self._alive
        ended, self._alive = self._alive - alive, alive
        return bool(ended) or last < self._trust_from <= now

    def is_alive(self, worker: str) -> bool:
        """Tell whether a worker is alive."""
        return worker in self._alive
