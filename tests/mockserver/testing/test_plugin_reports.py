"""What the plugin tells: the story of a failed test, and trouble in the fake, whatever else went wrong."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ltx_mock import MockServer
from ltx_mock.server.thread import ServerThread
from ltx_mock.testing.pytest_report import history
from support.bodies import TEXT

BODY = {"input": TEXT}
HELPERS = f"""
    import pytest
    BODY = {BODY!r}
    def submit(world, **more):
        with world.client() as client:
            return client.post("/generateTask/ltx-2-19b", json=BODY | more).json()["data"]
    def poll(world, task_id):
        with world.client() as client:
            return client.get("/statusTask/ltx-2-19b", params={{"taskId": task_id}}).json()
"""


@pytest.fixture(autouse=True)
def loaded(server: MockServer) -> None:
    """Have everything loaded that a server needs; extension modules cannot be loaded twice."""
    with server.tenant().client() as client:
        client.post("/generateTask/ltx-2-19b", json={})


def run(pytester: pytest.Pytester, test: str, *options: str, **outcomes: int) -> str:
    """Run a test file in this process, compare how its tests ended, and return what was printed."""
    pytester.makepyfile(test_inside=HELPERS + test)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", *options)
    result.assert_outcomes(**outcomes)
    return result.stdout.str()


def masked(text: str) -> str:
    """Take out what differs from run to run: ports; and what is drawn: ids and keys."""
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    found: dict[str, str] = {}
    text = re.sub(r"task_[0-9a-f]{12}", lambda hit: found.setdefault(hit[0], f"task_{len(found) + 1}"), text)
    text = re.sub(r" in \d+\.\d{3} s$", " in SECONDS s", text, flags=re.MULTILINE)
    return re.sub(r"…[0-9a-f]{4},", "…KEY,", text)


def section(text: str) -> str:
    """Return the section of ltx-mock in a report."""
    own = masked(text).partition("- ltx-mock http://127.0.0.1:PORT -")[2].partition("\n")[2].partition("\n====")[0]
    return own.partition("\nltx-mock: ")[0]  # the line about credits


STORY = """
    @pytest.mark.ltx(credits=100)
    def test_story(ltx_mock, ltx_callbacks):
        ltx_callbacks.answer(500, 200)
        ltx_mock.respond_next(429)
        with ltx_mock.client() as client:
            client.post("/generateTask/ltx-2-19b", json=BODY)
            client.post("/generateTask/ltx-2-19b", json={"input": BODY["input"] | {"duration": 25}})
        task = submit(ltx_mock, request_type="callback", callback_url=ltx_callbacks.url)["taskId"]
        ltx_mock.clock.run_until_idle()
        poll(ltx_mock, task)
        submit(ltx_mock, colour="it's red")
        assert ltx_mock.tasks == "none"
"""


def test_a_failed_test_tells_seed_timeline_and_the_last_request(pytester: pytest.Pytester) -> None:
    output = run(pytester, STORY, "--ltx-seed=7", failed=1)
    assert "assert [Task(" in output, "the test's own error comes first"
    assert (
        section(output)
        == """\
seed 7, key …KEY, clock manual, 2 tasks, 74.169 s after the first request
    +0.000 s  POST generateTask -> 429  Rate limit exceeded. Try again later (scenario respond with 429)
    +0.000 s  POST generateTask -> 400
              ! input.duration must be a whole number of seconds from 5 to 20, but is 25 (GEN-10)
    +0.000 s  POST generateTask -> 200  task_1
    +1.734 s  task_1 is processing
   +44.169 s  task_1 is success
   +44.169 s  callback to http://127.0.0.1:PORT/callback -> 500, attempt 1
   +74.169 s  callback to http://127.0.0.1:PORT/callback -> 200, attempt 2
   +74.169 s  GET statusTask -> 200  task_1 success
   +74.169 s  POST generateTask -> 200  task_2
              ! colour is not a field that the API knows (GEN-16)
next; the clock is stopped until you advance it:
  task_2 is processing in SECONDS s
  task_2 is success in SECONDS s
