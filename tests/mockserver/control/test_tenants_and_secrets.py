"""`?key=` keeps worlds apart, and no secret is ever shown."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from ltx_mock import MockServer
from support.bodies import TEXT, post, request_body, submit

ONE, TWO = "first-secret-key-1111", "second-secret-key-2222"
ODD = "third+secret/key=%3333"
TOKEN = "a-very-secret-token"


@pytest.fixture
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual", api_key=[ONE, TWO, ODD], admin_token=TOKEN) as running:
        yield running


@pytest.fixture
def admin(mock: MockServer) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=f"{mock.url}/__admin", headers=headers, trust_env=False, verify=False) as client:
        yield client


def make(mock: MockServer, key: str) -> str:
    with mock.tenant(key).client(verify=False) as client:
        return submit(client, TEXT)


@pytest.mark.rule("AUTH-4")
def test_a_key_shows_its_own_world_only(mock: MockServer, admin: httpx.Client) -> None:
    mine, other = make(mock, ONE), make(mock, TWO)
    for path, field, name in (("/tasks", "tasks", "id"), ("/requests", "requests", "taskId")):
        assert [each[name] for each in admin.get(path, params={"key": ONE}).json()[field]] == [mine]
        assert [each[name] for each in admin.get(path).json()[field]] == [mine, other]


def test_a_key_moves_its_own_clock_only(admin: httpx.Client) -> None:
    start = admin.get("/clock").json()["now"]
    admin.post("/clock/advance", params={"key": ONE}, json={"seconds": 60})
    assert admin.get("/clock", params={"key": ONE}).json()["now"] == start + 60_000
    assert admin.get("/clock", params={"key": TWO}).json()["now"] == start
    admin.post("/clock", params={"key": TWO}, json={"mode": "auto"})
    assert admin.get("/clock", params={"key": ONE}).json()["mode"] == "manual"
    assert admin.get("/clock").json()["mode"] == "manual"


def test_without_a_key_all_clocks_move(mock: MockServer, admin: httpx.Client) -> None:
    make(mock, ONE), make(mock, TWO)
    fired = admin.post("/clock/advance", json={"seconds": 100}).json()["fired"]
    assert len({each["taskId"] for each in fired}) == 2
    assert [each["at"] for each in fired] == sorted(each["at"] for each in fired)


def test_a_key_resets_its_own_world_only(mock: MockServer, admin: httpx.Client) -> None:
    make(mock, ONE)
    kept = make(mock, TWO)
    assert admin.post("/reset", params={"key": ONE}).json() == {"reset": True}
    assert [task["id"] for task in admin.get("/tasks").json()["tasks"]] == [kept]


def test_a_key_does_not_reach_the_tasks_of_another(mock: MockServer, admin: httpx.Client) -> None:
    task_id = make(mock, ONE)
    assert admin.get(f"/tasks/{task_id}", params={"key": TWO}).status_code == 404
    assert admin.post(f"/tasks/{task_id}/finish", params={"key": TWO}).status_code == 404
    assert admin.get(f"/tasks/{task_id}", params={"key": ONE}).json()["state"] == "pending"
    assert admin.post(f"/tasks/{task_id}/finish", params={"key": ONE}).json()["state"] == "success"


@pytest.mark.parametrize("key", ["unknown-key-0000", ""])
def test_a_key_that_the_server_does_not_accept_is_a_404(admin: httpx.Client, key: str) -> None:
    for method, path in (
        ("GET", "/tasks"),
        ("GET", "/requests"),
        ("GET", "/callbacks"),
        ("GET", "/clock"),
        ("GET", "/settings"),
        ("POST", "/reset"),
    ):
        answer = admin.request(method, path, params={"key": key})
        assert answer.status_code == 404, path
        assert answer.json() == {"error": "the server does not accept this key"}
    for path, body in (("/clock/advance", {"seconds": 1}), ("/clock", {"mode": "auto"})):
        assert admin.post(path, params={"key": key}, json=body).status_code == 404


def everything(admin: httpx.Client) -> str:
    """Return all that the control plane tells."""
    paths = ["/settings", "/tenants", "/clock", "/tasks", "/requests", "/callbacks", "/health"]
    texts = [admin.get(path).text for path in paths]
    tasks = [admin.get(f"/tasks/{task['id']}").text for task in admin.get("/tasks").json()["tasks"]]
    return "\n".join(texts + tasks)


def test_neither_keys_nor_the_token_are_shown(mock: MockServer, admin: httpx.Client) -> None:
    make(mock, ONE)
    make(mock, TWO)
    told = everything(admin)
    assert all(secret not in told for secret in (ONE, TWO, TOKEN))
    assert "…1111" in told
    assert '"admin_token":"…"' in told


@pytest.mark.parametrize(
    ("secret", "shown"),
    [(ONE, "…1111"), (TWO, "…2222"), (TOKEN, "/…"), (ODD, "…3333"), (quote(ODD, safe=""), "…3333")],
    ids=["its key", "another key", "the admin token", "a key with odd characters", "the same in a URL"],
)
def test_a_secret_that_a_client_misplaced_is_not_shown_either(
    mock: MockServer, admin: httpx.Client, secret: str, shown: str
) -> None:
    url = f"http://localhost:1/callback?key={secret}"
    inputs = {
        "prompt": f"a city for {secret}",
        "mode": "image-to-video",
        "image_urls": [f"http://image.invalid/{secret}.png"],
    }
    with mock.tenant(ONE).client(verify=False) as client:
        body = request_body(TEXT, **inputs) | {"request_type": "callback", "callback_url": url, "api_key": secret}
        assert post(client, body).status_code == 200
        assert post(client, request_body(TEXT, resolution=secret)).status_code == 400
        assert post(client, {"provider": secret, secret: 1}).status_code == 400
        assert client.get(f"/statusTask/ltx-2-19b?taskId={secret}").status_code == 404
        client.get(f"/wrong/path/{secret}?key={secret}")
        client.get("/statusTask/ltx-2-19b", headers={"authorization": f"Basic {secret}"}, params={"apiKey": secret})
        admin.post("/clock/advance", params={"key": ONE}, json={"seconds": 1000})
    told = everything(admin)
    assert secret not in told, told[max(0, told.index(secret) - 200) : told.index(secret) + 60]
    assert shown in told
