"""A callback can be made again by hand, as after a receiver that lost it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from ltx_mock import MockServer
from ltx_mock.cli import cli, main
from ltx_mock.errors import ConflictError, NotFoundError
from ltx_mock.testing.receiver import CallbackReceiver
from ltx_mock_contracts import check_trace
from ltx_mock_contracts.trace import parse_trace
from support.bodies import request_body

DAY = 24 * 3600


@pytest.fixture
def receiver() -> Iterator[CallbackReceiver]:
    with CallbackReceiver() as receiver:
        yield receiver


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as mock:
        yield mock


def submit(mock: MockServer, url: str) -> None:
    body = request_body() | {"request_type": "callback", "callback_url": url}
    with mock.client() as client:
        assert client.post("/generateTask/ltx-2-19b", json=body).status_code == 200


def test_a_callback_that_was_made_is_made_again_with_the_same_body(
    mock: MockServer, receiver: CallbackReceiver
) -> None:
    submit(mock, receiver.url)
    mock.clock.advance(60)
    (delivery,) = mock.callbacks
    again = mock.redeliver(delivery)
    first, second = receiver.wait(2)
    assert first.body == second.body
    assert (again.state, len(again.attempts), again.due) == ("delivered", 2, None)
    assert [each.cause for each in mock.requests if each.operation == "callback"] == [
        "attempt 1",
        "attempt 2; redelivered by hand",
    ]


def test_a_callback_that_was_given_up_is_made_again(mock: MockServer, receiver: CallbackReceiver) -> None:
    receiver.answer(500)
    submit(mock, receiver.url)
    mock.clock.advance(DAY)
    assert mock.callbacks[0].state == "failed"
    receiver.answer(200)
    assert mock.redeliver(mock.callbacks[0].id).state == "delivered"
    assert len(receiver.received) == 5


def test_one_that_is_to_come_needs_no_help(mock: MockServer, receiver: CallbackReceiver) -> None:
    submit(mock, receiver.url)
    with pytest.raises(ConflictError, match="is scheduled; it cannot be redelivered"):
        mock.redeliver(mock.callbacks[0])


def test_one_that_may_go_nowhere_stays(mock: MockServer) -> None:
    submit(mock, "https://example.com/callback")
    mock.clock.advance(DAY)
    with pytest.raises(ConflictError, match=r"may go nowhere: example\.com is not this machine"):
        mock.redeliver(mock.callbacks[0])


def test_the_password_in_its_url_is_not_in_the_refusal(mock: MockServer) -> None:
    submit(mock, "https://user:s3cret@example.com/callback")
    with pytest.raises(ConflictError, match="rewrite https://…@example") as refused:
        mock.redeliver(mock.callbacks[0])
    assert "s3cret" not in str(refused.value)


def test_a_withheld_one_goes_once_its_host_is_allowed_or_rewritten(
    mock: MockServer, receiver: CallbackReceiver
) -> None:
    """At run time; one of a task that is not finished goes when it is."""
    for _ in range(2):
        submit(mock, "https://example.com/callback")
    done, other = mock.callbacks
    rewrite = {"callback_rewrite": {"https://example.com": receiver.url}}
    answer = httpx.post(f"{mock.url}/__admin/settings", json=rewrite, trust_env=False)
    assert answer.json()["callback_rewrite"] == rewrite["callback_rewrite"]
    assert [each.state for each in mock.callbacks] == ["withheld", "withheld"]
    early = mock.redeliver(done)
    assert (early.state, early.target, early.due) == ("scheduled", f"{receiver.url}/callback", mock.tasks[0].end_time)
    mock.clock.advance(DAY)
    assert mock.redeliver(other.task_id).state == "delivered"
    assert [each.path for each in receiver.wait(2)] == [each.path for each in receiver.received]
    assert [each.state for each in mock.callbacks] == ["delivered", "delivered"]


def test_hosts_and_rewrites_are_taken_back_for_one_tenant_or_for_all(mock: MockServer) -> None:
    def change(method: str, values: dict[str, Any], **params: str) -> Any:
        url = f"{mock.url}/__admin/settings"
        told = httpx.request(method, url, params=params, json=values, trust_env=False).json()
        return told.get("error") or (told["allow_callback_host"], told["callback_rewrite"])

    one = mock.tenant("key-one-1111").api_key
    rewrites = {"https://a.example": "http://localhost:1", "https://b.example": "http://localhost:2"}
    change("POST", {"allow_callback_host": ["a.example", "b.example"], "callback_rewrite": rewrites})
    some = {"allow_callback_host": "A.example", "callback_rewrite": ["https://b.example"]}
    left = (["b.example"], {"https://a.example": "http://localhost:1"})
    assert change("DELETE", some, key=one) == left
    assert change("DELETE", {}) == (["a.example", "b.example"], rewrites)
    assert change("DELETE", some) == change("DELETE", some) == change("DELETE", {}, key="key-to-come") == left
    assert change("DELETE", {"credits": 7}).startswith("credits is set when the server starts")


def test_hosts_and_rewrites_are_added_for_one_tenant_or_for_all(mock: MockServer) -> None:
    """What was there stays, a reset takes none away, and tenants to come have them too."""

    def settings(**params: str) -> Any:
        told = httpx.get(f"{mock.url}/__admin/settings", params=params, trust_env=False).json()
        return told["allow_callback_host"], told["callback_rewrite"]

    def add(values: dict[str, Any], **params: str) -> httpx.Response:
        return httpx.post(f"{mock.url}/__admin/settings", params=params, json=values, trust_env=False)

    one, two = (mock.tenant(key).api_key for key in ("key-one-1111", "key-two-2222"))
    assert add({"allow_callback_host": "One.example"}, key=one).json()["allow_callback_host"] == ["one.example"]
    add({"allow_callback_host": ["all.example"], "callback_rewrite": ["https://a.example=http://localhost:1"]})
    mock.reset()
    rewrite = {"https://a.example": "http://localhost:1"}
    assert settings(key=one) == (["one.example", "all.example"], rewrite)
    assert settings(key=two) == settings(key="key-to-come") == settings() == (["all.example"], rewrite)
    for values, told in (
        ({"credits": 7}, "credits is set when the server starts; at run time"),
        ({"alow_callback_host": "x"}, "unknown setting 'alow_callback_host' (did you mean"),
        ({"allow_callback_host": "https://x"}, "allow_callback_host must be a host name"),
        ({"callback_rewrite": {"x": "y"}}, "callback_rewrite must be an absolute http or https URL"),
    ):
        answer = add(values)
        assert answer.status_code == 400
        assert told in answer.json()["error"]
    assert settings() == (["all.example"], rewrite)


def test_the_commands_let_one_go_and_make_it_again(
    mock: MockServer, receiver: CallbackReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> tuple[object, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["callbacks", *words, "--url", mock.url])
        return (left.value.code, *capsys.readouterr())

    submit(mock, "https://example.com/callback")
    mock.clock.advance(DAY)
    delivery = mock.callbacks[0]
    code, out, err = run("redeliver", delivery.id)
    assert (code, out) == (2, "")
    assert f"{delivery.id} may go nowhere: example.com is not this machine" in err
    told = "callback hosts: this machine, other.example\n"
    assert run("allow", "other.example") == (0, "", told)
    assert json.loads(run("allow", "other.example", "--json")[1])["allow_callback_host"] == ["other.example"]
    code, out, err = run("rewrite", f"https://example.com={receiver.url}")
    assert (code, out, err) == (0, "", f"https://example.com goes to {receiver.url}\n")
    code, out, err = run("redeliver", delivery.task_id)
    assert (code, err) == (0, "")
    assert out.splitlines()[1].split()[:3] == [delivery.task_id, "delivered", "1"]
    assert run()[1] == out
    assert run("redeliver", "cb_nothing")[0] == 2


def test_one_that_there_is_not_is_told(mock: MockServer) -> None:
    with pytest.raises(NotFoundError, match="no callback 'cb_nothing'"):
        mock.redeliver("cb_nothing")


def test_a_recording_says_that_it_was_by_hand_and_breaks_no_rule(mock: MockServer, receiver: CallbackReceiver) -> None:
    submit(mock, receiver.url)
    mock.clock.advance(60)
    mock.redeliver(mock.callbacks[0])
    recorded = httpx.get(f"{mock.url}/__admin/requests", params={"key": mock.api_key, "format": "ndjson"}).text
    assert check_trace(parse_trace(recorded)).broken == ()


def test_the_commands_take_back_what_they_gave(mock: MockServer) -> None:
    run = CliRunner()
    for action, value, given, left in (
        ("allow", "a.example", "a.example", "callback hosts: this machine\n"),
        ("rewrite", "https://a.example=http://localhost:1", "https://a.example goes to http://localhost:1", None),
    ):
        added = run.invoke(cli, ["callbacks", action, value, "--url", mock.url])
        removed = run.invoke(cli, ["callbacks", action, value, "--remove", "--url", mock.url])
        assert (added.exit_code, removed.exit_code) == (0, 0), (added.output, removed.output)
        assert given in added.output
        assert given not in removed.output
        assert left in {None, removed.output}
