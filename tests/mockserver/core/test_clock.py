"""Virtual time: how clocks run, and that it does not matter in how many steps time goes by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltx_mock import MockServer, SettingsError
from ltx_mock.control.from_json import Exchange
from ltx_mock.core.clock import FIXED_START, Clock
from ltx_mock.testing.tenant import World
from support.bodies import IMAGE_LORA, STATUS, TEXT, TEXT_LORA, post, request_body, submit


class Machine:
    """The time of the machine, as `ltx_mock.clock` asks for it; the only seam, and the only place to patch."""

    def __init__(self) -> None:
        self.nanoseconds = 5_000_000_000

    def unix_ms(self) -> int:
        return 1_700_000_000_250

    def monotonic_ns(self) -> int:
        return self.nanoseconds

    def wait(self, seconds: float) -> None:
        self.nanoseconds += round(seconds * 1e9)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr("ltx_mock.core.clock.system_time", machine)
    return machine


def test_a_real_clock_starts_now_and_runs_with_the_machine(machine: Machine) -> None:
    clock = Clock.start("real")
    assert clock.now() == 1_700_000_000_250
    machine.wait(1.5)
    assert clock.now() == 1_700_000_001_750
    assert clock.real_seconds_until(clock.now() + 2000) == 2


def test_a_scaled_clock_runs_so_many_times_faster(machine: Machine) -> None:
    clock = Clock.start("scaled", speed=60, at=0)
    machine.wait(1)
    assert clock.now() == 60_000
    assert clock.real_seconds_until(120_000) == 1
    assert clock.real_seconds_until(0) == 0


@pytest.mark.parametrize("mode", ["manual", "auto"])
def test_a_clock_that_stands_is_moved_and_never_runs(machine: Machine, mode: str) -> None:
    clock = Clock.start(mode, at=1000)
    machine.wait(3600)
    assert clock.now() == 1000
    assert clock.real_seconds_until(2000) is None
    assert clock.moved_to(1500).moved_to(1200).now() == 1500
    assert clock.now() == 1000, "a clock is a value"


def test_speed_decides_between_real_and_scaled() -> None:
    modes = [
        Clock.start("real", speed=2).mode,
        Clock.start("scaled", speed=1).mode,
        Clock.start("manual", speed=2).mode,
    ]
    assert modes == ["scaled", "real", "manual"]


CHANGES = st.one_of(
    st.tuples(st.just("set"), st.sampled_from(["real", "scaled", "manual", "auto"]), st.floats(0.001, 1000)),
    st.tuples(st.just("wait"), st.floats(0, 100)),
    st.tuples(st.just("move"), st.integers(-1000, 1000)),
)


@given(st.lists(CHANGES, max_size=12))
def test_changing_the_mode_makes_no_jump_and_time_never_goes_back(changes: list[tuple[Any, ...]]) -> None:
    machine = Machine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ltx_mock.core.clock.system_time", machine)
        clock = Clock.start("real", at=0)
        for kind, *values in changes:
            before = clock.now()
            if kind == "set":
                clock = clock.changed(*values)
                assert clock.now() == before
            elif kind == "wait":
                machine.wait(values[0])
                assert clock.now() - before == pytest.approx(
                    values[0] * 1000 * clock.speed if clock.flows else 0, abs=2
                )
            else:
                clock = clock.moved_to(before + values[0])
                assert clock.now() == before + max(0, values[0])


def test_a_moved_clock_goes_its_own_way(machine: Machine) -> None:
    clock = Clock.start("scaled", speed=10, at=0)
    machine.wait(1)
    moved = clock.moved_to(50_000)
    machine.wait(1)
    assert (moved.now(), clock.now()) == (60_000, 20_000)


@pytest.mark.parametrize(("mode", "speed"), [("fast", 1.0), ("", 1.0), ("real", 0.0), ("real", -1.0), ("scaled", 1e9)])
def test_an_unknown_mode_or_an_impossible_speed_changes_nothing(mode: str, speed: float) -> None:
    clock = Clock.start("manual", at=7)
    with pytest.raises(SettingsError):
        clock.changed(mode, speed)
    assert clock.as_dict() == {"now": 7, "mode": "manual", "speed": 1.0}
    with pytest.raises(SettingsError):
        Clock.start(mode, speed=speed)


def test_a_clock_that_stands_starts_at_the_sample_of_the_documents(world: World) -> None:
    assert world.clock.now == FIXED_START == 1_767_965_610_929


def test_time_does_not_go_back_on_request(world: World) -> None:
    with pytest.raises(SettingsError, match="from 0 to"):
        world.clock.advance(-1)
    assert world.clock.now == FIXED_START


def test_what_advance_fires_is_every_change_of_state_in_order(world: World, client: httpx.Client) -> None:
    ids = [submit(client, seed=seed) for seed in (1, 2, 3)]
    ids.append(submit(client, prompt="[[content-violation]]"))
    fired = world.clock.advance(120)
    assert [event["at"] for event in fired] == sorted(event["at"] for event in fired)
    assert {event["taskId"] for event in fired} == set(ids)
    for task in world.tasks:
        told = [(event["at"], event["state"]) for event in fired if event["taskId"] == task.id]
        assert told == [(task.processing_time, "processing"), (task.end_time, task.end_state)]
    assert world.clock.advance(10**6) == []


@pytest.fixture(scope="module")
def twins() -> Iterator[tuple[MockServer, MockServer]]:
    """Two servers that are the same in every way."""
    same: dict[str, Any] = {"clock": "manual", "public_url": "http://mock.test", "credits": 100, "max_concurrent": 4}
    with MockServer(**same) as one, MockServer(**same) as other:
        yield one, other


STEPS = st.lists(
    st.tuples(
        st.sampled_from([TEXT, TEXT_LORA, IMAGE_LORA, {**TEXT, "prompt": "[[content-violation]]"}]),
        st.integers(0, 9000),
    ),
    max_size=5,
)
SPANS = st.lists(st.integers(0, 100_000) | st.sampled_from([0, 1, 1000, 86_400_000]), min_size=1, max_size=6)


def alike(request: Exchange) -> Exchange:
    """Return a request without what differs between the twins: the port, and its number, for moves count too."""
    headers = {name: value for name, value in request.request_headers.items() if name != "host"}
    return request._replace(number=0, request_headers=headers)


@given(steps=STEPS, spans=SPANS)
def test_time_in_many_steps_is_time_in_one(
    twins: tuple[MockServer, MockServer], steps: list[tuple[dict[str, Any], int]], spans: list[int]
) -> None:
    """advance(a) then advance(b) is advance(a + b): in events, statuses, counters and all that is recorded."""
    told = []
    for mock, parts in zip(twins, (spans, [sum(spans)]), strict=True):
        mock.reset()
        with mock.client(verify=False) as client:
            heard = []
            for source, pause in steps:
                hook = {"request_type": "callback", "callback_url": "https://your-server.com/hook"}
                heard.append(post(client, hook | request_body(source)).content)
                mock.clock.advance(pause / 1000)
            fired = [event for part in parts for event in mock.clock.advance(part / 1000)]
            ids = [json.loads(answer)["data"]["taskId"] for answer in heard if b"taskId" in answer]
            heard += [client.get(STATUS, params={"taskId": task_id}).content for task_id in ids]
            account = mock.account
            requests = [alike(request) for request in mock.requests]
            told.append((heard, fired, account, mock.tasks, mock.callbacks, requests, mock.clock.now))
    assert told[0] == told[1]


def test_time_ends_before_calendars_do() -> None:
    with MockServer(clock="manual", start_time="9998-12-31T23:59:00") as mock:
        mock.clock.advance(60)
        with pytest.raises(SettingsError, match=r"the clock ends with the year 9998; it cannot advance by 1 s"):
            mock.clock.advance(1)
    with pytest.raises(SettingsError, match="start_time must be from 1970 to 9998, not '9999-01-01'"):
        MockServer(clock="manual", start_time="9999-01-01")
