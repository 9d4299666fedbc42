"""Servers on which the life of a task, its result or its failure is wrong: one mistake each."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlsplit

from ltx_mock.api.recorded_media import _render
from ltx_mock.asgi.in_process import Reply
from ltx_mock.core.clock import DAY, SECOND
from ltx_mock.core.timeline import GENERATION_MS, LORA_MS
from mutants.base import (
    Ask,
    Broken,
    Data,
    Mutant,
    Outcome,
    error,
    is_wrong,
    mistakes,
    saying,
)
from mutants.responses import OfUnknown
from support.bodies import IMAGE, LORAS

RESULT = ("resultJson", "completeTime", "costTime")
ENDED = ("success", "failed")


class ChangesItsMind(Broken):
    """A success of an async task is a failure when it is asked for again."""

    rule = "TASK-1"

    def polls(self, data: Data) -> None:
        self.memory[data["taskId"]] += data["state"] == "success" and self.is_async(data)
        if self.memory[data["taskId"]] > 1:
            task_id = data["taskId"]
            data.clear()
            data |= {
                "taskId": task_id,
                "state": "failed",
                "failCode": "CONTENT_VIOLATION",
                "failMsg": "on second thought",
            }


class StartsAgain(Broken):
    """What was processing is pending at each second look."""

    rule = "TASK-1"

    def polls(self, data: Data) -> None:
        self.memory[data["taskId"]] += data["state"] == "processing"
        if data["state"] == "processing" and self.memory[data["taskId"]] % 2 == 0:
            data["state"] = "pending"


class UnknownState(Broken):
    """A task that is processing is "running"."""

    rule = "TASK-1"

    def polls(self, data: Data) -> None:
        if data["state"] == "processing":
            data["state"] = "running"


class SignsAnew(Broken):
    """The result of an async task has another URL each time it is asked for."""

    rule = "TASK-1"
    outcome = "observed"

    def polls(self, data: Data) -> None:
        if data["state"] == "success" and self.is_async(data):
            self.memory[data["taskId"]] += 1
            (url,) = json.loads(data["resultJson"])["resultUrls"]
            data["resultJson"] = json.dumps({"resultUrls": [f"{url}?signature={self.memory[data['taskId']]}"]})


class ResultBeforeTheEnd(Broken):
    """A pending task has a resultJson."""

    rule = "TASK-2"

    def polls(self, data: Data) -> None:
        if data["state"] == "pending":
            data["resultJson"] = '{"resultUrls":[]}'


class NoCreateTime(Broken):
    """A pending task has no createTime."""

    rule = "TASK-2"
    outcome = "observed"

    def polls(self, data: Data) -> None:
        if data["state"] == "pending":
            del data["createTime"]


class EndBeforeTheEnd(Broken):
    """A task that is processing has a completeTime."""

    rule = "TASK-2"

    def polls(self, data: Data) -> None:
        if data["state"] == "processing":
            data["completeTime"] = data["createTime"] + 45_000


class OfSuccess(Broken, ABC):
    """Changes what is told of a success, by polls and callbacks alike."""

    def tells(self, data: Data) -> None:
        if data["state"] == "success":
            self.of_success(data)

    @abstractmethod
    def of_success(self, data: Data) -> None:
        """Change it."""


class NoCostTime(OfSuccess):
    """A success has no costTime."""

    rule = "TASK-3"

    def of_success(self, data: Data) -> None:
        del data["costTime"]


class SuccessHasFailCode(OfSuccess):
    """A success has an empty failCode and an empty failMsg."""

    rule = "TASK-3"
    outcome = "observed"

    def of_success(self, data: Data) -> None:
        data |= {"failCode": "", "failMsg": ""}


class ResultIsNoText(OfSuccess):
    """resultJson is an object."""

    rule = "TASK-4"

    def of_success(self, data: Data) -> None:
        data["resultJson"] = json.loads(data["resultJson"])


class ResultIsBareUrl(OfSuccess):
    """resultJson is the URL itself."""

    rule = "TASK-4"

    def of_success(self, data: Data) -> None:
        (data["resultJson"],) = json.loads(data["resultJson"])["resultUrls"]


class NoResultUrls(OfSuccess):
    """resultUrls is empty."""

    rule = "TASK-4"

    def of_success(self, data: Data) -> None:
        data["resultJson"] = '{"resultUrls":[]}'


class RelativeUrl(OfSuccess):
    """The URL of the result has no host."""

    rule = "TASK-4"

    def of_success(self, data: Data) -> None:
        (url,) = json.loads(data["resultJson"])["resultUrls"]
        data["resultJson"] = json.dumps({"resultUrls": [urlsplit(url).path]})


class CostsOneMore(OfSuccess):
    """costTime is a millisecond too long."""

    rule = "TASK-5"

    def of_success(self, data: Data) -> None:
        data["costTime"] += 1


class SwappedTimes(OfSuccess):
    """createTime and completeTime are swapped."""

    rule = "TASK-5"

    def of_success(self, data: Data) -> None:
        data["createTime"], data["completeTime"] = data["completeTime"], data["createTime"]


class CompletedTomorrow(OfSuccess):
    """createTime and completeTime of a success are a day ahead."""

    rule = "TASK-5"

    def of_success(self, data: Data) -> None:
        data["createTime"] += DAY
        data["completeTime"] += DAY


class Seconds(Broken):
    """createTime is in seconds."""

    rule = "TASK-5"

    def tells(self, data: Data) -> None:
        if "createTime" in data:
            data["createTime"] //= 1000


class CreatedLate(Broken):
    """createTime is a millisecond late, and so is completeTime."""

    rule = "TASK-5"

    def tells(self, data: Data) -> None:
        for name in {"createTime", "completeTime"} & set(data):
            data[name] += 1


class CreateTimeIsText(Broken):
    """createTime of an unfinished task is a text."""

    rule = "TASK-5"

    def polls(self, data: Data) -> None:
        if data["state"] not in ENDED:
            data["createTime"] = "2026-01-09T13:33:30Z"


class CreateTimeDrifts(Broken):
    """createTime of an unfinished task is later each time it is asked for."""

    rule = "TASK-5"

    def polls(self, data: Data) -> None:
        if data["state"] not in ENDED:
            self.memory[data["taskId"]] += 1
            data["createTime"] += self.memory[data["taskId"]]


class NoFailMsg(Broken):
    """A failure has no failMsg."""

    rule = "TASK-6"

    def tells(self, data: Data) -> None:
        data.pop("failMsg", None)


class FailureHasResult(Broken):
    """A failure has an empty resultJson."""

    rule = "TASK-6"
    outcome = "observed"

    def tells(self, data: Data) -> None:
        if data["state"] == "failed":
            data["resultJson"] = ""


class UnknownFailCode(Broken):
    """A content violation has a code of its own."""

    rule = "TASK-7"
    outcome = "observed"

    def tells(self, data: Data) -> None:
        if data.get("failCode") == "CONTENT_VIOLATION":
            data["failCode"] = "NSFW_CONTENT"


class FailCodeInSmallLetters(Broken):
    """A LoRA that cannot be downloaded has its code in small letters."""

    rule = "TASK-7"
    outcome = "observed"

    def tells(self, data: Data) -> None:
        if data.get("failCode") == "INVALID_LORA_URL":
            data["failCode"] = "invalid_lora_url"


class VendorsFailCode(Broken):
    """A content violation has the code that the vendor lists for the whole API."""

    rule = "FAIL-1"
    outcome = "observed"

    def tells(self, data: Data) -> None:
        if data.get("failCode") == "CONTENT_VIOLATION":
            data["failCode"] = "NSFW_DETECTED"


class NoFailCode(Broken):
    """A content violation has an empty code."""

    rule = "TASK-7"

    def tells(self, data: Data) -> None:
        if data.get("failCode") == "CONTENT_VIOLATION":
            data["failCode"] = ""


class NeverFinishes(Broken):
    """An async task at 1080p is processed for ever."""

    rule = "TASK-8"

    def polls(self, data: Data) -> None:
        given = self.asked.get(data["taskId"], {}).get("input", {})
        if data["state"] == "success" and self.is_async(data) and given.get("resolution") == "1080p":
            data["state"] = "processing"
            for name in RESULT:
                del data[name]


class SeedIsNotUsed(Broken):
    """The same seed gives another video each time."""

    rule = "TASK-9"

    def asks(self, body: Any) -> Any:
        if not is_wrong(body):
            body["input"].pop("seed", None)
        return body


class NoResult(Broken):
    """A result cannot be had."""

    rule = "TASK-10"

    def serves(self, reply: Reply) -> Reply:  # noqa: ARG002 - whatever it was
        return error(404, "No such file")


class ResultOnlyOnce(Broken):
    """Who asks for results a second time gets none."""

    rule = "TASK-10"

    async def answer(self, ask: Ask) -> Reply:
        reply = await super().answer(ask)
        if ask.operation != "file" or ask.method != "GET" or reply.status != 200:
            return reply
        self.memory[ask.path] += 1
        once = self.memory[ask.path] == 1 or not ask.path.startswith("/files/results/")
        return reply if once else error(410, "Gone")


class ResultIsPage(Broken):
    """A result says that it is HTML."""

    rule = "TASK-10"

    def serves(self, reply: Reply) -> Reply:
        others = [header for header in reply.headers if header[0] != b"content-type"]
        return reply._replace(headers=[*others, (b"content-type", b"text/html")])


class ResultIsCut(Broken):
    """The second half of a result is missing."""

    rule = "TASK-10"

    def serves(self, reply: Reply) -> Reply:
        return reply._replace(body=reply.body[: len(reply.body) // 2]) if reply.status == 200 else reply


class ResultIsEmpty(Broken):
    """A result has no bytes."""

    rule = "TASK-10"

    def serves(self, reply: Reply) -> Reply:
        return reply._replace(body=b"")


class MissingIdIs404(Broken):
    """statusTask without a taskId is a 404."""

    rule = "TASK-11"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        missing = ask.operation == "statusTask" and not ask.task_id and reply.status == 400
        return error(404, "Not found") if missing else reply


class UnknownIs400(OfUnknown):
    """A task that nobody made is a 400."""

    rule = "TASK-11"

    def of_unknown(self, reply: Reply) -> Reply:
        return error(400, json.loads(reply.body)["message"])


class UnknownIsPending(Broken):
    """A task that nobody made is pending."""

    rule = "TASK-11"

    def fails(self, ask: Ask, reply: Reply) -> Reply:
        if (ask.operation, reply.status) != ("statusTask", 404) or ask.task_id in self.owners:
            return reply
        data = {"taskId": ask.task_id, "state": "pending", "createTime": 1_767_965_610_929}
        return saying(reply, {"code": 200, "message": "success", "data": data}, 200)


class AspectRatioIsTall(Broken):
    """Without aspect_ratio a video is upright."""

    rule = "GEN-11"

    def asks(self, body: Any) -> Any:
        if not is_wrong(body) and body["input"]["mode"] in {"text-to-video", "text-to-video-LoRA"}:
            body["input"].setdefault("aspect_ratio", "9:16")
        return body


# ---- failures


class NoContentRules(Broken):
    """Nothing is a content violation."""

    rule = "FAIL-1"

    def asks(self, body: Any) -> Any:
        if not is_wrong(body):
            body["input"]["prompt"] = body["input"]["prompt"].replace("[[content-violation]]", "[a calm sea]")
        return body


class ViolationIsImage(Broken):
    """A prompt that breaks the content rules fails for its image."""

    rule = "FAIL-1"

    def tells(self, data: Data) -> None:
        if data.get("failCode") == "CONTENT_VIOLATION":
            data["failCode"] = "INVALID_IMAGE_URL"


class AnyImage(Broken):
    """Every reference image is good."""

    rule = "FAIL-2"

    def asks(self, body: Any) -> Any:
        if not is_wrong(body) and "image_urls" in body["input"]:
            body["input"]["image_urls"] = IMAGE["image_urls"]
            body["input"]["prompt"] = body["input"]["prompt"].replace("[[invalid-image-url]]", "[a calm sea]")
        return body


class ImageIsViolation(Broken):
    """A bad reference image is a content violation."""

    rule = "FAIL-2"

    def tells(self, data: Data) -> None:
        if data.get("failCode") == "INVALID_IMAGE_URL":
            data["failCode"] = "CONTENT_VIOLATION"


class AnyLora(Broken):
    """Every LoRA can be downloaded."""

    rule = "FAIL-3"

    def asks(self, body: Any) -> Any:
        if not is_wrong(body) and "loras" in body["input"]:
            body["input"]["loras"] = LORAS[: len(body["input"]["loras"])]
            body["input"]["prompt"] = body["input"]["prompt"].replace("[[invalid-lora-url]]", "[a calm sea]")
        return body


class LoraIsImage(Broken):
    """A LoRA that cannot be downloaded is a bad image."""

    rule = "FAIL-3"

    def tells(self, data: Data) -> None:
        if data.get("failCode") == "INVALID_LORA_URL":
            data["failCode"] = "INVALID_IMAGE_URL"


def other_video(**changes: Any) -> Any:
    """Return a way to make result files in which something else is made than was asked for."""
    return lambda **asked: _render(**{**asked, **{name: change(asked[name]) for name, change in changes.items()}})


def spans(**changes: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """Return how long generation takes, in milliseconds, with other spans of seconds."""
    changed = {name.removeprefix("p"): (low * SECOND, high * SECOND) for name, (low, high) in changes.items()}
    return GENERATION_MS | {f"{name}p": span for name, span in changed.items()}


def patched(name: str, rule: str, text: str, target: str, value: object, outcome: Outcome = "broken") -> Mutant:
    return Mutant(name, rule, text, outcome=outcome, patches={f"ltx_mock.{target}": value})


SPANS, RENDER, LIFE = "core.timeline.GENERATION_MS", "api.recorded_media._render", "api.files.RESULT_LIFE_MS"
BETTER, FIRST = {"480p": "720p"}, LORA_MS[0] * 4

PATCHED = [
    patched("too-fast", "TASK-8", "A task at 480p takes 20 to 30 seconds.", SPANS, spans(p480=(20, 30))),
    patched("too-slow", "TASK-8", "A task at 480p takes 61 to 62 seconds.", SPANS, spans(p480=(61, 62))),
    patched("one-speed", "TASK-8", "A task at 1080p takes 60 to 69 seconds.", SPANS, spans(p1080=(60, 69))),
    patched("lora-is-slow", "TASK-8", "A LoRA takes 40 s to load.", "core.timeline.LORA_MS", (FIRST, FIRST)),
    patched("expires", "TASK-10", "A result expires after an hour.", LIFE, DAY // 24),
    patched("expires-early", "TASK-10", "A result expires after 14 days.", LIFE, 14 * DAY, "observed"),
    patched("expires-daily", "TASK-10", "A result expires after a day.", LIFE, DAY, "observed"),
    patched(
        "other-size",
        "GEN-9",
        "A video of 480p is one of 720p.",
        RENDER,
        other_video(resolution=lambda it: BETTER.get(it, it)),
    ),
    patched("one-length", "GEN-10", "Every video lasts 5 seconds.", RENDER, other_video(seconds=lambda _: 5)),
    patched("longer", "GEN-10", "A video is a second too long.", RENDER, other_video(seconds=lambda it: it + 1)),
    patched(
        "landscape", "GEN-11", "An upright video is not upright.", RENDER, other_video(aspect_ratio=lambda _: "16:9")
    ),
    patched("any-kind", "FAIL-2", "A GIF or a text is an image.", "engine.assets.image_type", lambda _: "image/any"),
    patched("any-size", "FAIL-2", "A reference image may be over 10 MB.", "engine.assets.MAX_IMAGE_BYTES", 10**9),
]


TASKS = [kind.mutant() for kind in mistakes(__name__)] + PATCHED
"""The mistakes about tasks, results and failures."""
