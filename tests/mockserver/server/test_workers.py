"""Several workers on one port: all serve, one that ends is replaced, and none outlives its supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import httpx
import pytest

from ltx_mock import LtxMockError
from ltx_mock.server import workers
from ltx_mock.server.http import listen
from ltx_mock.server.workers import MOST_FAILURES, Supervisor, sockets_of_workers
from support.bodies import TEXT, request_body
from support.processes import Served, clean_environment, ltx_mock
from support.sse import listening
from support.waiting import SECONDS, until
from support.workers import SERVE, command_line, is_alive, serving_with_workers, workers_of

pytestmark = [pytest.mark.posix, pytest.mark.sample(2)]

GENERATE = "/api/v1/generateTask/ltx-2-19b"
STATUS = "/api/v1/statusTask/ltx-2-19b"
TOKEN = "a-very-secret-token"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving_with_workers("--quiet") as running:
        yield running


def connection(url: str, key: str = "any-key") -> httpx.Client:
    """Return a client with one kept connection, so that one worker answers all its requests."""
    limits = httpx.Limits(max_connections=1)
    return httpx.Client(
        base_url=url,
        headers={"authorization": f"Bearer {key}"},
        trust_env=False,
        verify=False,
        limits=limits,
        timeout=SECONDS,
    )


def submit(client: httpx.Client, prompt: str = "a city") -> str:
    """Submit a task and return its id."""
    task_id: str = client.post(GENERATE, json=request_body(TEXT, prompt=prompt)).json()["data"]["taskId"]
    return task_id


def knows(client: httpx.Client, task_id: str) -> bool:
    """Tell whether the worker at the end of a connection has a task. Each worker of these tests has its own store."""
    return client.get(STATUS, params={"taskId": task_id}).status_code == 200


def one_connection_to_each(url: str, stack: ExitStack) -> list[httpx.Client]:
    """Return connections to the two workers of a server."""
    key = token_hex(8)  # which only one of them will know
    first = stack.enter_context(connection(url, key))
    task_id = submit(first)
    while True:
        other = stack.enter_context(connection(url, key))
        if not knows(other, task_id):
            assert knows(first, task_id)
            return [first, other]


def test_all_workers_answer(served: Served) -> None:
    assert len(workers_of(served)) == 2
    with ExitStack() as stack:
        for client in one_connection_to_each(served.url, stack):
            assert client.get("/__admin/health").json()["status"] == "ok"


def test_all_workers_have_the_same_seed(served: Served) -> None:
    with ExitStack() as stack:
        one, other = one_connection_to_each(served.url, stack)
        assert one.get("/__admin/settings").json() == other.get("/__admin/settings").json()


def test_the_banner_tells_how_many_workers_there_are(served: Served) -> None:
    assert ", 2 workers)" in served.stderr()


def test_a_killed_worker_is_replaced_and_no_request_to_the_others_fails() -> None:
    with serving_with_workers("--quiet") as served, ExitStack() as stack:
        clients = one_connection_to_each(served.url, stack)
        before = workers_of(served)
        os.kill(before[0], signal.SIGKILL)
        # New connections wait for the next worker, or come to the other one.
        for _ in range(20):
            with connection(served.url) as client:
                assert client.get("/__admin/health").status_code == 200
        served.wait_for_error_line(rf"worker {before[0]} has ended \(SIGKILL\); another one takes its place")
        broken = 0
        for client in clients:
            try:
                client.get("/__admin/health")
            except (httpx.RemoteProtocolError, httpx.ReadError):
                broken += 1
        assert broken <= 1, "only the connection to the killed worker"
        until(lambda: len(workers_of(served)) == 2)
        assert before[1] in workers_of(served)
        one_connection_to_each(served.url, stack)
        assert served.end() == 0


def test_a_scenario_replaces_all_workers_and_the_task_is_there_again(tmp_path: Path) -> None:
    with serving_with_workers("--quiet", "--store", f"sqlite:{tmp_path / 'state.db'}") as served:
        before = set(workers_of(served))
        with connection(served.url) as client:
            task_id = submit(client, "a city [[restart]]")
            with pytest.raises(httpx.TransportError):
                knows(client, task_id)

        def is_back() -> bool:
            with suppress(httpx.TransportError), connection(served.url) as client:
                return knows(client, task_id)
            return False

        until(lambda: len(now := set(workers_of(served))) == 2 and not now & before)
        until(is_back)
        served.wait_for_error_line("a scenario restarts all workers")
        assert served.end() == 0
        assert "Traceback" not in served.stderr()


def test_a_worker_that_is_told_to_end_is_replaced_too() -> None:
    with serving_with_workers("--quiet") as served:
        one = workers_of(served)[0]
        os.kill(one, signal.SIGTERM)
        served.wait_for_error_line(rf"worker {one} has ended \(exit code 0\)")
        assert served.end() == 0


@pytest.mark.sample
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_workers_whatever_is_open(number: signal.Signals) -> None:
    with serving_with_workers() as served, ExitStack() as stack:
        pids = workers_of(served)
        streams = [stack.enter_context(listening(served.url)) for _ in range(4)]
        host, port = served.url.removeprefix("http://").split(":")
        half = stack.enter_context(socket.create_connection((host, int(port))))
        half.sendall(f"POST {GENERATE} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{{".encode())
        assert served.end(number) == 0
        for stream in streams:
            stream.rest()  # raises if the stream is cut off
        assert not [pid for pid in pids if is_alive(pid)]
        assert "Traceback" not in served.stderr()
        assert "has ended" not in served.stderr()


def test_several_signals_at_once_end_it_no_worse() -> None:
    with serving_with_workers() as served:
        assert served.end(signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGINT) == 0
        assert "Traceback" not in served.stderr()


def test_no_worker_outlives_a_killed_supervisor() -> None:
    with serving_with_workers() as served:
        pids = workers_of(served)
        assert served.end(signal.SIGKILL) == -signal.SIGKILL
        until(lambda: not [pid for pid in pids if is_alive(pid)])
        assert "Traceback" not in served.stderr()


def test_the_lines_of_all_workers_are_in_one_stream_and_whole() -> None:
    prompt, count, clients = "x" * 5000, 25, 6
    with serving_with_workers("--json") as served, ExitStack() as stack:
        connections = one_connection_to_each(served.url, stack)
        connections += [stack.enter_context(connection(served.url)) for _ in range(clients - 2)]
        threads = [
            threading.Thread(target=lambda client=client: [submit(client, prompt) for _ in range(count)])
            for client in connections
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert served.end() == 0
    lines = [json.loads(line) for line in served.rest()]
    assert sum(line["request"]["input"]["prompt"] == prompt for line in lines if line["request"]) == count * clients


def test_a_terminal_without_unicode_gets_lines_of_workers_too() -> None:
    with serving_with_workers() as served, connection(served.url) as client:
        submit(client, "城市")
        assert "→ success" in served.line()
        assert served.end() == 0


def test_a_ready_file_has_the_process_id_of_the_supervisor(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with serving_with_workers("--ready-file", str(ready)) as served:
        assert json.loads(ready.read_text()) == {"url": served.url, "pid": served.pid}
        assert len(workers_of(served)) == 2
        assert served.end() == 0
    assert list(tmp_path.iterdir()) == []


def test_workers_run_without_a_stdout(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = 'exec "$0" "$@" <&- >&-'
    arguments = ["sh", "-c", command, *SERVE, "serve", "--port", "0", "--workers", "2", "--ready-file", str(ready)]
    with subprocess.Popen(arguments, env=clean_environment()) as served:
        until(lambda: ready.exists() or served.poll() is not None)
        with connection(json.loads(ready.read_text())["url"]) as client:
            submit(client)
        served.terminate()
        assert served.wait(SECONDS) == 0


def test_a_reader_that_does_not_read_makes_no_worker_wait(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [*SERVE, "serve", "--port", "0", "--workers", "2", "--json", "--ready-file", str(ready)]
    with subprocess.Popen(
        command, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as served:
        until(lambda: ready.exists() or served.poll() is not None)
        with connection(json.loads(ready.read_text())["url"]) as client:
            for _ in range(100):
                submit(client, "x" * 5000)
        served.terminate()
        assert served.wait(SECONDS) == 0
        assert served.stdout
        assert b"generateTask" in served.stdout.readline()


def test_no_secret_is_on_the_command_line_of_a_worker() -> None:
    with serving_with_workers("--quiet", "--admin-token", TOKEN) as served:
        assert TOKEN in command_line(served.pid)
        shown = [command_line(pid) for pid in workers_of(served)]
        assert all(shown)
        assert not [text for text in shown if TOKEN in text]
        assert httpx.get(f"{served.url}/__admin/settings", trust_env=False, verify=False).status_code == 401


def test_workers_with_the_memory_store_are_refused_with_what_to_use() -> None:
    told = (
        "ltx-mock: --workers 2 needs a store that all workers share: "
        "--store sqlite:PATH or --store redis://HOST:PORT/N\n"
    )
    assert ltx_mock("serve", "--port", "0", "--workers", "2") == (2, "", told)


def test_what_keeps_all_workers_from_starting_is_one_line() -> None:
    served = subprocess.run(
        [*SERVE, "serve", "--port", "0", "--workers", "3", "--ca-file", "/no/file"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    told = "ltx-mock: ca_file '/no/file' cannot be used: No such file or directory\n"
    assert (served.returncode, served.stdout, served.stderr) == (2, "", told)


def test_a_port_of_workers_is_taken_for_other_servers_with_workers(served: Served) -> None:
    port = served.url.rpartition(":")[2]
    with pytest.raises(LtxMockError, match="Address already in use"):
        listen("127.0.0.1", int(port))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::", "::1"])
def test_all_workers_have_sockets_on_the_same_addresses(host: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.skip("no IPv6")
    with ExitStack() as stack:
        for place in (places := sockets_of_workers(listen(host, 0), 3)):
            for sock in place:
                stack.enter_context(sock)
        assert len({tuple(sock.getsockname() for sock in place) for place in places}) == 1


# ---- the supervisor, with workers that do not serve


class Run(NamedTuple):
    """A running supervisor, the notes that it made, and what its workers wrote."""

    supervisor: Supervisor
    notes: list[str]
    output: list[bytes]

    def text(self) -> str:
        """Return what the workers wrote so far."""
        return b"".join(self.output).decode()


Supervise = Callable[..., Run]


@pytest.fixture
def supervise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervise:
    """Run workers that execute a program, until they fail or a function has ended that runs in a thread."""
    monkeypatch.syspath_prepend(tmp_path)

    def supervise(program: str, story: Callable[[Run], None] | None = None, count: int = 1) -> Run:
        lines = "".join(f"    {line}\n" for line in program.splitlines())
        (tmp_path / "a_worker.py").write_text(f"import os, signal, sys\ndef main(descriptors):\n{lines}")

        async def run() -> Run:
            notes, output = list[str](), list[bytes]()
            supervisor = Supervisor("a_worker", b"the setup\n", [[]] * count, output.append, notes.append)
            running = asyncio.ensure_future(supervisor.run(lambda: None))
            told = Run(supervisor, notes, output)
            if story:
                await asyncio.to_thread(story, told)
                supervisor.stop()
            await running
            return told

        return asyncio.run(run())

    return supervise


def test_a_worker_gets_its_setup_and_its_lines_come_out_whole(supervise: Supervise) -> None:
    program = (
        "print('ready')\nprint(sys.stdin.readline().strip())\nprint('x' * 200_000)\nprint('half', end='', flush=True)"
    )
    run = supervise(f"{program}\nsys.stdin.read()", lambda run: until(lambda: run.text().endswith("x\n")))
    assert run.notes == []
    assert run.text() == f"the setup\n{'x' * 200_000}\n"


def test_workers_that_end_before_they_are_ready_end_the_supervisor(supervise: Supervise, tmp_path: Path) -> None:
    with pytest.raises(LtxMockError) as problem:
        supervise(f"open({str(tmp_path / 'starts')!r}, 'a').write('.')\nsys.exit(3)")
    assert str(problem.value) == "5 workers in a row ended before they were ready (exit code 3)"
    assert (tmp_path / "starts").read_text() == "." * MOST_FAILURES


def test_the_reason_of_a_worker_that_cannot_start_ends_the_supervisor_at_once(
    supervise: Supervise, tmp_path: Path
) -> None:
    with pytest.raises(LtxMockError) as problem:
        supervise(f"open({str(tmp_path / 'starts')!r}, 'a').write('.')\nprint('no such store')")
    assert str(problem.value) == "no such store"
    assert (tmp_path / "starts").read_text() == "."


def test_a_server_that_has_served_tries_until_a_worker_starts(
    supervise: Supervise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its store may be away for any time. It says so once."""
    monkeypatch.setattr(workers, "RETRY_SECONDS", 0)
    program = (
        f"starts = open({str(tmp_path / 'starts')!r}, 'a+')\n"
        "starts.write('.'); starts.flush(); starts.seek(0); number = len(starts.read())\n"
        f"if 1 < number < {2 * MOST_FAILURES}: print('Redis is away'); sys.exit(2)\n"
        "print(f'ready\\nnumber {number}', flush=True)\n"
        "if number > 1: sys.stdin.read()"
    )
    last = f"number {2 * MOST_FAILURES}\n"
    run = supervise(program, lambda run: until(lambda: run.text().endswith(last)))
    first, second = (re.sub(r"\d+", "N", note) for note in run.notes)
    assert first == "worker N has ended (exit code N); another one takes its place"
    assert second == "worker N cannot start (Redis is away); others are tried until one starts"


