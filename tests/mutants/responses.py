"""Servers whose envelopes, access or tasks are wrong: one mistake each."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import ClassVar

from ltx_mock.asgi.in_process import Reply
from mutants.base import KEY, Ask, Broken, Data, decoded, error, is_wrong, mistakes, saying

RESULT = ("resultJson", "completeTime", "costTime")
ENDED = ("success", "failed")


class OfUnknown(Broken, ABC):
    """Changes only the 404 of a task that nobody made."""

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        return self.of_unknown(reply) if (ask.operation, reply.status) == ("statusTask", 404) else reply

    @abstractmethod
    def of_unknown(self, reply: Reply) -> Reply:
        """Return what is answered instead."""


# ---- the envelope


class ErrorLacksData(OfUnknown):
    """The envelope of an error has no data."""

    rule = "ENV-1"

    def of_unknown(self, reply: Reply) -> Reply:
        envelope = json.loads(reply.body)
        del envelope["data"]
        return saying(reply, envelope)


class CodeIsText(OfUnknown):
    """The code of an error is a string."""

    rule = "ENV-1"

    def of_unknown(self, reply: Reply) -> Reply:
        return saying(reply, json.loads(reply.body) | {"code": "404"})


class ErrorIsCut(OfUnknown):
    """An error is no JSON: its end is missing."""

    rule = "ENV-1"

    def of_unknown(self, reply: Reply) -> Reply:
        return reply._replace(body=reply.body[:-1])


class ErrorIsHtml(OfUnknown):
    """An error is a page for people."""

    rule = "ENV-1"

    def of_unknown(self, reply: Reply) -> Reply:
        return Reply(reply.status, [(b"content-type", b"text/html")], b"<html><h1>404 Not Found</h1></html>")


class ErrorIsText(Broken):
    """A refusal is plain text."""

    rule = "ENV-1"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        wrong = ask.operation == "generateTask" and reply.status == 400 and is_wrong(decoded(ask.body))
        return Reply(400, [(b"content-type", b"text/plain")], b"Bad Request") if wrong else reply


class OneMoreKey(Broken):
    """The envelope of a new task has a fourth key."""

    rule = "ENV-1"

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        made = ask.operation == "generateTask" and reply.status == 200
        return saying(reply, json.loads(reply.body) | {"requestId": "r1"}) if made else reply


class NoMessage(Broken):
    """The envelope of a new task has no message."""

    rule = "ENV-1"

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        if ask.operation != "generateTask" or reply.status != 200:
            return reply
        envelope = json.loads(reply.body)
        del envelope["message"]
        return saying(reply, envelope)


class DataIsList(Broken):
    """The data of a pending task is a list."""

    rule = "ENV-1"
    also = ("TASK-1", "TASK-2")

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        envelope = decoded(reply.body)
        if ask.operation != "statusTask" or reply.status != 200 or envelope["data"]["state"] != "pending":
            return reply
        return saying(reply, envelope | {"data": [envelope["data"]]})


class MessageIsOk(Broken):
    """The message of a new task is "ok"."""

    rule = "ENV-2"

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        made = ask.operation == "generateTask" and reply.status == 200
        return saying(reply, json.loads(reply.body) | {"message": "ok"}) if made else reply


class MessageInCapitals(Broken):
    """The message of a task under way is "Success"."""

    rule = "ENV-2"

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        envelope = decoded(reply.body)
        if ask.operation == "generateTask" or reply.status != 200 or envelope["data"]["state"] in ENDED:
            return reply
        return saying(reply, envelope | {"message": "Success"})


class CreatedIs201(Broken):
    """A new task is a 201, by code and by HTTP status."""

    rule = "ENV-2"
    also = ("ENV-1", "ENV-3")

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        made = ask.operation == "generateTask" and reply.status == 200
        return saying(reply, json.loads(reply.body) | {"code": 201}, 201) if made else reply


class CodeIsZero(Broken):
    """The code of a new task is 0."""

    rule = "ENV-2"
    also = ("ENV-3", "ENV-4")

    def leaves(self, ask: Ask, reply: Reply) -> Reply:
        made = ask.operation == "generateTask" and reply.status == 200
        return saying(reply, json.loads(reply.body) | {"code": 0}) if made else reply


class EmptyMessage(OfUnknown):
    """The message of an error is empty."""

    rule = "ENV-3"

    def of_unknown(self, reply: Reply) -> Reply:
        return saying(reply, json.loads(reply.body) | {"message": ""})


class ErrorHasData(OfUnknown):
    """An error has an empty object as data."""

    rule = "ENV-3"

    def of_unknown(self, reply: Reply) -> Reply:
        return saying(reply, json.loads(reply.body) | {"data": {}})


class UnknownIsHttp200(OfUnknown):
    """The error about a task that nobody made comes with HTTP 200."""

    rule = "ENV-4"

    def of_unknown(self, reply: Reply) -> Reply:
        return reply._replace(status=200)


class RefusedWithHttp200(Broken):
    """The refusal of a bad request comes with HTTP 200 and has the true code in its envelope."""

    rule = "ENV-4"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        refused = ask.operation == "generateTask" and reply.status == 400 and is_wrong(decoded(ask.body))
        return reply._replace(status=200) if refused else reply


class OtherCode(OfUnknown):
    """The code of a 404 is 400."""

    rule = "ENV-4"

    def of_unknown(self, reply: Reply) -> Reply:
        return saying(reply, json.loads(reply.body) | {"code": 400})


# ---- access


class NeedsNoKey(Broken):
    """A request without Authorization is let in."""

    rule = "AUTH-1"

    def enters(self, ask: Ask) -> Ask:
        return ask.with_key(KEY) if ask.authorization is None else ask


class StatusNeedsNoKey(Broken):
    """A status is told without Authorization."""

    rule = "AUTH-1"

    def enters(self, ask: Ask) -> Ask:
        without = ask.operation == "statusTask" and ask.authorization is None
        return ask.with_key(self.owners.get(ask.task_id, KEY)) if without else ask


class NoKeyIs403(Broken):
    """A request without Authorization is answered with 403."""

    rule = "AUTH-1"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        return error(403, "Forbidden") if reply.status == 401 and ask.authorization is None else reply


class AnyScheme(Broken):
    """The word before the key need not be Bearer."""

    rule = "AUTH-2"

    def enters(self, ask: Ask) -> Ask:
        scheme, _, key = (ask.authorization or "").strip().partition(" ")
        return ask.with_key(key) if key and scheme.lower() != "bearer" and " " not in key else ask


class BareKey(Broken):
    """A key without Bearer is let in."""

    rule = "AUTH-2"

    def enters(self, ask: Ask) -> Ask:
        given = (ask.authorization or "").strip()
        return ask.with_key(given) if given and given.lower() != "bearer" and " " not in given else ask


class EmptyKey(Broken):
    """An empty key is let in."""

    rule = "AUTH-2"

    def enters(self, ask: Ask) -> Ask:
        return ask.with_key(KEY) if (ask.authorization or "").strip().lower() == "bearer" else ask


class AnyKey(Broken):
    """A key that nobody has is let in."""

    rule = "AUTH-2"

    async def answer(self, ask: Ask) -> Reply:
        reply = await super().answer(ask)
        bearer = (ask.authorization or "").lower().startswith("bearer ") and ask.operation != "admin"
        return await super().answer(ask.with_key(KEY)) if reply.status == 401 and bearer else reply


class BadKeyIs403(Broken):
    """A key that nobody has is answered with 403."""

    rule = "AUTH-2"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        return error(403, "Forbidden") if reply.status == 401 and ask.authorization is not None else reply


# ---- a new task and its id


class IdIsNumber(Broken):
    """The id of a new async task is a number."""

    rule = "GEN-17"

    def enters(self, ask: Ask) -> Ask:
        known = ask.operation == "statusTask" and ask.task_id.isdigit() and len(ask.task_id) < 20
        return ask.about(f"task_{int(ask.task_id):012x}") if known else ask

    def makes(self, data: Data) -> None:
        if self.is_async(data):
            data["taskId"] = int(data["taskId"].removeprefix("task_"), 16)

    def tells(self, data: Data) -> None:
        if self.is_async(data):
            data["taskId"] = str(int(data["taskId"].removeprefix("task_"), 16))


class IdIsMissing(Broken):
    """A new task has no id."""

    rule = "GEN-17"

    def makes(self, data: Data) -> None:
        del data["taskId"]


class SameIdAtOnce(Broken):
    """Of two async tasks that ask for the same at one moment the second has the id of the first."""

    rule = "GEN-17"

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[object, str] = {}

    async def generate(self, ask: Ask) -> Reply:
        reply = await super().generate(ask)
        envelope = decoded(reply.body)
        if reply.status != 200 or not self.is_async(envelope["data"]):
            return reply
        look = ask._replace(method="GET", path=ask.path.replace("generateTask", "statusTask"), body=b"")
        told = await self.inner(look.about(envelope["data"]["taskId"]))
        if told.status != 200:
            return reply
        same = ask.key, ask.body, json.loads(told.body)["data"]["createTime"]
        envelope["data"]["taskId"] = self.first.setdefault(same, envelope["data"]["taskId"])
        return saying(reply, envelope)


class IdsBeginAnew(Broken):
    """Each key has its own task_1, task_2 and so on."""

    rule = "GEN-17"
    also = ("AUTH-4",)

    def __init__(self) -> None:
        super().__init__()
        self.outer: dict[str, str] = {}
        self.true: dict[tuple[str, str], str] = {}

    def opens(self, key: str, settings: Data) -> None:  # noqa: ARG002 - whatever the settings
        self.memory[key] = 0
        self.true = {known: task_id for known, task_id in self.true.items() if known[0] != key}

    def enters(self, ask: Ask) -> Ask:
        return ask.about(self.true.get((ask.key, ask.task_id), "unknown")) if ask.task_id else ask

    async def generate(self, ask: Ask) -> Reply:
        reply = await super().generate(ask)
        if reply.status == 200:
            self.memory[ask.key] += 1
            task_id, outer = json.loads(reply.body)["data"]["taskId"], f"task_{self.memory[ask.key]}"
            self.outer[task_id], self.true[ask.key, outer] = outer, task_id
        return reply

    def makes(self, data: Data) -> None:
        data["taskId"] = self.outer[data["taskId"]]

    def tells(self, data: Data) -> None:
        data["taskId"] = self.outer.get(data["taskId"], data["taskId"])


class OtherWordsForNoCredits(Broken):
    """Want of credits is told in other words."""

    rule = "GEN-15"
    also: ClassVar[tuple[str, ...]] = ("GEN-17",)
    status, message = 400, "You have too few credits"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        poor = json.loads(reply.body)["message"] == "Insufficient credits"
        return error(self.status, self.message) if poor and ask.operation == "generateTask" else reply


class NoCreditsIs402(OtherWordsForNoCredits):
    """Want of credits is a 402."""

    also = ()
    outcome = "observed"
    status, message = 402, "Insufficient credits"


class BalanceIsText(Broken):
    """The balance is a string."""

    rule = "BAL-1"

    def balance(self, credit: float) -> object:
        return str(credit)


class BalanceIsAnObject(Broken):
    """The balance is an object."""

    rule = "BAL-1"

    def balance(self, credit: float) -> object:
        return {"credits": credit}


class CreditsHaveNoEnd(Broken):
    """Credits have no end."""

    rule = "GEN-15"

    def opens(self, key: str, settings: Data) -> None:  # noqa: ARG002 - whatever the key
        settings["credits"] = None


class LastCreditIsKept(Broken):
    """The last credit cannot be spent."""

    rule = "GEN-15"

    def opens(self, key: str, settings: Data) -> None:  # noqa: ARG002
        if settings.get("credits"):
            settings["credits"] -= 1


ANSWERS = [kind.mutant() for kind in mistakes(__name__)]
"""The mistakes about envelopes, access, ids and credits."""
