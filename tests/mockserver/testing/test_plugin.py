"""The pytest plugin: its fixtures, its marker, its options."""

from __future__ import annotations

from pathlib import Path

import pytest

# What is imported by a test run inside is forgotten after it; extension modules cannot be loaded twice.
import ltx_mock.testing.pytest_report
import ltx_mock.testing.pytest_worlds
import ltx_mock.testing.receiver
import ltx_mock.testing.remote_server
import ltx_mock.testing.transport
from ltx_mock import MockServer
from ltx_mock.core.seeding import digest
from ltx_mock.errors import ConflictError
from support.bodies import TEXT

HELPERS = f"""
    import pytest
    BODY = {{"input": {TEXT!r}}}
    def submit(world, **more):
        with world.client() as client:
            answer = client.post("/generateTask/ltx-2-19b", json=BODY | more)
        return answer
"""


@pytest.fixture(autouse=True)
def loaded(server: MockServer) -> None:
    """Have everything loaded that a server needs."""
    with server.tenant().client() as client:
        client.post("/generateTask/ltx-2-19b", json={})


def run(pytester: pytest.Pytester, test: str, *options: str, **outcomes: int) -> pytest.RunResult:
    """Run a test file in this process and compare how its tests ended."""
    pytester.makepyfile(test_inside=HELPERS + test)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:asyncio", *options)
    result.assert_outcomes(**outcomes or {"passed": 1})
    return result


def test_a_test_has_a_world_of_its_own_whose_clock_stands(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    @pytest.mark.parametrize("number", range(3))
    def test_video(ltx_mock, ltx_clock, number):
        assert ltx_mock.tasks == []
        assert submit(ltx_mock).status_code == 200
        assert ltx_mock.tasks[0].state == "pending"
        ltx_clock.advance(60)
        assert ltx_mock.tasks[0].state == "success"
        assert ltx_clock is ltx_mock.clock and ltx_clock.mode == "manual"
    """,
        passed=3,
    )


def test_all_tests_share_a_server_and_leave_nothing_on_it(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    urls = set()
    @pytest.mark.parametrize("number", range(3))
    def test_one(ltx_mock, number):
        submit(ltx_mock)
        urls.add(ltx_mock.url)
    def test_afterwards(ltx_server):
        assert urls == {ltx_server.url}
        keys = ltx_server.look(lambda _: [each.key for each in ltx_server._server_thread.engine.store.tenants()])
        assert not [key for key in keys if key.startswith("ltx-") and key != ltx_server.api_key]
    """,
        passed=4,
    )


def test_a_world_is_the_same_in_every_run_and_another_with_another_seed(pytester: pytest.Pytester) -> None:
    test = """
    def test_one(ltx_mock):
        submit(ltx_mock)
        (task,) = ltx_mock.tasks
        print("drawn:", ltx_mock.api_key, task.id, task.seed, task.end_time)
    """

    def drawn(*options: str) -> str:
        result = run(pytester, test, "-rP", *options)
        return next(line for line in result.outlines if line.startswith("drawn:"))

    assert drawn() == drawn() == drawn("--ltx-seed=0")
    assert drawn("--ltx-seed=7") == drawn("--ltx-seed=7") != drawn()


