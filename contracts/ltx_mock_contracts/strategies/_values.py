"""Strategies for single values, with their edges.

Every host is reserved for documentation or tests, so that no example names a real server.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from hypothesis import strategies as st

from ltx_mock_contracts.model import MODEL, RESOLUTIONS
from ltx_mock_contracts.request_fields import LARGEST_SEED, LONGEST_PROMPT

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DOWNLOADS",
    "DURATIONS",
    "FIELD_VALUES",
    "PROMPTS",
    "SCALES",
    "SEEDS",
    "SIZES",
    "TASK_IDS",
    "TEXT",
    "URLS",
    "fresh",
    "objects",
]


def fresh(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Draw one of these values, as a copy that the test may change."""
    return st.sampled_from(values).map(deepcopy)


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw an object with these fields in this order; the order of `fixed_dictionaries` depends on the version."""
    return st.builds(dict, **fields)


_CHARACTERS: Final = st.characters(exclude_categories=["Cs"])
"""All that UTF-8 can encode. With `codec="utf-8"` Hypothesis would encode every character there is, for 1.7 s."""

TEXT: Final = st.text(_CHARACTERS, max_size=20)

PROMPTS: Final = st.one_of(
    st.text(_CHARACTERS, min_size=1, max_size=20),
    st.sampled_from(
        [
            *("a", " ", "\n", "\x00", "0", '"\\', "null", "{}"),
            *(
                "a futuristic city with flying cars at sunset",
                "日落时的未来城市",
                "שלום",
                "e\u0301",
                "\u200b",
                "\ufeff",
            ),
            *("😀", "𝒳", "👩‍👩‍👧‍👦", "\U0010ffff", "%s {0} ${x} <b>"),
            *("x" * (LONGEST_PROMPT - 1), *(each * LONGEST_PROMPT for each in "xé😀")),
        ]
    ),
)

_SHORTEST, _LONGEST = MODEL.durations
SIZES: Final = st.sampled_from(RESOLUTIONS)
DURATIONS: Final = st.integers(_SHORTEST, _LONGEST) | st.sampled_from(
    [_SHORTEST, _LONGEST, 10.0, float(_SHORTEST), float(_LONGEST)]
)
SEEDS: Final = st.integers(1, LARGEST_SEED) | st.sampled_from([-1, 1, LARGEST_SEED, LARGEST_SEED - 1, 7.0])
SCALES: Final = st.sampled_from([1, 0.5, 2, 2.0, 1.2, 0.50001, 1.99999]) | st.floats(0.5, 2)

_ROOTS: Final = [
    "https://example.com",
    "http://example.com",
    "HTTPS://EXAMPLE.COM",
    "hTTp://sub.example.org",
    "https://example.com:8443",
    "https://example.com:",
    "https://user:p%40ss@example.com",
    "https://192.0.2.1",
    "https://192.0.2.1:65535",
    "https://[2001:db8::1]",
    "http://[2001:db8::192.0.2.33]:8080",
    "https://xn--r8jz45g.example",
    "https://例え.example",
    "https://a.example.",
    "https://a_b.example",
    f"https://{'a' * 63}.example",
]
_PATHS: Final = [
    "/",
    "",
    "/ref.jpg",
    "/a/../b//c.png",
    "/片.webp",
    "/a%20b.jpg",
    "/😀.png",
    "/(x)[y];z='1',*!",
    "/" + "d/" * 100,
    "/%",
]
_ENDS: Final = ["", "#part", "?x=1&y=2", "?", "#", "?q=a/b?c#d", "?u=https://example.com/x"]
_WITH_DOWNLOAD: Final = ["?download=true", "?download", "?download=1#x", "?a=b&download=true", "?download&token=%20"]

URLS: Final = st.sampled_from([root + path + end for root in _ROOTS for path in _PATHS for end in _ENDS])
DOWNLOADS: Final = st.sampled_from([root + path + end for root in _ROOTS for path in _PATHS for end in _WITH_DOWNLOAD])
"""URLs with a download parameter, as the documents recommend for a LoRA."""

TASK_IDS: Final = st.text("0123456789abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12).map("task_{}".format)

FIELD_VALUES: Final = fresh([None, True, 0, "x", [], {}, 1.5, {"a": [1, None]}, ["x", {}], "😀"])
"""Values of unknown fields."""
