"""`ltx-mock proxy`: what goes to the API and comes back is not changed, and each exchange is judged and kept."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock.client_checks.programs import free_port
from ltx_mock.testing.remote_server import RemoteServer
from ltx_mock.testing.tenant import World
from ltx_mock.upstream.callbacks import unreachable
from ltx_mock_contracts import Report, check_trace
from ltx_mock_contracts.recordings import Redaction
from ltx_mock_contracts.recordings.from_trace import recordings_from
from ltx_mock_contracts.trace import parse_trace
from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.independent_server import KEYS, IndependentServer
from support.processes import LTX_MOCK, Process, ltx_mock
from support.proxies import proxied, proxy_thread
from support.raw_upstream import RawUpstream, response
from support.receivers import Receiver

pytestmark = pytest.mark.sample(2)

KEY = KEYS[0]
SECRET = "sk-secret-key-of-mine-7777"
TASK = b'{"code":200,"message":"success","data":{"taskId":"task_1"}}'


def world_of(url: str, key: str = KEY) -> World:
    return RemoteServer(url).tenant(key)


def client_of(url: str, key: str = KEY, path: str = "/api/v1") -> httpx.Client:
    return httpx.Client(base_url=url + path, headers={"authorization": f"Bearer {key}"}, trust_env=False, timeout=30)


def exported(url: str) -> list[Report]:
    """Return what `check-trace` says to the journal, in each of its forms."""
    texts = [httpx.get(f"{url}/__admin/requests?format={each}", trust_env=False).text for each in ("ndjson", "har")]
    return [check_trace(parse_trace(each)) for each in texts]


def submit(client: httpx.Client, **changes: Any) -> httpx.Response:
    return client.post(GENERATE, json=request_body(TEXT, **changes))


# ---- nothing is changed


def test_a_request_goes_on_as_it_came_but_for_the_headers_of_its_connection() -> None:
    body = gzip.compress(json.dumps(request_body(TEXT)).encode(), mtime=0)
    with RawUpstream([response(TASK)]) as upstream, proxied(upstream.url) as (url, _):
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        connection.putrequest(
            "POST", "/api/v1/generateTask/ltx-2-19b?a=%2F&b=", skip_host=True, skip_accept_encoding=True
        )
        own = [("X-Mine", "1"), ("Cookie", "a=b"), ("Content-Encoding", "gzip"), ("Authorization", f"Bearer {SECRET}")]
        for name, value in [*own, ("Host", "me"), ("Connection", "X-Hop"), ("X-Hop", "1"), ("TE", "trailers")]:
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        assert connection.getresponse().read() == TASK
        connection.close()
        sent = upstream.take()
    assert sent.line == "POST /api/v1/generateTask/ltx-2-19b?a=%2F&b= HTTP/1.1"
    assert len(sent.headers.pop("x-ltx-mock-outgoing")) == 16, "a mark, against loops"
    assert sent.headers == {
        "x-mine": "1",
        "cookie": "a=b",
        "content-encoding": "gzip",
        "authorization": f"Bearer {SECRET}",
        "content-length": str(len(body)),
        "host": upstream.url.removeprefix("http://"),
    }
    assert sent.body == body


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (
            "200 OK",
            ["Content-Type: application/json; charset=utf-8", "X-Request-Id: 7", "Set-Cookie: a=b", "Date: today"],
        ),
        ("302 Found", ["Location: http://elsewhere.example/"]),
        ("429 Too Many Requests", ["Retry-After: 3"]),
        ("503 Service Unavailable", ["Content-Type: text/html"]),
    ],
)
def test_a_response_comes_back_as_it_is_and_is_asked_for_once(status: str, headers: list[str]) -> None:
    raw = gzip.compress(TASK, mtime=0)
    with RawUpstream([response(raw, status, "Content-Encoding: gzip", *headers)]) as upstream:
        with (
            proxied(upstream.url) as (url, _),
            client_of(url) as client,
            client.stream("POST", GENERATE, json={}) as got,
        ):
            assert b"".join(got.iter_raw()) == raw
            told = [f"{name.decode().title()}: {value.decode()}" for name, value in got.headers.raw]
        upstream.take()
        assert upstream.requests.empty()
    assert got.status_code == int(status[:3])
    assert set(told) - {"Connection: close"} == {f"Content-Length: {len(raw)}", "Content-Encoding: gzip", *headers}


def test_the_headers_of_the_api_s_connection_stay_there() -> None:
    own = ["Keep-Alive: timeout=5", "Proxy-Authenticate: Basic", "X-Hop: 1", "X-Mine: 2", "Date: today"]
    raw = response(TASK, "200 OK", *own).replace(b"Connection: close", b"Connection: X-Hop, close")
    with RawUpstream([raw]) as upstream, proxied(upstream.url) as (url, _), client_of(url) as client:
        headers = submit(client).headers
    assert (headers["x-mine"], headers["date"]) == ("2", "today")
    assert headers.keys() - {"connection"} == {"content-length", "x-mine", "date"}


def test_which_pages_may_read_responses_is_for_the_api_to_say() -> None:
    page = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    preflight = response(b"", "204 No Content", "Access-Control-Allow-Origin: https://app.example")
    with (
        RawUpstream([preflight], [response(TASK)]) as upstream,
        proxied(upstream.url, "--max-tasks", "1") as (url, _),
        client_of(url) as client,
    ):
        asked = client.options(GENERATE, headers=page)
        assert (asked.status_code, upstream.take().line[:8]) == (204, "OPTIONS ")
        assert asked.headers["access-control-allow-origin"] == "https://app.example"
        told = client.post(GENERATE, json=request_body(TEXT), headers=page)
        assert (told.status_code, "access-control-allow-origin" in told.headers) == (200, False)
        own = client.post(GENERATE, json=request_body(TEXT), headers=page)
        assert (own.status_code, own.headers["access-control-allow-origin"]) == (429, "*")


def test_at_another_path_only_what_costs_nothing_is_sent_on() -> None:
    with RawUpstream([response(TASK)]) as upstream, proxied(upstream.url) as (url, _), client_of(url) as client:
        told = client.post("/generateTask/another-model", json={}).json()
        assert upstream.requests.empty()
        assert client.get("/another/path?a=b").content == TASK
        assert upstream.take().line == "GET /api/v1/another/path?a=b HTTP/1.1"
        assert [each.status for each in world_of(url).requests] == [404, 200]
    assert (told["code"], told["data"]) == (404, None)
    assert told["message"].startswith("ltx-mock proxy: POST '/api/v1/generateTask/another-model' is not sent on; ")


def test_a_page_of_the_upstream_is_none_of_the_proxys_origin() -> None:
    page = response(b"<script>alert(1)</script>", "200 OK", "Content-Type: text/html")
    with RawUpstream([page]) as upstream, proxied(upstream.url) as (url, _), client_of(url, path="") as client:
        for path in ("/page.html", "/api/v1/another"):
            headers = client.get(path).headers
            assert (headers["x-content-type-options"], headers["content-security-policy"]) == ("nosniff", "sandbox")
            assert headers["content-type"] == "text/html"


def test_a_body_is_passed_on_while_it_comes() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    with (
        RawUpstream([head + TASK[:20], TASK[20:]]) as upstream,
        proxied(upstream.url) as (url, _),
        client_of(url) as client,
        client.stream("POST", GENERATE, json=request_body(TEXT)) as got,
    ):
        chunks = got.iter_raw()
        assert next(chunks) == TASK[:20], "the rest is not sent yet"
        upstream.go_on()
        assert b"".join(chunks) == TASK[20:]


def test_a_large_body_goes_through_and_is_not_kept() -> None:
    body = b"[" + b" " * 3_000_000 + b"]"
    with RawUpstream([response(TASK)]) as upstream, proxied(upstream.url, "-q") as (url, _), client_of(url) as client:
        headers = {"content-type": "application/json"}
        assert client.post(GENERATE, content=iter([body[:100], body[100:]]), headers=headers).content == TASK
        assert upstream.take().body == body
        (entry,) = world_of(url).requests
    assert entry.body is None


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (response(b"", "204 No Content", length=5), b""),
        (response(b"", "304 Not Modified", length=5), b""),
        (CHUNKED, b"ok"),
    ],
)
def test_a_length_that_is_not_that_of_the_body_is_dropped(answer: bytes, body: bytes) -> None:
    with RawUpstream([answer]) as upstream, proxied(upstream.url) as (url, process), client_of(url) as client:
        got = client.get(STATUS)
        assert got.content == body
        assert "content-length" not in got.headers or got.headers["content-length"] == str(len(body))
    assert "Traceback" not in process.stderr()


# ---- when the API fails


def test_without_an_upstream_the_proxy_says_that_it_is_its_own_502() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with proxied(f"127.0.0.1:{port}", "--max-tasks", "1") as (url, _), client_of(url) as client:
        for _ in range(2):  # a refused connection costs nothing
            answer = submit(client)
            told = answer.json()
            assert (answer.status_code, told["code"], told["data"]) == (502, 502, None)
            assert told["message"].startswith(f"ltx-mock proxy: 127.0.0.1:{port} did not respond")
        assert [each.cause_kind for each in world_of(url).requests] == ["upstream"] * 2


def test_a_proxy_before_itself_says_so_and_does_not_ask_itself_for_ever() -> None:
    port = free_port()
    own = f"http://127.0.0.1:{port}"
    process = Process([*LTX_MOCK, "proxy", own, "--port", str(port), "--max-tasks", "1"])
    try:
        process.wait_for_error_line("Ctrl-C stops the proxy")
        with client_of(own) as client:
            for _ in range(2):  # it costs nothing
                answer = submit(client)
                assert answer.status_code == 508
                assert answer.json()["message"].startswith(f"ltx-mock proxy: 127.0.0.1:{port} leads back to this proxy")
            assert client.get(STATUS).status_code == client.get("/another").status_code == 508
        assert len(world_of(own).requests) == 8
    finally:
        process.kill()


def test_a_proxy_may_stand_before_another_one() -> None:
    with (
        IndependentServer() as api,
        proxied(api.url) as (inner, _),
        proxied(inner) as (outer, _),
        client_of(outer) as client,
    ):
        assert submit(client).status_code == 200


BROKEN_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\xff\xfe"


@pytest.mark.parametrize(
    ("pieces", "fault"),
    [
        ([response(TASK, length=len(TASK) + 10)], "MALFORMED_RESPONSE_CHUNK"),
        ([BROKEN_CHUNK], "MALFORMED_RESPONSE_CHUNK"),
        ([b"\xff\xfe no HTTP \r\n\r\n"], "EMPTY_RESPONSE"),
        ([], "EMPTY_RESPONSE"),
        ([response(TASK, "600 Beyond")], "EMPTY_RESPONSE"),
        ([response(TASK, "999 Denied")], "EMPTY_RESPONSE"),
    ],
    ids=["in the middle of the response", "a broken chunk", "no HTTP", "without a response", "600", "999"],
)
def test_a_connection_that_breaks_breaks_for_the_client_too(pieces: list[bytes], fault: str) -> None:
    """A 502 in its place could be tried again, and pay twice."""
    with RawUpstream(pieces) as upstream, proxied(upstream.url) as (url, _):
        with client_of(url) as client, pytest.raises(httpx.TransportError):
            submit(client)
        (entry,) = world_of(url).requests
        upstream.take()
        assert upstream.requests.empty(), "nothing is tried again"
    assert (entry.status, entry.fault) == (None, fault)
    assert str(entry.cause).startswith(f"from {upstream.url.removeprefix('http://')}: ")


# ---- what may be spent


def test_no_task_is_submitted_beyond_the_limit() -> None:
    with IndependentServer() as api, proxied(api.url, "--max-tasks", "2") as (url, process), client_of(url) as client:
        statuses = [submit(client, **changes).status_code for changes in ({}, {"duration": 99}, {}, {}, {})]
        assert statuses == [200, 400, 200, 429, 429]
        assert len(api.tasks) == 2
        refused = submit(client)
        assert refused.json() == {
            "code": 429,
            "message": "ltx-mock proxy: --max-tasks 2 is reached; the request was not sent to the API",
            "data": None,
        }
        assert client.get(STATUS, params={"taskId": next(iter(api.tasks))}).status_code == 200
        process.wait_for_error_line("^ltx-mock: 2 tasks, 10 credits so far$")


def test_no_task_is_submitted_that_would_cost_too_much() -> None:
    options = ("--max-credits", "20", "--price", "480p=2")
    with IndependentServer() as api, proxied(api.url, *options) as (url, _), client_of(url) as client:
        assert [submit(client, duration=seconds).status_code for seconds in (5, 6, 5)] == [200, 429, 200]
        assert "20 would be exceeded: 20 are spent, and this task costs 10" in submit(client).json()["message"]
        assert len(api.tasks) == 2


def test_a_task_that_may_have_been_made_counts() -> None:
    with RawUpstream([]) as upstream, proxied(upstream.url, "--max-tasks", "1") as (url, _), client_of(url) as client:
        with pytest.raises(httpx.TransportError):
            submit(client)
        assert submit(client).status_code == 429


LONE_SURROGATE = rb'{"code":200,"message":"success","data":{"taskId":"\ud800"}}'
FAILED = b'{"code":500,"message":"no","data":null}'


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        (response(b"\x28\xb5\x2f\xfd", "200 OK", "Content-Encoding: zstd"), 429),
        (response(b"no gzip", "200 OK", "Content-Encoding: gzip"), 429),
        (response(b" " * 1_100_000 + TASK), 429),
        (response(TASK, "201 Created"), 429),
        (response(b"", "204 No Content"), 429),
        (response(TASK, "302 Found", "Location: /"), 429),
        (response(LONE_SURROGATE), 429),
        (response(b"fine"), 429),
        (response(TASK, length=len(TASK) + 10), 429),
        (response(TASK, "600 Beyond"), 429),
        (response(FAILED), 200),
        (response(FAILED, "500 Internal Server Error"), 200),
        (response(b"", "307 Temporary Redirect", "Location: /"), 200),
    ],
)
def test_only_a_clear_refusal_costs_nothing(answer: bytes, then: int) -> None:
    with (
        RawUpstream([answer], [response(TASK)]) as upstream,
        proxied(upstream.url, "--max-tasks", "1") as (url, _),
        client_of(url) as client,
    ):
        with suppress(httpx.HTTPError), client.stream("POST", GENERATE, json=request_body(TEXT)) as got:
            assert got.status_code != 429
            b"".join(got.iter_raw())
        assert submit(client).status_code == then


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", {}),
        ("PATCH", {}),
        ("DELETE", {}),
        ("GET", {"x-http-method-override": "POST"}),
        ("OPTIONS", {"x-http-method": "POST", "access-control-request-method": "POST", "origin": "http://localhost"}),
    ],
)
def test_no_other_method_creates_a_task_beyond_the_limit(method: str, headers: dict[str, str]) -> None:
    with (
        RawUpstream([response(TASK)]) as upstream,
        proxied(upstream.url, "--max-tasks", "1") as (url, _),
        client_of(url) as client,
    ):
        told = [client.request(method, GENERATE, headers=headers).status_code for _ in range(2)]
        assert told == [200, 429]
        assert client.request(method, "/generateTask/another-model", headers=headers).status_code == 404
        assert client.get(GENERATE).status_code == 200, "a plain GET costs nothing"


# ---- what is kept


def test_the_journal_the_tasks_and_the_bill_are_those_of_the_api() -> None:
    with IndependentServer() as api, proxied(api.url) as (url, process), client_of(url) as client:
        task_id = submit(client, extra=1).json()["data"]["taskId"]
        for seconds in (0, 10, 60):
            api.advance(seconds)
            told = client.get(STATUS, params={"taskId": task_id}).json()["data"]
        world = world_of(url)
        (task,) = world.tasks
        assert (task.id, task.state, task.result_url) == (
            task_id,
            "success",
            json.loads(told["resultJson"])["resultUrls"][0],
        )
        assert [(each.operation, each.state) for each in world.requests] == [
            ("generateTask", None),
            *(("statusTask", state) for state in ("pending", "processing", "success")),
        ]
        assert {each.cause for each in world.requests} == {f"from {api.url.removeprefix('http://')}"}
        assert [finding.rule for each in world.requests for finding in each.findings] == ["GEN-16"]
        assert (world.spend.spent, world.spend.wasted) == (5, 0), "nobody knows here whether the result was fetched"
        lines = [process.line() for _ in range(5)]
    assert "input.extra is not a field that the API knows" in lines[1]
    assert lines[-1].endswith("processing → success  " + f"from {api.url.removeprefix('http://')}")


def test_what_the_api_does_against_the_contract_is_a_finding_at_once() -> None:
    wrong = json.dumps({"code": 200, "message": "success", "data": {"taskId": "task_1", "state": "lost"}}).encode()
    with RawUpstream([response(TASK)], [response(wrong)]) as upstream, proxied(upstream.url) as (url, process):
        with client_of(url) as client:
            submit(client)
            client.get(STATUS, params={"taskId": "task_1"})
        (finding,) = world_of(url).requests[-1].findings
        assert (finding.rule, finding.severity) == ("TASK-1", "violation")
        assert finding.message.startswith("upstream: statusTask: data.state must be ")
        assert "data.state must be" in [process.line() for _ in range(3)][-1]
        exported = httpx.get(f"{url}/__admin/requests?format=ndjson", trust_env=False).text.splitlines()[-1]
        assert [each["rule"] for each in json.loads(exported)["findings"]] == ["TASK-1"]


STATUS_OF_TASK = b'{"code":200,"message":"success","data":{"taskId":"task_1","state":"pending","createTime":%d}}'
BROTLI = b"\x0b\x02\x80abcdef\x03"
IN_AN_HOUR = STATUS_OF_TASK % round((time.time() + 3600) * 1000)


@pytest.mark.parametrize(
    "answers",
    [
        [response(BROTLI, "200 OK", "Content-Encoding: br", "Content-Type: application/json")],
        [response(TASK), response(BROTLI, "200 OK", "Content-Encoding: zstd")],
        [response(BROTLI, "400 Bad Request", "Content-Encoding: br")],
        [response(b" " * 1_100_000 + TASK)],
        [response(TASK), response(b" " * 1_100_000 + STATUS_OF_TASK % 1)],
        [response(b"", "307 Temporary Redirect", "Location: /elsewhere")],
        [response(TASK), response(b"<html>", "301 Moved Permanently", "Location: /elsewhere")],
        [response(TASK), response(IN_AN_HOUR)],
    ],
    ids=["br", "a status in zstd", "a refusal in br", "large", "a large status", "307", "301", "a clock that is ahead"],
)
def test_what_was_not_read_or_has_another_clock_is_no_finding_also_in_an_export(answers: list[bytes]) -> None:
    with RawUpstream(*([each] for each in answers)) as upstream, proxy_thread(upstream.url) as url:
        with client_of(url) as client:
            for path in (GENERATE, STATUS)[: len(answers)]:
                body = request_body(TEXT) if path == GENERATE else None
                method = "GET" if body is None else "POST"
                with client.stream(method, path, json=body, params={"taskId": "task_1"}) as got:
                    b"".join(got.iter_raw())
        assert [finding for each in world_of(url).requests for finding in each.findings] == []
        for report in exported(url):
            assert [each.title for verdict in report.verdicts for each in verdict.deviations] == []


def test_a_request_that_was_not_read_is_not_judged() -> None:
    headers = {"content-type": "application/json", "content-encoding": "br"}
    with RawUpstream([response(TASK)]) as upstream, proxy_thread(upstream.url) as url:
        with client_of(url) as client:
            assert client.post(GENERATE, content=BROTLI, headers=headers).content == TASK
            assert client.request("OPTIONS", GENERATE).status_code == 200
        assert [finding for each in world_of(url).requests for finding in each.findings] == []


def test_an_export_judges_what_the_api_did_and_not_what_the_proxy_did() -> None:
    options = ("--max-tasks", "1", "--quiet")
    with (
        RawUpstream([response(TASK)]) as upstream,
        proxied(upstream.url, *options) as (url, _),
        client_of(url) as client,
    ):
        assert submit(client, duration=99).status_code == 200
        assert submit(client).status_code == 429
        assert client.post("/generateTask/another-model", json={}).status_code == 404
        for report in exported(url):
            assert report.broken == ("GEN-10",)
        lines = httpx.get(f"{url}/__admin/requests?format=ndjson", trust_env=False).text
        told = recordings_from(parse_trace(lines), Redaction())
    assert [each.task_id for each in told.recordings] == ["task_1"]
    assert told.problems == ("line 2: a generateTask without its response",)


def test_an_honest_api_has_no_finding() -> None:
    with IndependentServer() as api, proxied(api.url) as (url, _), client_of(url) as client:
        ids = [submit(client, seed=number + 1).json()["data"]["taskId"] for number in range(3)]
        for _ in range(8):
            api.advance(10)
            for task_id in ids:
                client.get(STATUS, params={"taskId": task_id})
        submit(client, duration=1)
        client.get(STATUS, params={"taskId": "nobodys"})
        client.get(STATUS)
        found = [finding for each in world_of(url).requests for finding in each.findings if finding.rule != "GEN-10"]
    assert found == []


def test_no_key_is_shown() -> None:
    with (
        RawUpstream([response(TASK)]) as upstream,
        proxied(upstream.url) as (url, process),
        client_of(url, SECRET) as client,
    ):
        submit(client, prompt=f"my key is {SECRET}")
        shown = httpx.get(f"{url}/__admin/requests", trust_env=False).text
        line = process.line()
        assert upstream.take().headers["authorization"] == f"Bearer {SECRET}"
    assert SECRET not in shown + line + process.stderr()


# ---- callbacks


def callback_body(url: str) -> dict[str, Any]:
    return request_body(TEXT) | {"request_type": "callback", "callback_url": url}


def test_a_callback_takes_the_way_through_the_proxy_to_the_app() -> None:
    with Receiver(503, 200) as app, IndependentServer() as api:
        port = free_port()
        public = f"http://127.0.0.1:{port}"
        process = Process([*LTX_MOCK, "proxy", api.url, "--port", str(port), "--callback-url", public])
        try:
            process.wait_for_error_line("Ctrl-C stops the proxy")
            with client_of(public) as client:
                answer = client.post(GENERATE, json=callback_body(app.url))
            task = api.tasks[answer.json()["data"]["taskId"]]
            assert task.body["callback_url"].startswith(f"{public}/callbacks/")
            api.advance(200)
            told = [json.loads(app.take().body)["data"] for _ in range(2)]
            url = task.body["callback_url"]
            signature = {"webhook-id": "msg_1", "webhook-signature": "v1,MTIz", "content-encoding": "identity"}
            sent = signature | {"content-type": "text/plain", "connection": "x-of-this", "x-of-this": "1"}
            assert httpx.post(url, content=b"as it is", headers=sent, trust_env=False).status_code == 200
            signed = app.take()
            entries = [each for each in world_of(public).requests if each.operation == "callback"]
        finally:
            process.kill()
    assert [each["taskId"] for each in told] == [task.id] * 2
    assert [(each.target, each.status) for each in entries] == [(app.url, 503), (app.url, 200), (app.url, 200)]
    assert signed.body == b"as it is"
    assert {name: signed.headers.get(name) for name in (*signature, "content-type", "x-of-this")} == {
        **signature,
        "content-type": "text/plain",
        "x-of-this": None,
    }
    assert entries[-1].request_headers["webhook-id"] == "msg_1"
    assert entries[-1].request_headers["webhook-signature"] == "…"


def test_a_callback_that_nobody_expects_is_refused() -> None:
    with proxied("127.0.0.1:1", "--callback-url", "https://me.example") as (url, _):
        assert httpx.post(f"{url}/callbacks/guess", json={}, trust_env=False).status_code == 404


@pytest.mark.parametrize(
    ("callback", "upstream", "told"),
    [
        ("http://localhost:8000/done", "https://api.apixo.ai", True),
        ("http://192.168.1.7/done", "https://api.apixo.ai", True),
        ("https://app.example/done", "https://api.apixo.ai", False),
        ("http://localhost:8000/done", "http://127.0.0.1:8219", False),
    ],
)
def test_a_receiver_that_the_api_cannot_reach_is_an_advisory(callback: str, upstream: str, *, told: bool) -> None:
    found = unreachable(json.dumps(callback_body(callback)).encode(), upstream)
    assert [(each.rule, each.severity, each.pointer) for each in found] == [
        ("CB-1", "advisory", "/callback_url")
    ] * told


# ---- the command


def test_a_control_plane_that_the_network_reaches_needs_a_token_that_is_printed() -> None:
    with proxied("http://127.0.0.1:9", "--host", "0.0.0.0") as (url, process):
        token = process.wait_for_error_line("admin token   ([0-9a-f]{24}) ")[1]
        assert httpx.get(f"{url}/__admin/tasks", trust_env=False).status_code == 401
        authorized = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{url}/__admin/tasks", headers=authorized, trust_env=False).status_code == 200


def test_its_options_do_what_those_of_serve_do(tmp_path: Path) -> None:
    file, token = tmp_path / "ready.json", "a-token-of-mine"
    options = ("--ready-file", str(file), "--json", "--admin-token", token)
    with RawUpstream([response(TASK)]) as upstream, proxied(upstream.url, *options) as (url, process):
        ready = json.loads(file.read_text())
        assert (ready["url"], ready["pid"]) == (url, process.pid)
        with client_of(url) as client:
            assert submit(client).content == TASK
        assert json.loads(process.line())["operation"] == "generateTask"
        for key, status in (("another", 401), (token, 200)):
            headers = {"authorization": f"Bearer {key}"}
            assert httpx.get(f"{url}/__admin/tasks", headers=headers, trust_env=False).status_code == status
        assert process.end() == 0
    assert not file.exists()


@pytest.mark.parametrize(
    ("method", "path", "body", "reason"),
    [
        ("POST", "scenarios", {"name": "stuck"}, "scenarios have no effect there"),
        ("DELETE", "scenarios", None, "scenarios have no effect there"),
        ("POST", "clock", {"mode": "manual"}, "its clock cannot be set"),
        ("POST", "clock/advance", {"seconds": 300}, "its clock cannot be advanced"),
        ("POST", "tasks/task_1/finish", {"state": "failed"}, "its tasks cannot be finished by hand"),
        ("POST", "callbacks/task_1/redeliver", None, "its callbacks cannot be sent again"),
        ("POST", "tenants", {"key": KEY, "settings": {"credits": 5}}, "the setting credits has no effect there"),
    ],
)
def test_what_only_a_fake_can_do_is_refused(method: str, path: str, body: object, reason: str) -> None:
    with proxy_thread("http://127.0.0.1:9") as url, httpx.Client(trust_env=False) as client:
        clock = client.get(f"{url}/__admin/clock").json()
        told = client.request(method, f"{url}/__admin/{path}", json=body)
        assert client.get(f"{url}/__admin/clock").json()["mode"] == clock["mode"]
        assert client.get(f"{url}/__admin/scenarios").json()["scenarios"] == []
    assert told.status_code == 409
    assert told.json() == {
        "error": f"this is a proxy to 127.0.0.1:9, the real API: {reason}; use a fake, ltx-mock serve"
    }


def test_what_has_an_effect_behind_a_proxy_too_is_allowed() -> None:
    with proxy_thread("http://127.0.0.1:9") as url:
        world = RemoteServer(url).tenant(KEY, journal_entries=5, allow_callback_host=("app.example",))
        world.reset()
        told = httpx.get(f"{url}/__admin/settings", params={"key": KEY}, trust_env=False).json()
    assert (told["journal_entries"], told["allow_callback_host"]) == (5, ["app.example"])


@pytest.mark.parametrize("command", ["scenarios add stuck", "clock advance 300", "clock set manual"])
def test_a_command_that_only_a_fake_obeys_says_so_in_one_line(command: str) -> None:
    with proxy_thread("http://127.0.0.1:9") as url:
        code, out, err = ltx_mock(*command.split(), "--url", url)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "this is a proxy to 127.0.0.1:9, the real API: " in err


def test_with_quiet_it_prints_the_total_alone() -> None:
    with RawUpstream([response(TASK)]) as upstream, proxied(upstream.url, "--quiet") as (url, process):
        with client_of(url) as client:
            submit(client)
        process.wait_for_error_line("1 task, 5 credits so far")
        assert process.end() == 0
        assert process.rest() == []


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("ftp://x",), "URL must be the http or https URL of a server"),
        (("https://user:password@api.example",), "URL must have no user, no query and no fragment"),
        (("https://api.example", "--callback-url", "nowhere"), "--callback-url must be an absolute http or https URL"),
        (("https://api.example", "--ca-file", "none.pem"), "ca_file 'none.pem' cannot be used"),
        (("https://api.example", "--max-tasks", "-1"), "Invalid value for '--max-tasks'"),
        ((), "Missing argument 'URL'"),
    ],
)
def test_wrong_use_is_one_line(args: tuple[str, ...], problem: str) -> None:
    code, out, err = ltx_mock("proxy", *args)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert problem in err
    assert "password@" not in err


def test_what_an_api_and_a_client_write_is_one_harmless_line_of_the_console() -> None:
    hostile = "\r\n::error::owned ##[error]owned \x1b[2J"
    accepted = json.dumps({"code": 200, "message": "success", "data": {"taskId": hostile}}).encode()
    bodies = [b"not json", b"[]", b'{"input":5}', json.dumps(request_body(TEXT, mode=hostile, duration="x")).encode()]
    with (
        RawUpstream([response(accepted)]) as upstream,
        proxied(upstream.url) as (url, process),
        client_of(url) as client,
    ):
        for body in bodies:
            assert client.post(GENERATE, content=body).status_code == 200
        process.end()
        lines = process.rest()
    assert len([line for line in lines if "generateTask 200" in line]) == len(bodies)
    assert all(line.isprintable() and "##[" not in line and not line.lstrip().startswith("::") for line in lines)
