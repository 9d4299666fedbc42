"""Which tests `make test` leaves to `make test-all`: the slow ones, but for a sample of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from hashlib import sha256

import pytest

SLOW_TOOLS = ("browser", "ffmpeg", "generators", "go", "java", "nginx", "node", "prism", "recipes", "redis")
"""What needs one of these is slow without saying so."""


def mark_slow(items: Sequence[pytest.Item]) -> None:
    """Mark as `slow` all of a sampled table or module but its sample, and what needs a slow tool.

    What is in a sample hangs on the names of the tests alone, so a new test moves at most one other out of it.
    A test that is marked `slow` is in no sample, nor is one that needs a slow tool unless it is sampled itself.
    """
    tables: defaultdict[tuple[str, int], list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("slow"):
            continue
        node, sample = next(item.iter_markers_with_node("sample"), (None, None))
        slow_tool = any(item.get_closest_marker(tool) for tool in SLOW_TOOLS)
        if node is not None and sample is not None and (node is item or not slow_tool):
            tables[node.nodeid.partition("[")[0], sample.args[0] if sample.args else 1].append(item)
        elif slow_tool or sample is not None:
            item.add_marker("slow")
    for (_, count), table in tables.items():
        for item in sorted(table, key=_order)[count:]:
            item.add_marker("slow")


def _order(item: pytest.Item) -> bytes:
    return sha256(item.name.encode()).digest()
