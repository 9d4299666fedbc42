"""Whatever is sent to the control plane comes back in JSON that can be read, and what is refused has done nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from ltx_mock import MockServer, SettingsError
from support.bodies import GENERATE, STATUS, request_body, submit

HOSTILE = {
    "lone surrogate": '"\\ud800"',
    "two lone surrogates": '"x\\udfff\\ud800y"',
    "escape codes": '"\\u001b[2J\\u009b31m\\u202e"',
    "not a number": "NaN",
    "infinity": "-Infinity",
    "a number of 300 digits": "9" * 300,
    "a number of 400 digits": "9" * 400,
    "a number of 5000 digits": "9" * 5000,
    "1e400": "1e400",
    "nested": "[" * 5000 + "]" * 5000,
    "a bit nested": "[" * 60 + "]" * 60,
    "object of a surrogate": '{"\\ud800": 1}',
}
FIELDS = [
    ("POST", "/clock", "mode"),
    ("POST", "/clock", "speed"),
    ("POST", "/clock/advance", "seconds"),
    ("POST", "/tenants", "key"),
    ("POST", "/tenants", "settings"),
    ("POST", "/requests/count", "operation"),
    ("POST", "/requests/count", "status"),
    ("POST", "/requests/count", "since"),
    ("POST", "/requests/count", "key"),
    ("POST", "/requests/count", "body"),
    ("POST", "/requests/near", "limit"),
    ("POST", "/requests/near", "prompt"),
    ("POST", "/requests/near", "key"),
    ("POST", "/scenarios", "name"),
    ("POST", "/scenarios", "match"),
    ("POST", "/scenarios", "times"),
    ("POST", "/scenarios", "chance"),
    ("POST", "/scenarios", "cut"),
    ("POST", "/scenarios", "delay"),
    ("POST", "/scenarios", "bytesPerSecond"),
    ("POST", "/tasks/{task}/finish", "state"),
    ("POST", "/tasks/{task}/finish", "failCode"),
    ("POST", "/nowhere", "x"),
]
SETTINGS = ["admin_token", "credits", "nonsense", "price", "public_url", "rate_limit", "scenario", "start_time"]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(clock="manual") as mock:
        with mock.client() as client:
            submit(client)
        yield mock


@pytest.fixture(scope="module")
def admin(server: MockServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{server.url}/__admin", trust_env=False, verify=False) as client:
        yield client


def error_of(response: httpx.Response) -> str:
    """Return what a refusal says, which must be JSON of printable text."""
    assert response.status_code in {400, 404, 405}, response.text
    told = json.loads(response.content.decode())
    assert response.text.isprintable()
    return str(told.get("error") or told["message"])


@pytest.mark.parametrize(("method", "path", "field"), FIELDS, ids=[f"{path} {field}" for _, path, field in FIELDS])
def test_whatever_a_field_has_is_answered(
    server: MockServer, admin: httpx.Client, method: str, path: str, field: str
) -> None:
    path = path.replace("{task}", server.tasks[0].id)
    for value in HOSTILE.values():
        answer = admin.request(method, path, content=f'{{"{field}": {value}}}')
        if answer.status_code != 200:
            assert error_of(answer)
        assert isinstance(json.loads(answer.content.decode()), dict)


@pytest.mark.parametrize("name", SETTINGS)
def test_whatever_a_setting_of_a_world_is_is_answered(admin: httpx.Client, name: str) -> None:
    for value in HOSTILE.values():
        answer = admin.post("/tenants", content=f'{{"key": "a-world", "settings": {{"{name}": {value}}}}}')
        if answer.status_code != 200:
            assert error_of(answer)
        assert admin.get("/tasks", params={"key": "a-world"}).status_code == 200


def test_a_lone_surrogate_is_told_by_field_and_value(admin: httpx.Client) -> None:
    for path, field, wanted in (
        ("/clock/advance", "seconds", "a number from 0 to 315360000"),
        ("/clock", "speed", "a number more than 0 and at most 1000000"),
        ("/requests/near", "limit", "a whole number of at least 0"),
    ):
        told = error_of(admin.post(path, content=f'{{"{field}": "\\ud800"}}'))
        assert told == f"{field} must be {wanted}, not '\\ud800'"


@pytest.mark.parametrize("text", ["%ED%A0%80", "%FF%FE", "%1B%5B2J", "%C2%9B31m", "%E2%80%AE", "%00", "%0A::error::x"])
def test_whatever_path_query_and_headers_have_is_answered(server: MockServer, admin: httpx.Client, text: str) -> None:
    for path in (f"/{text}", f"/tasks/{text}", f"/requests/{text}", f"/schemas/{text}", f"/callbacks/{text}/redeliver"):
        assert error_of(admin.request("POST" if "redeliver" in path else "GET", path))
    for query in ("state", "limit"):
        assert error_of(admin.get(f"/tasks?{query}={text}"))
    for query in ("limit", "format", "wait", "status", "since", "finding", "operation", "kind"):
        assert error_of(admin.get(f"/requests?{query}={text}"))
    with server.client() as client:
        assert error_of(client.get(f"{STATUS}?taskId={text}"))
        assert error_of(client.get(f"/{text}"))
        for name in (b"content-type", b"x-mock-scenario", b"prefer"):
            assert error_of(client.post(GENERATE, content=b"{}", headers=[(name, text.encode() + b"\xff\x9b\xc2\x9b")]))


@pytest.mark.parametrize("key", ["\ud800", "a b", "a\nb", "日本", "x" * 513])
def test_what_no_header_can_carry_is_no_key_of_a_world(server: MockServer, admin: httpx.Client, key: str) -> None:
    for path in ("/requests/count", "/requests/near"):
        told = error_of(admin.post(path, content=json.dumps({"key": key})))
        assert told == "the server does not accept this key"
    assert admin.get("/metrics").status_code == 200
    with pytest.raises(SettingsError, match="key must be 1 to 512 printable ASCII characters"):
        server.tenant(key)


def test_an_advance_that_is_refused_moves_no_clock() -> None:
    with MockServer(clock="manual", start_time="9998-12-31T23:00:00") as mock:
        late, early = mock.tenant(), mock.tenant(start_time="2026-01-01T00:00:00")
        with httpx.Client(base_url=f"{mock.url}/__admin", trust_env=False, verify=False) as admin:
            before = [admin.get("/clock").json(), late.clock.now, early.clock.now]
            told = error_of(admin.post("/clock/advance", json={"seconds": 3601}))
            assert told == "the clock ends with the year 9998; it cannot advance by 3601 s"
            assert [admin.get("/clock").json(), late.clock.now, early.clock.now] == before


@pytest.mark.parametrize("body", ['{"mode": "auto", "speed": -1}', '{"mode": "auto", "speed": "x"}', '{"mode": 1}'])
def test_a_clock_that_is_set_wrongly_is_not_set_at_all(admin: httpx.Client, body: str) -> None:
    before = admin.get("/clock").json()
    assert error_of(admin.post("/clock", content=body))
    assert admin.get("/clock").json() == before


def test_a_world_that_is_opened_wrongly_stays_as_it_was(server: MockServer, admin: httpx.Client) -> None:
    world = server.tenant()
    with world.client() as client:
        task = submit(client)
    assert error_of(admin.post("/tenants", json={"key": world.api_key, "settings": {"strict": True, "credits": -1}}))
    assert [each.id for each in world.tasks] == [task]


def test_what_is_sent_to_the_endpoints_can_be_read_in_the_journal(server: MockServer, admin: httpx.Client) -> None:
    with server.client() as client:
        for value in HOSTILE.values():
            body = json.dumps(request_body(prompt="§")).replace('"§"', value)
            assert client.post(GENERATE, content=body).status_code in {200, 400}
    for form in ("json", "ndjson", "har"):
        answer = admin.get("/requests", params={"format": form})
        lines = answer.text.splitlines()
        assert [json.loads(line) for line in lines]
        assert all(line.isprintable() for line in lines)
