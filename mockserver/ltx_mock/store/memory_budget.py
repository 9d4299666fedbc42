"""A bound on the bytes that all tenants of a store take together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltx_mock.store.memory import MemoryTenant

FREED_SHARE = 8
"""Room is made for an eighth of the limit at once: looking for what is to go costs more than counting."""


class Budget:
    """Counts bytes, and has room made when there are too many of them.

    Attributes:
        limit: How many bytes there may be.
        used: How many there are.
    """

    __slots__ = ("_shed", "_threshold", "limit", "used")

    def __init__(self, limit: int, shed: Callable[[int], None]) -> None:
        """`shed(size)` gives up about so many bytes, and counts those as gone; it may find fewer."""
        self.limit, self.used = limit, 0
        self._shed, self._threshold = shed, limit

    def count(self, size: int) -> None:
        """Count bytes that have come, or with a number below 0 bytes that have gone."""
        self.used += size

    def settle(self) -> None:
        """Make room where there are too many. Where nothing can go, look again only when there are many more."""
        if self.used > self._threshold:
            spare = self.limit // FREED_SHARE
            self._shed(self.used - self.limit + spare)
            self._threshold = self.limit if self.used <= self.limit else self.used + spare


def journals_to_shorten(tenants: Iterable[MemoryTenant]) -> list[MemoryTenant]:
    """Return who gives up journal entries, first to last.

    What was asked without a good key goes first; then the keys that have made nothing, then the others. Within each of
    these groups, who has not been heard of for longest goes first.
    """
    return sorted((each for each in tenants if each.entry_bytes), key=lambda each: (_rank(each), each.last_entry))


def tenants_to_forget(tenants: Iterable[MemoryTenant]) -> list[MemoryTenant]:
    """Return the tenants with tasks that may be forgotten as a whole, who was not heard of for longest first.

    One that somebody has set up stays, and so does the one that was heard of last.
    """
    found = sorted((each for each in tenants if each.key), key=lambda each: each.last_entry)
    return [each for each in found[:-1] if each.task_bytes and each.last_entry and not each.set_up]


def _rank(tenant: MemoryTenant) -> int:
    if not tenant.key:
        return 0
    return 1 if tenant.idle else 2
