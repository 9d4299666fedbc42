"""`serve --record-mode`: what is recorded is replayed, and what is not is recorded, with the names everybody knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock.cli.serve import OWN_KEY
from ltx_mock_contracts.recordings import read_recordings
from support.bodies import GENERATE, STATUS, TEXT, request_body
from support.independent_server import KEYS, IndependentServer
from support.processes import Served, ltx_mock
from support.raw_upstream import RawUpstream, response

pytestmark = pytest.mark.sample(2)


@pytest.fixture
def api() -> Iterator[IndependentServer]:
    """A server that plays the real API."""
    with IndependentServer() as server:
        yield server


@contextmanager
def serving(
    api: IndependentServer | RawUpstream, out: Path, *options: str, says: list[str] | None = None
) -> Iterator[httpx.Client]:
    """Serve with a folder of recordings before an API, and wait at the end until everything is written.

    What it says on stderr is added to `says` then.
    """
    served = Served("--recordings", str(out), "--upstream", api.url, *options)
    try:
        recording = "costs money" in served.stderr()
        assert (f"API key       {OWN_KEY}" in served.stderr()) == recording
        assert "any-key" not in served.stderr()
        headers = {"authorization": f"Bearer {KEYS[0]}"}
        with httpx.Client(base_url=f"{served.url}/api/v1", headers=headers, trust_env=False, timeout=30) as client:
            yield client
        assert served.end() == 0
        if says is not None:
            says += served.stderr().splitlines()
    finally:
        served.kill()


def submit(client: httpx.Client, **changes: Any) -> httpx.Response:
    return client.post(GENERATE, json=request_body(TEXT, **changes))


def live(api: IndependentServer, client: httpx.Client, **changes: Any) -> str:
    """Submit a task and poll it to its end."""
    task_id = str(submit(client, **changes).json()["data"]["taskId"])
    api.advance(200)
    client.get(STATUS, params={"taskId": task_id})
    return task_id


def recorded(out: Path) -> list[str | None]:
    return [each.task_id for each in read_recordings(out).recordings]


def test_once_records_into_an_empty_folder_and_replays_for_ever(api: IndependentServer, tmp_path: Path) -> None:
    with serving(api, tmp_path / "new") as client:
        task_id = live(api, client)
    assert recorded(tmp_path / "new") == [task_id]
    with serving(api, tmp_path / "new") as client:
        again = submit(client).json()["data"]["taskId"]
        assert again != task_id
        assert submit(client, seed=3).status_code == 404
    assert list(api.tasks) == [task_id]


def test_a_recording_without_an_end_is_named_at_the_end_and_when_it_is_replayed(
    api: IndependentServer, tmp_path: Path
) -> None:
    first, second, third = list[str](), list[str](), list[str]()
    with serving(api, tmp_path, says=first) as client:
        live(api, client)
        cut = submit(client, seed=3).json()["data"]["taskId"]
    advice = f"{cut}.json has no end, so its replay never ends: delete it, or record again with the record mode all"
    assert [line for line in first if "has no end" in line] == [f"ltx-mock: {advice}"]
    with serving(api, tmp_path, says=second):
        pass
    assert [line for line in second if "has no end" in line] == [f"ltx-mock: {tmp_path}: {advice}"]
    with serving(api, tmp_path, "--record-mode", "all", says=third):
        pass
    assert not any("has no end" in line for line in third)


def test_none_only_replays(api: IndependentServer, tmp_path: Path) -> None:
    with serving(api, tmp_path, "--record-mode", "none") as client:
        assert submit(client).status_code == 404
    assert not api.tasks


def test_new_episodes_records_only_what_is_new(api: IndependentServer, tmp_path: Path) -> None:
    with serving(api, tmp_path) as client:
        first = live(api, client)
    with serving(api, tmp_path, "--record-mode", "new_episodes") as client:
        replayed = submit(client).json()["data"]["taskId"]
        assert client.get(STATUS, params={"taskId": replayed}).json()["data"]["taskId"] == replayed
        second = live(api, client, seed=3)
    assert recorded(tmp_path) == [first, second]
    assert list(api.tasks) == [first, second]


def test_all_records_anew_and_replaces_what_was_recorded(api: IndependentServer, tmp_path: Path) -> None:
    with serving(api, tmp_path) as client:
        first, other = live(api, client), live(api, client, seed=3)
    for file in tmp_path.glob("*.json"):
        os.utime(file, (1, 1))
    with serving(api, tmp_path, "--record-mode", "all") as client:
        second = live(api, client)
    assert recorded(tmp_path) == [other, second]
    assert first not in recorded(tmp_path)


@pytest.mark.parametrize(("mode", "status"), [("new_episodes", 200), ("once", 409), ("all", 409)])
def test_there_are_scenarios_only_where_something_is_replayed(mode: str, status: int, tmp_path: Path) -> None:
    with RawUpstream() as api, serving(api, tmp_path, "--record-mode", mode) as client:
        root = str(client.base_url).removesuffix("/api/v1/")
        told = httpx.post(f"{root}/__admin/scenarios", json={"name": "stuck"}, trust_env=False)
        assert told.status_code == status


def test_recording_has_a_budget(api: IndependentServer, tmp_path: Path) -> None:
    with serving(api, tmp_path, "--max-tasks", "1") as client:
        assert [submit(client, seed=number).status_code for number in (1, 2)] == [200, 429]
    assert len(api.tasks) == 1


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all"])
def test_the_budget_counts_other_methods_and_what_cannot_be_read(mode: str, tmp_path: Path) -> None:
    options = ("--record-mode", mode, "--max-tasks", "1")
    with RawUpstream([response(b"fine")]) as api, serving(api, tmp_path, *options) as client:
        assert client.put(GENERATE, json=request_body(TEXT)).content == b"fine"
        assert submit(client).status_code == 429


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (("--record-mode", "once"), "--record-mode once needs --recordings DIR"),
        (("--record-mode", "all", "--recordings", "DIR"), "--record-mode all needs --upstream URL"),
        (
            ("--upstream", "https://h", "--recordings", "DIR", "--clock", "manual"),
            "--record-mode once needs --clock real",
        ),
        (("--upstream", "ftp://h", "--recordings", "DIR"), "--upstream must be the http or https URL of a server"),
        (("--match-ignore", "input.seed"), "--match-ignore needs --recordings"),
        (("--max-tasks", "3", "--recordings", "DIR"), "--max-tasks needs --upstream"),
        (("--max-credits", "3"), "--max-credits needs --upstream"),
        (("--recordings-only",), "recordings_only needs recordings, the folder to replay"),
        (("--record-mode", "some"), "Invalid value for '--record-mode'"),
    ],
)
def test_wrong_use_is_one_line(args: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    code, out, err = ltx_mock("serve", "--port", "0", *args, cwd=tmp_path)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert problem in err
    assert [*tmp_path.iterdir()] == []
