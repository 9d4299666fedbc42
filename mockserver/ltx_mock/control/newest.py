"""The newest items of several tenants, without a look at all the others."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TypeVar

from ltx_mock.asgi.turns import AT_ONCE, free_in_turns, in_turns, serve_others
from ltx_mock.store.tenant import Tenant

T = TypeVar("T")


async def newest(
    tenants: Iterable[Tenant],
    items: Callable[[Tenant], Iterable[T]],
    place: Callable[[Tenant, T], int],
    limit: int,
    wanted: Callable[[Tenant, T], bool] | None = None,
) -> tuple[list[tuple[Tenant, T]], bool]:
    """Return the newest `limit` items, oldest first, and whether there are more. Other requests have their turns.

    Args:
        tenants: the tenants, oldest first.
        items: returns the items of a tenant, newest first. They must not change during the iteration.
        place: returns what orders the items of several tenants; the newest has the highest.
        limit: the maximum number of items.
        wanted: tells whether an item counts; without it all count.
    """
    looked_at = count(1)

    async def following(rest: Iterator[T], tenant: Tenant) -> T | None:
        for item in rest:
            if next(looked_at) % AT_ONCE == 0:
                await serve_others()
            if wanted is None or wanted(tenant, item):
                return item
        return None

    found: list[tuple[Tenant, T]] = []
    heads: list[tuple[int, int, Tenant, T, Iterator[T]]] = []
    order = 0
    async for tenant in in_turns(tenants):
        rest = iter(items(tenant))
        if (item := await following(rest, tenant)) is not None:
            order -= 1  # of equal places that of the last tenant is the newest
            heapq.heappush(heads, (-place(tenant, item), order, tenant, item, rest))
    while heads and len(found) < limit:
        _, order, tenant, item, rest = heads[0]
        found.append((tenant, item))
        if len(found) % AT_ONCE == 0:
            await serve_others()
        if (before := await following(rest, tenant)) is None:
            heapq.heappop(heads)
        else:
            heapq.heapreplace(heads, (-place(tenant, before), order, tenant, before, rest))
    found.reverse()
    there_are_more = bool(heads)
    await free_in_turns(heads)
    return found, there_are_more
