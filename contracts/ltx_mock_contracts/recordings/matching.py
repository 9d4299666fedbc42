"""Find the recordings of a request: its body must equal a recorded one, after the same redaction."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from ltx_mock_contracts.recordings.body import Body
from ltx_mock_contracts.recordings.fields import REMOVED, change_field, parse_field
from ltx_mock_contracts.recordings.model import Recording, Redaction
from ltx_mock_contracts.recordings.redaction import RecordingRedactor
from ltx_mock_contracts.validation.findings import place, pointer, show

__all__ = ["Difference", "Matcher", "Nearest"]

IGNORED: Final = ("callback_url",)
"""Fields that may always differ."""

_LOCAL_PORT: Final = re.compile(
    r"(https?://(?:localhost|[a-z0-9.\-]{1,200}\.localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1\])):\d{1,5}",
    re.IGNORECASE,
)
_ABSENT: Final = object()
_LARGE: Final = 64 * 1024
"""A body of more bytes than this, and than four times the largest recorded one, is not redacted: that takes long."""


class Difference(NamedTuple):
    """A field in which a request differs from a recorded one.

    Attributes:
        pointer: Its JSON pointer.
        message: The field, the recorded value and the given one, in one line.
    """

    pointer: str
    message: str


class Nearest(NamedTuple):
    """The recording whose request is most like another one, and the differences."""

    recording: Recording
    differences: tuple[Difference, ...]


class _Candidate(NamedTuple):
    recording: Recording
    request: Any


class Matcher:
    """Finds recordings by the body of a request.

    Args:
        recordings: The recordings, in the order in which equal ones are returned.
        ignore: Fields that may differ, besides `IGNORED`, as JSON pointers or dotted names.

    Raises:
        ValueError: `ignore` has something that names no field.
    """

    def __init__(self, recordings: Sequence[Recording], ignore: Iterable[str] = ()) -> None:
        self._ignored = tuple(map(parse_field, (*IGNORED, *ignore)))
        self._groups: dict[Redaction, list[_Candidate]] = {}
        self._found: dict[tuple[Redaction, str], list[Recording]] = {}
        self._largest = 0
        for each in recordings:
            self.add(each)

    def add(self, recording: Recording) -> None:
        """Add a recording."""
        request = self._comparable(recording.request.body)
        self._largest = max(self._largest, len(recording.request.body.raw))
        self._groups.setdefault(recording.redaction, []).append(_Candidate(recording, request))
        self._found.setdefault((recording.redaction, _canonical(request)), []).append(recording)

    def equal(self, body: bytes, key: str | None = None, secrets: Iterable[str] = ()) -> tuple[Recording, ...]:
        """Return the recordings of a request.

        Args:
            body: The body of the request, without content coding.
            key: Its API key, which may be in its body.
            secrets: Its other secrets, such as its cookies.
        """
        if self._is_too_large(body):
            return ()
        found = [
            each
            for redaction, request in self._redacted(body, key, secrets)
            for each in self._found.get((redaction, _canonical(request)), ())
        ]
        return (
            tuple(sorted(found, key=lambda each: (each.recorded, each.name))) if len(self._groups) > 1 else tuple(found)
        )

    def nearest(self, body: bytes, key: str | None = None, secrets: Iterable[str] = ()) -> Nearest | None:
        """Return the most similar recording; None if there are no recordings."""
        if self._is_too_large(body):
            message = f"the body has {len(body)} bytes, the largest recorded one {self._largest}"
            firsts = (candidates[0].recording for candidates in self._groups.values())
            return next((Nearest(each, (Difference("", message),)) for each in firsts), None)
        near = [
            Nearest(candidate.recording, tuple(_differences(candidate.request, request)))
            for redaction, request in self._redacted(body, key, secrets)
            for candidate in self._groups[redaction]
        ]
        return min(near, key=lambda each: len(each.differences), default=None)

    def _is_too_large(self, body: bytes) -> bool:
        return len(body) > max(_LARGE, 4 * self._largest)

    def _redacted(self, body: bytes, key: str | None, secrets: Iterable[str]) -> Iterator[tuple[Redaction, Any]]:
        """Yield the request as each kind of redaction leaves it."""
        read, known = Body.of(body), tuple(secrets)
        for redaction in self._groups:
            yield redaction, self._comparable(RecordingRedactor(redaction, key, known).request(read))

    def _comparable(self, body: Body) -> Any:
        """Return what is compared: decoded JSON, or the text of a body that is not JSON."""
        if body.form != "json":
            return _without_ports(body.value)
        value = body.value
        for field in self._ignored:
            value = change_field(value, field, lambda _: REMOVED)
        return _without_ports(value)


def _differences(recorded: Any, given: Any, path: tuple[str | int, ...] = ()) -> Iterator[Difference]:
    if isinstance(recorded, dict) and isinstance(given, dict):
        for name in {**recorded, **given}:
            yield from _differences(recorded.get(name, _ABSENT), given.get(name, _ABSENT), (*path, name))
    elif isinstance(recorded, list) and isinstance(given, list):
        for index in range(max(len(recorded), len(given))):
            yield from _differences(_item(recorded, index), _item(given, index), (*path, index))
    elif _canonical(recorded) != _canonical(given):
        message = f"{place(path)} is {_shown(given)}, recorded is {_shown(recorded)}"
        yield Difference(pointer(path), message)


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else _ABSENT


def _shown(value: Any) -> str:
    return "missing" if value is _ABSENT else show(value)


def _canonical(value: Any) -> str:
    """Return a text that is the same for equal JSON: the order of fields does not count, and 5.0 is 5."""
    return "absent" if value is _ABSENT else json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_ports(value: Any) -> Any:
    """Return JSON with the URLs of this machine without their ports, which differ from run to run."""
    if isinstance(value, dict):
        return {name: _without_ports(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_ports(item) for item in value]
    return _LOCAL_PORT.sub(r"\1", value) if isinstance(value, str) else value
