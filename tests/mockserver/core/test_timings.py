"""Timings learned from recordings: their file, and the timelines that are drawn from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ltx_mock_schemas
from ltx_mock import MockServer, SettingsError
from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import failure
from ltx_mock.core.timeline import Timeline, build_timeline, earliest_failure, result_fingerprint
from ltx_mock.core.timings import LONGEST, Timings, draw, load_timings, timings
from ltx_mock_contracts.model import MODES, RESOLUTIONS
from ltx_mock_contracts.request import GenerateRequest
from support.bodies import TEXT, TEXT_LORA, request_body

TIMES = st.lists(st.integers(0, LONGEST), min_size=1, max_size=8)
BYTES = st.binary(min_size=4, max_size=4)
LIVES = st.lists(
    st.fixed_dictionaries(
        {"resolution": st.sampled_from(RESOLUTIONS), "mode": st.sampled_from(MODES), "ends": TIMES},
        optional={"starts": TIMES},
    )
    | st.fixed_dictionaries(
        {"failCode": st.sampled_from(["CONTENT_VIOLATION", "OOPS"]), "ends": TIMES}, optional={"starts": TIMES}
    ),
    max_size=5,
)
FILE: dict[str, Any] = {
    "format": "ltx-mock-timings",
    "version": 1,
    "model": "ltx-2-19b",
    "lives": [
        {"resolution": "480p", "mode": "text-to-video", "starts": [200, 400], "ends": [200_000, 190_000, 210_000]},
        {"failCode": "CONTENT_VIOLATION", "ends": [500]},
    ],
}
VIOLATION = failure("CONTENT_VIOLATION", Cause("request", "a test"))
OTHER_FAILURE = failure("GENERATION_FAILED", Cause("request", "a test"))


def read(content: dict[str, Any]) -> Timings:
    return timings("timings", content)


def line(body: dict[str, Any], how: Any = None, *, seed: int = 0, learned: Timings | None = None) -> Timeline:
    request = GenerateRequest.from_body(body)
    return build_timeline(request, result_fingerprint(request, 7), seed, 1000, how, learned or read(FILE))


@given(LIVES)
def test_a_file_is_read_back_as_it_was(lives: list[dict[str, Any]]) -> None:
    read_once = read({**FILE, "lives": lives})
    jsonschema.validate(read_once.as_dict(), ltx_mock_schemas.schema("timings"))
    assert read(json.loads(json.dumps(read_once.as_dict()))) == read_once


@given(TIMES.map(sorted), BYTES, BYTES)
def test_a_drawn_time_lies_between_the_shortest_and_the_longest_and_grows_with_its_place(
    times: list[int], one: bytes, other: bytes
) -> None:
    low, high = sorted([one, other])
    assert times[0] <= draw(tuple(times), low) <= draw(tuple(times), high) <= times[-1]


def test_every_part_of_the_times_is_drawn_as_often_as_it_was_seen() -> None:
    """Nine of ten tasks took about 50 s and one 300 s: a tenth of those drawn is on the way to 300 s."""
    times = (*range(50_000, 50_010), 300_000)
    drawn = [draw(times, (place * 2**32 // 1000).to_bytes(4)) for place in range(1000)]
    assert sum(each > 50_009 for each in drawn) == pytest.approx(100, abs=2)
    assert draw((7,), b"\xff\xff\xff\xff") == 7


def test_a_success_has_the_learned_times_of_its_mode_and_resolution() -> None:
    for seed in range(50):
        drawn = line(request_body(TEXT), seed=seed)
        assert 1200 <= drawn.started <= 1400
        assert 191_000 <= drawn.ended <= 211_000


def test_the_same_seed_gives_the_same_life_and_seeds_have_lives_of_their_own() -> None:
    assert line(request_body(TEXT)) == line(request_body(TEXT))
    assert len({line(request_body(TEXT), seed=seed).ended for seed in range(20)}) > 15


def test_a_mode_without_a_life_has_that_of_a_mode_with_as_many_loras() -> None:
    lora = {**FILE, "lives": [{"resolution": "480p", "mode": "image-to-video-LoRA", "ends": [5]}]}
    assert line(request_body(TEXT_LORA, resolution="480p"), learned=read(lora)).cost_time == 5
    assert line(request_body(TEXT), learned=read(lora)).cost_time >= 40_000, "as documented"
    both = {**FILE, "lives": [*lora["lives"], {"resolution": "480p", "mode": "text-to-video-LoRA", "ends": [6]}]}
    assert line(request_body(TEXT_LORA, resolution="480p"), learned=read(both)).cost_time == 6


def test_what_was_not_learned_is_as_documented() -> None:
    body = request_body(TEXT, resolution="720p")
    request = GenerateRequest.from_body(body)
    assert line(body) == build_timeline(request, result_fingerprint(request, 7), 0, 1000, None)


def test_a_failure_has_the_learned_time_of_its_code() -> None:
    drawn = line(request_body(TEXT), VIOLATION)
    assert (drawn.ended, drawn.failure) == (1500, VIOLATION)
    later = line(request_body(TEXT), OTHER_FAILURE)
    assert later.started + 1000 <= later.ended <= later.started + 15_000, "as documented, after the learned start"


@given(LIVES, st.integers(0, 9), st.sampled_from([None, VIOLATION, OTHER_FAILURE]))
def test_a_life_is_created_then_started_then_ended(lives: list[dict[str, Any]], seed: int, how: Any) -> None:
    drawn = line(request_body(TEXT), how, seed=seed, learned=read({**FILE, "lives": lives}))
    assert drawn.created <= drawn.started <= drawn.ended


@given(LIVES, st.integers(0, 9))
def test_a_failure_that_is_found_later_changes_nothing_that_was_seen(lives: list[dict[str, Any]], seed: int) -> None:
    """The check of an image ends when the task is polled for the first time after the earliest failure, or later."""
    learned = read({**FILE, "lives": lives})
    before = line(request_body(TEXT), None, seed=seed, learned=learned)
    after = line(request_body(TEXT), VIOLATION, seed=seed, learned=learned)
    earliest = min(earliest_failure(before, learned), before.ended)
    for moment in {before.created, before.started - 1, before.started, earliest - 1}:
        if moment < min(earliest, after.ended):
            assert before.state(moment) == after.state(moment)
    assert earliest_failure(before, learned) <= after.ended


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"format": "other"}, "timings.format must be ltx-mock-timings"),
        ({"version": 2}, "timings.version must be 1, not 2"),
        ({"lives": [{"ends": [1]}]}, "a life has either resolution and mode, or failCode"),
        ({"lives": [{"resolution": "480p", "ends": [1]}]}, "a life has either resolution and mode, or failCode"),
        ({"lives": [{"resolution": "480p", "mode": "text-to-video", "ends": []}]}, "ends must be a list of 1 to 1000"),
        ({"lives": [{"failCode": "X", "ends": [-1]}]}, "ends must be a whole number from 0 to"),
        ({"lives": [{"resolution": "481p", "mode": "text-to-video", "ends": [1]}]}, "(did you mean '480p'?)"),
        ({"livs": []}, "unknown field 'livs' in timings (did you mean 'lives'?)"),
    ],
)
def test_a_wrong_file_is_one_line_with_file_and_field(change: dict[str, Any], error: str, tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    file.write_text(json.dumps({**FILE, **change}))
    with pytest.raises(SettingsError) as told:
        load_timings(file)
    if "481p" not in str(change):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**FILE, **change}, ltx_mock_schemas.schema("timings"))
    assert str(told.value).startswith(f"{file}: ")
    assert error in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(("content", "error"), [("{\n}x", "line 2: Extra data"), ("[]", "timings must be")])
def test_a_file_that_is_no_table_is_one_line(content: str, error: str, tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match=error):
        load_timings(file)
    with pytest.raises(SettingsError, match=r"cannot read .*: No such file"):
        load_timings(tmp_path / "away.json")


def test_a_server_and_a_tenant_take_a_file_or_its_content(tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    file.write_text(json.dumps(FILE))
    with MockServer(clock="manual", timings=file) as mock:
        assert _seconds(mock) == pytest.approx(200, abs=10)
        assert mock.settings.as_dict()["timings"] == read(FILE).as_dict()
        quick = {**FILE, "lives": [{"resolution": "480p", "mode": "text-to-video", "ends": [2000]}]}
        assert _seconds(mock.tenant(clock="manual", timings=quick)) == 2


def test_no_file_is_read_for_a_client_of_the_control_plane(tmp_path: Path) -> None:
    file = tmp_path / "timings.json"
    file.write_text(json.dumps(FILE))
    with MockServer() as mock:
        refused = httpx.post(
            f"{mock.url}/__admin/tenants", json={"key": "a-new-key", "settings": {"timings": str(file)}}
        )
        assert (refused.status_code, "must be the content of a file" in refused.text) == (400, True)


def _seconds(world: Any) -> float:
    with world.client() as client:
        created = client.post(f"{world.base_url}/generateTask/ltx-2-19b", json=request_body(TEXT)).json()
        world.clock.advance(300)
        task = client.get(f"{world.base_url}/statusTask/ltx-2-19b?taskId={created['data']['taskId']}").json()
    return float(task["data"]["costTime"]) / 1000
