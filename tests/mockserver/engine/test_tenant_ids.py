"""Each tenant has an id that no other has and that says nothing of its key; everything that shows a tenant shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.cli import main
from support.bodies import STATUS, TEXT, post, request_body, submit

KEYS = ("any-key", "app-key", "web-key")
CALLBACK = {"request_type": "callback", "callback_url": "https://example.com/callback"}


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual") as running:
        for key in KEYS:
            with running.tenant(key).client() as client:
                post(client, request_body(TEXT) | CALLBACK)
        yield running


@pytest.fixture
def admin(mock: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{mock.url}/__admin", trust_env=False) as client:
        yield client


def test_keys_that_end_alike_have_ids_of_their_own_in_every_view(admin: httpx.Client) -> None:
    """In order of arrival, beside the label that people know the key by."""
    admin.post("/scenarios", json={"name": "slow"})
    for path in ("tenants", "tasks", "requests", "callbacks", "scenarios"):
        listed = [each for each in admin.get(f"/{path}").json()[path] if each["tenant"] not in {"nobody", None}]
        assert [(each["tenant"], each["key"]) for each in listed] == [("t1", "…key"), ("t2", "…key"), ("t3", "…key")]
    exported = admin.get("/requests", params={"format": "har"}).json()["log"]["entries"]
    assert [entry["_tenant"] for entry in exported] == ["t1", "t2", "t3"]


def test_an_id_picks_its_tenant_wherever_a_key_does(mock: MockServer, admin: httpx.Client) -> None:
    second = {"tenant": "t2"}
    task_id = mock.tenant("app-key").tasks[0].id
    assert [each["id"] for each in admin.get("/tasks", params=second).json()["tasks"]] == [task_id]
    admin.post("/clock/advance", params=second, json={"seconds": 1000})
    assert [mock.tenant(key).tasks[0].state for key in KEYS] == ["pending", "success", "pending"]
    assert admin.post("/requests/count", json=second).json() == {"count": 1}
    assert admin.post("/requests/near", json=second | {"duration": 9}).json()["near"][0]["request"]["tenant"] == "t2"
    admin.post("/scenarios", params=second, json={"name": "server-error"})
    assert [len(list(mock.tenant(key).scenarios)) for key in KEYS] == [0, 1, 0]
    assert admin.delete("/requests", params=second).json() == {"forgotten": 2}
    assert 'tenant="t2"' in (told := admin.get("/metrics", params=second).text)
    assert 'tenant="t1"' not in told


def test_an_id_that_no_tenant_has_and_one_of_another_key_are_refused(admin: httpx.Client) -> None:
    answer = admin.get("/tasks", params={"tenant": "t9"})
    assert (answer.status_code, answer.json()) == (404, {"error": "no tenant 't9'; GET /__admin/tenants lists them"})
    answer = admin.get("/tasks", params={"tenant": "t1", "key": "app-key"})
    assert (answer.status_code, answer.json()) == (400, {"error": "tenant and key are not the same; give one of them"})
    assert admin.get("/tasks", params={"tenant": "t2", "key": "app-key"}).status_code == 200


def test_an_id_outlives_a_reset_of_its_tenant_and_not_its_end(mock: MockServer, admin: httpx.Client) -> None:
    def ids() -> dict[str, str]:
        return {key: admin.get("/tenants", params={"key": key}).json()["tenants"][0]["tenant"] for key in KEYS}

    mock.tenant("app-key").reset()
    mock.tenant("new-key")
    assert ids() == {"any-key": "t1", "app-key": "t2", "web-key": "t3"}
    mock.tenant("app-key").close()
    assert ids() == {"any-key": "t1", "app-key": "t5", "web-key": "t3"}
    admin.post("/reset")
    assert ids() == {"any-key": "t1", "app-key": "t2", "web-key": "t3"}


def test_what_was_asked_without_a_good_key_is_picked_like_a_tenant(mock: MockServer, admin: httpx.Client) -> None:
    """Also after it was reset; a key of which nothing may be shown is not taken for it."""
    with mock.tenant("x").client() as client:
        submit(client)
    for _ in range(2):
        httpx.get(mock.base_url + STATUS, trust_env=False)
        (entry,) = admin.get("/requests", params={"tenant": "nobody"}).json()["requests"]
        assert (entry["tenant"], entry["key"], entry["status"]) == ("nobody", "…", 401)
        assert admin.post("/reset", params={"tenant": "nobody"}).status_code == 200
        assert admin.get("/requests", params={"tenant": "nobody"}).json()["requests"] == []


def test_an_id_is_the_same_for_any_key() -> None:
    """It is drawn from the order of arrival alone, so it gives away no key, not even one that is guessed."""

    def first_id(key: str) -> Any:
        with MockServer(clock="manual") as mock:
            mock.tenant(key)
            told = httpx.get(f"{mock.url}/__admin/tenants", params={"key": key}, trust_env=False)
            return told.json()["tenants"][0]["tenant"]

    assert {first_id("a-secret-key"), first_id("another-secret-key")} == {"t1"}


@pytest.fixture
def run(mock: MockServer, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as left:
            main([*words, "--url", mock.url])
        assert left.value.code == 0
        return capsys.readouterr().out

    return run


def test_the_commands_take_an_id_and_show_it_where_several_are_listed(run: Callable[..., str]) -> None:
    for command in ("tasks", "requests", "callbacks"):
        assert re.findall(r"…key \(t\d\)", run(command)) == ["…key (t1)", "…key (t2)", "…key (t3)"]
        assert re.findall(r"\(t\d\)", run(command, "--tenant", "t2")) == ["(t2)"]
        assert len(json.loads(run(command, "--tenant", "t2", "--json"))[command]) == 1