again, once `ltx-mock serve` runs:
curl -X POST http://127.0.0.1:PORT/api/v1/generateTask/ltx-2-19b -H "Authorization: Bearer $APIXO_API_KEY" \
-H 'Content-Type: application/json' -d '{"input": {"mode": "text-to-video", "prompt": "a futuristic city with \
flying cars at sunset", "resolution": "480p", "duration": 5}, "colour": "it'"'"'s red"}'"""
    )


def test_the_end_of_a_task_is_a_sentence() -> None:
    with MockServer(clock="manual") as mock, mock.client() as client:
        mock.scenarios.add(fail_code="CONTENT_VIOLATION")
        client.post("/generateTask/ltx-2-19b", json=BODY)
        ahead = masked(history(mock))
        mock.clock.advance(600)
        ended = masked(history(mock))
    assert ", 1 task, " in ahead.splitlines()[0]
    assert "\n  task_1 fails in SECONDS s\n" in ahead
    assert "s  task_1 is processing\n" in ended
    assert "s  task_1 failed with CONTENT_VIOLATION\n" in ended


def test_no_key_is_in_a_report(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(ltx_mock):
        submit(ltx_mock, note=ltx_mock.api_key)
        with ltx_mock.client() as client:
            client.get("/statusTask/ltx-2-19b", params={"taskId": ltx_mock.api_key})
        from pathlib import Path
        Path("key").write_text(ltx_mock.api_key)
        assert False
    """
    output = run(pytester, test, "--tb=short", failed=1)
    assert "again, once" in output
    assert (pytester.path / "key").read_text() not in output


@pytest.mark.parametrize(
    "made",
    [
        "ltx_mock.Settings(admin_token='{}')",
        "ltx_mock_contracts.conformance.harness.options.Options(url='', api_key='{}')",
    ],
)
def test_no_secret_is_in_the_comparison_of_two_values(pytester: pytest.Pytester, made: str) -> None:
    one, other = made.format("sk-one"), made.format("sk-other")
    pytester.makepyfile(
        values="import ltx_mock, ltx_mock_contracts.conformance.harness.options\n"
        f"one, same, other = {one}, {one}, {other}\n",
        test_values="import values\n"
        "def test_same(): assert values.one == values.same\n"
        "def test_other(): assert values.one == values.other\n",
    )
    result = pytester.runpytest_subprocess("-vv")
    result.assert_outcomes(passed=1, failed=1)
    assert "sk-" not in result.stdout.str()


def test_a_report_has_the_headers_of_the_last_request_and_how_late_an_answer_was(pytester: pytest.Pytester) -> None:
    """Without what is secret in them, and nothing in them moves a cursor."""
    test = """
    def test_one(make_ltx_server):
        from ltx_mock.testing.pytest_report import history
        mock = make_ltx_server(clock="real", speed=10_000)
        mock.scenarios.add(delay={"type": "fixed", "milliseconds": 1500}, operation="statusTask")
        with mock.client(headers={"x-team": b"a\\x9b31mb", "cookie": b"hidden"}) as client:
            client.get("/statusTask/ltx-2-19b", params={"taskId": "task_1"})
        print(history(mock))
        assert False
    """
    output = run(pytester, test, "--tb=short", failed=1)
    assert "GET statusTask -> 404 after 1500 ms" in output
    assert "\nits own headers: x-team: a�31mb; cookie: …\n" in output
    assert "cookie: hidden" not in output
    assert "\x9b" not in output


