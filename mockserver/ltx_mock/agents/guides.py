"""The guides as resources for agents: `ltx-mock://guides/make-it-fail` is docs/make-it-fail.md."""

from __future__ import annotations

from typing import Final, NamedTuple

from ltx_mock.core.shipped import guides, title
from ltx_mock.errors import NotFoundError
from ltx_mock.fields import listed, suggestion

ROOT: Final = "ltx-mock://guides/"


class Guide(NamedTuple):
    """A page of the documentation."""

    uri: str
    name: str
    title: str
    text: str


def all_guides() -> list[Guide]:
    """Return the guides that come with the package, by name; not the records of decisions."""
    return [_guide(name, path.read_text(encoding="utf-8")) for name, path in guides().items() if "/" not in name]


def guide_at(uri: str) -> Guide:
    """Return the guide at a URI.

    Raises:
        NotFoundError: there is none.
    """
    known = {guide.uri: guide for guide in all_guides()}
    if uri not in known:
        raise NotFoundError(f"no guide {uri!r}{suggestion(uri, known)}; there are {listed(known)}")
    return known[uri]


def _guide(name: str, text: str) -> Guide:
    return Guide(f"{ROOT}{name}", name, title(text), text)
