"""Which page of a browser a request comes from: one of this machine, one that a setting allows, or a foreign site's.

Any page may call the API. But one of a foreign site must not reach through the fake what it cannot reach itself: the
services on this machine.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from ltx_mock.core.hosts import ORIGIN, address_of, is_this_machine

ANOTHER_SITE = "another site"
MAX_SHOWN = 80
_BEFORE_PATH = re.compile(r"[^/?#]*//[^/?#]*")


def foreign_page(headers: Collection[tuple[bytes, bytes]], allowed: Collection[str]) -> str | None:
    """Return the origin of the foreign page that made a request, or None where no foreign page did.

    Browsers send `Origin` with each POST that a page of another origin makes; `null` stands for a local file or a
    sandboxed frame, and anybody can make one. Old ones send a `Referer` only, or nothing but `Sec-Fetch-Site`. What
    has none of these is no page.

    Args:
        headers: of the request, with lower-case names.
        allowed: origins of other machines whose pages are not foreign, or `null`.
    """
    given = {name: value.decode("latin-1").strip().lower() for name, value in headers}
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
    """Tell whether a page is of this machine: by its name, or since the fake itself was asked for at this address.

    Of names the latter says nothing: whoever owns a name can lead it here.
    """
    return is_this_machine(host.strip("[]")) or (address_of(host) is not None and origin.partition("://")[2] == asked)


def refusal(page: str) -> str:
    """Return why nothing is called for a foreign page, and what to do if it is the developer's own."""
    remedy = (
        f"; if it is yours, allow it with --allow-origin {page}" if page == "null" or ORIGIN.fullmatch(page) else ""
    )
    who = "a page without an origin (null)" if page == "null" else f"a page of {page}"
    return f"{who} asked for it, and no foreign page may have anything called from this machine{remedy}"
