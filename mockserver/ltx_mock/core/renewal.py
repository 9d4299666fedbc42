"""Renew recorded bodies: the id, the times and the result URLs of the recorded task become those of a new one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ltx_mock_contracts.recordings import Body

TIMES = ("createTime", "completeTime")
"""The fields with moments; all other numbers stay."""
_FIRST_MS = 10**11
"""Moments of these days are larger than this in milliseconds, and smaller in seconds."""


class Renewal:
    """What becomes what in the bodies of one recording.

    Args:
        task_id: The recorded id and the new one.
        created: The recorded creation and the new one, in Unix milliseconds.
        urls: The new URL of each result.
    """

    def __init__(self, task_id: tuple[str, str], created: tuple[int, int], urls: Mapping[str, str]) -> None:
        recorded, self._task_id = task_id
        self._recorded_id = re.compile(rf"(?<![A-Za-z0-9]){re.escape(recorded)}(?![A-Za-z0-9])") if recorded else None
        self._created = created
        self._urls = {place: new for url, new in urls.items() if (place := place_of(url))}
        self._pattern = _pattern(tuple(self._urls)) if self._urls else None

    def __call__(self, body: Body) -> Body:
        """Return a body as that of the new task."""
        return body if body.form == "base64" else body._replace(value=self._value(body.value))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._value(each) for each in value]
        if isinstance(value, dict):
            return {
                self._text(name): self._moment(each) if name in TIMES else self._value(each)
                for name, each in value.items()
            }
        return value

    def _text(self, text: str) -> str:
        if self._pattern is not None and "://" in text.replace("\\", ""):
            text = self._pattern.sub(self._url, text)
        return self._recorded_id.sub(lambda _: self._task_id, text) if self._recorded_id else text

    def _url(self, found: re.Match[str]) -> str:
        new = self._urls[found[1].replace("\\", "")]
        return new.replace("/", "\\/") if "\\" in found[1] else new

    def _moment(self, value: Any) -> Any:
        if type(value) not in {int, float} or not value:
            return self._value(value)
        recorded, new = self._created
        unit = 1 if abs(value) >= _FIRST_MS else 1000
        return value + (new - recorded) if unit == 1 else value + (new // unit - recorded // unit)


def place_of(url: str) -> str:
    """Return a URL without query and fragment, which may be a signature."""
    return re.split(r"[?#]", url, maxsplit=1)[0]


def first_creation(bodies: Iterable[Body]) -> int | None:
    """Return the first `createTime` in some bodies, in Unix milliseconds, or None."""
    for body in bodies:
        moment = body.data.get("createTime")
        if type(moment) is int and moment > 0:
            return moment if moment >= _FIRST_MS else moment * 1000
    return None


@lru_cache(maxsize=256)
def _pattern(places: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern of these URLs with any query, also with the slashes escaped."""
    either = "|".join(re.escape(place).replace("/", r"\\*/") for place in sorted(places, key=len, reverse=True))
    return re.compile(rf"""({either})(?:[?#][^\s"'<>\\]*|(?![\w./\\%-]))""")
