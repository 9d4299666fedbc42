"""A limit on the memory of all tenants of a store together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from ltx_mock.core.settings import MEBIBYTE

if TYPE_CHECKING:
    from ltx_mock.store.memory_tenant import MemoryTenant

MAX_TASK_BYTES = 512 * MEBIBYTE
"""The limit on the tasks of all keys without own settings; the least recently used keys are forgotten."""
MAX_IDLE_TENANTS = 10_000
"""With so many keys, those without tasks, own settings and scenarios are forgotten, as after a flood of random keys."""
FREED_SHARE = 8
"""An eighth of the limit is freed at once, since selecting what to remove costs more than counting."""


T = TypeVar("T", bound="MemoryTenant")


class Budget:
    """Counts bytes, and frees memory above the limit.

    Attributes:
        limit: The maximum number of bytes.
        used: The current number.
    """

    __slots__ = ("_shed", "_threshold", "limit", "used")

    def __init__(self, limit: int, shed: Callable[[int], None]) -> None:
        """`shed(size)` frees about `size` bytes, or fewer if there are no more, and subtracts them from `used`."""
        self.limit, self.used = limit, 0
        self._shed, self._threshold = shed, limit

    def count(self, size: int) -> None:
        """Add bytes; a negative number removes them."""
        self.used += size

    def settle(self) -> None:
        """Free memory above the limit. If nothing can be freed, try again only after substantial growth."""
        if self.used > self._threshold:
            spare = self.limit // FREED_SHARE
            self._shed(self.used - self.limit + spare)
            self._threshold = self.limit if self.used <= self.limit else self.used + spare


def shorten_journals(tenants: Iterable[MemoryTenant], size: int) -> None:
    """Remove the oldest entries of journals, about so many bytes.

    First of the anonymous tenant, then of keys without tasks, then of the others; in each group of the least recently
    used first.
    """
    found = (each for each in tenants if each.entry_bytes)
    for tenant in sorted(found, key=lambda each: (_rank(each), each.last_entry)):
        size -= tenant.shorten_journal(size)
        if size <= 0:
            return


def tenants_to_forget(tenants: Iterable[T]) -> list[T]:
    """Return the tenants with tasks that may be removed, the least recently used first.

    A tenant with its own settings or scenarios stays, and so does the most recently used one.
    """
    found = sorted((each for each in tenants if each.key), key=lambda each: each.last_entry)
    return [each for each in found[:-1] if each.task_bytes and each.last_entry and not each.set_up]


def next_crowd(tenants: int) -> int:
    """Return with how many tenants idle ones are removed next: not at each new key, if most are not idle."""
    return max(MAX_IDLE_TENANTS, 2 * tenants)


def _rank(tenant: MemoryTenant) -> int:
    if not tenant.key:
        return 0
    return 1 if tenant.idle else 2
