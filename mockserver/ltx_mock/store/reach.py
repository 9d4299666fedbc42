"""Whether a backend can be reached: its errors become those of the store, and the log says when it goes and comes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ltx_mock.errors import UnavailableError
from ltx_mock.store.backend import BackendError

_log = logging.getLogger("ltx_mock")


class Reach:
    """What a worker knows about reaching its backend."""

    def __init__(self) -> None:
        self._away = self._failed = False

    @contextmanager
    def required(self) -> Iterator[None]:
        """Do what needs the backend.

        Raises:
            UnavailableError: it cannot be reached now.
        """
        try:
            yield
        except BackendError as error:
            raise self.lost(error) from None

    def lost(self, error: BackendError) -> UnavailableError:
        """Note an error, and return the one to raise."""
        self._failed = True
        if not self._away:
            self._away = True
            _log.error("%s; requests are answered with 503 until it is back", error)
        return UnavailableError(str(error))

    def answered(self) -> bool:
        """Note that it answers, and tell whether it has come back: then nothing has failed since the last time."""
        back = self._away and not self._failed
        self._failed = False
        if back:
            self._away = False
            _log.warning("the store is back, and requests are served again")
        return back
