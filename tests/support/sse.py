"""A reader of server-sent events, as a browser reads them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from support.waiting import SECONDS


class Told(NamedTuple):
    """One event."""

    number: int
    kind: str
    data: dict[str, Any]


def events_in(lines: Iterable[str]) -> Iterator[Told]:
    """Give the events in the lines of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            yield Told(int(fields["id"]), fields["event"], json.loads(fields["data"]))
        fields = {}


class Listener:
    """An open stream. Each wait has an end."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.iter_lines()
        self._events = events_in(self.lines)
        self.last = 0

    def next(self, *kinds: str) -> Told:
        """Return the next event, or the next of these kinds."""
        for told in self._events:
            self.last = told.number
            if not kinds or told.kind in kinds:
                return told
        raise EOFError("the stream is over")

    def take(self, count: int, *kinds: str) -> list[Told]:
        """Return so many events, or so many of these kinds."""
        return [self.next(*kinds) for _ in range(count)]

    def rest(self) -> list[Told]:
        """Return all events to the end of the stream."""
        return list(self._events)

    def at_end(self) -> bool:
        """Wait for the end of the stream, and tell whether nothing came before it."""
        return next(self._events, None) is None


@contextmanager
def listening(
    url: str, *, last: int | None = None, headers: dict[str, str] | None = None, **params: str
) -> Iterator[Listener]:
    """Listen to the events of a server; its root is `url`."""
    headers = (headers or {}) | ({} if last is None else {"last-event-id": str(last)})
    with (
        httpx.Client(base_url=f"{url}/__admin", timeout=SECONDS, trust_env=False, verify=False) as client,
        client.stream("GET", "/events", params=params, headers=headers) as response,
    ):
        assert response.status_code == 200, response.read()
        listener = Listener(response)
        if last is None:
            assert listener.next().kind == "hello"
        yield listener


def events_so_far(client: httpx.Client, last: int | None = None, **params: str) -> list[Told]:
    """Return what there is to be read now, after an event, with a client of the control plane."""
    headers = {} if last is None else {"last-event-id": str(last)}
    answer = client.get("/events", params={"wait": "0", **params}, headers=headers)
    assert answer.status_code == 200, answer.text
    return list(events_in(answer.text.split("\n")))
