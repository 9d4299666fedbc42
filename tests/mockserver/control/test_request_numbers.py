"""A request has one number, and each view of it shows that one; `tenant(key)` is the same near and far."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from ltx_mock import ContractFailure, MockServer
from ltx_mock.cli import main
from ltx_mock.testing.remote_server import RemoteServer
from support.bodies import STATUS, submit

OTHER = "a-key-of-somebody-else"


@pytest.fixture
def mock() -> Iterator[MockServer]:
    """A server whose numbers are not those of any one world: others ask too, and the clock is moved."""
    with MockServer(clock="manual", credits=1000) as running:
        with running.tenant(OTHER).client() as other:
            other.get(STATUS)
        with running.client() as client:
            submit(client)
            running.clock.advance(5)
            client.get(STATUS)
        yield running


def test_a_world_numbers_its_requests_as_the_control_plane_does(mock: MockServer) -> None:
    assert [request.number for request in mock.requests] == [2, 4]
    for request in mock.requests:
        told = httpx.get(f"{mock.url}/__admin/requests/{request.number}", trust_env=False).json()
        assert (told["number"], told["target"]) == (request.number, request.target)


def test_a_failed_assertion_names_a_request_by_that_number(mock: MockServer) -> None:
    with pytest.raises(ContractFailure, match=r"but there are 1:\n  request 4: GET "):
        mock.assert_requested("statusTask", times=0)


def test_the_command_lists_the_same_numbers(mock: MockServer, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> str:
        with pytest.raises(SystemExit):
            main(["requests", "--url", mock.url, *words])
        return capsys.readouterr().out

    rows = [line.split()[0] for line in run().splitlines() if "GET " in line or "POST " in line]
    assert rows == ["1", "2", "4"]
    assert [each["number"] for each in json.loads(run("--json"))["requests"]] == [1, 2, 4]
    assert [json.loads(line)["number"] for line in run("--format", "ndjson").splitlines()] == [1, 2, 4]


def test_what_came_without_a_key_is_numbered_alike(mock: MockServer) -> None:
    httpx.get(mock.base_url + STATUS, trust_env=False)
    assert [request.number for request in mock.unauthenticated_requests] == [5]


def test_a_key_in_use_keeps_its_world_and_settings_begin_it_anew(mock: MockServer) -> None:
    """From Python beside the server, and from elsewhere."""
    for server in (mock, RemoteServer(mock.url)):
        assert [request.number for request in server.tenant(OTHER).requests] == [1]
    far = RemoteServer(mock.url).tenant(OTHER, credits=7)
    assert (far.requests, far.account.credits) == ([], 7)
    for server in (mock, RemoteServer(mock.url)):
        assert server.tenant(OTHER).account.credits == 7
    assert mock.tenant(OTHER, credits=8).account.credits == 8


def test_a_key_that_the_server_does_not_accept_gets_a_world() -> None:
    """And keeps it: near and far."""
    with MockServer(clock="manual", api_key=["the-only-key"]) as mock:
        for server, key in ((mock, "near-key"), (RemoteServer(mock.url), "far-key")):
            world = server.tenant(key)
            with world.client() as client:
                submit(client)
            assert len(server.tenant(key).tasks) == 1
