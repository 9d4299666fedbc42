"""The checks of a live server find nothing where nothing is wrong, and say what they could not see."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest

from ltx_mock import MockServer
from ltx_mock_contracts import RULES, check_trace
from ltx_mock_contracts.conformance import CannotRun, Options, check_server
from ltx_mock_contracts.conformance.harness.control_plane import ControlPlane
from ltx_mock_contracts.io.http_client import send_once
from ltx_mock_contracts.trace import parse_trace
from ltx_mock_schemas import schema
from support.servers import answer, serving

pytestmark = pytest.mark.sample(2)

FEW = 1
SERVERS: list[dict[str, Any]] = [
    {"clock": "manual"},
    {"clock": "real"},
    {"clock": "auto"},
    {"speed": 600.0},
    {"clock": "manual", "api_key": "the-only-key", "admin_token": "let-me-in"},
    {"clock": "manual", "rate_limit": "3/hour", "max_concurrent": 1, "credits": 1, "strict": True},
    {"clock": "real", "public_url": None, "seed": 4711},
    {"clock": "auto", "api_key": ("one-key", "another-key")},
    {"clock": "manual", "start_time": "now"},
    {"clock": "manual", "price": {"480p": 100}},
]


FULLY = SERVERS[:4]
"""With these, one of each clock mode, examples are drawn too."""


def options_for(mock: MockServer, **more: Any) -> Options:
    given: dict[str, Any] = {"url": mock.url, "max_examples": FEW, "trust_control_plane": True} | more
    return Options(**given)


@pytest.mark.sample
@pytest.mark.parametrize("seed", range(len(SERVERS)))
def test_the_true_fake_keeps_all_rules_in_every_clock_mode_and_with_any_seed(seed: int) -> None:
    settings = SERVERS[seed]
    with MockServer(**settings) as mock:
        drawn = FEW if seed < len(FULLY) else 0
        report = check_server(options_for(mock, seed=seed, admin_token=settings.get("admin_token"), max_examples=drawn))
        unseen = () if drawn else ("GEN-16",)
        assert (report.broken, report.having("observed"), report.having("not checked")) == ((), (), unseen)
        assert mock.tasks == [], "the checks have worlds of their own"
    assert {verdict.rule for verdict in report.verdicts} == {rule for rule in RULES if not rule.startswith("CLI")}


def test_the_same_seed_asks_and_is_answered_the_same() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        with MockServer(clock="manual", seed=3) as mock:
            check_server(options_for(mock, seed=5, rules=frozenset({"GEN-13", "TASK-8", "TASK-9"})), trace=trace)
    one, two = (re.sub(r"127\.0\.0\.1:\d+", "here", "".join(trace)) for trace in traces)
    assert one == two


def test_two_checks_of_one_server_at_once_leave_each_other_alone() -> None:
    rules = frozenset({"GEN-13", "TASK-9"})
    with MockServer(clock="manual", seed=3) as mock, ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: check_server(options_for(mock, seed=5, rules=rules)), range(2)))
    assert [report.broken for report in reports] == [(), ()]
    assert reports[0].having("kept") == reports[1].having("kept") != ()


def test_a_key_that_another_check_has_is_left_to_it() -> None:
    with MockServer(clock="manual") as mock:
        control = ControlPlane.of(mock.url, None, send_once, 10)
        (first, _), (second, _) = control.open("check-1", {"credits": 7}), control.open("check-1", {"credits": 8})
        assert first == "check-1" != second
        assert [mock.tenant(key).account.credits for key in (first, second)] == [7, 8]


@pytest.mark.slow
def test_what_was_seen_is_a_recording_that_keeps_all_rules() -> None:
    trace: list[str] = []
    with MockServer(clock="manual") as mock:
        report = check_server(options_for(mock), trace=trace)
    recorded = parse_trace("".join(trace))
    assert len(recorded) == report.exchanges
    assert check_trace(recorded).broken == ()


def test_the_report_is_what_its_schema_says() -> None:
    with MockServer(clock="manual") as mock:
        told = check_server(options_for(mock, rules=frozenset({"AUTH-1"}))).as_dict()
    jsonschema.validate(told, schema("check-report"))
    assert (told["target"], told["seed"], told["tasksAllowed"]) == (mock.url, 0, None)


def test_only_the_rules_that_were_asked_for_are_reported() -> None:
    with MockServer(clock="manual") as mock:
        report = check_server(options_for(mock, rules=frozenset({"GEN-9", "LIM-1"})))
    assert [verdict.rule for verdict in report.verdicts] == ["GEN-9", "LIM-1"]
    assert report.having("kept") == ("GEN-9", "LIM-1")


def test_an_unknown_key_cannot_be_checked_where_any_is_good() -> None:
    with MockServer(clock="manual") as mock:
        report = check_server(options_for(mock, rules=frozenset({"AUTH-2"})))
    assert report.having("kept") == ("AUTH-2",), "the malformed ones can"


def test_limits_are_tried_at_their_documented_size_when_that_is_allowed() -> None:
    with MockServer(clock="manual") as mock:
        report = check_server(options_for(mock, rules=frozenset({"LIM-2"}), try_limits=True))
    assert report.having("kept") == ("LIM-2",)
    assert report.tasks_made is not None
    assert report.tasks_made > 1000


def test_a_bound_holds_on_a_fake_too() -> None:
    with MockServer(clock="manual") as mock:
        report = check_server(options_for(mock, max_tasks=3))
    assert (report.broken, report.tasks_allowed) == ((), 3)
    assert report.tasks_made == 3
    assert "--max-tasks" in (report.of("FAIL-3").why or "")


def test_nobody_at_the_url_is_told_in_a_line() -> None:
    with MockServer(clock="manual") as mock:
        url = mock.url
    with pytest.raises(CannotRun, match=f"no server responds at {url}"):
        check_server(Options(url=url))


def test_a_fake_is_a_stranger_until_the_user_says_that_it_is_theirs() -> None:
    with MockServer(clock="manual", api_key="any-key") as mock:
        with pytest.raises(CannotRun, match=r"an API key \(--api-key\): .*add --trust-control-plane"):
            check_server(Options(url=mock.url))
        report = check_server(options_for(mock, api_key="any-key", trust_control_plane=False))
        assert (report.tasks_made, report.tasks_allowed, mock.tasks) == (0, 0, [])
    assert "add --trust-control-plane" in (report.of("TASK-12").why or "")


def test_a_wrong_key_is_told_for_a_fake_that_is_trusted_too() -> None:
    wrong = pytest.raises(CannotRun, match="does not accept the key: it responds with 401")
    with MockServer(clock="manual", api_key="the-only-key") as mock, wrong:
        check_server(Options(url=mock.url, api_key="another-key", trust_control_plane=True))


def test_no_word_of_the_user_makes_a_server_elsewhere_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    said = json.dumps({"name": "ltx-mock"}).encode()
    with serving([answer(said, content_type="application/json")]) as (port, requests):
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        options = Options(url="http://mock.example", trust_control_plane=True, admin_token="secret-token")
        with pytest.raises(CannotRun, match="only on this machine"):
            check_server(options)
    assert len(requests) == 1
    assert b"secret-token" not in b"".join(requests), "a server that is not trusted does not see the token"


def test_a_fake_that_asks_for_a_token_wants_a_key_without_it() -> None:
    with (
        MockServer(clock="manual", admin_token="secret-token") as mock,
        pytest.raises(CannotRun, match=r"\(--api-key\): its control plane requires --admin-token"),
    ):
        check_server(Options(url=mock.url, trust_control_plane=True))


def test_a_key_that_is_not_accepted_is_told_in_a_line() -> None:
    with (
        MockServer(clock="manual", admin_token="secret-token", api_key="the-only-key") as mock,
        pytest.raises(CannotRun, match="does not accept the key: it responds with 401"),
    ):
        check_server(Options(url=mock.url, api_key="another-key"))
