"""A cache of JSON texts, bounded in number and in size."""

from __future__ import annotations

from collections.abc import Callable, Hashable

MAX_TEXTS = 256
"""Most requests repeat what one of the last few had."""

MAX_SIZE = 4096
"""The maximum length of a text that is kept; do not use a cache for what is made of more."""


class TextCache:
    """Keeps up to `MAX_TEXTS` texts by what they were made of."""

    def __init__(self) -> None:
        self._texts: dict[Hashable, str] = {}

    def get(self, made_of: Hashable, write: Callable[[], str]) -> str:
        """Return the text that `write` returns, or returned for an equal value.

        What contains lists, such as the headers of some servers, is written each time.
        """
        try:
            text = self._texts.get(made_of)
        except TypeError:
            return write()
        if text is None:
            text = write()
            if len(text) <= MAX_SIZE:
                if len(self._texts) >= MAX_TEXTS:
                    self._texts.clear()
                self._texts[made_of] = text
        return text
