"""Tell from which browser page a request comes: one of this machine, an allowed one, or a foreign one.

Any page may call the API. But a foreign page must not use the fake to reach services on this machine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from ltx_mock.core.hosts import ORIGIN, address_of, is_this_machine

ANOTHER_SITE = "another site"
MAX_SHOWN = 80
_FROM_PAGES = frozenset({b"origin", b"referer", b"sec-fetch-site"})
_BEFORE_PATH = re.compile(r"[^/?#]*//[^/?#]*")


def foreign_page(headers: Mapping[bytes, bytes], allowed: Collection[str]) -> str | None:
    """Return the origin of the foreign page that sent a request; None otherwise.

    Browsers send `Origin` with each cross-origin POST; `null` is a local file or a sandboxed frame, which anybody can
    make. Old browsers send only a `Referer`, or only `Sec-Fetch-Site`. Requests without these headers do not come from
    a page.

    Args:
        headers: the request headers, with lower-case names.
        allowed: origins of other machines, or `null`, that do not count as foreign.
    """
    if _FROM_PAGES.isdisjoint(headers):
        return None
    given = {name: value.decode("latin-1").strip().lower() for name, value in headers.items()}
    origin = given.get(b"origin")
    if origin is None and (referer := given.get(b"referer")):
        found = _BEFORE_PATH.match(referer)
        origin = found[0] if found else referer
    if origin is None:
        return ANOTHER_SITE if given.get(b"sec-fetch-site") == "cross-site" else None
    ours = ORIGIN.fullmatch(origin)
    if origin in allowed or (ours and _is_own(ours["host"], origin, given.get(b"host", ""))):
        return None
    return origin[:MAX_SHOWN]


def _is_own(host: str, origin: str, asked: str) -> bool:
    """Tell whether a page is on this machine: by its name, or because the request went to its address.

    The latter holds for addresses only: the owner of a name can point it to this machine.
    """
    return is_this_machine(host.strip("[]")) or (address_of(host) is not None and origin.partition("://")[2] == asked)


def refusal(page: str) -> str:
    """Return why the fake calls nothing for a foreign page, and what to do if the page is the developer's own."""
    remedy = (
        f"; if it is yours, allow it with --allow-origin {page}" if page == "null" or ORIGIN.fullmatch(page) else ""
    )
    who = "a page without an origin (null)" if page == "null" else f"a page of {page}"
    return f"{who} submitted the task, and the fake calls nothing on this machine for a foreign page{remedy}"
