"""The client machine leaves a good client alone, and tells the short story of what breaks a bad one."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ltx_mock import LtxMockError
from ltx_mock.client_checks import ClientMachine, run_client_machine
from ltx_mock_contracts import ContractFailure

FEW = settings(
    max_examples=50,
    stateful_step_count=4,
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TRIES = 4


class Good:
    """A small client that keeps to the documents."""

    def __init__(self, base_url: str, key: str) -> None:
        self.base_url, self.key = base_url, key
        self.known: set[str] = set()
        self.ends: dict[str, str] = {}

    def submit(self, request: dict[str, Any]) -> str:
        for _ in range(TRIES):
            status, told = self.ask("/generateTask/ltx-2-19b", request)
            if status == 200:
                self.known.add(told["data"]["taskId"])
                return str(told["data"]["taskId"])
            if status not in {429, 503}:
                break
        raise RuntimeError(told["message"])

    def poll(self, task_id: str) -> str:
        for _ in range(TRIES):
            try:
                status, told = self.ask(f"/statusTask/ltx-2-19b?taskId={task_id}")
            except OSError:
                continue
            if status == 200:
                return self.read(told["data"])
        raise RuntimeError("no status")

    def read(self, data: dict[str, Any]) -> str:
        return data["state"] if data["state"] in {"pending", "success", "failed"} else "processing"

    def receive(self, body: bytes) -> None:
        data = json.loads(body)["data"]
        if data["taskId"] in self.known:
            self.ends.setdefault(data["taskId"], data["state"])

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(self.base_url + path, content, headers)) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


class NamesTheModel(Good):
    """Sends a field that there is not."""

    def submit(self, request: dict[str, Any]) -> str:
        return super().submit(request | {"model": "ltx-2-19b"})


class SubmitsAgain(Good):
    """Takes silence for a no."""

    def ask(self, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        try:
            return super().ask(path, body)
        except OSError:
            return super().ask(path, body)


class TakesAllForSuccess(Good):
    """Knows one end only."""

    def read(self, data: dict[str, Any]) -> str:
        return "success" if data["state"] == "failed" else super().read(data)


class KnowsFourStates(Good):
    """Breaks on any other state."""

    def read(self, data: dict[str, Any]) -> str:
        return {each: each for each in ("pending", "processing", "success", "failed")}[data["state"]]


class WantsTimes(Good):
    """Breaks without createTime."""

    def read(self, data: dict[str, Any]) -> str:
        return super().read(data) if data["state"] == "failed" or data["createTime"] else "pending"


class HalfWayIsDone(Good):
    """Takes processing for success."""

    def read(self, data: dict[str, Any]) -> str:
        return "success" if data["state"] == "processing" else super().read(data)


class MindsStrangers(Good):
    """Breaks on a callback for a task that is not its own."""

    def receive(self, body: bytes) -> None:
        if json.loads(body)["data"]["taskId"] not in self.known:
            raise KeyError("unknown task")


class MindsRepetition(Good):
    """Breaks on a callback that comes twice."""

    def receive(self, body: bytes) -> None:
        data = json.loads(body)["data"]
        if data["taskId"] in self.ends:
            raise ValueError("this task has ended already")
        super().receive(body)


class ForgetsItsKey(Good):
    """Polls without its key."""

    def poll(self, task_id: str) -> str:
        key, self.key = self.key, ""
        try:
            return super().poll(task_id)
        finally:
            self.key = key


class WantsDecodedJson(Good):
    """Is given a callback as bytes, and wants it decoded."""

    def receive(self, body: Any) -> None:
        self.ends[body["data"]["taskId"]] = body["data"]["state"]


class KnowsOneEndAndMindsStrangers(TakesAllForSuccess, MindsStrangers):
    """Has two mistakes."""


def broken_by(client: type[Good]) -> ContractFailure:
    with pytest.raises(ContractFailure) as broken:
        run_client_machine(client, settings=settings(FEW, max_examples=600, stateful_step_count=6))
    return broken.value


def test_a_good_client_is_left_alone() -> None:
    run_client_machine(Good, settings=FEW)


def test_a_client_without_a_receiver_is_not_called_back() -> None:
    class NoReceiver:
        def __init__(self, base_url: str, key: str) -> None:
            good = Good(base_url, key)
            self.submit, self.poll = good.submit, good.poll

    run_client_machine(NoReceiver, settings=FEW)


@pytest.mark.sample
@pytest.mark.parametrize(
    ("client", "rule"),
    [
        (NamesTheModel, "CLI-1"),
        pytest.param(ForgetsItsKey, "CLI-1", marks=pytest.mark.slow),
        pytest.param(HalfWayIsDone, "CLI-3", marks=pytest.mark.slow),
        pytest.param(TakesAllForSuccess, "CLI-5", marks=pytest.mark.slow),
        (SubmitsAgain, "CLI-10"),
        (MindsStrangers, "CLI-8"),
        pytest.param(MindsRepetition, "CLI-8", marks=pytest.mark.slow),
        (KnowsFourStates, "CLI-9"),
        pytest.param(WantsTimes, "CLI-9", marks=pytest.mark.slow),
    ],
)
def test_a_bug_is_found_by_its_rule_and_told_in_a_short_story(client: type[Good], rule: str) -> None:
    failure = broken_by(client)
    assert failure.rule == rule, failure
    assert len(failure.story) <= 7, failure


@pytest.mark.slow
def test_two_bugs_are_one_failure_with_a_story() -> None:
    with pytest.raises(ContractFailure) as broken:
        run_client_machine(
            KnowsOneEndAndMindsStrangers, settings=settings(FEW, max_examples=600, report_multiple_bugs=True)
        )
    assert broken.value.rule in {"CLI-5", "CLI-8"}
    assert 1 <= len(broken.value.story) <= 7


@pytest.mark.slow
def test_a_client_that_wants_decoded_json_is_told_that_it_gets_bytes() -> None:
    with pytest.raises(LtxMockError, match=r"gets the body of a callback as bytes.*json\.loads\(body\)"):
        run_client_machine(WantsDecodedJson, settings=settings(FEW, max_examples=200))


def test_the_machine_is_lent_with_a_fake_of_its_own() -> None:
    with ClientMachine.against(Good) as machine:
        assert issubclass(machine, ClientMachine)
        machine.TestCase.settings = FEW
