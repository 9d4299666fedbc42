"""The journal through the control plane: found, waited for, counted, compared, exported, bounded, forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock.control import journal
from ltx_mock.control.journal import News
from ltx_mock.control.journal_filter import Filter
from ltx_mock.core.journal_entry import Entry
from ltx_mock.testing.tenant import World
from ltx_mock_contracts import check_trace, read_trace
from support.bodies import STATUS, TEXT, post, request_body, submit
from support.connections import connect, request
from support.processes import ltx_mock as run
from support.receivers import Receiver
from support.traces import busy_day
from support.waiting import SECONDS, until

KEY = "the-first-secret-key-1111"
OTHER = "another-secret-key-2222"


@pytest.fixture(scope="module")
def running() -> Iterator[MockServer]:
    with MockServer(clock="manual", api_key=[KEY, OTHER]) as mock:
        yield mock


@pytest.fixture
def mock(running: MockServer) -> MockServer:
    running._server_thread.wait_for(running._server_thread.engine.tenants.reset())
    return running


@pytest.fixture(params=["inside", "socket"])
def admin(request: pytest.FixtureRequest, mock: MockServer) -> Iterator[httpx.Client]:
    transport = mock.transport if request.param == "inside" else None
    options: dict[str, Any] = {"base_url": f"{mock.url}/__admin", "trust_env": False, "verify": False}
    with httpx.Client(transport=transport, timeout=SECONDS, **options) as client:
        yield client


@pytest.fixture
def client(mock: MockServer) -> Iterator[httpx.Client]:
    with mock.client(transport=mock.transport) as client:
        yield client


def listed(admin: httpx.Client, **params: Any) -> list[dict[str, Any]]:
    answer = admin.get("/requests", params=params)
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()["requests"]
    return entries


def numbers(entries: list[dict[str, Any]]) -> list[int]:
    return [entry["number"] for entry in entries]


@pytest.fixture
def day(mock: MockServer, client: httpx.Client) -> str:
    """Make entries: 1 a task, 2 its status, 3 a bad request, 4 an unknown task, 5 the clock, 6 another key's task."""
    task_id = submit(client)
    client.get(STATUS, params={"taskId": task_id})
    assert post(client, request_body(TEXT, duration=99)).status_code == 400
    client.get(STATUS, params={"taskId": "task_none"})
    mock.clock.advance(60)
    with mock.tenant(OTHER).client(transport=mock.transport) as other:
        submit(other)
    return task_id


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [1, 2, 3, 4, 6]),
        ({"kind": "all"}, [1, 2, 3, 4, 5, 6]),
        ({"kind": "clock"}, [5]),
        ({"kind": "callback"}, []),
        ({"operation": "statusTask"}, [2, 4]),
        ({"status": "400"}, [3]),
        ({"status": "4xx"}, [3, 4]),
        ({"status": "none"}, []),
        ({"finding": "GEN-10"}, [3]),
        ({"finding": "any"}, [3]),
        ({"finding": "GEN-11"}, []),
        ({"since": "3"}, [4, 6]),
        ({"since": "2", "limit": "1"}, [3]),
        ({"limit": "2"}, [4, 6]),
        ({"key": OTHER}, [6]),
        ({"key": KEY, "operation": "generateTask", "status": "200"}, [1]),
        ({"limit": "0"}, []),
    ],
    ids=str,
)
@pytest.mark.usefixtures("day")
def test_entries_are_found(admin: httpx.Client, wanted: dict[str, str], found: list[int]) -> None:
    assert numbers(listed(admin, **wanted)) == found


def test_entries_of_one_task_are_found(admin: httpx.Client, day: str) -> None:
    assert numbers(listed(admin, task=day)) == [1, 2]


