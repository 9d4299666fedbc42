"""The control plane: each route as it should be used, and as it should not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import ltx_mock_schemas
from ltx_mock import MockServer
from ltx_mock.testing.tenant import World
from support.bodies import STATUS, TEXT, post, request_body, submit
from support.receivers import Receiver
from support.waiting import SECONDS

START = 1_767_965_610_929


@pytest.fixture(scope="module")
def running() -> Iterator[MockServer]:
    with MockServer(clock="manual", callback_timeout=SECONDS) as mock:
        yield mock


@pytest.fixture
def mock(running: MockServer) -> MockServer:
    """Return an empty server, its clock at the start."""
    with admin_of(running) as admin:
        assert admin.post("/clock", json={"mode": "manual"}).status_code == 200
        assert admin.post("/reset").json() == {"reset": True}
    return running


def admin_of(mock: MockServer) -> httpx.Client:
    return httpx.Client(base_url=f"{mock.url}/__admin", trust_env=False, verify=False)


@pytest.fixture
def admin(mock: MockServer) -> Iterator[httpx.Client]:
    with admin_of(mock) as client:
        yield client


def make(world: World, **changes: Any) -> str:
    with world.client(verify=False) as client:
        return submit(client, TEXT, **changes)


def make_with_callback(world: World, url: str) -> str:
    with world.client(verify=False) as client:
        body = request_body(TEXT) | {"request_type": "callback", "callback_url": url}
        task_id: str = post(client, body).json()["data"]["taskId"]
        return task_id


def problem(answer: httpx.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    return str(answer.json()["error"])


@pytest.mark.parametrize("path", ["/health", "/version"])
def test_health_and_version_name_the_program(admin: httpx.Client, path: str) -> None:
    told = admin.get(path).json()
    assert (told["status"], told["name"]) == ("ok", "ltx-mock")
    assert admin.head(path).status_code == 200


def test_settings_are_shown(admin: httpx.Client) -> None:
    told = admin.get("/settings").json()
    assert told["clock"] == "manual"
    assert told["rate_limit"] == "10000/minute"
    assert told["price"] == {"480p": 1, "720p": 2, "1080p": 4}


def test_tenants_are_counted_under_their_labels(mock: MockServer, admin: httpx.Client) -> None:
    make(mock)
    (told,) = [each for each in admin.get("/tenants").json()["tenants"] if each["tasks"]["made"]]
    assert told["key"] == "…-key"
    assert told["tasks"] == {"made": 1, "active": 1, "limit": 1000}
    assert told["requests"]["inWindow"] == 1


def test_the_clock_is_shown_and_advanced(mock: MockServer, admin: httpx.Client) -> None:
    assert admin.get("/clock").json() == {"now": START, "mode": "manual", "speed": 1.0}
    told = admin.post("/clock/advance", json={"seconds": 1.5}).json()
    assert told == {"now": START + 1500, "advanced": 1.5, "fired": []}
    task_id = make(mock)
    fired = admin.post("/clock/advance", json={"seconds": 100}).json()["fired"]
    assert [(each["taskId"], each["event"], each["state"]) for each in fired] == [
        (task_id, "state", "processing"),
        (task_id, "state", "success"),
    ]


def test_the_clock_changes_mode_and_speed(admin: httpx.Client) -> None:
    assert admin.post("/clock", json={"mode": "scaled", "speed": 60}).json()["mode"] == "scaled"
    assert admin.post("/clock", json={"speed": 2}).json()["speed"] == 2
    assert admin.post("/clock", json={"mode": "real"}).json()["speed"] == 1
    assert admin.post("/clock", json={"mode": "auto"}).json()["mode"] == "auto"
    assert admin.post("/clock", json={"mode": "manual"}).json()["mode"] == "manual"


@pytest.mark.parametrize("path", ["/clock", "/clock/advance"])
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5000])
def test_a_body_that_is_no_object_is_refused(admin: httpx.Client, path: str, body: bytes) -> None:
    assert problem(admin.post(path, content=body)) == "the body must be a JSON object"


def test_a_body_that_is_too_large_is_refused(admin: httpx.Client) -> None:
    assert "larger than" in problem(admin.post("/clock", content=b" " * (1024 * 1024 + 1)))


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/clock", {"modes": "real"}, "unknown field 'modes' (did you mean 'mode'?); known are mode, speed"),
        ("/clock/advance", {"second": 1}, "unknown field 'second' (did you mean 'seconds'?); known are seconds"),
        ("/clock", {"x\x1b[31m": 1}, "unknown field 'x\\x1b[31m'; known are mode, speed"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest_known(
    admin: httpx.Client, path: str, body: dict[str, Any], told: str
) -> None:
    assert problem(admin.post(path, json=body)) == told


@pytest.mark.parametrize(
    "seconds",
    ["null", '"5"', "true", "[]", "NaN", "Infinity", "-Infinity", "-1", "1e300", "1" * 400, "1e999", "-0.001"],
)
def test_time_moves_on_by_a_sensible_number_of_seconds_only(admin: httpx.Client, seconds: str) -> None:
    told = problem(admin.post("/clock/advance", content=f'{{"seconds": {seconds}}}'.encode()))
    assert told.startswith("seconds must be " if seconds != "null" else "seconds is missing")
    assert len(told) < 200
    assert admin.get("/clock").json()["now"] == START


def test_advance_wants_to_know_by_how_much(admin: httpx.Client) -> None:
    assert "seconds" in problem(admin.post("/clock/advance"))


@pytest.mark.parametrize(
    "body",
    [
        '{"mode": "fast"}',
        '{"mode": 5}',
        '{"mode": ["real"]}',
        '{"mode": ""}',
        '{"speed": 0}',
        '{"speed": -1}',
        '{"speed": "60"}',
        '{"speed": true}',
        '{"speed": NaN}',
        '{"speed": 1e12}',
        '{"mode": "real", "speed": 0}',
        "{}",
    ],
)
def test_a_clock_that_cannot_be_is_refused_and_nothing_changes(admin: httpx.Client, body: str) -> None:
    told = problem(admin.post("/clock", content=body.encode()))
    assert "mode" in told or "speed" in told
    assert admin.get("/clock").json() == {"now": START, "mode": "manual", "speed": 1.0}


def test_tasks_are_listed_and_told_in_full(mock: MockServer, admin: httpx.Client) -> None:
    with Receiver() as receiver:
        first, second = make(mock), make_with_callback(mock, receiver.url)
        assert [task["id"] for task in admin.get("/tasks").json()["tasks"]] == [first, second]
        told = admin.get(f"/tasks/{second}").json()
    assert (told["state"], told["endState"], told["key"]) == ("pending", "success", "…-key")
    assert told["request"]["input"] == TEXT
    assert told["callbacks"][0]["state"] == "scheduled"


def test_tasks_can_be_chosen_by_state(mock: MockServer, admin: httpx.Client) -> None:
    make(mock, prompt="[[content-violation]]")
    admin.post("/clock/advance", json={"seconds": 20})
    make(mock)
    for state, count in {"failed": 1, "pending": 1, "success": 0, "processing": 0}.items():
        assert len(admin.get("/tasks", params={"state": state}).json()["tasks"]) == count
    assert "did you mean 'pending'" in problem(admin.get("/tasks", params={"state": "pendin"}))


@pytest.mark.parametrize("path", ["/tasks/task_none", "/tasks/task_none/finish", "/tasks/%1b%5b31m", "/schemas/none"])
def test_what_does_not_exist_is_a_404(admin: httpx.Client, path: str) -> None:
    answer = admin.post(path) if path.endswith("finish") else admin.get(path)
    assert problem(answer, 404).startswith(("no ", "unknown schema 'none'"))


@pytest.mark.parametrize(
    ("body", "state", "code"),
    [
        (None, "success", None),
        ({"state": "success"}, "success", None),
        ({"state": "failed"}, "failed", "CONTENT_VIOLATION"),
        ({"state": "failed", "failCode": "INVALID_IMAGE_URL"}, "failed", "INVALID_IMAGE_URL"),
        ({"state": "failed", "failCode": "NEW_CODE"}, "failed", "NEW_CODE"),
    ],
)
def test_a_task_is_finished_by_hand(
    mock: MockServer, admin: httpx.Client, body: Any, state: str, code: str | None
) -> None:
    task_id = make(mock)
    told = admin.post(f"/tasks/{task_id}/finish", json=body or {}).json()
    assert (told["state"], told["failCode"], told["endTime"]) == (state, code, START)


@pytest.mark.parametrize(
    "body",
    [
        {"state": "done"},
        {"state": True},
        {"state": "pending"},
        {"state": "failed", "failCode": "NO\nSUCH"},
        {"state": "failed", "failCode": "X" * 300},
        {"state": "failed", "failCode": ""},
        {"state": "failed", "failCode": 7},
        {"state": "success", "failCode": "CONTENT_VIOLATION"},
        {"states": "failed"},
    ],
)
def test_a_task_is_finished_only_as_the_documents_allow(mock: MockServer, admin: httpx.Client, body: Any) -> None:
    task_id = make(mock)
    problem(admin.post(f"/tasks/{task_id}/finish", json=body))
    assert admin.get(f"/tasks/{task_id}").json()["state"] == "pending"


@pytest.mark.rule("TASK-1")
def test_a_finished_task_is_not_finished_again(mock: MockServer, admin: httpx.Client) -> None:
    task_id = make(mock)
    admin.post(f"/tasks/{task_id}/finish")
    assert "is finished: success" in problem(admin.post(f"/tasks/{task_id}/finish", json={"state": "failed"}), 409)


def test_the_journal_is_listed_oldest_first_and_can_be_cut(mock: MockServer, admin: httpx.Client) -> None:
    task_id = make(mock)
    with mock.client(verify=False) as client:
        client.get(STATUS, params={"taskId": task_id})
    entries = admin.get("/requests").json()["requests"]
    assert [entry["operation"] for entry in entries] == ["generateTask", "statusTask"]
    assert entries[0]["request"] == request_body(TEXT)
    assert entries[0]["answer"]["data"]["taskId"] == task_id
    assert admin.get("/requests", params={"limit": 1}).json()["requests"] == entries[1:]
    assert admin.get("/requests", params={"limit": 0}).json()["requests"] == []


@pytest.mark.parametrize("limit", ["-1", "x", "1.5", "", "9" * 50, "٣", "²"])
def test_a_limit_that_is_no_number_is_refused(admin: httpx.Client, limit: str) -> None:
    assert problem(admin.get("/requests", params={"limit": limit})).startswith("limit must be a whole number")


HOSTILE = [
    b"NaN",
    b'{"a": Infinity}',
    b'{"a": 1e999}',
    b"[" * 100_000,
    b'"\\ud800"',
    b"\xff\xfe\x00",
    b"1" * 5000,
    b'{"a": 1, "a": 2}',
    b"",
]


@pytest.mark.parametrize("body", HOSTILE)
def test_the_journal_can_show_whatever_was_sent(mock: MockServer, admin: httpx.Client, body: bytes) -> None:
    with mock.client(verify=False) as client:
        assert post(client, body).status_code == 400
        client.get("/statusTask/ltx-2-19b?taskId=%ff%00%1b[31m")
        client.get("/%ff%00\udc80".encode("utf-8", "surrogateescape").decode("latin-1"))
    assert len(admin.get("/requests").json()["requests"]) == 3


def test_callbacks_are_listed(mock: MockServer, admin: httpx.Client) -> None:
    make_with_callback(mock, "https://your-server.com/callback")
    (told,) = admin.get("/callbacks").json()["callbacks"]
    assert (told["state"], told["attempts"], told["due"]) == ("withheld", [], None)
    assert "--allow-callback-host your-server.com" in told["reason"]


def first_server(admin: httpx.Client, **forwarded: str) -> str:
    headers = {f"x-forwarded-{name}": value for name, value in forwarded.items()}
    return str(admin.get("/openapi.json", headers=headers).json()["servers"][0]["url"])


def test_the_openapi_document_names_first_where_it_was_asked_for(admin: httpx.Client) -> None:
    here = str(admin.base_url).partition("/__admin")[0]
    assert first_server(admin) == here
    assert first_server(admin, host="mock.example:8443", proto="https") == "https://mock.example:8443"
    assert (
        first_server(admin, host="mock.example", proto="https", port="443", prefix="/ltx/")
        == "https://mock.example/ltx"
    )
    assert first_server(admin, host="mock.example", port="8080") == "http://mock.example:8080"
    assert first_server(admin, host="a/b", proto="ws", port="99999", prefix="/<x>") == here


def test_a_public_url_is_the_first_server() -> None:
    with MockServer(clock="manual", public_url="https://mock.example/") as mock:
        document = httpx.get(f"{mock.url}/__admin/openapi.json").json()
    assert [server["url"] for server in document["servers"]] == ["https://mock.example", "https://api.apixo.ai"]


def test_the_openapi_document_and_the_schemas_are_served(admin: httpx.Client) -> None:
    assert admin.get("/openapi.json").json()["openapi"].startswith("3.1")
    names = admin.get("/schemas").json()["schemas"]
    assert names
    for name in names:
        assert admin.get(f"/schemas/{name}").json() == admin.get(f"/schemas/{name}.json").json()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "GET"])
def test_a_wrong_method_is_a_405_that_names_the_right_one(admin: httpx.Client, method: str) -> None:
    answer = admin.request(method, "/reset")
    assert answer.headers["allow"] == "POST"
    assert "POST" in problem(answer, 405)


@pytest.mark.parametrize("path", ["/nothing", "/tasks/", "/clock/advance/now"])
def test_an_unknown_path_is_a_404(admin: httpx.Client, path: str) -> None:
    assert problem(admin.get(path), 404) == "no such path under /__admin"


def test_a_reset_forgets_everything_and_turns_the_clock_back(mock: MockServer, admin: httpx.Client) -> None:
    make(mock)
    admin.post("/clock/advance", json={"seconds": 500})
    assert admin.post("/reset").json() == {"reset": True}
    assert admin.get("/clock").json()["now"] == START
    assert admin.get("/tasks").json() == {"tasks": [], "truncated": False}
    assert admin.get("/requests").json() == {"requests": [], "truncated": False}


def test_after_a_reset_the_same_requests_get_the_same_answers(mock: MockServer, admin: httpx.Client) -> None:
    def story() -> tuple[str, str]:
        task_id = make(mock)
        admin.post("/clock/advance", json={"seconds": 500})
        return task_id, json.dumps(admin.get("/tasks").json())

    first = story()
    admin.post("/reset")
    assert story() == first


def test_the_facts_of_the_model_are_there(admin: httpx.Client) -> None:
    assert admin.get("/model.json").json() == ltx_mock_schemas.model()