def test_the_header_tells_the_seed(pytester: pytest.Pytester) -> None:
    for given in ("--ltx-seed=5", "--ltx-seed=random"):
        result = run(pytester, "    def test_nothing(): pass", given)
        (line,) = [line for line in result.outlines if line.startswith("ltx-mock: --ltx-seed=")]
        assert line.removeprefix("ltx-mock: --ltx-seed=").isdecimal()
        assert given == "--ltx-seed=random" or line.endswith("=5")


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--ltx-seed=red", "--ltx-seed must be a whole number or random, not 'red'"),
        ("--ltx-base-url=ftp://localhost:80", "--ltx-base-url must be the http or https URL of a server, *not 'ftp*"),
    ],
)
def test_a_wrong_option_is_refused(option: str, problem: str, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_inprocess(option, "-p", "no:asyncio")
    result.stderr.fnmatch_lines([f"*{problem}*"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


# ---- the marker


def test_the_marker_gives_the_world_settings_and_the_closest_counts(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    pytestmark = pytest.mark.ltx(credits=100, seed=3)

    @pytest.mark.ltx(credits=10, max_concurrent=5)
    class TestPoor:
        def test_class(self, ltx_mock):
            assert ltx_mock.account.credits == 10

        @pytest.mark.ltx(credits=4, clock="auto", rate_limit="2/minute")
        def test_function(self, ltx_mock):
            assert (ltx_mock.account.credits, ltx_mock.clock.mode) == (4, "auto")
            assert submit(ltx_mock).json()["message"] == "Insufficient credits"
            assert [submit(ltx_mock).status_code for _ in range(2)] == [400, 429]

    def test_module(ltx_mock):
        assert ltx_mock.account.credits == 100

    def callback_timeout(ltx_mock):
        import httpx
        url = f"{ltx_mock.url}/__admin/settings?key={ltx_mock.api_key}"
        return httpx.get(url, trust_env=False).json()["callback_timeout"]

    @pytest.mark.ltx(callback_patience=2)
    class TestFormerName:
        def test_class(self, ltx_mock):
            assert callback_timeout(ltx_mock) == 2

        @pytest.mark.ltx(callback_timeout=3)
        def test_function(self, ltx_mock):
            assert callback_timeout(ltx_mock) == 3
    """,
        passed=5,
    )


def test_the_marker_arms_scenarios_by_name(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    @pytest.mark.ltx(scenario="content-violation")
    def test_one(ltx_mock):
        submit(ltx_mock)
        assert ltx_mock.tasks[0].fail_code == "CONTENT_VIOLATION"

    @pytest.mark.ltx(scenario=["rate-limited", "server-error"])
    def test_two(ltx_mock):
        assert [submit(ltx_mock).status_code for _ in range(3)] == [429, 500, 200]
    """,
        passed=2,
    )


RESTARTS = """
    import httpx

    @pytest.mark.ltx(scenario="restart", credits=1000)
    def test_the_task_is_there_after_a_restart(ltx_mock):
        left = ltx_mock.account.credits
        with ltx_mock.client() as client:
            task_id = submit(ltx_mock).json()["data"]["taskId"]
            with pytest.raises(httpx.TransportError):
                client.get("/statusTask/ltx-2-19b", params={"taskId": task_id})
            answer = client.get("/statusTask/ltx-2-19b", params={"taskId": task_id})
        assert answer.json()["data"]["state"] == "pending"
        assert [task.id for task in ltx_mock.tasks] == [task_id]
        assert ltx_mock.account.credits < left
        ltx_mock.clock.advance(60)
        assert ltx_mock.tasks[0].state == "success"

    def test_the_next_test_has_a_server(ltx_mock):
        assert submit(ltx_mock).status_code == 200
    """


def test_the_server_may_restart_in_a_test(pytester: pytest.Pytester) -> None:
    assert run(pytester, RESTARTS, passed=2).ret == 0


def test_another_ltx_mock_may_restart_in_a_test(pytester: pytest.Pytester, tmp_path: Path) -> None:
    with MockServer(store=f"sqlite:{tmp_path / 'state.db'}", clock="manual") as server:
        assert run(pytester, RESTARTS, "--ltx-base-url", server.url, passed=2).ret == 0


@pytest.mark.parametrize(
    ("marker", "problem"),
    [
        ("credit=5", "@pytest.mark.ltx has no 'credit' (did you mean 'credits'[?]); it has scenario, *"),
        ("host='x'", "@pytest.mark.ltx has no 'host'; it has scenario, *"),
        ("5", "@pytest.mark.ltx takes names, as in credits=10, not 5"),
        ("scenario='rate-limit'", "@pytest.mark.ltx: unknown scenario 'rate-limit' (did you mean 'rate-limited'[?])*"),
        ("callback_patience=1, callback_timeout=1", "@pytest.mark.ltx: callback_patience is the former name of *"),
        ("credits=-1", "@pytest.mark.ltx: credits must be a whole number of at least 0, not -1"),
    ],
)
def test_a_wrong_marker_is_an_error_that_says_why(marker: str, problem: str, pytester: pytest.Pytester) -> None:
    result = run(pytester, f"    @pytest.mark.ltx({marker})\n    def test_one(ltx_mock): pass", errors=1)
    result.stdout.fnmatch_lines([problem])
    told = result.stdout.str().partition(" short test summary info ")[0]
    assert "Traceback" not in told
    assert "another exception" not in told


def test_a_wrong_marker_is_found_on_a_test_without_a_world_too(pytester: pytest.Pytester) -> None:
    run(pytester, "    @pytest.mark.ltx(credit=5)\n    def test_one(): pass", errors=1)


def test_the_marker_is_registered(pytester: pytest.Pytester) -> None:
    run(pytester, "    @pytest.mark.ltx\n    def test_one(): pass", "--strict-markers")
    pytester.runpytest_inprocess("--markers", "-p", "no:asyncio").stdout.fnmatch_lines(
        ["@pytest.mark.ltx(scenario, credits, *"]
    )


# ---- servers and receivers


def test_a_receiver_answers_as_told_and_is_waited_for(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    import threading

    def to(receiver):
        return {"request_type": "callback", "callback_url": receiver.url}

    def test_story(ltx_mock, ltx_callbacks):
        ltx_callbacks.answer(500, 404, 200)
        submit(ltx_mock, **to(ltx_callbacks))
        ltx_mock.clock.run_until_idle()
        first, *_ = ltx_callbacks.wait(3)
        assert (first.task_id, first.state, first.path) == (ltx_mock.tasks[0].id, "success", "/callback")
        assert first.result_url == ltx_mock.tasks[0].result_url
        assert first.headers["content-type"] == "application/json"
        assert [attempt.status for attempt in ltx_mock.callbacks[0].attempts] == [500, 404, 200]

    def test_slow(ltx_mock, ltx_callbacks):
        ltx_callbacks.answer(200, after=0.02)
        submit(ltx_mock, **to(ltx_callbacks))
        ltx_mock.clock.run_until_idle()
        assert ltx_mock.callbacks[0].state == "delivered"

    @pytest.mark.ltx(callback_timeout=0.1)
    def test_never(ltx_mock, ltx_callbacks):
        ltx_callbacks.answer(None)
        ltx_mock.fail_next()
        submit(ltx_mock, **to(ltx_callbacks))
        ltx_mock.clock.run_until_idle()
        assert ltx_mock.callbacks[0].state == "failed"
        assert [attempt.status for attempt in ltx_mock.callbacks[0].attempts] == [None] * 4
        assert ltx_callbacks.wait()[0].result_url is None

    @pytest.mark.ltx(clock="real", speed=100_000)
    def test_of_itself(ltx_mock, ltx_callbacks):
        submit(ltx_mock, **to(ltx_callbacks))
        assert ltx_callbacks.wait()[0].state == "success"

    def test_in_vain(ltx_callbacks):
        with pytest.raises(AssertionError, match="expected 2 callbacks within 0.01 s, but 0 came: none"):
            ltx_callbacks.wait(2, timeout=0.01)
    """,
        passed=5,
    )


def test_servers_are_made_with_settings_and_stopped_at_the_end(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    made = []
    def test_two(make_ltx_server):
        one, two = make_ltx_server(clock="manual", credits=5), make_ltx_server(seed=4)
        made.extend([one, two])
        assert one.url != two.url
        assert [each.settings.seed for each in made] == [9, 4]
        submit(one)
        one.stop()
    def test_they_are_stopped():
        for each in made:
            with pytest.raises(Exception, match="stopped"):
                each.tasks
    """,
        "--ltx-seed=9",
        passed=2,
    )


def test_the_address_to_listen_on_can_be_overridden(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    @pytest.fixture(scope="session")
    def ltx_listen_address():
        return "localhost", 0
    def test_one(ltx_server, make_ltx_server):
        assert ltx_server.settings.host == make_ltx_server().settings.host == "localhost"
    """,
    )


def test_a_port_that_is_taken_is_told(pytester: pytest.Pytester, server: MockServer) -> None:
    port = server.url.rpartition(":")[2]
    test = f"""
    @pytest.fixture(scope="session")
    def ltx_listen_address():
        return "127.0.0.1", {port}
    def test_one(ltx_mock): pass
    """
    run(pytester, test, errors=1).stdout.fnmatch_lines([f"*cannot listen on 127.0.0.1:{port}: *"])


def test_subprocesses_and_the_transport_reach_the_world(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    import os, subprocess, sys
    def test_child(ltx_mock):
        code = (
            "import os, requests\\n"
            "key = {'Authorization': 'Bearer ' + os.environ['APIXO_API_KEY']}\\n"
            "url = os.environ['APIXO_BASE_URL'] + '/generateTask/ltx-2-19b'\\n"
            f"print(requests.post(url, json={BODY!r}, headers=key).status_code)"
        )
        subprocess.run([sys.executable, "-c", code], env=os.environ | ltx_mock.env, check=True)
        with ltx_mock.client(transport=ltx_mock.transport) as client:
            client.post("/generateTask/ltx-2-19b", json=BODY)
        ltx_mock.assert_requested("generateTask", status=200, times=2)
    """,
    )


# ---- another server


def test_the_same_tests_run_against_another_ltx_mock(pytester: pytest.Pytester, server: MockServer) -> None:
    test = """
    @pytest.mark.ltx(credits=10, scenario="rate-limited")
    def test_one(ltx_mock, ltx_server, ltx_callbacks):
        assert submit(ltx_mock).status_code == 429
        submit(ltx_mock, request_type="callback", callback_url=ltx_callbacks.url)
        ltx_mock.clock.run_until_idle()
        assert ltx_callbacks.wait()[0].state == "success"
        ltx_mock.assert_spent(exactly=5)
        print("at", ltx_server.url)
    """
    result = run(pytester, test, f"--ltx-base-url={server.url}/api/v1", "-rP")
    result.stdout.fnmatch_lines([f"ltx-mock: --ltx-seed=0, server {server.url}/api/v1", f"at {server.url}"])


def test_tests_of_worlds_are_skipped_on_a_server_that_has_none(pytester: pytest.Pytester) -> None:
    with ltx_mock.testing.receiver.CallbackReceiver() as other:
        root = other.url.removesuffix("/callback")
        test = f"""
    def test_world(ltx_mock): pass
    def test_server(ltx_server): assert ltx_server.base_url == "{root}/api/v1"
    """
        result = run(pytester, test, f"--ltx-base-url={root}", "-rs", passed=1, skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED*{root} cannot create tenants, which the fixture ltx_mock needs: *"])


def test_tests_of_worlds_fail_where_nobody_answers(pytester: pytest.Pytester) -> None:
    test = """
    def test_world(ltx_mock): pass
    """
    result = run(pytester, test, "--ltx-base-url=http://127.0.0.1:9", errors=1)
    result.stdout.fnmatch_lines(["*--ltx-base-url: no response from http://127.0.0.1:9: *"])


def test_a_receiver_on_loopback_is_no_use_to_a_server_far_away(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        "    def test_one(ltx_callbacks): pass",
        "--ltx-base-url=https://api.apixo.ai/api/v1",
        "-rs",
        skipped=1,
    )
    result.stdout.fnmatch_lines(["*https://api.apixo.ai/api/v1 cannot call back to this machine's loopback address*"])


# ---- a world for a part of a test


def test_each_example_of_hypothesis_has_a_world_of_its_own_the_same_each_time(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    from hypothesis import given, settings, strategies as st
    from ltx_mock_contracts import strategies
    worlds = set()

    @pytest.mark.ltx(seed=5)
    @settings(max_examples=10, database=None, derandomize=True, deadline=None)
    @given(body=strategies.valid_requests())
    def test_given(ltx_tenant, body):
        with ltx_tenant(max_concurrent=1) as mock, mock.client() as client:
            answer = client.post("/generateTask/ltx-2-19b", json=body)
            assert (answer.status_code, len(mock.tasks), mock.clock.mode) == (200, 1, "manual")
            assert client.post("/generateTask/ltx-2-19b", json=body).status_code == 429
            worlds.add((mock.api_key, mock.tasks[0].id, mock.clock.now))

    def test_one(): assert len(worlds) == 1
    """,
        passed=2,
    )


def test_worlds_that_are_open_together_are_different_ones(pytester: pytest.Pytester) -> None:
    run(
        pytester,
        """
    @pytest.fixture(scope="module")
    def shared(ltx_tenant):
        with ltx_tenant(credits=7) as mock:
            yield mock

    def test_one(shared, ltx_mock, ltx_tenant):
        with ltx_tenant() as second:
            with ltx_tenant() as third:
                keys = {each.api_key for each in (shared, ltx_mock, second, third)}
                assert len(keys) == 4
            with ltx_tenant() as again:
                assert again.api_key == third.api_key
        submit(shared)

    def test_two(shared, ltx_mock):
        assert (len(shared.tasks), shared.account.credits, ltx_mock.tasks) == (1, 2, [])
    """,
        passed=2,
    )


# ---- a server that is shared


def test_two_runs_on_one_server_never_meet(pytester: pytest.Pytester, server: MockServer) -> None:
    test = """
    def test_one(ltx_mock, ltx_tenant, ltx_server):
        with ltx_tenant() as other:
            print("keys:", ltx_mock.api_key, other.api_key, ltx_server.tenant().api_key)
    """

    def keys() -> set[str]:
        result = run(pytester, test, "-rP", f"--ltx-base-url={server.url}")
        return set(next(line for line in result.outlines if line.startswith("keys:")).split()[1:])

    first, second = keys(), keys()
    assert len(first) == len(second) == 3
    assert not first & second


def test_a_key_that_is_in_use_is_told_by_name(server: MockServer) -> None:
    remote = ltx_mock.testing.remote_server.RemoteServer(server.url)
    there = remote.new_tenant("the-key-of-a-run")
    with pytest.raises(ConflictError, match=r"^the key …-run is in use: another client, such as a test run"):
        remote.new_tenant("the-key-of-a-run", credits=5)
    there.close()
    assert remote.new_tenant("the-key-of-a-run", credits=5).account.credits == 5


def test_a_conflict_is_an_error_of_the_test(pytester: pytest.Pytester, server: MockServer) -> None:
    test = """
    import ltx_mock.testing.pytest_worlds
    @pytest.fixture(autouse=True)
    def same_part(pytestconfig):
        pytestconfig.stash[ltx_mock.testing.pytest_worlds.RUN] = "the same"
    def test_one(ltx_mock): pass
    """
    outside = server.tenant("ltx-" + digest("the same", 0, "test_inside.py::test_one").hex())
    result = run(pytester, test, f"--ltx-base-url={server.url}", errors=1)
    outside.close()
    result.stdout.fnmatch_lines([f"{server.url}: the key * is in use: another client, such as a test run, *"])
