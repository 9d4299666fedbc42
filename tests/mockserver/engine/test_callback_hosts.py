"""Whom the fake calls: this machine, and nobody else by accident."""

from __future__ import annotations

import re

import pytest

from ltx_mock import MockServer, Settings, SettingsError
from ltx_mock.engine.deliveries import route
from ltx_mock.testing.tenant import World
from support.bodies import TEXT, data_of, post, request_body
from support.receivers import Receiver


def called(url: str, **settings: object) -> str | None:
    """Return the URL that is called for a callback_url, or None."""
    return route(url, Settings.from_mapping(settings))[0]


def submit(world: World, url: str) -> str:
    body = request_body(TEXT) | {"request_type": "callback", "callback_url": url}
    with world.client(verify=False) as client:
        return str(data_of(post(client, body))["taskId"])


ODD = ["0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.0.0.1", "0177.0.0.1", "0", "a.localhost."]
"""What resolvers lead to this machine too."""


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "app.localhost",
        "127.0.0.1",
        "127.8.9.10",
        "[::1]",
        "u:p@127.0.0.1",
        *ODD,
    ],
)
def test_this_machine_is_called_under_all_its_names(host: str) -> None:
    assert called(f"http://{host}:3000/callback") == f"http://{host}:3000/callback"


@pytest.mark.parametrize(
    "host",
    [
        "your-server.com",
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "notlocalhost",
        "127.0.0.1@evil.com",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "127.0.0.²",
        "127.0.0.256",
        "1270.0.0.1",
        "[::ffff:10.0.0.1]",
        "10.1",
        "0x0a.0.0.1",
    ],
)
def test_any_other_host_is_withheld_with_a_reason_that_says_how_to_allow_it(host: str) -> None:
    target, reason = route(f"https://{host}/callback", Settings())
    assert target is None
    assert reason is not None
    assert "--allow-callback-host" in reason
    assert f"--callback-rewrite https://{host}=http://localhost:3000" in reason


def test_a_withheld_callback_is_recorded_and_never_made() -> None:
    with MockServer(clock="manual") as mock:
        task_id = submit(mock, "https://your-server.com/callback")
        fired = mock.clock.advance(10_000)
        (delivery,) = mock.callbacks
    assert delivery.task_id == task_id
    assert (delivery.state, delivery.target, delivery.due, delivery.attempts) == ("withheld", None, None, ())
    assert delivery.reason is not None
    assert delivery.reason.startswith("your-server.com is not this machine")
    assert [event["event"] for event in fired] == ["state", "state"]


@pytest.mark.parametrize("allowed", ["hooks.example.com", "HOOKS.Example.com"])
def test_a_host_that_is_allowed_is_called(allowed: str) -> None:
    assert called("https://hooks.example.com/x", allow_callback_host=allowed) == "https://hooks.example.com/x"
    assert called("https://hooks.example.com:8443/x", allow_callback_host=allowed)
    assert called("https://evil.hooks.example.com/x", allow_callback_host=allowed) is None
    assert called("https://hooks.example.com.evil.com/x", allow_callback_host=allowed) is None


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://a.com", "http://localhost:3000"),
        ("https://a.com/", "http://localhost:3000/"),
        ("https://a.com/callback?x=1#y", "http://localhost:3000/callback?x=1#y"),
        ("https://a.com?x=1", "http://localhost:3000?x=1"),
        ("https://A.com/callback", "http://localhost:3000/callback"),
        ("https://a.com.evil/callback", None),
        ("https://a.comic/callback", None),
        ("https://a.com@evil.com/callback", None),
        ("https://a.com:444/callback", None),
        ("http://a.com/callback", None),
    ],
)
def test_a_rewrite_takes_whole_names_only(url: str, target: str | None) -> None:
    assert called(url, callback_rewrite={"https://a.com/": "http://localhost:3000/"}) == target


def test_a_rewrite_of_a_path_ends_at_a_slash() -> None:
    rewrite = {"https://a.com/hooks": "http://localhost:3000/in"}
    assert called("https://a.com/hooks/1", callback_rewrite=rewrite) == "http://localhost:3000/in/1"
    assert called("https://a.com/hooks-two", callback_rewrite=rewrite) is None
    assert called("https://a.com/Hooks/1", callback_rewrite=rewrite) is None


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://localhost:3000/cb?x=1", "http://outside.test:3000/cb?x=1"),
        ("http://LOCALHOST:9/cb", "http://outside.test:9/cb"),
        ("http://localhost/cb", "http://outside.test/cb"),
        ("http://localhost?x=1", "http://outside.test?x=1"),
        ("https://localhost:3000/cb", "https://localhost:3000/cb"),
        ("http://localhost.evil:3000/cb", None),
        ("http://localhost@evil.com:3000/cb", None),
    ],
)
def test_a_rewrite_of_any_port_keeps_the_port(url: str, target: str | None) -> None:
    assert called(url, callback_rewrite={"http://localhost:*": "http://outside.test:*"}) == target


def test_a_rewrite_of_any_port_may_lead_to_one_and_one_of_a_port_wins_over_it() -> None:
    rewrite = {"http://[::1]:*": "http://outside.test:1/in", "http://[::1]:3000": "http://outside.test:2"}
    assert called("http://[::1]:9/cb", callback_rewrite=rewrite) == "http://outside.test:1/in/cb"
    assert called("http://[::1]:3000/cb", callback_rewrite=rewrite) == "http://outside.test:2/cb"


@pytest.mark.parametrize(
    ("source", "to", "problem"),
    [
        ("http://localhost:3000:*", "http://a.test", "scheme and host before :*"),
        ("http://localhost/cb:*", "http://a.test", "scheme and host before :*"),
        ("localhost:*", "http://a.test", "scheme and host before :*"),
        ("http://localhost:*", "http://a.test/in:*", "scheme and host before :*"),
        ("http://localhost:3000", "http://a.test:*", "since http://localhost:3000 is a single port"),
    ],
)
def test_any_port_stands_in_place_of_a_port_only(source: str, to: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(problem)):
        Settings(callback_rewrite={source: to})


def test_the_more_specific_rewrite_wins() -> None:
    rewrite = {"https://a.com": "http://localhost:1", "https://a.com/video": "http://localhost:2"}
    assert called("https://a.com/video/1", callback_rewrite=rewrite) == "http://localhost:2/1"
    assert called("https://a.com/image/1", callback_rewrite=rewrite) == "http://localhost:1/image/1"


def test_a_rewritten_callback_arrives() -> None:
    with Receiver() as receiver:
        rewrite = {"https://your-server.com": receiver.root}
        with MockServer(clock="manual", callback_rewrite=rewrite) as mock:
            submit(mock, "https://your-server.com/callback?user=7")
            mock.clock.advance(100)
            assert receiver.take().path == "/callback?user=7"
            assert mock.callbacks[0].url == "https://your-server.com/callback?user=7"
            assert mock.callbacks[0].target == f"{receiver.root}/callback?user=7"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.²/x", "http://localhost:99999/x", "http://[::1/x", "http://\u2100.com/x"]
)
def test_a_strange_url_is_refused_or_recorded_but_breaks_nothing(url: str) -> None:
    with MockServer(clock="manual") as mock, mock.client(verify=False) as client:
        answer = post(client, request_body(TEXT) | {"request_type": "callback", "callback_url": url})
        assert answer.status_code in {200, 400}
        mock.clock.advance(1000)
        assert all(delivery.state in {"withheld", "failed"} for delivery in mock.callbacks)
