"""The checks on servers that share no code with the fake: an honest one in each of its dialects, and a lenient one."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings

from ltx_mock_contracts import Report, check_trace
from ltx_mock_contracts.conformance import CannotRun, Options, Pace, check_server
from ltx_mock_contracts.reporting import changes_since
from ltx_mock_contracts.stateful import Target, run_task_machine
from ltx_mock_contracts.trace import parse_trace
from support.independent_server import DIALECTS, KEYS, VIOLATING, IndependentServer
from support.processes import ltx_mock

pytestmark = pytest.mark.sample(2)

SHOWN_BY = {
    "framework-404": ("ENV", "BAL"), "framework-405": ("ENV",), "strict-integers": ("GEN-10", "GEN-13"),
    "true-is-one": ("GEN-13", "GEN-14"), "loose-urls": ("GEN-4", "GEN-12", "GEN-14"), "data-urls": ("GEN-12", "GEN-14"),
    "https-only": ("GEN-4", "GEN-12"), "prompt-in-utf-16": ("GEN-8",), "no-blank-prompt": ("GEN-8",),
    "id-format": ("TASK-11",), "looks-first": ("FAIL",), "redirects": ("TASK-10",), "octet-stream": ("TASK-10",),
    "dated-videos": ("TASK-9",), "text-html": ("ENV",), "no-create-time": ("TASK-2",), "new-fail-codes": ("FAIL-1",),
    "failures-have-times": ("TASK-6", "FAIL"), "never-pending": ("TASK-1",), "keys-share-tasks": ("AUTH",),
    "body-before-key": ("AUTH",), "default-mode": ("GEN-7",), "says-more": ("ENV",),
    "null-for-nothing": ("TASK", "FAIL", "CB"), "zero-for-nothing": ("TASK", "FAIL", "CB"),
    "signed-urls": ("TASK", "CB"), "more-fields": ("TASK", "CB"), "hex-ids": ("TASK", "AUTH", "GEN-17"),
    "late-callbacks": ("CB",), "json-charset": ("ENV", "TASK", "CB"), "chunked": ("ENV", "TASK"),
    "gzipped": ("ENV", "TASK"), "closes-connections": ("ENV", "TASK"), "other-words": ("ENV", "AUTH", "GEN"),
}  # fmt: skip
"""The rules whose checks show a dialect; the others show in what is asked for about the request."""


class Moved(Pace):
    """Time that passes on the server when the checks wait for it."""

    def __init__(self, server: IndependentServer) -> None:
        self._server = server

    def now(self) -> float:
        return self._server.now

    def sleep(self, seconds: float) -> None:
        self._server.advance(seconds)


def rules_of(*named: str) -> frozenset[str]:
    from ltx_mock_contracts.rules import rules_named

    return frozenset(rules_named(named))


def checked(server: IndependentServer, **more: Any) -> Report:
    given: dict[str, Any] = {
        "url": server.url,
        "api_key": KEYS[0],
        "other_key": KEYS[1],
        "violating_prompt": VIOLATING,
        "max_tasks": 80,
        "max_examples": 1,
    }
    return check_server(Options(**given | more), pace=Moved(server))


def test_an_honest_server_that_shares_no_code_with_the_fake_breaks_nothing() -> None:
    trace: list[str] = []
    with IndependentServer() as server:
        options = Options(
            url=server.url, api_key=KEYS[0], other_key=KEYS[1], violating_prompt=VIOLATING, max_tasks=80, max_examples=1
        )
        report = check_server(options, pace=Moved(server), trace=trace)
        assert report.tasks_made == len(server.tasks) <= 80
    assert report.broken == ()
    assert {"TASK-1", "TASK-9", "FAIL-2", "CB-1", "CB-2", "CB-3", "GEN-2", "GEN-14"} <= set(report.having("kept"))
    assert check_trace(parse_trace("".join(trace))).broken == (), "its recording is as good"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_dialect_of_an_honest_server_is_called_broken(dialect: str) -> None:
    rules = rules_of(*SHOWN_BY.get(dialect, ("GEN",)))
    with IndependentServer(dialect) as server:
        report = checked(server, rules=rules)
    assert report.broken == ()
    assert any(verdict.seen for verdict in report.verdicts)


def test_null_for_nothing_is_observed_in_a_server_and_in_its_recording_alike() -> None:
    trace: list[str] = []
    with IndependentServer("null-for-nothing") as server:
        options = Options(url=server.url, api_key=KEYS[0], violating_prompt=VIOLATING, max_tasks=80, max_examples=0)
        report = check_server(options, pace=Moved(server), trace=trace)
    for judged in (report, check_trace(parse_trace("".join(trace)))):
        assert judged.broken == ()
        assert {"TASK-2", "TASK-3", "TASK-5", "TASK-6"} <= set(judged.having("observed"))


def test_many_dialects_together_are_not_broken_either() -> None:
    apart = {"strict-json", "strict-integers", "https-only", "no-unknown-fields", "looks-first", "hex-ids"}
    with IndependentServer(*(each for each in DIALECTS if each not in apart)) as server:
        report = checked(server)
    assert report.broken == ()


def test_a_server_that_has_not_changed_has_no_change_since_its_baseline() -> None:
    """Also with other examples, other ids and another time, and with many dialects that are observed."""
    apart = {"strict-json", "strict-integers", "https-only", "no-unknown-fields", "looks-first", "hex-ids"}
    reports = []
    for seed in (0, 5):
        with IndependentServer(*(each for each in DIALECTS if each not in apart)) as server:
            server.now += seed * 86_400
            reports.append(checked(server, seed=seed))
    assert reports[0].having("observed")
    assert changes_since(reports[1], reports[0]).verdicts == ()


def test_a_task_shows_as_much_as_one_can() -> None:
    with IndependentServer() as server:
        report = checked(server, max_tasks=1)
        assert len(server.tasks) == 1
    kept = {"CB-1", "CB-4", "ENV-2", "GEN-17", "TASK-1", "TASK-2", "TASK-3", "TASK-4", "TASK-5", "TASK-8"}
    assert kept <= set(report.having("kept"))
    assert "--max-tasks 2 allows it" in (report.of("GEN-1").why or ""), "it says what it would take"


def test_the_task_machine_holds_no_server_to_a_dialect() -> None:
    with IndependentServer(*(set(DIALECTS) - {"keys-share-tasks", "strict-json", "https-only", "hex-ids"})) as server:

        class ServersClock:
            @property
            def now(self) -> int:
                return math.floor(server.now * 1000)

            def advance(self, seconds: float) -> None:
                server.advance(seconds)

        @contextmanager
        def target() -> Iterator[Target]:
            server.tasks.clear()
            client = httpx.Client(base_url=f"{server.url}/api/v1", headers={"authorization": f"Bearer {KEYS[0]}"})
            with Target(client=client, clock=ServersClock(), violating_prompt=VIOLATING) as made:
                yield made

        few = settings(
            max_examples=15,
            stateful_step_count=8,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        run_task_machine(target, settings=few)


def test_checks_may_run_in_threads_and_side_by_side() -> None:
    with IndependentServer() as one, IndependentServer() as other, ThreadPoolExecutor(2) as threads:
        rules = rules_of("AUTH-1", "TASK-11", "GEN-10")
        options = [Options(url=each.url, api_key=KEYS[0], rules=rules, max_examples=0) for each in (one, other)]
        reports = list(threads.map(lambda each: check_server(each, parallel=3), options))
    assert [report.broken for report in reports] == [(), ()]
    assert all("TASK-11" in report.having("kept") for report in reports)


def test_no_folder_is_left_where_the_checks_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with IndependentServer() as server:
        code, _, err = ltx_mock(
            "check", server.url, "--api-key", KEYS[0], "--max-examples", "1", "--rule", "GEN-8", cwd=tmp_path
        )
    assert code == 0, err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dialects", [(), ("framework-404",)], ids=["in the envelope", "the framework's"])
def test_a_wrong_base_url_is_one_hint(dialects: tuple[str, ...]) -> None:
    with IndependentServer(*dialects) as server, pytest.raises(CannotRun, match=r"the API is not at .*/v2"):
        check_server(Options(url=f"{server.url}/v2", api_key=KEYS[0]))


class Impostor(BaseHTTPRequestHandler):
    """A lenient server that calls itself an ltx-mock, and whose tasks would cost money."""

    lenient: Lenient

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/__admin"):
            self._send(
                200, {"key": "x", "clock": {"now": 1_700_000_000_000, "mode": "manual"}, "now": 1_700_000_000_000}
            )
            return
        if "/generateTask/" not in self.path:
            self._send(404, {"detail": "Not Found"})
        elif not self.headers.get("Authorization"):
            self._send(403, {"code": 403, "message": "forbidden", "data": None})
        else:
            self._make(body)

    def _make(self, body: bytes) -> None:
        try:
            given = json.loads(body)["input"]
            given["prompt"], given["mode"]
            long = given.get("duration", 5) > 30
        except (ValueError, KeyError, TypeError):
            self._send(200, {"code": 400, "message": "bad", "data": None})
            return
        if long:
            self._send(400, {"code": 400, "message": "bad duration", "data": None})
            return
        task_id = f"task_{len(self.lenient.made):x}"
        self.lenient.made[task_id] = self.lenient.clock()
        self._send(200, {"code": 200, "message": "success", "data": {"taskId": task_id}})

    def do_GET(self) -> None:
        if self.path.startswith("/__admin"):
            self._send(200, {"name": "ltx-mock", "clock": {"now": 0}} if self.lenient.lies else {})
            return
        task_id = parse_qs(urlsplit(self.path).query).get("taskId", [""])[0]
        if task_id not in self.lenient.made:
            self._send(500, {"code": 500, "message": "oops", "data": None})
            return
        created = int(self.lenient.made[task_id] * 1000)
        age = self.lenient.clock() - self.lenient.made[task_id]
        told: dict[str, Any] = {"taskId": task_id, "state": "queued", "createTime": created}
        if age >= 0.5:
            result = {"resultUrls": [f"http://{self.headers['Host']}/v.mp4"]}
            told |= {"state": "success", "resultJson": result, "completeTime": created + 500, "costTime": 500}
        self._send(200, {"code": 200, "message": "success", "data": told})

    do_PUT = do_DELETE = do_POST  # noqa: N815

    def _send(self, status: int, answer: object) -> None:
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Lenient(Pace):
    """The time and the tasks of a lenient server."""

    def __init__(self, *, lies: bool) -> None:
        self.made: dict[str, float] = {}
        self.lies = lies
        self._now = time.time()
        self.url = ""

    def clock(self) -> float:
        return self._now

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds


@contextmanager
def lenient(*, lies: bool = False) -> Iterator[Lenient]:
    """Serve what takes nearly everything and answers nearly everything wrongly."""
    state = Lenient(lies=lies)
    handler = type("Handler", (Impostor,), {"lenient": state, "wbufsize": -1})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("bound", [1, 2, 5, 20])
def test_the_life_of_a_task_is_seen_before_the_budget_goes_to_wrong_requests(bound: int) -> None:
    with lenient() as server:
        options = Options(url=server.url, api_key="any-key-at-all", max_tasks=bound, max_examples=1)
        report = check_server(options, pace=server)
        assert len(server.made) <= bound
        assert report.tasks_made == len(server.made)
    assert {"AUTH-1", "TASK-1", "TASK-4", "TASK-11"} <= set(report.broken)
    if bound == 20:
        assert {"GEN-2", "GEN-5", "GEN-9", "GEN-10", "GEN-11", "GEN-12", "GEN-13", "GEN-14"} <= set(report.broken)


def test_who_only_says_that_it_is_an_ltx_mock_gets_no_more_tasks_than_any_other() -> None:
    with lenient(lies=True) as server:
        options = Options(url=server.url, api_key="any-key-at-all", trust_control_plane=True, max_examples=0)
        report = check_server(options, pace=server)
        assert len(server.made) <= 1
        assert report.tasks_allowed == 0
        assert "its clock does not advance" in (report.of("TASK-12").why or "")
        with pytest.raises(CannotRun, match="--api-key"):
            check_server(Options(url=server.url))
