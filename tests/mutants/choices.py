"""Servers that do in another way what no document promises: the fake chose for itself. None of it is wrong."""

from __future__ import annotations

import json
from typing import ClassVar

from ltx_mock.asgi.in_process import Reply
from ltx_mock_contracts import validate_request
from mutants.base import (
    NO_JSON,
    Ask,
    Broken,
    Data,
    Outcome,
    decoded,
    error,
    is_wrong,
    mistakes,
)
from support.bodies import TEXT, request_body


class Choice(Broken):
    """Another choice than the fake's; it breaks no rule."""

    outcome: ClassVar[Outcome] = "observed"


class NoSuchPathIs400(Choice):
    """An unknown path is a 400."""

    rule = "ENV-5"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        return error(400, "Bad request") if ask.operation == "other" and reply.status == 404 else reply


class WrongMethodIs404(Choice):
    """A wrong method is a 404."""

    rule = "ENV-5"

    def fails(self, ask: Ask, reply: Reply) -> Reply:  # noqa: ARG002 - the status says it all
        return error(404, "Not found") if reply.status == 405 else reply


class NoAllow(Choice):
    """A 405 does not say what is allowed."""

    rule = "ENV-5"

    def fails(self, ask: Ask, reply: Reply) -> Reply:  # noqa: ARG002
        return reply._replace(headers=[header for header in reply.headers if header[0] != b"allow"])


class TooLargeIs400(Choice):
    """A body that is too large is a 400."""

    rule = "ENV-5"

    def fails(self, ask: Ask, reply: Reply) -> Reply:  # noqa: ARG002
        return error(400, "The body is too large") if reply.status == 413 else reply


class BodyBeforeKey(Choice):
    """A bad body is refused before the key is looked at."""

    rule = "AUTH-3"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        if (ask.operation, reply.status) != ("generateTask", 401):
            return reply
        body = decoded(ask.body)
        if body is NO_JSON:
            return error(400, "The body is no JSON")
        violations = [finding for finding in validate_request(body) if finding.severity == "violation"]
        return error(400, violations[0].message) if violations else reply


class OpenToAll(Choice):
    """Any good key sees any task."""

    rule = "AUTH-4"

    async def answer(self, ask: Ask) -> Reply:
        reply = await super().answer(ask)
        owner = self.owners.get(ask.task_id) if (ask.operation, reply.status) == ("statusTask", 404) else None
        return await super().answer(ask.with_key(owner)) if owner else reply


class ReadingHelps(Choice):
    """A pending task is processing from the second look on."""

    rule = "TASK-12"

    def polls(self, data: Data) -> None:
        self.memory[data["taskId"]] += 1
        if data["state"] == "pending" and self.memory[data["taskId"]] > 1:
            data["state"] = "processing"


class OnlyOneWay(Choice):
    """A callback task cannot be asked for: it is a 404."""

    rule = "CB-4"
    also = ("TASK-11",)

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        if (ask.operation, reply.status) == ("statusTask", 200) and not self.is_async(json.loads(reply.body)["data"]):
            return error(404, "Task not found")
        return reply


class NoRetryAfter(Choice):
    """A 429 does not say when to try again."""

    rule = "LIM-3"

    def fails(self, ask: Ask, reply: Reply) -> Reply:  # noqa: ARG002 - whatever was asked
        return reply._replace(headers=[header for header in reply.headers if header[0] != b"retry-after"])


class RetryAtDate(Choice):
    """A 429 says on which date to try again."""

    rule = "LIM-3"

    def fails(self, ask: Ask, reply: Reply) -> Reply:  # noqa: ARG002
        others = [header for header in reply.headers if header[0] != b"retry-after"]
        date = (b"retry-after", b"Fri, 09 Jan 2026 13:33:30 GMT")
        return reply._replace(headers=[*others, date]) if reply.status == 429 else reply


class RefusedYetMade(Choice):
    """A refused request makes a task all the same, which calls back."""

    rule = "GEN-18"

    async def generate(self, ask: Ask) -> Reply:
        reply = await super().generate(ask)
        body = decoded(ask.body)
        if reply.status == 400 and isinstance(body, dict) and is_wrong(body):
            made = request_body(TEXT) | {name: body[name] for name in ("request_type", "callback_url") if name in body}
            await self.inner(ask.saying(made))
        return reply


class RefusedYetPaid(Choice):
    """A refused request costs credits and a slot."""

    rule = "GEN-18"

    async def generate(self, ask: Ask) -> Reply:
        reply = await super().generate(ask)
        if reply.status == 400 and is_wrong(decoded(ask.body)):
            await self.inner(ask.saying(request_body(TEXT)))
        return reply


CHOICES = [kind.mutant() for kind in mistakes(__name__)]
"""The other choices; those about advisories are in `broken_requests`."""
