"""Small mistakes, each of which breaks one rule, made between the fake and its clients."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qs

import httpx

from ltx_mock_contracts import MalformedBody, parse_body, validate_request
from support.bodies import request_body
from support.machine_targets import SLOTS, Inbox

Envelope = dict[str, Any]
ENDED = ("success", "failed")


class Mutant(httpx.BaseTransport):
    """Stands between both clients and the fake. A subclass is one mistake; its docstring says which.

    Attributes:
        rule: the rule that it breaks.
        promised: how many unfinished tasks a key may have.
        slots: how many the fake allows.
        strict: whether the fake is strict.
    """

    rule: ClassVar[str]
    promised: ClassVar[int] = SLOTS
    slots: ClassVar[int] = SLOTS
    strict: ClassVar[bool] = False
    all: ClassVar[list[type[Mutant]]] = []

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self.memory: Counter[str] = Counter()

    def __init_subclass__(cls) -> None:
        Mutant.all.append(cls)

    def asks(self, body: Envelope) -> Envelope:
        """Return the body of generateTask that the fake gets."""
        return body

    def makes(self, status: int, answer: Envelope) -> tuple[int, Envelope]:
        """Return the answer of generateTask that the client gets."""
        return status, answer

    def tells(self, status: int, answer: Envelope) -> tuple[int, Envelope]:
        """Return the answer of statusTask that the client gets; by default what `of_task` makes of a good one."""
        if status == 200:
            self.of_task(answer["data"])
        return status, answer

    def of_task(self, data: Envelope) -> None:
        """Change what is told of a task."""

    def calls(self, bodies: Sequence[bytes]) -> Sequence[bytes]:
        """Return the callbacks that the receiver gets."""
        return bodies

    def written(self, answer: Envelope) -> bytes:
        """Return the bytes of an answer."""
        return json.dumps(answer).encode()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            response = self.inner.handle_request(request)
            status, answer = self.tells(response.status_code, response.json())
        else:
            response = self.inner.handle_request(self._asked(request))
            status, answer = self.makes(response.status_code, response.json())
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        return httpx.Response(status, headers=headers, content=self.written(answer))

    def _asked(self, request: httpx.Request) -> httpx.Request:
        try:
            body = parse_body(request.read())
        except MalformedBody:
            return request
        if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
            return request
        headers = {name: request.headers[name] for name in ("authorization", "content-type")}
        return httpx.Request("POST", request.url, headers=headers, content=json.dumps(self.asks(body)).encode())


class MutantInbox(Inbox):
    """What a mistake makes of the callbacks."""

    mutant: Mutant

    def bodies(self) -> list[bytes]:
        return list(self.mutant.calls(super().bodies()))


class OneMoreKey(Mutant):
    """An envelope has a fourth key."""

    rule = "ENV-1"

    def tells(self, status: int, answer: Envelope) -> tuple[int, Envelope]:
        return status, answer | {"timestamp": 0}


class AlwaysHttp200(Mutant):
    """An error comes with HTTP 200."""

    rule = "ENV-4"

    def tells(self, status: int, answer: Envelope) -> tuple[int, Envelope]:  # noqa: ARG002  that is the mistake
        return 200, answer


class OpenToAll(Mutant):
    """Any key sees any task."""

    rule = "AUTH-4"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        key = request.headers["authorization"]
        self.memory[key] += 1
        response = super().handle_request(request)
        for other in self.memory:
            if request.method == "GET" and response.status_code == 404:
                request.headers["authorization"] = other
                response = super().handle_request(request)
        return response


class AnyDuration(Mutant):
    """Every video has five seconds, whatever is asked for."""

    rule = "GEN-10"

    def asks(self, body: Envelope) -> Envelope:
        body["input"]["duration"] = 5
        return body


class AnyLoras(Mutant):
    """LoRAs are not looked at: there may be four, or nonsense."""

    rule = "GEN-14"

    def asks(self, body: Envelope) -> Envelope:
        body["input"].pop("loras", None)
        return body


class Strict(Mutant):
    """What is only advised against is refused."""

    rule = "GEN-16"
    strict = True


class OneIdForAll(Mutant):
    """Each task has the id of the first."""

    rule = "GEN-17"

    def makes(self, status: int, answer: Envelope) -> tuple[int, Envelope]:
        if status == 200:
            self.memory[answer["data"]["taskId"]] += 1
            answer["data"]["taskId"] = next(iter(self.memory))
        return status, answer


class RefusesAfterTheFact(Mutant):
    """A bad request is refused when a task is made already."""

    rule = "GEN-18"
    promised = slots = 1000

    def asks(self, body: Envelope) -> Envelope:
        if any(finding.severity == "violation" for finding in validate_request(body)):
            self.memory["refused"] += 1
            body["input"] = request_body()["input"]
        return body

    def makes(self, status: int, answer: Envelope) -> tuple[int, Envelope]:
        if self.memory.pop("refused", 0):
            return 400, {"code": 400, "message": "something is wrong", "data": None}
        return status, answer


class ChangesItsMind(Mutant):
    """A success is a failure when it is asked for a second time."""

    rule = "TASK-1"

    def of_task(self, data: Envelope) -> None:
        self.memory[data["taskId"]] += data["state"] == "success"
        if self.memory[data["taskId"]] > 1:
            failed = {"taskId": data["taskId"], "state": "failed", "failCode": "CONTENT_VIOLATION", "failMsg": "no"}
            data.clear()
            data.update(failed)


class OtherBytes(Mutant):
    """The keys of a finished task come in another order when it is asked for again."""

    rule = "TASK-1"

    def of_task(self, data: Envelope) -> None:
        self.memory[data["taskId"]] += data["state"] in ENDED
        if self.memory[data["taskId"]] > 1:
            data["state"] = data.pop("state")


class StartsAgain(Mutant):
    """What was processing is pending a second later."""

    rule = "TASK-1"

    def of_task(self, data: Envelope) -> None:
        self.memory[data["taskId"]] += data["state"] == "processing"
        if data["state"] == "processing" and self.memory[data["taskId"]] > 1:
            data["state"] = "pending"


class ResultIsNoText(Mutant):
    """resultJson is an object."""

    rule = "TASK-4"

    def of_task(self, data: Envelope) -> None:
        if "resultJson" in data:
            data["resultJson"] = json.loads(data["resultJson"])


class CostsOneMore(Mutant):
    """costTime is a millisecond too long."""

    rule = "TASK-5"

    def of_task(self, data: Envelope) -> None:
        if "costTime" in data:
            data["costTime"] += 1


class Seconds(Mutant):
    """createTime is in seconds."""

    rule = "TASK-5"

    def of_task(self, data: Envelope) -> None:
        if "createTime" in data:
            data["createTime"] //= 1000


class CreatedLate(Mutant):
    """createTime is a millisecond late, and so are the others."""

    rule = "TASK-5"

    def of_task(self, data: Envelope) -> None:
        for name in {"createTime", "completeTime"} & set(data):
            data[name] += 1


class NoReason(Mutant):
    """failMsg is missing."""

    rule = "TASK-6"

    def of_task(self, data: Envelope) -> None:
        data.pop("failMsg", None)


class NeverFinishes(Mutant):
    """A success is told as processing."""

    rule = "TASK-8"

    def of_task(self, data: Envelope) -> None:
        if data["state"] == "success":
            data["state"] = "processing"
            for name in ("resultJson", "completeTime", "costTime"):
                del data[name]


class KnowsAll(Mutant):
    """A task that nobody made is pending."""

    rule = "TASK-11"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if request.method == "GET" and response.status_code == 404:
            (task_id,) = parse_qs(request.url.query.decode())["taskId"]
            data = {"taskId": task_id, "state": "pending", "createTime": 1_767_965_610_929}
            return httpx.Response(200, json={"code": 200, "message": "success", "data": data})
        return response


class ReadingHelps(Mutant):
    """A task is processing when it is asked for a second time."""

    rule = "TASK-12"

    def of_task(self, data: Envelope) -> None:
        self.memory[data["taskId"]] += 1
        if data["state"] == "pending" and self.memory[data["taskId"]] > 1:
            data["state"] = "processing"


class NoRules(Mutant):
    """Nothing is a content violation."""

    rule = "FAIL-1"

    def asks(self, body: Envelope) -> Envelope:
        prompt = body["input"].get("prompt")
        if isinstance(prompt, str):
            body["input"]["prompt"] = prompt.replace("[[content-violation]]", "a calm sea")
        return body


class OtherCallback(Mutant):
    """A callback has another result than the status."""

    rule = "CB-1"

    def calls(self, bodies: Sequence[bytes]) -> Sequence[bytes]:
        return [body.replace(b".mp4", b".webm").replace(b'failMsg":"', b'failMsg":"Failed: ') for body in bodies]


class NoCallback(Mutant):
    """No callback comes."""

    rule = "CB-1"

    def calls(self, bodies: Sequence[bytes]) -> Sequence[bytes]:
        return bodies[:0]


class CallsTwice(Mutant):
    """Each callback comes twice."""

    rule = "CB-2"

    def calls(self, bodies: Sequence[bytes]) -> Sequence[bytes]:
        return [body for body in bodies for _ in range(2)]


class AlwaysCalls(Mutant):
    """An async task calls back if it has a callback_url."""

    rule = "CB-3"

    def asks(self, body: Envelope) -> Envelope:
        if "callback_url" in body and body.get("request_type", "async") == "async":
            body["request_type"] = "callback"
        return body


class OneMoreSlot(Mutant):
    """One task more than allowed may be unfinished."""

    rule = "LIM-2"
    slots = SLOTS + 1


class OneSlotLess(Mutant):
    """One task less than allowed may be unfinished."""

    rule = "LIM-2"
    slots = SLOTS - 1


class NoRetryAfter(Mutant):
    """A 429 does not say when to try again."""

    rule = "LIM-3"

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        response.headers.pop("retry-after", None)
        return response
