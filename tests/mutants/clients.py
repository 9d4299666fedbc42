"""A small good client, made of the standard library, and clients with one bug each: what the checks must tell apart.

As a program it makes one video: `python planted_clients.py [BUG]`. It finds the API in `APIXO_BASE_URL`, the key in
`APIXO_API_KEY`, listens at `APIXO_CALLBACK_URL` where that is given, and divides its waits by `APIXO_TIME_SCALE`.
"""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from email.utils import mktime_tz, parsedate_tz
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlsplit

MODEL = "ltx-2-19b"
MANY = 400
PASSING = frozenset({429, 500, 502, 503, 504})
INPUT: dict[str, Any] = {
    "mode": "text-to-video",
    "prompt": "a futuristic city with flying cars at sunset",
    "resolution": "480p",
    "duration": 5,
}


class NoVideo(Exception):  # noqa: N818 - it says what happened
    """There is no video; the text says why."""


class Endless(BaseException):
    """A client without an end; tests do not wait for it."""


class Broken(Exception):  # noqa: N818
    """The connection broke: nobody answered, or not to the end."""


class Reply(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        """What is in the envelope."""
        return dict(json.loads(self.body)["data"])


def seconds_of(retry_after: str) -> float:
    """Return how long `Retry-After` asks to wait, in either of its forms."""
    date = parsedate_tz(retry_after)
    if date is not None:
        return max(0.0, mktime_tz(date) - time.time())
    return float(retry_after) if retry_after.isdecimal() else 0.0


class GoodClient:
    """Makes one video as the documents say.

    Args:
        base_url: The root of the API, with or without `/api/v1`.
        key: The API key.
        sleep: Waits for so many seconds.
        timeouts: How many real seconds an answer may take, for an operation; 300 by default.
        callback: The URL to listen at; None for no callbacks; port 0 takes a free one. `token` is added to it.
        secret: The secret of signed callbacks; None if they are not signed.
    """

    first_poll = 60.0
    poll_every = 5.0
    gives_up = 1200.0
    tries = 6
    token = ""
    input = INPUT

    def __init__(
        self,
        base_url: str,
        key: str,
        sleep: Callable[[float], None],
        *,
        timeouts: dict[str, float] | None = None,
        callback: str | None = None,
        secret: str | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        self._host = parts.netloc
        self._key = key
        self._wait = sleep
        self._slept = 0.0
        self._secret = secret
        self._timeouts = timeouts or {}
        self._asked = 0
        self.task_id: str | None = None
        self.ended: dict[str, dict[str, Any]] = {}
        self.receiver: ThreadingHTTPServer | None = None
        self.callback_url: str | None = None
        if callback is not None:
            self._listen(urlsplit(callback))

    def run(self) -> str:
        """Make the video and return its URL; it has been fetched.

        Raises:
            NoVideo: There is none.
        """
        try:
            self.task_id = self.submit()
            url = self.url_in(self.result(self.wait(self.task_id)))
            self.download(url)
            return url
        finally:
            self.stop()

    # Submitting.

    def body(self) -> dict[str, Any]:
        called = {"request_type": "callback", "callback_url": self.callback_url} if self.callback_url else {}
        return {"input": self.input} | called

    def submit(self) -> str:
        pause = 2.0
        for _ in range(self.tries):
            try:
                reply = self.ask("POST", f"/api/v1/generateTask/{MODEL}", self.body())
            except Broken as error:
                raise NoVideo(f"whether a task was made is not known: {error}") from error
            if reply.status != 429:
                return str(self.good(reply).data["taskId"])
            self.back_off(reply, pause)
            pause *= 2
        raise NoVideo("still 429")

    # Waiting.

    def wait(self, task_id: str) -> dict[str, Any]:
        """Return the status with which the task has ended."""
        waited, pause = 0.0, self.first_poll
        while waited < self.gives_up:
            self._sleep(pause)
            waited += pause
            if task_id in self.ended:
                return self.ended[task_id]
            told = self.status(task_id)
            if self.is_end(told):
                return told
            pause = self.poll_every
        raise NoVideo(f"{task_id} has not ended after {waited:g} s")

    def status(self, task_id: str) -> dict[str, Any]:
        pause, problem = 2.0, ""
        for _ in range(self.tries):
            reply = None
            try:
                reply = self.ask("GET", self.status_target(task_id))
            except Broken as error:
                problem = str(error)
            else:
                if reply.status not in PASSING:
                    return self.good(reply).data
                problem = f"HTTP {reply.status}"
            self.back_off(reply, pause)
            pause *= 2
        raise NoVideo(f"no status: {problem}")

    def status_target(self, task_id: str) -> str:
        return f"/api/v1/statusTask/{MODEL}?taskId={quote(task_id)}"

    def is_end(self, told: dict[str, Any]) -> bool:
        return told["state"] in {"success", "failed"}

    def back_off(self, reply: Reply | None, pause: float) -> None:
        asked = "" if reply is None else reply.headers.get("retry-after", "")
        self._sleep(max(pause, seconds_of(asked)))

    # The result.

    def result(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return the status of a success."""
        if told["state"] == "failed":
            raise NoVideo(f"{told['failCode']}: {told['failMsg']}")
        return told

    def url_in(self, told: dict[str, Any]) -> str:
        return str(json.loads(told["resultJson"])["resultUrls"][0])

    def download(self, url: str) -> bytes:
        pause, problem = 2.0, ""
        for _ in range(self.tries):
            reply = None
            try:
                reply = self.fetch(url)
            except Broken as error:
                problem = str(error)
            else:
                if reply.status not in PASSING:
                    return self.good(reply).body
                problem = f"HTTP {reply.status}"
            self.back_off(reply, pause)
            pause *= 2
        raise NoVideo(f"no download: {problem}")

    def fetch(self, url: str) -> Reply:
        parts = urlsplit(url)
        return self._send("GET", parts.netloc, parts.path + (f"?{parts.query}" if parts.query else ""), {}, None)

    # Asking.

    def headers(self, method: str) -> dict[str, str]:  # noqa: ARG002 - a bug looks at it
        return {"authorization": f"Bearer {self._key}", "content-type": "application/json"}

    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        raw = None if body is None else json.dumps(body).encode()
        return self._send(method, self._host, target, self.headers(method), raw)

    def good(self, reply: Reply) -> Reply:
        if reply.status != 200:
            raise NoVideo(f"HTTP {reply.status}: {reply.body[:200]!r}")
        return reply

    def _send(self, method: str, host: str, target: str, headers: dict[str, str], body: bytes | None) -> Reply:
        self._asked += 1
        if self._asked > MANY:
            raise Endless
        operation = "generateTask" if method == "POST" else "statusTask" if "statusTask" in target else "download"
        connection = http.client.HTTPConnection(host, timeout=self._timeouts.get(operation, 300.0))
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, named, self.read(answer))
        except (OSError, http.client.HTTPException) as error:
            raise Broken(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()

    def read(self, answer: http.client.HTTPResponse) -> bytes:
        return answer.read()

    def _sleep(self, seconds: float) -> None:
        self._slept += seconds
        self._wait(seconds)

    # Callbacks.

    def is_genuine(self, headers: Any, body: bytes) -> bool:
        """Tell whether a callback is signed with the secret, by Standard Webhooks."""
        if self._secret is None:
            return True
        return self.is_signed(headers, body) and self.is_recent(headers)

    def is_signed(self, headers: Any, body: bytes) -> bool:
        key = base64.b64decode((self._secret or "").removeprefix("whsec_"))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        return any(hmac.compare_digest(each, expected) for each in headers.get("webhook-signature", "").split(" "))

    def is_recent(self, headers: Any) -> bool:
        return abs(float(headers["webhook-timestamp"] or 0) - time.time() - self._slept) <= 300

    def take(self, told: dict[str, Any]) -> int:
        """Take a callback and return the status to answer."""
        self.ended[told["taskId"]] = told
        return 200

    def stop(self) -> None:
        """Listen no more."""
        if self.receiver is not None:
            self.receiver.shutdown()
            self.receiver.server_close()

    def _listen(self, at: Any) -> None:
        client = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = 404
                if self.path == at.path + client.token:
                    genuine = client.is_genuine(self.headers, body)
                    status = client.take(json.loads(body)["data"]) if genuine else 401
                self.send_response(status)
                if status != 204:
                    self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self.receiver = Server((at.hostname, at.port), Handler)
        self.callback_url = f"http://{at.hostname}:{self.receiver.server_port}{at.path}{self.token}"
        self.serve()

    def serve(self) -> None:
        """Begin to answer callbacks; until then they wait."""
        if self.receiver is not None:
            threading.Thread(target=self.receiver.serve_forever, args=(0.01,), daemon=True).start()


# Bugs of asking.


class NeverAsks(GoodClient):
    def run(self) -> str:
        self.stop()
        raise NoVideo("there is no need for one")


class NoKeyOnThePoll(GoodClient):
    def headers(self, method: str) -> dict[str, str]:
        return super().headers(method) if method == "POST" else {}


class KeyInTheQuery(GoodClient):
    def headers(self, method: str) -> dict[str, str]:  # noqa: ARG002
        return {"content-type": "application/json"}

    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        return super().ask(method, f"{target}{'&' if '?' in target else '?'}api_key={self._key}", body)


class KeyWithoutBearer(GoodClient):
    def headers(self, method: str) -> dict[str, str]:
        return super().headers(method) | {"authorization": self._key}


class UnknownField(GoodClient):
    input = INPUT | {"fps": 24}


class DurationAsText(GoodClient):
    input = INPUT | {"duration": "5"}


class LoraWithoutScale(GoodClient):
    input = INPUT | {"mode": "text-to-video-LoRA", "loras": [{"path": "https://example.com/style.safetensors"}]}


class WrongPath(GoodClient):
    def status_target(self, task_id: str) -> str:
        return f"/api/v1/tasks/{task_id}"


class WrongParameter(GoodClient):
    def status_target(self, task_id: str) -> str:
        return super().status_target(task_id).replace("taskId", "id")


# Bugs of time.


class PollsAtOnce(GoodClient):
    first_poll = 0.0


class PollsEverySecond(GoodClient):
    poll_every = 1.0
    gives_up = 300.0


class PollsOn(GoodClient):
    def is_end(self, told: dict[str, Any]) -> bool:
        ended = super().is_end(told)
        if ended:
            self._sleep(self.poll_every)
            self.status(told["taskId"])
        return ended


class NeverGivesUp(GoodClient):
    gives_up = float("inf")


class GivesUpSoon(GoodClient):
    gives_up = 120.0


# Bugs with failures.


class FailureIsSuccess(GoodClient):
    def run(self) -> str:
        try:
            return super().run()
        except NoVideo as problem:
            return f"no video: {problem}"


class FailCodeIsLost(GoodClient):
    def result(self, told: dict[str, Any]) -> dict[str, Any]:
        if told["state"] == "failed":
            raise NoVideo("something went wrong")
        return told


class RetriesForEver(GoodClient):
    refused = 400

    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        while (reply := super().ask(method, target, body)).status == self.refused:
            self._sleep(30)
        return reply


class RetriesUnauthorized(RetriesForEver):
    refused = 401


class RetriesWithoutCredits(GoodClient):
    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        for _ in range(3):
            reply = super().ask(method, target, body)
            if b"credits" not in reply.body:
                break
            self._sleep(60)
        return reply


# Bugs with what passes.


class SubmitsAgain(GoodClient):
    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        try:
            return super().ask(method, target, body)
        except Broken:
            if method != "POST":
                raise
            self._sleep(10)
            return super().ask(method, target, body)


class PaysTwice(GoodClient):
    def submit(self) -> str:
        super().submit()
        return super().submit()


class Hammers(GoodClient):
    def back_off(self, reply: Reply | None, pause: float) -> None:
        pass


class ConstantBackoff(GoodClient):
    def back_off(self, reply: Reply | None, pause: float) -> None:  # noqa: ARG002
        super().back_off(reply, 10.0)


class ShrinkingBackoff(GoodClient):
    def back_off(self, reply: Reply | None, pause: float) -> None:
        super().back_off(reply, 100 / pause)


class IgnoresRetryAfter(GoodClient):
    def back_off(self, reply: Reply | None, pause: float) -> None:  # noqa: ARG002
        super().back_off(None, pause)


class GivesUpAt503(GoodClient):
    def status(self, task_id: str) -> dict[str, Any]:
        return self.good(self.ask("GET", self.status_target(task_id))).data


class GivesUpAtAReset(GoodClient):
    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        try:
            return super().ask(method, target, body)
        except Broken as error:
            raise NoVideo(str(error)) from error


class StartsOver(GoodClient):
    """Takes a broken poll for the loss of its task."""

    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        try:
            return super().ask(method, target, body)
        except Broken:
            if method == "GET":
                self.submit()
            raise


class GivesUpAt429(GoodClient):
    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        reply = super().ask(method, target, body)
        return self.good(reply) if reply.status == 429 else reply


# Bugs with what nobody documented.


class CrashesOnAState(GoodClient):
    def is_end(self, told: dict[str, Any]) -> bool:
        return {"pending": False, "processing": False, "success": True, "failed": True}[told["state"]]


class UnknownStateIsFailure(GoodClient):
    def is_end(self, told: dict[str, Any]) -> bool:
        if told["state"] not in {"pending", "processing", "success"}:
            raise NoVideo(f"{told['state']}: {told.get('failCode')}")
        return super().is_end(told)


class _Status(NamedTuple):
    taskId: str  # noqa: N815
    state: str
    createTime: int | None = None  # noqa: N815
    completeTime: int | None = None  # noqa: N815
    costTime: int | None = None  # noqa: N815
    resultJson: str | None = None  # noqa: N815
    failCode: str | None = None  # noqa: N815
    failMsg: str | None = None  # noqa: N815


class CrashesOnAField(GoodClient):
    def is_end(self, told: dict[str, Any]) -> bool:
        return super().is_end(_Status(**told)._asdict())


class NeedsCreateTime(GoodClient):
    def is_end(self, told: dict[str, Any]) -> bool:
        return bool(int(told["createTime"])) and super().is_end(told)


class NullIsAFailure(GoodClient):
    def is_end(self, told: dict[str, Any]) -> bool:
        if "failCode" in told:
            raise NoVideo(f"failed: {told['failCode']}")
        return super().is_end(told)


# Bugs with the result.


class ResultByPattern(GoodClient):
    def url_in(self, told: dict[str, Any]) -> str:
        found = re.search(r'"(https?://[^"\\]+)"', told["resultJson"])
        if found is None:
            raise NoVideo("no URL in the result")
        return found[1]


class WantsOneResult(GoodClient):
    def url_in(self, told: dict[str, Any]) -> str:
        (url,) = json.loads(told["resultJson"])["resultUrls"]
        return str(url)


class NeverDownloads(GoodClient):
    def download(self, url: str) -> bytes:  # noqa: ARG002
        return b""


class TakesHalf(GoodClient):
    def read(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read()
        except http.client.IncompleteRead as error:
            return error.partial


class GoneIsFine(GoodClient):
    def good(self, reply: Reply) -> Reply:
        return reply if reply.status == 410 else super().good(reply)


# Bugs with callbacks.


class Answers500(GoodClient):
    def take(self, told: dict[str, Any]) -> int:
        super().take(told)
        return 500


class Answers204(GoodClient):
    def take(self, told: dict[str, Any]) -> int:
        super().take(told)
        return 204


class WorksTwice(GoodClient):
    done = False

    def take(self, told: dict[str, Any]) -> int:
        super().download(self.url_in(told))
        self.done = True
        return super().take(told)

    def download(self, url: str) -> bytes:
        return b"" if self.done else super().download(url)


class NeedsTheCallback(GoodClient):
    def wait(self, task_id: str) -> dict[str, Any]:
        if self.callback_url is None:
            return super().wait(task_id)
        self._sleep(self.gives_up)
        if task_id not in self.ended:
            raise NoVideo("nobody called")
        return self.ended[task_id]


class WantsTheAnswerFirst(GoodClient):
    def take(self, told: dict[str, Any]) -> int:
        if self.task_id is None:
            raise RuntimeError("a callback before there is a task")
        return super().take(told)


class AnyCallbackIsMine(GoodClient):
    mine: dict[str, Any] | None = None

    def take(self, told: dict[str, Any]) -> int:
        self.mine = self.mine or told
        return super().take(told)

    def wait(self, task_id: str) -> dict[str, Any]:
        if self.mine is None:
            self._sleep(self.first_poll)
        return self.mine or super().wait(task_id)


class StrangersAreRefused(GoodClient):
    def take(self, told: dict[str, Any]) -> int:
        return super().take(told) if self.task_id == told["taskId"] else 404


class TakesAnySignature(GoodClient):
    def is_signed(self, headers: Any, body: bytes) -> bool:  # noqa: ARG002 - that is its bug
        return bool(headers["webhook-signature"])


class TakesOldSignatures(GoodClient):
    def is_recent(self, headers: Any) -> bool:
        return bool(headers["webhook-timestamp"])


class NeedsNoSignature(GoodClient):
    def is_genuine(self, headers: Any, body: bytes) -> bool:
        return "webhook-signature" not in headers or super().is_genuine(headers, body)


class Mutant(NamedTuple):
    """A client with one bug, and the case and the rule that name it."""

    client: type[GoodClient]
    case: str
    rule: str
    outcome: Literal["broken", "observed"] = "broken"


MUTANTS = {
    "never-asks": Mutant(NeverAsks, "success", "CLI-1"),
    "no-key-on-the-poll": Mutant(NoKeyOnThePoll, "success", "CLI-1"),
    "key-in-the-query": Mutant(KeyInTheQuery, "success", "CLI-1"),
    "key-without-bearer": Mutant(KeyWithoutBearer, "success", "CLI-1"),
    "unknown-field": Mutant(UnknownField, "success", "CLI-1"),
    "duration-as-text": Mutant(DurationAsText, "success", "CLI-1"),
    "lora-without-scale": Mutant(LoraWithoutScale, "success", "CLI-1"),
    "wrong-path": Mutant(WrongPath, "success", "CLI-1"),
    "wrong-parameter": Mutant(WrongParameter, "success", "CLI-1"),
    "polls-at-once": Mutant(PollsAtOnce, "success", "CLI-2", "observed"),
    "polls-every-second": Mutant(PollsEverySecond, "stuck", "CLI-2"),
    "polls-on-after-the-end": Mutant(PollsOn, "success", "CLI-3"),
    "never-gives-up": Mutant(NeverGivesUp, "stuck", "CLI-3"),
    "gives-up-soon": Mutant(GivesUpSoon, "slow", "CLI-3"),
    "a-failure-is-a-success": Mutant(FailureIsSuccess, "content-violation", "CLI-5"),
    "the-failcode-is-lost": Mutant(FailCodeIsLost, "invalid-image-url", "CLI-5"),
    "retries-400-for-ever": Mutant(RetriesForEver, "bad-request", "CLI-7"),
    "retries-401": Mutant(RetriesUnauthorized, "unauthorized", "CLI-7"),
    "retries-without-credits": Mutant(RetriesWithoutCredits, "insufficient-credits", "CLI-7"),
    "submits-again-after-a-reset": Mutant(SubmitsAgain, "reset-submit", "CLI-10"),
    "submits-again-after-silence": Mutant(SubmitsAgain, "timeout-submit", "CLI-10"),
    "submits-again-after-a-lost-answer": Mutant(SubmitsAgain, "lost-answer", "CLI-10"),
    "pays-twice": Mutant(PaysTwice, "success", "CLI-10"),
    "hammers": Mutant(Hammers, "rate-limited-for-long", "CLI-6"),
    "hammers-while-polling": Mutant(Hammers, "unavailable-poll", "CLI-6"),
    "constant-backoff": Mutant(ConstantBackoff, "unavailable-poll", "CLI-6"),
    "shrinking-backoff": Mutant(ShrinkingBackoff, "unavailable-poll", "CLI-6"),
    "ignores-retry-after": Mutant(IgnoresRetryAfter, "rate-limited-poll", "CLI-6"),
    "gives-up-at-503": Mutant(GivesUpAt503, "unavailable-poll", "CLI-6"),
    "gives-up-at-500": Mutant(GivesUpAt503, "server-error-poll", "CLI-6"),
    "gives-up-at-a-reset": Mutant(GivesUpAtAReset, "reset-poll", "CLI-6"),
    "gives-up-at-no-answer": Mutant(GivesUpAtAReset, "empty-poll", "CLI-6"),
    "gives-up-at-silence": Mutant(GivesUpAtAReset, "timeout-poll", "CLI-6"),
    "gives-up-at-a-restart": Mutant(GivesUpAtAReset, "restart", "CLI-6"),
    "submits-again-after-a-restart": Mutant(StartsOver, "restart", "CLI-10"),
    "gives-up-at-429": Mutant(GivesUpAt429, "rate-limited", "CLI-6"),
    "crashes-on-an-unknown-state": Mutant(CrashesOnAState, "unknown-state", "CLI-9"),
    "an-unknown-state-is-a-failure": Mutant(UnknownStateIsFailure, "unknown-state", "CLI-9"),
    "crashes-on-unknown-fields": Mutant(CrashesOnAField, "extra-fields", "CLI-9"),
    "needs-create-time": Mutant(NeedsCreateTime, "missing-fields", "CLI-9"),
    "null-is-a-failure": Mutant(NullIsAFailure, "null-fields", "CLI-9"),
    "result-by-pattern": Mutant(ResultByPattern, "escaped-result", "CLI-4"),
    "wants-one-result": Mutant(WantsOneResult, "two-results", "CLI-4"),
    "never-downloads": Mutant(NeverDownloads, "success", "CLI-4"),
    "takes-half-a-video": Mutant(TakesHalf, "cut-download", "CLI-4"),
    "gone-is-fine": Mutant(GoneIsFine, "expired-result", "CLI-4"),
    "receiver-answers-500": Mutant(Answers500, "callback", "CLI-8"),
    "receiver-answers-204": Mutant(Answers204, "callback", "CLI-8"),
    "works-twice": Mutant(WorksTwice, "callback-twice", "CLI-8"),
    "needs-the-callback": Mutant(NeedsTheCallback, "callback-lost", "CLI-8"),
    "wants-the-answer-first": Mutant(WantsTheAnswerFirst, "callback-first", "CLI-8"),
    "any-callback-is-mine": Mutant(AnyCallbackIsMine, "callback-of-another", "CLI-8"),
    "strangers-are-refused": Mutant(StrangersAreRefused, "callback-of-another", "CLI-8"),
    "takes-any-signature": Mutant(TakesAnySignature, "bad-signature", "CLI-11", "observed"),
    "takes-old-signatures": Mutant(TakesOldSignatures, "old-signature", "CLI-11", "observed"),
    "needs-no-signature": Mutant(NeedsNoSignature, "no-signature", "CLI-11", "observed"),
}


def main(arguments: list[str]) -> int:
    """Make one video, with the bug of this name."""
    scale = float(os.environ.get("APIXO_TIME_SCALE", "1"))
    kind = MUTANTS[arguments[0]].client if arguments else GoodClient
    client = kind(
        os.environ["APIXO_BASE_URL"],
        os.environ["APIXO_API_KEY"],
        lambda seconds: time.sleep(seconds / scale),
        callback=os.environ.get("APIXO_CALLBACK_URL"),
        secret=os.environ.get("APIXO_CALLBACK_SECRET"),
    )
    try:
        print(client.run())
    except NoVideo as problem:
        print(problem)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