def test_a_long_story_is_cut_at_its_beginning(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(ltx_mock):
        with ltx_mock.client() as client:
            for number in range(100):
                client.get(f"/statusTask/ltx-2-19b?taskId={number}")
            client.post("/generateTask/ltx-2-19b", content="x" * 5000)
        assert False
    """
    lines = section(run(pytester, test, failed=1)).split("\n")
    assert lines[1].strip() == "… 41 earlier lines"
    assert len(lines) == 1 + 1 + 60 + 1 + 2, "head, what was left out, 60 with a finding below the last, and curl"
    assert lines[-1].endswith("# and a body of 5000 characters")


def test_a_run_of_equal_lines_is_folded_and_what_is_next_is_told(pytester: pytest.Pytester) -> None:
    test = """
    @pytest.mark.ltx(seed=7, scenario="rate-limited")
    def test_one(ltx_mock):
        import httpx
        assert httpx.get(ltx_mock.base_url + "/statusTask/ltx-2-19b", verify=False, trust_env=False).status_code == 401
        ltx_mock.scenarios.clear()
        task = submit(ltx_mock)["taskId"]
        poll(ltx_mock, task)
        ltx_mock.scenario("invalid-image-url")
        ltx_mock.scenarios.add(stuck=True, mode="image-to-video")
        for _ in range(12):
            ltx_mock.clock.advance(1)
            poll(ltx_mock, task)
        assert False
    """
    output = run(pytester, test, failed=1)
    told = section(output)
    assert told.count("GET statusTask -> 200  task_1 processing") == 1
    assert re.search(r"\+12\.000 s  … and \d+ times more, the last one here\n", told)
    assert "\nnext; the clock is stopped until you advance it:\n  task_1 is success in SECONDS s\n" in told
    assert "\nstill active:\n  invalid-image-url (generateTask): never applied\n" in told
    assert "came without a valid API key:\n  GET /api/v1/statusTask/ltx-2-19b -> 401" in output


def test_the_curl_of_a_server_that_stays_goes_there(pytester: pytest.Pytester, server: MockServer) -> None:
    test = """
    def test_one(ltx_mock):
        poll(ltx_mock, "task_x")
        assert False
    """
    told = section(run(pytester, test, f"--ltx-base-url={server.url}", failed=1))
    assert "\nagain:\ncurl 'http://127.0.0.1:PORT/api/v1/statusTask/ltx-2-19b?taskId=task_x'" in told


def test_a_world_that_became_strict_elsewhere_tells_its_advisories_too(pytester: pytest.Pytester) -> None:
    test = """
    @pytest.fixture(scope="session")
    def ltx_server():
        from ltx_mock import MockServer
        with MockServer(clock="manual", strict=True) as strict:
            yield strict
    def test_world(ltx_mock):
        assert submit(ltx_mock, colour="red") is None
    def test_server(make_ltx_server):
        assert submit(make_ltx_server(strict=True), colour="red") is None
    """
    output = run(pytester, test, "--show-capture=no", passed=2, errors=2)
    told, _, _ = output.partition("short test summary info")
    assert told.count("in strict mode: colour is not a field that the API knows (GEN-16)") == 2


def test_a_request_that_is_no_request_can_be_sent_again(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(ltx_mock):
        with ltx_mock.client() as client:
            client.post("/generateTask/ltx-2-19b", content=b"{not json")
        assert False
    """
    assert section(run(pytester, test, failed=1)).endswith("-d '{not json'")


def test_a_failed_setup_tells_the_story_too(pytester: pytest.Pytester) -> None:
    test = """
    @pytest.fixture
    def prepared(ltx_mock):
        submit(ltx_mock)
        raise RuntimeError("not prepared")
    def test_one(prepared): pass
    """
    output = run(pytester, test, errors=1)
    assert "not prepared" in output
    assert "POST generateTask -> 200  task_1" in section(output)


def test_a_passed_test_tells_only_what_was_wrong_with_its_requests(pytester: pytest.Pytester) -> None:
    test = """
    def test_clean(ltx_mock):
        submit(ltx_mock)
    def test_careless(ltx_mock):
        submit(ltx_mock, colour="red")
    def test_wrong(ltx_mock):
        with ltx_mock.client() as client:
            client.post("/generateTask/ltx-2-19b", json={"input": BODY["input"] | {"duration": 4}})
    """
    output = masked(run(pytester, test, "-rP", passed=3))
    assert output.count("- ltx-mock http://127.0.0.1:PORT -") == 2
    assert "-> 200: colour is not a field that the API knows (GEN-16, advisory)\n" in output
    assert "seconds from 5 to 20, but is 4 (GEN-10, violation)\n" in output


def test_the_servers_of_a_failed_test_are_told_of_too(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(make_ltx_server):
        submit(make_ltx_server())
        make_ltx_server().stop()
        assert False
    """
    output = masked(run(pytester, test, failed=1))
    assert output.count("- ltx-mock http://127.0.0.1:PORT -") == 2
    assert "POST generateTask -> 200  task_1" in output
    assert "the tenant cannot be read: the server is stopped" in output


BROKEN = """
    def break_down(*_):
        raise ZeroDivisionError("a slip")
"""


def test_a_mistake_in_the_fake_is_told_of_a_test_that_passed(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(ltx_mock, monkeypatch):
        monkeypatch.setattr("ltx_mock.engine.submissions.validate_parsed_request", break_down)
        assert submit(ltx_mock) is None
    """
    output = run(pytester, BROKEN + test, "--show-capture=no", passed=1, errors=1)
    assert re.search(r"ERROR at teardown of test_one", output)
    assert "bug in the fake: ZeroDivisionError: a slip (test_inside.py:" in output


def test_a_mistake_in_the_fake_is_told_beside_the_tests_own_error(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(ltx_mock, monkeypatch):
        monkeypatch.setattr("ltx_mock.engine.submissions.validate_parsed_request", break_down)
        assert submit(ltx_mock)["taskId"]

    def test_two(make_ltx_server, monkeypatch):
        monkeypatch.setattr("ltx_mock.engine.submissions.validate_parsed_request", break_down)
        assert submit(make_ltx_server())["taskId"]
    """
    output = run(pytester, BROKEN + test, "--show-capture=no", failed=2, errors=2)
    assert "TypeError: 'NoneType' object is not subscriptable" in output
    assert output.count("\nltx-mock:\nrequest 1, POST ") == 2


def test_trouble_in_the_background_is_told(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(ltx_mock, ltx_server):
        def put(): raise ZeroDivisionError("behind the scenes")
        loop = ltx_server._server_thread._loop
        loop.call_soon_threadsafe(put)
        assert ltx_mock.tasks == []
    """
    output = run(pytester, test, "--show-capture=no", passed=1, errors=1)
    assert "\nltx-mock:\nZeroDivisionError: behind the scenes\n" in output


def test_in_strict_mode_every_advisory_is_told(pytester: pytest.Pytester) -> None:
    test = """
    @pytest.mark.ltx(strict=True)
    def test_passes(ltx_mock):
        assert submit(ltx_mock, colour="red") is None

    @pytest.mark.ltx(strict=True)
    def test_fails(ltx_mock):
        assert submit(ltx_mock, colour="red")["taskId"]

    @pytest.mark.ltx(strict=True)
    def test_only_wrong(ltx_mock):
        assert submit(ltx_mock, request_type="never") is None
    """
    output = run(pytester, test, passed=2, failed=1, errors=2)
    told, _, _ = output.partition("short test summary info")  # in CI the summary has the whole text once more
    assert told.count("in strict mode: colour is not a field that the API knows (GEN-16)") == 2


def test_a_test_that_reads_a_stopped_server_gets_its_own_error(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(ltx_mock, ltx_server):
        ltx_server.stop()
        assert "the test's own" == "error"
    """
    output = run(pytester, test, failed=1, errors=1)
    assert "the test's own" in output
    assert "the tenant cannot be read: the server is stopped" in output


# ---- what the fixture costs

IDLE = """
    def test(ltx_mock):
        pass
"""
CALLS_OF_A_TENANT = 5
"""Requests without a key so far, open, the journal for the report and at the end, delete."""


def test_a_tenant_costs_a_test_without_requests_five_calls(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    wait_for = ServerThread.wait_for

    def counting(self: ServerThread, work: Any, timeout: float | None = None) -> object:
        calls.append(work)
        return wait_for(self, work, timeout)

    monkeypatch.setattr(ServerThread, "wait_for", counting)
    run(pytester, IDLE, passed=1)
    assert len(calls) == CALLS_OF_A_TENANT


def test_a_passed_test_without_findings_loads_no_report(pytester: pytest.Pytester) -> None:
    test = """
    def test(ltx_mock):
        submit(ltx_mock)
    """
    pytester.makepyfile(test_inside=HELPERS + test)
    pytester.makeconftest(
        """
        import sys

        def pytest_sessionfinish():
            assert "ltx_mock.testing.pytest_report" not in sys.modules
            assert "ltx_mock_contracts.verdicts" not in sys.modules
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert result.ret == 0


# ---- what the tests have spent

SPENDING = """
    @pytest.mark.parametrize("tasks", [0, 1, 2])
    def test_spends(ltx_mock, tasks):
        for _ in range(tasks):
            submit(ltx_mock)
        ltx_mock.clock.advance(300)

    def test_of_a_server(make_ltx_server):
        server = make_ltx_server(clock="manual")
        submit(server.tenant("another-key"))
"""
SPENT = "ltx-mock: 4 tasks, 20 credits spent, 15 wasted (never fetched 3, never asked for 3, repeated 1)"


def test_the_end_of_a_run_shows_what_its_tests_have_spent(pytester: pytest.Pytester) -> None:
    assert SPENT in run(pytester, SPENDING, passed=4).splitlines()


@pytest.mark.slow
def test_the_processes_of_xdist_add_what_they_have_spent(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_inside=HELPERS + SPENDING)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "2")
    result.assert_outcomes(passed=4)
    assert SPENT in result.stdout.lines


@pytest.mark.parametrize(("test", "options"), [(IDLE, ()), (SPENDING, ("-q",))])
def test_a_run_that_spends_nothing_or_is_quiet_shows_no_such_line(
    pytester: pytest.Pytester, test: str, options: tuple[str, ...]
) -> None:
    pytester.makepyfile(test_inside=HELPERS + test)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", *options)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*credits*")


def test_a_password_in_the_base_url_is_not_printed(pytester: pytest.Pytester) -> None:
    with MockServer() as server:
        url = server.url.replace("://", "://user:s3cret@")
        output = run(pytester, "    def test_one(ltx_mock): assert not ltx_mock", f"--ltx-base-url={url}", failed=1)
    assert "s3cret" not in output
    assert "…@127.0.0.1" in output
