"""Servers whose callbacks or limits are wrong: one mistake each."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlencode

from ltx_mock.asgi.in_process import Reply
from ltx_mock.core.clock import SECOND
from ltx_mock.engine.deliveries import RETRY_AFTER_MS
from ltx_mock.engine.outbound import Unanswered
from mutants.base import Ask, Broken, Data, Deliver, Mutant, decoded, encoded, error, is_wrong, mistakes

FORM = "application/x-www-form-urlencoded"


class NoCallback(Broken):
    """No callback comes."""

    rule = "CB-1"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:  # noqa: ARG002 - that is the mistake
        return 200


class NoCallbackOfFailure(Broken):
    """A failure does not call back."""

    rule = "CB-1"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        failed = json.loads(body)["data"]["state"] == "failed"
        return 200 if failed else await super().calls(deliver, url, body)


class OtherBody(Broken):
    """A callback tells of another result, or of another reason, than a poll."""

    rule = "CB-1"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        changed = body.replace(b".mp4", b".webm").replace(b'"failMsg":"', b'"failMsg":"Failed: ')
        return await deliver(url, changed)


class DataAlone(Broken):
    """A callback is the data without its envelope."""

    rule = "CB-1"
    also = ("ENV-1",)

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        return await deliver(url, encoded(json.loads(body)["data"]))


class CallsAtWork(Broken):
    """The callback says that the task is processing."""

    rule = "CB-1"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        envelope = json.loads(body)
        data = {"createTime": 1_767_965_610_929} | envelope["data"]
        told = {"taskId": data["taskId"], "state": "processing", "createTime": data["createTime"]}
        return await deliver(url, encoded(envelope | {"data": told}))


class CallsByGet(Broken):
    """A callback is a GET."""

    rule = "CB-1"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        return await deliver(url, body, method="GET")


class CallsByPut(Broken):
    """A callback is a PUT."""

    rule = "CB-1"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        return await deliver(url, body, method="PUT")


class CallsByForm(Broken):
    """A callback is a form."""

    rule = "CB-1"
    also = ("ENV-1",)

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        return await deliver(url, urlencode(json.loads(body)["data"]).encode(), content_type=FORM)


class SaysText(Broken):
    """The Content-Type of a callback is text/plain."""

    rule = "CB-1"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        return await deliver(url, body, content_type="text/plain")


class CallsOnce(Broken):
    """A callback that fails is not made again."""

    rule = "CB-2"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        try:
            await deliver(url, body)
        except Unanswered:
            return 200
        return 200


class CallsAgain(Broken):
    """A callback that was answered with 200 comes again."""

    rule = "CB-2"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        status = await deliver(url, body)
        self.memory[url, body] += status == 200
        return 500 if self.memory[url, body] == 1 else status


class CallsTwice(Broken):
    """Each callback comes twice at once."""

    rule = "CB-2"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        await deliver(url, body)
        return await deliver(url, body)


class AnySuccess(Broken):
    """A callback that was answered with 202 or 204 is not made again."""

    rule = "CB-2"

    async def calls(self, deliver: Deliver, url: str, body: bytes) -> int:
        status = await deliver(url, body)
        return 200 if 200 <= status < 300 else status


class AsyncCalls(Broken):
    """An async task calls back if it has a callback_url."""

    rule = "CB-3"

    def asks(self, body: Any) -> Any:
        if not is_wrong(body) and "callback_url" in body:
            body["request_type"] = "callback"
        return body


class OfRate(Broken, ABC):
    """Changes the request limit."""

    rule = "LIM-1"

    def opens(self, key: str, settings: Data) -> None:  # noqa: ARG002 - whatever the key
        if "rate_limit" in settings:
            count, _, unit = settings["rate_limit"].partition("/")
            settings["rate_limit"] = self.rate(int(count), unit)

    @abstractmethod
    def rate(self, count: int, unit: str) -> str:
        """Return the limit that the fake gets instead."""


class OneRequestMore(OfRate):
    """One request more than allowed is answered."""

    def rate(self, count: int, unit: str) -> str:
        return f"{count + 1}/{unit}"


class OneRequestLess(OfRate):
    """One request less than allowed is answered."""

    def rate(self, count: int, unit: str) -> str:
        return f"{count - 1}/{unit}"


class NoRequestLimit(OfRate):
    """There is no request limit."""

    def rate(self, count: int, unit: str) -> str:  # noqa: ARG002 - whatever it was
        return f"999999999/{unit}"


class LongMinute(OfRate):
    """The request limit counts for an hour."""

    def rate(self, count: int, unit: str) -> str:  # noqa: ARG002
        return f"{count}/hour"


class LimitIs503(Broken):
    """Who asks too often gets a 503."""

    rule = "LIM-1"
    limit = "Rate limit exceeded"

    def fails(self, ask: Ask, reply: Reply) -> Reply:  # noqa: ARG002 - the answer says it all
        limited = reply.status == 429 and json.loads(reply.body)["message"].startswith(self.limit)
        return error(503, "Try again later", retry_after="1") if limited else reply


class SlotsAre503(LimitIs503):
    """Who has too many tasks gets a 503."""

    rule = "LIM-2"
    limit = "Too many concurrent tasks"


class OneSlotMore(Broken):
    """One task more than allowed may be unfinished."""

    rule = "LIM-2"
    more = 1

    def opens(self, key: str, settings: Data) -> None:  # noqa: ARG002 - whatever the key
        if "max_concurrent" in settings:
            settings["max_concurrent"] += self.more


class OneSlotLess(OneSlotMore):
    """One task less than allowed may be unfinished."""

    more = -1


class NoSlotLimit(OneSlotMore):
    """There is no limit of unfinished tasks."""

    more = 10**6


class NeverFrees(Broken):
    """A task keeps its slot when it has finished."""

    rule = "LIM-2"

    def __init__(self) -> None:
        super().__init__()
        self.slots: dict[str, int] = {}

    def opens(self, key: str, settings: Data) -> None:
        self.slots[key] = settings.get("max_concurrent", 1000)
        self.memory[key] = 0

    async def generate(self, ask: Ask) -> Reply:
        if self.memory[ask.key] >= self.slots.get(ask.key, 1000) and not is_wrong(decoded(ask.body)):
            return error(429, "Too many concurrent tasks", retry_after="1")
        reply = await super().generate(ask)
        self.memory[ask.key] += reply.status == 200
        return reply


def spaced(name: str, text: str, *delays: int) -> Mutant:
    moments = tuple(delay * SECOND for delay in delays)
    return Mutant(
        name,
        "CB-2",
        text,
        patches={f"ltx_mock.engine.{module}.RETRY_AFTER_MS": moments for module in ("deliveries", "callbacks")},
    )


FIRST, SECOND_DELAY, THIRD = (delay // SECOND for delay in RETRY_AFTER_MS)

SPACED = [
    spaced("retry-at-once", "The first retry comes after a second.", 1, SECOND_DELAY, THIRD),
    spaced("retry-late", "The first retry comes after an hour.", 3600, 7200, 14400),
    spaced("constant-delays", "The delays of the retries do not grow.", FIRST, FIRST, FIRST),
    spaced("constant-long-delays", "All delays of the retries are as long.", 45, 45, 45),
    spaced("short-last-delay", "The delay of the last retry is as short as the first.", FIRST, SECOND_DELAY, FIRST),
    spaced("shrinking-delays", "The delays of the retries become shorter.", FIRST, 20, 10),
    spaced("five-attempts", "A callback is tried five times.", FIRST, SECOND_DELAY, THIRD, 240),
]


FLOWS = [kind.mutant() for kind in mistakes(__name__)] + SPACED
"""The mistakes about callbacks and limits."""