@pytest.mark.usefixtures("day")
def test_a_move_of_the_clock_tells_from_where_to_where(admin: httpx.Client) -> None:
    (entry,) = listed(admin, kind="clock")
    assert (entry["ended"] - entry["at"], entry["cause"]) == (60_000, "advanced by 60 s")
    admin.post("/clock", params={"key": KEY}, json={"mode": "scaled", "speed": 60})
    assert listed(admin, kind="clock", key=KEY)[-1]["cause"] == "set to scaled, speed 60"
    admin.post("/clock", params={"key": KEY}, json={"mode": "manual"})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "kind",
            "clocks",
            (
                "kind must be one of exchange, all, request, callback, clock, download, not 'clocks'"
                " (did you mean 'clock'?)"
            ),
        ),
        ("operation", "generate", "operation must be one of generateTask, statusTask, balance, callback, other, clock"),
        ("status", "4x", "status must be one like 404, or 4xx, or none, not '4x'"),
        (
            "finding",
            "GEN-1O",
            "finding must be any, or the id of a rule such as GEN-10, not 'GEN-1O' (did you mean",
        ),
        ("since", "-1", "since must be a whole number of at least 0"),
        ("since", "٣", "since must be a whole number of at least 0"),
        ("limit", "x", "limit must be a whole number"),
        ("wait", "soon", "wait must be a number of seconds"),
        ("format", "xml", "format must be one of json, ndjson, har, not 'xml'"),
    ],
)
def test_a_filter_that_is_none_is_refused(admin: httpx.Client, name: str, value: str, told: str) -> None:
    answer = admin.get("/requests", params={name: value})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(told)


@pytest.mark.usefixtures("day")
def test_one_entry_is_shown_by_its_number(admin: httpx.Client) -> None:
    assert admin.get("/requests/3").json() == listed(admin)[2]
    assert admin.get("/requests/5").json()["kind"] == "clock"
    for number in ("7", "0", "-1", "x", "3.0", "03", "9" * 60):
        assert admin.get(f"/requests/{number}").status_code == 404
    assert admin.get("/requests/6", params={"key": KEY}).status_code == 404


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({}, 5),
        ({"operation": "generateTask"}, 3),
        ({"status": 400}, 1),
        ({"key": OTHER}, 1),
        ({"body": {"input": {"mode": "text-to-video"}}}, 3),
        ({"body": {"input": {"duration": 99}}}, 1),
        ({"body": {"input": {"duration": 5.0}}}, 2),
        ({"body": {"input": {"duration": True}}}, 0),
        ({"body": {"input": {}}, "status": "200"}, 2),
        ({"body": {"input": {"image_urls": []}}}, 0),
        ({"body": None}, 2),
        ({"body": []}, 0),
    ],
    ids=str,
)
@pytest.mark.usefixtures("day")
def test_entries_are_counted_by_part_of_their_body(admin: httpx.Client, body: dict[str, Any], count: int) -> None:
    assert admin.post("/requests/count", json=body).json() == {"count": count}


def test_an_unknown_filter_is_refused_with_the_nearest_known(admin: httpx.Client) -> None:
    answer = admin.post("/requests/count", json={"operations": "other"})
    assert answer.status_code == 400
    assert "did you mean 'operation'" in answer.json()["error"]
    assert admin.post("/requests/count", json={"key": 7}).status_code == 404


@pytest.mark.usefixtures("day")
def test_the_nearest_requests_are_shown_with_what_differs(admin: httpx.Client) -> None:
    expected = {"operation": "generateTask", "duration": 10, "mode": "text-to-video", "status": 200}
    told = admin.post("/requests/near", json=expected).json()
    assert told["matches"] == 0
    assert numbers([each["request"] for each in told["near"]]) == [6, 1, 3]
    assert told["near"][0]["differences"] == [{"field": "duration", "expected": "10", "got": "5"}]
    assert [each["field"] for each in told["near"][2]["differences"]] == ["duration", "status"]
    told = admin.post("/requests/near", json={"duration": 99, "limit": 1, "key": KEY}).json()
    assert (told["matches"], len(told["near"]), told["near"][0]["differences"]) == (1, 1, [])
    assert "did you mean 'duration'" in admin.post("/requests/near", json={"durations": 1}).json()["error"]
    assert admin.post("/requests/near", json={"limit": -1}).status_code == 400