def test_a_stop_does_not_wait_for_the_next_try(
    supervise: Supervise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "RETRY_SECONDS", 10 * SECONDS)
    program = (
        f"try: os.mkdir({str(tmp_path / 'served')!r})\n"
        "except FileExistsError: print('Redis is away')\n"
        "else: print('ready')"
    )
    assert len(supervise(program, lambda run: until(lambda: len(run.notes) == 2)).notes) == 2


def test_a_worker_that_does_not_stop_is_killed(supervise: Supervise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "KILL_SECONDS", 0)
    program = "print('ready\\nserves', flush=True)\nwhile True: signal.pause()"
    assert supervise(program, lambda run: until(run.text)).notes == []


def test_a_worker_that_still_starts_is_killed_by_a_stop(supervise: Supervise, tmp_path: Path) -> None:
    """The first of two workers never becomes ready."""
    program = (
        f"try: os.mkdir({str(tmp_path / 'turn')!r})\n"
        "except FileExistsError: print('ready\\nserves', flush=True); sys.stdin.read()\n"
        "else: signal.pause()"
    )
    assert supervise(program, lambda run: until(run.text), count=2).notes == []


def test_each_worker_that_ends_is_noted_once_and_replaced(supervise: Supervise) -> None:
    def kill_each(run: Run) -> None:
        for number in range(2 * MOST_FAILURES):
            until(lambda: run.text().count("\n") > number)  # noqa: B023 - called here
            os.kill(int(run.text().split()[-1]), signal.SIGKILL)
            until(lambda: len(run.notes) > number)  # noqa: B023 - called here

    run = supervise("print('ready')\nprint(os.getpid(), flush=True)\nsys.stdin.read()", kill_each)
    pids = run.text().split()[: 2 * MOST_FAILURES]
    assert run.notes == [f"worker {pid} has ended (SIGKILL); another one takes its place" for pid in pids]
