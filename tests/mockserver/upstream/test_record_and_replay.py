"""What was recorded is replayed: the same answers at every virtual second, whatever happened and who asks when."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltx_mock import MockServer, SettingsError
from ltx_mock.core.renewal import TIMES
from ltx_mock.core.setting_readers import DEFAULT_PRICES
from ltx_mock.engine.engine import Engine
from ltx_mock.engine.outbound import Sender
from ltx_mock.scenarios import NAMED, from_dict
from ltx_mock.server.app import Endpoints
from ltx_mock.server.forwarding import forwarding
from ltx_mock.testing.recording_server import RecordingServer
from ltx_mock.testing.tenant import ClockHandle, World
from ltx_mock.upstream.callbacks import CallbackRelay
from ltx_mock.upstream.purse import Limits, Purse
from ltx_mock_contracts.recordings import Body
from support.bodies import STATUS, TEXT, post, request_body
from support.lives import body_of
from support.receivers import Receiver
from support.waiting import SECONDS

pytestmark = pytest.mark.sample

WATCHED = 100
"""So many virtual seconds a task is asked each second; the usual ones have ended by then."""
AFTERWARDS = 700
"""So many it is left alone then, until all callbacks have come."""
AT_ONCE = 20
"""So many pass at once then."""
SIGNIFICANT = ("content-type", "retry-after", "www-authenticate", "allow")


class Seen(NamedTuple):
    """What a client sees of a response: all None if the connection breaks."""

    status: int | None = None
    headers: dict[str, str] | None = None
    body: Body | None = None

    @classmethod
    def of(cls, response: httpx.Response) -> Seen:
        headers = {name: response.headers[name] for name in SIGNIFICANT if name in response.headers}
        return cls(response.status_code, headers, Body.of(response.content))

    @property
    def task_id(self) -> Any:
        return self.body.data.get("taskId") if self.body and self.status == 200 else None


class Life(NamedTuple):
    """What a client sees of a task: the response to generateTask, each second, the callbacks with their times."""

    created: Seen
    seconds: dict[int, Seen]
    callbacks: list[tuple[int, str, Body]]


class Proxy(RecordingServer):
    """A recording proxy before a service; both clocks stand, and advance together."""

    def __init__(self, service: MockServer, folder: Path) -> None:
        self._service = service
        purse = Purse(Limits(), DEFAULT_PRICES, lambda _: None)
        super().__init__(
            service.url, service.api_key, folder, replays=False, purse=purse, wait=self._advance, clock="manual"
        )
        self._relay._public = self.url

    def _advance(self, seconds: float) -> None:
        ClockHandle(self._admin).advance(seconds)
        self._service.clock.advance(seconds)

    def _endpoints(self, engine: Engine) -> Endpoints:
        self._relay = CallbackRelay(engine, Sender(None), "", self._recorder)
        return forwarding(engine, self._upstream, self._purse, self._relay, self._recorder)


def service(**given: Any) -> MockServer:
    return MockServer(clock="manual", callback_timeout=SECONDS, **given)


def lived(world: World, seconds: list[int], receiver: Receiver) -> Life:
    """Have a task made, ask for it at some seconds of its life, and return what there was to see."""
    body = request_body(TEXT) | {"request_type": "callback", "callback_url": receiver.url}
    with world.client(verify=False) as client:
        created, at = seen(lambda: post(client, body)), 0
        begin, asked = world.clock.now, dict[int, Seen]()
        for second in seconds if created.task_id else []:
            world.clock.advance(second - at)
            asked[second], at = seen(lambda: client.get(STATUS, params={"taskId": created.task_id})), second
        while at < WATCHED + AFTERWARDS:
            world.clock.advance(AT_ONCE)
            at += AT_ONCE
        sent = [each for each in world.requests if each.operation == "callback" and each.task_id == created.task_id]
        callbacks = [(each.at - begin, each.request_headers["content-type"], body_of(each.body)) for each in sent]
    return Life(created, asked, callbacks)


def seen(send: Any) -> Seen:
    try:
        return Seen.of(send())
    except httpx.TransportError:
        return Seen()


class Recorded(NamedTuple):
    """The lives of two tasks of a service, one after the other, and the folder with their recordings."""

    lives: list[Life]
    root: str
    folder: Path


@cache
def recorded(scenario: str, operation: str | None) -> Recorded:
    """Record two tasks of a service with a scenario, for all requests or those of an operation."""
    given: Any = {"name": scenario} | ({} if operation is None else {"operation": operation})
    if scenario == "no-answer":  # a client needs no time limit if the service has one
        given |= {"name": "silent", "fault": "NO_ANSWER", "close_after": 1}
    seconds, folder = list(range(1, WATCHED + 1)), Path(mkdtemp())
    with Receiver() as receiver, service() as upstream, Proxy(upstream, folder) as proxy:
        upstream.scenarios.add(**given)
        lives = [lived(proxy, seconds, receiver) for _ in range(2)]
    # The key is not recorded, nor is that it was refused.
    return Recorded([each for each in lives if each.created.status != 401], upstream.url, folder)


def as_recorded(life: Life, original: Life, root: str, original_root: str) -> Life:
    """Return a replayed life with the ids, hosts and moments of the recorded one."""
    old, new = original.created.task_id, life.created.task_id
    moments = [
        next((body.data["createTime"] for body in bodies_of(each) if body.data.get("createTime")), 0)
        for each in (original, life)
    ]

    def back(value: Any) -> Any:
        if isinstance(value, dict):
            moved = {name: value[name] - moments[1] + moments[0] for name in TIMES if value.get(name)}
            return {name: back(value[name]) for name in value} | moved
        if isinstance(value, list):
            return [back(each) for each in value]
        return value.replace(str(new), str(old)).replace(root, original_root) if isinstance(value, str) else value

    def again(body: Body | None) -> Body | None:
        return body and body._replace(value=back(body.value))

    created = life.created._replace(body=again(life.created.body))
    seconds = {second: each._replace(body=again(each.body)) for second, each in life.seconds.items()}
    callbacks = [(after, kind, again(body) or body) for after, kind, body in life.callbacks]
    return Life(created, seconds, callbacks)


def bodies_of(life: Life) -> Iterator[Body]:
    yield from (each.body for each in life.seconds.values() if each.body)
    yield from (body for _, _, body in life.callbacks)


def variants() -> Iterator[tuple[str, str | None]]:
    """Yield each scenario of the library as it is, and for the polls alone where that is something else."""
    for name, scenario in NAMED.items():
        yield name, None
        try:
            polls = from_dict({"name": name, "operation": "statusTask"})
        except SettingsError:
            continue
        if polls != scenario:
            yield name, "statusTask"


@pytest.mark.parametrize(("scenario", "operation"), list(variants()))
def test_each_scenario_is_replayed_as_it_was_recorded(scenario: str, operation: str | None) -> None:
    """At every virtual second, and then to clients that poll at random rhythms and begin at any time."""
    lives, root, folder = recorded(scenario, operation)

    def replay(rhythms: list[list[int]], pause: int) -> None:
        with Receiver() as receiver, service(recordings=folder, recordings_only=True, seed=7) as server:
            server.clock.advance(pause)
            for original, rhythm in zip(lives, rhythms, strict=False):
                life = as_recorded(lived(server, rhythm, receiver), original, server.url, root)
                assert life.created == original.created
                assert life.seconds == ({each: original.seconds[each] for each in rhythm} if original.seconds else {})
                if original.callbacks:
                    assert life.callbacks == original.callbacks

    seconds = list(range(1, WATCHED + 1))
    replay([seconds, seconds], 0)

    @settings(max_examples=2, database=None)
    @given(
        st.lists(st.lists(st.sampled_from(seconds), max_size=12, unique=True).map(sorted), min_size=2, max_size=2),
        st.integers(0, 10**6),
    )
    def at_random_rhythms(rhythms: list[list[int]], pause: int) -> None:
        replay(rhythms, pause)

    at_random_rhythms()
