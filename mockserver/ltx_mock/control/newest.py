"""The newest items of several tenants, without a look at all the others."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ltx_mock.asgi.turns import AT_ONCE, Portion, free_in_turns, in_turns, serve_others
from ltx_mock.store.tenant import Tenant

T = TypeVar("T")

Head = tuple[int, int, Tenant, Iterator[Any] | None, Any]
"""A place that is negative, what orders equal ones, a tenant, its other items, and its item there; at first None."""


async def newest(
    tenants: Iterable[Tenant],
    items: Callable[[Tenant], Iterable[T | None]],
    place: Callable[[Tenant, T], int],
    highest: Callable[[Tenant], int | None],
    limit: int,
    wanted: Callable[[Tenant, T], bool] | None = None,
) -> tuple[list[tuple[Tenant, T]], bool]:
    """Return the newest `limit` items, oldest first, and whether there are more. Other requests have their turns.

    Args:
        tenants: the tenants, oldest first.
        items: returns the items of a tenant, newest first, and None where it took as long as `AT_ONCE` items do to find
            the next. They must not change during the iteration.
        place: returns what orders the items of several tenants; the newest has the highest.
        highest: returns a place that is as high as that of the newest item, or higher; None for a tenant without items.
        limit: the maximum number of items.
        wanted: tells whether an item counts; without it all count.
    """
    heads: list[Head] = []
    async for tenant in in_turns(tenants):
        if (most := highest(tenant)) is not None:
            heads.append((-most, -len(heads), tenant, None, None))  # of equal places the last tenant's is the newest
    heapq.heapify(heads)
    found = list[tuple[Tenant, T]]()
    portion = Portion()
    for looked_at, each in _newest_first(heads, items, place, wanted):
        if portion.add(looked_at):
            await serve_others()
        if each is not None:
            found.append(each)
            if len(found) > limit:
                break
    there_are_more = len(found) > limit
    del found[limit:]
    found.reverse()
    await free_in_turns(heads)
    return found, there_are_more


def _newest_first(
    heads: list[Head],
    items: Callable[[Tenant], Iterable[T | None]],
    place: Callable[[Tenant, T], int],
    wanted: Callable[[Tenant, T], bool] | None,
) -> Iterator[tuple[int, tuple[Tenant, T] | None]]:
    """Yield the wanted items, newest first, and None between them; before it how many items it was as much as.

    The items of a tenant are read as soon as its place is the highest: that may be as much as `AT_ONCE` items are.
    """
    while heads:
        _, order, tenant, rest, item = heads[0]
        if rest is None:
            rest = iter(items(tenant))
            yield AT_ONCE, None
        else:
            yield 1, (tenant, item)
        for before in rest:
            if before is None:
                yield AT_ONCE, None
                continue
            if wanted is None or wanted(tenant, before):
                heapq.heapreplace(heads, (-place(tenant, before), order, tenant, rest, before))
                break
            yield 1, None
        else:
            heapq.heappop(heads)
