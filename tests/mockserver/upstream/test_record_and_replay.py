"""What was recorded is replayed: the same answers at every virtual second, whatever happened and who asks when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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
from ltx_mock.scenarios import NAMED, from_dict
from ltx_mock.testing.tenant import World
from ltx_mock_contracts.recordings import (
    Body,
    RecordedAnswer,
    RecordedCallback,
    RecordedEnd,
    RecordedRequest,
    RecordedResponse,
    RecordedResult,
    Recording,
)
from support.bodies import STATUS, TEXT, post, request_body
from support.lives import JSON, body_of, save
from support.receivers import Receiver
from support.waiting import SECONDS

pytestmark = pytest.mark.sample(4)

WATCHED = 100
"""So many virtual seconds a task is asked each second; the usual ones have ended by then."""
AFTERWARDS = 700
"""So many it is left alone then, until all callbacks have come."""
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


@contextmanager
def service(scenarios: tuple[Any, ...] = (), **given: Any) -> Iterator[MockServer]:
    with MockServer(clock="manual", callback_timeout=SECONDS, **given) as server:
        for each in scenarios:
            server.scenarios.add(**each)
        yield server


def lived(world: World, seconds: list[int], receiver: Receiver) -> Life:
    """Have a task made, ask for it at some seconds of its life, and return what there was to see."""
    body = request_body(TEXT) | {"request_type": "callback", "callback_url": receiver.url}
    with world.client(verify=False) as client:
        created, at = seen(lambda: post(client, body)), 0
        begin, asked = world.clock.now, dict[int, Seen]()
        for second in seconds if created.task_id else []:
            world.clock.advance(second - at)
            asked[second], at = seen(lambda: client.get(STATUS, params={"taskId": created.task_id})), second
        world.clock.advance(WATCHED + AFTERWARDS - at)
        sent = [each for each in world.requests if each.operation == "callback" and each.task_id == created.task_id]
        callbacks = [(each.at - begin, each.request_headers["content-type"], body_of(each.body)) for each in sent]
    return Life(created, asked, callbacks)


def seen(send: Any) -> Seen:
    try:
        return Seen.of(send())
    except httpx.TransportError:
        return Seen()


def recording_of(life: Life, name: str) -> Recording:
    answers = list[RecordedAnswer]()
    for second, (status, headers, body) in life.seconds.items():
        after, same = second * 1000, False
        if answers:
            last = answers[-1]
            same = (last.status, last.headers, last.body) == (status, headers or {}, body or Body.of(b""))
        if same:
            answers[-1] = replace(answers[-1], until=after)
        else:
            answers.append(
                RecordedAnswer(
                    after=after, until=after, status=status, headers=headers or {}, body=body or Body.of(b"")
                )
            )
    ends = [
        RecordedEnd(state=each.body.data["state"], after=each.body.data.get("costTime", each.after))
        for each in answers
        if each.body.data.get("state") in {"success", "failed"}
    ]
    request = request_body(TEXT) | {"request_type": "callback", "callback_url": "http://127.0.0.1:1/callback"}
    return Recording(
        upstream="http://127.0.0.1:1",
        model="ltx-2-19b",
        recorded="2026-11-26T14:40:00.000Z",
        task_id=life.created.task_id,
        request=RecordedRequest(headers=JSON, body=body_of(request)),
        response=RecordedResponse(
            status=life.created.status,
            headers=life.created.headers or {},
            body=life.created.body or Body.of(b""),
            latency=0,
        ),
        answers=tuple(answers),
        end=ends[0] if ends else None,
        callbacks=tuple(
            RecordedCallback(after=after, headers={"content-type": kind}, body=body, status=200)
            for after, kind, body in life.callbacks
        ),
        results=tuple(RecordedResult(url=url, bytes=90_000) for url in urls_of(answers)),
        name=name,
    )


def urls_of(answers: list[RecordedAnswer]) -> list[str]:
    try:
        return [str(url) for url in json.loads(answers[-1].body.data["resultJson"])["resultUrls"]]
    except (LookupError, ValueError, TypeError):
        return []


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
    seconds = list(range(1, WATCHED + 1))
    with Receiver() as receiver, service((given,)) as upstream:
        lives = [lived(upstream, seconds, receiver) for _ in range(2)]
        root = upstream.url
    folder = Path(mkdtemp())
    save(folder, *(recording_of(life, f"task-{number}") for number, life in enumerate(lives)))
    return Recorded(lives, root, folder)


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
            for original, rhythm in zip(lives, rhythms, strict=True):
                life = as_recorded(lived(server, rhythm, receiver), original, server.url, root)
                assert life.created == original.created
                assert life.seconds == ({each: original.seconds[each] for each in rhythm} if original.seconds else {})
                if original.callbacks:
                    assert life.callbacks == original.callbacks

    seconds = list(range(1, WATCHED + 1))
    replay([seconds, seconds], 0)

    @settings(max_examples=5, database=None)
    @given(
        st.lists(st.lists(st.sampled_from(seconds), max_size=12, unique=True).map(sorted), min_size=2, max_size=2),
        st.integers(0, 10**6),
    )
    def at_random_rhythms(rhythms: list[list[int]], pause: int) -> None:
        replay(rhythms, pause)

    at_random_rhythms()
