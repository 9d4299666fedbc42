"""The broken servers, each by itself: its mistake shows, in nothing but its rule; without it all is as it should be."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import import_module
from typing import Any

import httpx
import pytest

from ltx_mock_contracts import RULES
from mutants.servers import (
    ALL,
    KEY,
    MUTANTS,
    BrokenServer,
    Mutant,
    counting,
    flaky,
    garbage,
    hanging,
    silent_after,
    slow,
)
from support.bodies import TEXT, post, request_body
from support.tour import PARTS, Callbacks, Part, callbacks_of, calls, judged, part_of, walked
from support.traces import Entry
from support.waiting import GIVES_UP, SECONDS

Sound = Callable[[Part], list[Entry]]


@pytest.fixture(scope="module")
def server() -> Iterator[BrokenServer]:
    with BrokenServer() as server:
        yield server


@pytest.fixture(scope="module")
def callbacks(server: BrokenServer) -> Iterator[Callbacks]:
    with callbacks_of(server) as callbacks:
        yield callbacks


@pytest.fixture(scope="module")
def sound(server: BrokenServer, callbacks: Callbacks) -> Sound:
    """What the true twin shows."""

    def seen(part: Part) -> list[Entry]:
        server.forget()
        return walked(server, callbacks, part)

    return cache(seen)


def test_each_mutant_has_a_name_a_rule_and_a_sentence() -> None:
    assert len(MUTANTS) == len(ALL)
    for mutant in ALL:
        assert mutant.rule in RULES, mutant
        assert set(mutant.also) <= set(RULES), mutant
        assert mutant.text.endswith("."), mutant
        assert mutant.outcome == "observed" or RULES[mutant.rule].sources != ("choice",), mutant


def test_what_a_mutant_changes_in_the_fake_is_there() -> None:
    for target in {target for mutant in ALL for target in mutant.patches}:
        module, _, name = target.rpartition(".")
        assert hasattr(import_module(module), name), target


def test_every_rule_about_a_server_is_broken_by_somebody() -> None:
    assert {mutant.rule for mutant in ALL} == {rule for rule in RULES if not rule.startswith("CLI-")}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_the_true_twin_keeps_all_rules(server: BrokenServer, callbacks: Callbacks, sound: Sound, part: Part) -> None:
    true = sound(part)
    with server.broken_by(Mutant("none", "", "")):
        assert walked(server, callbacks, part) == true
    report = judged(true)
    assert (report.broken, report.having("observed")) == ((), ())


@pytest.mark.sample
@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_a_mistake_shows_in_its_rule_alone(
    server: BrokenServer, callbacks: Callbacks, sound: Sound, mutant: Mutant
) -> None:
    part = part_of(mutant)
    with server.broken_by(mutant):
        seen = walked(server, callbacks, part)
    assert seen != sound(part)
    report = judged(seen)
    rules = {mutant.rule, *mutant.also}
    assert set(report.broken) <= (rules if mutant.outcome == "broken" else set(mutant.also))
    assert set(report.having("observed")) <= rules
    assert server.mock.internal_errors == []


def test_a_server_is_whole_again_after_a_mistake(server: BrokenServer, callbacks: Callbacks, sound: Sound) -> None:
    true = sound(calls)
    for name in ("too-fast", "no-callback"):
        with server.broken_by(MUTANTS[name]):
            assert walked(server, callbacks, calls) != true
    assert walked(server, callbacks, calls) == true


def client(url: str, **options: Any) -> httpx.Client:
    headers = {"authorization": f"Bearer {KEY}"}
    return httpx.Client(base_url=f"{url}/api/v1", headers=headers, trust_env=False, verify=False, **options)


def test_who_hangs_says_nothing() -> None:
    with hanging() as url, client(url, timeout=GIVES_UP) as asker, pytest.raises(httpx.ReadTimeout):
        post(asker, request_body(TEXT))


def test_who_babbles_says_no_http() -> None:
    with garbage() as url, client(url) as asker, pytest.raises(httpx.RemoteProtocolError):
        post(asker, request_body(TEXT))


def test_who_is_slow_says_all_in_pieces() -> None:
    with slow(1) as url, client(url) as asker:
        response = post(asker, request_body(TEXT))
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.json()["data"]["taskId"].startswith("task_")


def test_who_is_flaky_fails_in_every_way_and_as_often_as_it_should() -> None:
    moods, again = _moods(90), _moods(90)
    assert set(moods) == {"well", "500", "no JSON", "closed"}
    assert 45 <= moods.count("well") <= 75
    assert moods == again


def _moods(count: int) -> list[str]:
    with flaky(0) as url:
        return [_mood(url) for _ in range(count)]


def _mood(url: str) -> str:
    way = http.client.HTTPConnection(url.removeprefix("http://"), timeout=SECONDS)
    try:
        way.request("GET", "/api/v1/statusTask/ltx-2-19b?taskId=x", headers={"authorization": f"Bearer {KEY}"})
        response = way.getresponse()
        json.loads(response.read())
    except http.client.HTTPException:
        return "closed"
    except ValueError:
        return "no JSON"
    finally:
        way.close()
    return "500" if response.status == 500 else "well"


def test_who_falls_silent_answers_as_often_as_it_should() -> None:
    with silent_after(3) as url, client(url, timeout=SECONDS) as asker:
        assert [post(asker, request_body(TEXT)).status_code for _ in range(3)] == [200] * 3
        asker.timeout = GIVES_UP
        with pytest.raises(httpx.ReadTimeout):
            post(asker, request_body(TEXT))


def test_who_counts_knows_the_tasks_and_hides_the_control_plane() -> None:
    with counting() as seen, client(seen.url) as asker:
        assert asker.get(f"{seen.url}/__admin/health").status_code == 404
        for duration in (5, 99):
            post(asker, request_body(TEXT, duration=duration))
        post(asker, b"nope")
        assert (seen.asked, seen.made, seen.polled, seen.admin) == (3, 1, 0, 1)


def test_who_accepts_everything_makes_a_task_of_it() -> None:
    bodies = [request_body(TEXT), request_body(TEXT, duration=99), b"nope", [], {}]
    with counting(accepts_everything=True) as seen, client(seen.url) as asker, ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda body: post(asker, body).status_code, bodies))
        assert answers == [200] * 5
        assert seen.made == 5
        assert asker.post("/generateTask/ltx-2-19b", content=b"nope", headers={"authorization": ""}).status_code == 401
        assert (seen.asked, seen.made) == (6, 5)


def test_a_proxy_shows_results_under_its_own_address() -> None:
    with BrokenServer(clock="auto") as upstream, counting(upstream.url) as seen, client(seen.url) as asker:
        task = post(asker, request_body(TEXT)).json()["data"]["taskId"]
        for _ in range(3):
            told = asker.get("/statusTask/ltx-2-19b", params={"taskId": task}).json()["data"]
        (url,) = json.loads(told["resultJson"])["resultUrls"]
        assert url.startswith(seen.url)
        assert asker.get(url).headers["content-type"] == "video/mp4"
