"""The credits that are left, and the three calls of the vendor's own client, which asks for them first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ltx_mock import MockServer
from ltx_mock_contracts import check_trace, read_ndjson, validate_response
from ltx_mock_schemas import openapi
from support.bodies import data_of, message_of, request_body, submit

BALANCE = "/apikeys/current-balance"
VENDORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data").joinpath("vendors_mcp_client.json").read_text("utf-8")
)


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with MockServer(clock="manual", strict=True) as server:
        yield server


def left(answer: httpx.Response) -> float:
    assert answer.status_code == 200
    assert validate_response("balance", 200, answer.json()) == []
    return float(answer.json()["data"])


@pytest.mark.rule("BAL-1")
@pytest.mark.parametrize("base", ["base_url", "url"])
def test_the_balance_is_a_number_with_and_without_the_version_in_the_path(mock: MockServer, base: str) -> None:
    with httpx.Client(base_url=getattr(mock, base), headers={"authorization": "Bearer any"}) as client:
        assert left(client.get(BALANCE)) == 1_000_000
        assert client.head(BALANCE).content == b""
        assert message_of(client.post(BALANCE), 405)


@pytest.mark.rule("BAL-1", "GEN-15")
def test_the_balance_goes_down_with_each_task(mock: MockServer) -> None:
    world = mock.tenant(credits=100, price={"480p": 2, "720p": 3, "1080p": 4})
    with world.client() as client:
        assert left(client.get(BALANCE)) == 100
        submit(client, resolution="480p", duration=5)
        assert left(client.get(BALANCE)) == 90


@pytest.mark.rule("BAL-1", "AUTH-1", "AUTH-2", "LIM-1")
def test_the_balance_needs_a_key_and_counts_as_a_request() -> None:
    with MockServer(clock="manual", api_key="right", rate_limit="2/minute") as mock:
        with httpx.Client(base_url=mock.base_url) as client:
            assert message_of(client.get(BALANCE), 401)
            assert message_of(client.get(BALANCE, headers={"authorization": "Bearer wrong"}), 401)
        with mock.client() as client:
            assert [client.get(BALANCE).status_code for _ in range(3)] == [200, 200, 429]


def test_the_journal_knows_the_balance_and_a_recording_of_it_is_kept(mock: MockServer) -> None:
    world = mock.tenant()
    with world.client() as client:
        client.get(BALANCE)
    (request,) = world.requests
    assert (request.operation, request.status) == ("balance", 200)
    entry = {"at": 1, "method": "GET", "target": f"/api/v1{BALANCE}", "status": 200}
    recordings = {
        "kept": {"code": 200, "message": "success", "data": 74.87},
        "broken": {"code": 200, "message": "success", "data": {"balance": 1}},
    }
    for outcome, answer in recordings.items():
        report = check_trace(read_ndjson(json.dumps(entry | {"answer": answer})))
        assert report.of("BAL-1").outcome == outcome


def test_only_scenarios_that_ask_for_it_happen_to_the_balance(mock: MockServer) -> None:
    world = mock.tenant()
    world.scenarios.add("server-error")
    world.scenarios.add(operation="balance", status=503)
    with world.client() as client:
        assert [client.get(BALANCE).status_code for _ in range(2)] == [503, 200]
        assert message_of(client.get(BALANCE, headers={"prefer": "code=403"}), 403)
        assert client.get(BALANCE, headers={"x-mock-scenario": "extra-fields"}).json()["requestId"] == "req_1"


def test_the_document_describes_the_balance() -> None:
    operation = openapi()["paths"][f"/api/v1{BALANCE}"]["get"]
    assert list(operation["responses"]) == ["200", "401", "403", "405", "408", "414", "429", "431", "500", "503"]


@pytest.mark.rule("AUTH-3", "ENV-5")
@pytest.mark.parametrize("path", ["", "/", "/nothing", "/generateTask/other-model", "/models", "/apikeys"])
def test_a_bad_key_is_told_before_an_unknown_path(path: str) -> None:
    with MockServer(clock="manual", api_key="right") as mock, httpx.Client(base_url=mock.url) as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "right"}):
            assert message_of(client.get(f"/api/v1{path}", headers=headers), 401)
        assert message_of(client.get(f"/api/v1{path}", headers={"authorization": "Bearer right"}), 404)
        assert message_of(client.get("/api/v12/x"), 404)


@pytest.mark.parametrize("ask", [{"headers": {"prefer": "code=403"}}, {"headers": {"x-mock-scenario": "forbidden"}}])
def test_a_key_may_lack_permission(mock: MockServer, ask: dict[str, Any]) -> None:
    with mock.client() as client:
        answer = client.post("/generateTask/ltx-2-19b", json=request_body(), **ask)
        assert message_of(answer, 403)
        assert validate_response("generateTask", 403, answer.json()) == []


def test_the_three_calls_of_the_vendors_own_client_are_answered_even_in_strict_mode(mock: MockServer) -> None:
    world = mock.tenant(strict=True)
    headers = {"authorization": f"Bearer {world.api_key}", **VENDORS["headers"]}
    task_id = ""
    with httpx.Client(base_url=mock.url, headers=headers) as client:
        for request in VENDORS["requests"]:
            query = {name: value.format(taskId=task_id) for name, value in request.get("query", {}).items()}
            answer = client.request(request["method"], request["path"], json=request.get("body"), params=query)
            if request["path"].endswith(BALANCE):
                assert left(answer)
            else:
                task_id = data_of(answer)["taskId"]
    assert [each.operation for each in world.requests] == ["balance", "generateTask", "statusTask"]
    assert [finding for each in world.requests for finding in each.findings] == []