@pytest.mark.parametrize("limit", range(6))
@pytest.mark.usefixtures("day")
def test_requests_of_another_operation_are_the_farthest(admin: httpx.Client, limit: int) -> None:
    for expected, found in (
        ({"operation": "statusTask", "status": 404}, [4, 2, 6, 3, 1]),
        ({"operation": "statusTask", "task_id": None, "cause": "x", "idempotency_key": "x"}, [4, 2, 3, 6, 1]),
        ({"status": 404}, [4, 6, 3, 2, 1]),
    ):
        told = admin.post("/requests/near", json=expected | {"limit": limit}).json()
        assert numbers([each["request"] for each in told["near"]]) == found[:limit]
        assert told["matches"] == ("status" in expected)


@pytest.mark.usefixtures("day")
def test_the_newest_requests_of_the_expected_operation_are_compared(
    admin: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many newer ones another operation has; only too few of them let those of others be compared."""
    monkeypatch.setattr(journal, "MAX_COMPARED", 2)
    for expected, found in (
        ({"operation": "statusTask", "status": 200, "limit": 1}, [2]),
        ({"operation": "generateTask", "duration": 99, "limit": 2}, [3, 6]),
        ({"operation": "statusTask", "status": 200, "limit": 3}, [4, 6]),
        ({"status": 400, "limit": 3}, [6, 4]),
    ):
        told = admin.post("/requests/near", json=expected).json()
        assert numbers([each["request"] for each in told["near"]]) == found


def test_a_body_that_comes_again_is_compared_once(server: MockServer, monkeypatch: pytest.MonkeyPatch) -> None:
    world, compared, has_body = server.tenant(), list[bytes](), Filter.has_read_body

    def compare(self: Filter, entry: Entry) -> bool | None:
        compared.append(entry.request)
        return has_body(self, entry)

    with world.client() as client:
        for duration in (5, 5, 5, 10):
            submit(client, duration=duration)
    monkeypatch.setattr(Filter, "has_read_body", compare)
    with httpx.Client(base_url=f"{server.url}/__admin", params={"key": world.api_key}) as admin:
        assert admin.post("/requests/count", json={"body": {"input": {"duration": 5}}}).json() == {"count": 3}
    assert len(compared) == 2


@pytest.mark.usefixtures("day")
def test_the_journal_of_one_key_or_of_all_is_forgotten(admin: httpx.Client, mock: MockServer) -> None:
    assert admin.delete("/requests", params={"key": OTHER}).json() == {"forgotten": 1}
    assert numbers(listed(admin)) == [1, 2, 3, 4]
    assert admin.delete("/requests").json() == {"forgotten": 5}
    assert admin.get("/requests").json() == {"requests": [], "truncated": False}
    assert len(mock.tasks) == 1


def test_waiting_ends_as_soon_as_something_matches(admin: httpx.Client, client: httpx.Client) -> None:
    alarm = threading.Timer(0.05, lambda: (submit(client), client.get(STATUS, params={"taskId": "x"})))
    alarm.start()
    entries = listed(admin, operation="statusTask", wait="600")
    alarm.join()
    assert [entry["status"] for entry in entries] == [404]
    assert listed(admin, wait="600")[0]["operation"] == "generateTask"


FIRST_EXPORT = """
import http.client, sys
from ltx_mock import MockServer
with MockServer() as mock:
    for form in ("json", "ndjson", "har"):
        before = set(sys.modules)
        way = http.client.HTTPConnection(mock.url.removeprefix("http://"))
        way.request("GET", f"/__admin/requests?format={form}")
        way.getresponse().read()
        if form != "json":
            print(*set(sys.modules) - before)
"""


def test_a_first_export_keeps_nobody_waiting_for_modules_to_load() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_EXPORT], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert done.stdout.split() == []


def test_waiting_ends_when_its_time_is_over(admin: httpx.Client) -> None:
    assert listed(admin, wait="0.01") == []
    assert listed(admin, wait="0") == []


def waited_for(mock: MockServer) -> bool:
    return any(isinstance(each, News) for each in mock._server_thread.engine.observers)


def test_stopping_does_not_wait_for_who_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltx_mock.server.http.STOP_SECONDS", 600)  # who waited at all would wait for so long
    monkeypatch.setattr("ltx_mock.server.thread.STOP_SECONDS", 600)
    told: list[Any] = []
    with MockServer() as mock:
        waiting = threading.Thread(
            target=lambda: told.append(httpx.get(f"{mock.url}/__admin/requests?wait=60", timeout=SECONDS).json())
        )
        waiting.start()
        until(lambda: waited_for(mock))
        begin = time.monotonic()
        mock.stop()
        waiting.join(SECONDS)
    assert time.monotonic() - begin < SECONDS
    assert told == [{"requests": [], "truncated": False}]


def test_who_hangs_up_is_no_longer_waited_for(mock: MockServer) -> None:
    with connect(mock.url) as asker:
        asker.sendall(request("GET", "/__admin/requests?wait=60").replace(b"Host: x", b"Host: localhost"))
        until(lambda: waited_for(mock))
    until(lambda: not waited_for(mock))


def test_the_journal_is_bounded_by_entries_and_says_when_it_has_forgotten_some(mock: MockServer) -> None:
    world = mock.tenant("bounded-key-3333", journal_entries=3)
    with world.client(transport=mock.transport) as client:
        for _ in range(5):
            client.get(STATUS, params={"taskId": "x"})
    told = world._admin.get("/requests")
    assert (len(told["requests"]), told["truncated"]) == (3, True)
    first = told["requests"][0]["number"]
    assert world._admin.get("/requests", since=first)["truncated"] is False
    assert world._admin.get("/requests", since=first - 1)["truncated"] is False
    assert world._admin.get("/requests", since=first - 2)["truncated"] is True
    world._admin.delete("/requests")
    assert world._admin.get("/requests")["truncated"] is False


def test_the_journal_is_bounded_by_bytes(mock: MockServer) -> None:
    world = mock.tenant("bounded-key-4444", journal_bytes=10_000)
    with world.client(transport=mock.transport) as client:
        for _ in range(5):
            assert post(client, b'"' + b"x" * 3000 + b'"').status_code == 400
    told = world._admin.get("/requests")
    assert 1 <= len(told["requests"]) <= 3
    assert told["truncated"] is True


@pytest.mark.parametrize("name", ["tasks", "callbacks", "tenants", "requests"])
def test_lists_are_bounded_to_the_newest_and_say_so(mock: MockServer, admin: httpx.Client, name: str) -> None:
    for key in (KEY, OTHER):
        with mock.tenant(key).client(transport=mock.transport) as client:
            body = request_body(TEXT) | {"request_type": "callback", "callback_url": "https://a.example/cb"}
            assert post(client, body).status_code == 200
    whole = admin.get(f"/{name}").json()
    cut = admin.get(f"/{name}", params={"limit": 1}).json()
    assert (whole["truncated"], cut["truncated"]) == (False, True)
    assert len(whole[name]) >= 2
    assert cut[name] == whole[name][-1:]
    assert cut[name][0]["key"] == "…2222"
    assert admin.get(f"/{name}", params={"limit": 0}).json() == {name: [], "truncated": True}
    assert admin.get(f"/{name}", params={"limit": "x"}).status_code == 400


def exported(world: World, form: str, path: Path) -> Path:
    """Write an export of a world's journal to a file."""
    answer = httpx.get(f"{world.url}/__admin/requests", params={"key": world.api_key, "format": form, "kind": "all"})
    assert answer.status_code == 200, answer.text
    path.write_bytes(answer.content)
    return path


@pytest.mark.sample(2)
@pytest.mark.parametrize("form", ["ndjson", "har", "json"])
@pytest.mark.parametrize("pace", [{"clock": "manual"}, {"clock": "auto"}, {"clock": "real", "speed": 60}], ids=str)
def test_an_export_is_a_clean_recording(tmp_path: Path, form: str, pace: dict[str, Any]) -> None:
    with Receiver(500, "close", 404, 500, 500, 200) as receiver, MockServer(**pace) as mock:
        world = mock.tenant("abc", max_concurrent=13)
        busy_day(world, receiver)
        trace = read_trace(exported(world, form, tmp_path / "export"))
        report = check_trace(trace)
        assert len(trace) == len(world.requests)
    assert [deviation for verdict in report.verdicts for deviation in verdict.deviations] == []
    assert {"GEN-17", "TASK-1", "CB-1", "CB-2"} <= set(report.having("kept"))


def test_a_bad_day_gives_a_clean_export_too(tmp_path: Path, mock: MockServer) -> None:
    world = mock.tenant(KEY)
    with world.client(transport=mock.transport) as client:
        for name in ("server-error", "rate-limited", "insufficient-credits"):
            mock.scenario(name)
            assert post(client, request_body(TEXT)).status_code >= 400
    for form in ("har", "ndjson"):
        report = check_trace(read_trace(exported(world, form, tmp_path / form)))
        assert [deviation for verdict in report.verdicts for deviation in verdict.deviations] == []


@pytest.mark.usefixtures("day")
def test_har_has_all_that_har_1_2_wants(admin: httpx.Client, mock: MockServer) -> None:
    log = admin.get("/requests", params={"format": "har"}).json()["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "ltx-mock")
    assert len(log["entries"]) == 5
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= entry.keys()
        request, response = entry["request"], entry["response"]
        message = {"httpVersion", "cookies", "headers", "headersSize", "bodySize"}
        assert request.keys() - {"postData"} == {"method", "url", "queryString", *message}
        assert response.keys() == {"status", "statusText", "content", "redirectURL", *message}
        assert request["url"].startswith(f"{mock.url}/api/v1/")
        assert entry["time"] == sum(entry["timings"].values())
    first, second = log["entries"][:2]
    assert json.loads(first["request"]["postData"]["text"]) == request_body(TEXT)
    assert second["request"]["queryString"] == [
        {"name": "taskId", "value": json.loads(first["response"]["content"]["text"])["data"]["taskId"]}
    ]
    assert (first["response"]["status"], first["response"]["statusText"]) == (200, "OK")
    assert first["startedDateTime"] == "2026-01-09T13:33:30.929Z"


HOSTILE = [b'"\\ud800"', b"\xff\xfe\x00", b"[" * 100_000, b"NaN", b'{"a": "' + KEY.encode() + b'"}', b""]


@pytest.mark.parametrize("form", ["ndjson", "har"])
def test_an_export_has_whatever_was_sent_and_no_key(admin: httpx.Client, client: httpx.Client, form: str) -> None:
    for body in HOSTILE:
        assert post(client, body).status_code == 400
    client.get(f"{STATUS}?taskId=%ff%00%1b[31m{KEY}")
    client.get("/%ff%00//[")
    answer = admin.get("/requests", params={"format": form})
    assert KEY not in answer.text
    entries = (
        answer.json()["log"]["entries"] if form == "har" else [json.loads(line) for line in answer.text.splitlines()]
    )
    assert len(entries) == len(HOSTILE) + 2


@pytest.mark.usefixtures("day")
def test_a_limit_cuts_an_export(admin: httpx.Client) -> None:
    answer = admin.get("/requests", params={"format": "ndjson", "limit": 2, "kind": "all"})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line)["kind"] for line in answer.text.splitlines()] == ["clock", "request"]


@pytest.mark.slow
@pytest.mark.usefixtures("day")
def test_the_shell_finds_and_exports(mock: MockServer, tmp_path: Path) -> None:
    url = {"LTX_MOCK_URL": mock.url}
    code, out, _ = run("requests", "--status", "4xx", "--operation", "generateTask", env=url)
    assert (code, out.count("generateTask"), "GEN-10" in out) == (0, 1, True)
    for form in ("har", "ndjson"):
        code, out, _ = run("requests", "--format", form, "--key", KEY, env=url)
        assert code == 0
        path = tmp_path / f"export.{form}"
        path.write_text(out)
        code, out, _ = run("check-trace", str(path))
        assert code == 0, out
    code, _, err = run("requests", "--finding", "GEN-999", env=url)
    assert (code, "finding must be any" in err) == (2, True)
