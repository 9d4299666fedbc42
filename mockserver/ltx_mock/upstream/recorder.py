"""Keep what the upstream tells in recordings, one file for each task."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from ltx_mock.upstream.results import NotKeptError, ResultDownloads
from ltx_mock_contracts.api import result_urls
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.recordings.body import Body
from ltx_mock_contracts.recordings.folder import endless, read_recording
from ltx_mock_contracts.recordings.lives import answered_at, created_at, timestamp, with_answer, with_callback
from ltx_mock_contracts.recordings.model import (
    RecordedAnswer,
    RecordedCallback,
    RecordedRequest,
    RecordedResponse,
    RecordedResult,
    Recording,
    RecordingError,
    Redaction,
)
from ltx_mock_contracts.recordings.redaction import RecordingRedactor, resumed
from ltx_mock_contracts.recordings.writing import RecordingFolder, name_of, name_of_task
from ltx_mock_contracts.reporting.redaction import secrets_of_headers

T = TypeVar("T")
Headers = tuple[tuple[str, str], ...]

MOST_TASKS: Final = 20_000
"""How many tasks the recorder remembers. It goes on with others as with those of another process."""

UNAUTHORIZED: Final = 401


class UpstreamExchange(NamedTuple):
    """A request and what the upstream responded.

    Attributes:
        key: The API key of the request; None if it has none.
        request_headers: The headers of the request.
        request: Its body, without content coding.
        began: When it came, in Unix milliseconds.
        ended: When the response was complete.
        status: The HTTP status; None without a complete response.
        headers: The headers of the response; empty without one.
        body: Its body, without content coding.
        task_id: The id of the task that was made or asked for; None if there is none.
        problem: Why there is no complete response; None if there is one.
    """

    key: str | None
    request_headers: Headers
    request: bytes
    began: int
    ended: int
    status: int | None
    headers: Headers
    body: bytes
    task_id: str | None
    problem: str | None = None


class Callback(NamedTuple):
    """An attempt to deliver a callback: when it came, in Unix milliseconds, and the status of the receiver."""

    task_id: str
    key: str | None
    at: int
    headers: Headers
    body: bytes
    status: int | None


class _Task(NamedTuple):
    """A task whose request was seen here: its key, the redactor that knows the secrets of the request, its end."""

    key: str | None
    redactor: RecordingRedactor
    ended: bool = False


class Recorder:
    """Writes recordings, in a thread and one after the other.

    If a file cannot be written, it says so in one line and stops.

    Args:
        folder: Where to write.
        upstream: The root URL of the API.
        redaction: What to redact beyond what always is.
        tell: Prints a line.
        results: Downloads the videos of results; None keeps none.
    """

    def __init__(
        self,
        folder: RecordingFolder,
        upstream: str,
        redaction: Redaction,
        tell: Callable[[str], None],
        results: ResultDownloads | None = None,
    ) -> None:
        self._folder, self._upstream, self._redaction, self._tell = folder, upstream, redaction, tell
        self._results, self._downloads = results, set[asyncio.Task[None]]()
        self._tasks: OrderedDict[str, _Task] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, "ltx-mock-recorder")
        self._stopped = False

    @property
    def folder(self) -> Path:
        """Where it writes."""
        return self._folder.path

    async def generated(self, exchange: UpstreamExchange) -> None:
        """Record a generateTask."""
        if exchange.status != UNAUTHORIZED:  # that is about the key, which is not recorded
            await self._run(lambda: self._generated(exchange))

    def leave_out(self, reason: str) -> None:
        """Say in one line what is not recorded, and why."""
        if not self._stopped:
            self._tell(reason)

    async def answered(self, exchange: UpstreamExchange) -> None:
        """Record an answer of statusTask."""
        name = await self._run(lambda: self._answered(exchange))
        if name is not None and self._results is not None:
            for number, url in enumerate(result_urls(Body.of(exchange.body).data)):
                download = asyncio.create_task(self._keep_result(self._results, name, number, url))
                self._downloads.add(download)
                download.add_done_callback(self._downloads.discard)

    async def _keep_result(self, results: ResultDownloads, name: str, number: int, url: str) -> None:
        """Download a video of a recording that has ended, and note what it is."""
        place = f"{name}.json: result {number + 1}"
        try:
            kept = await results.download(url, self._folder.path, f"{name}-{number + 1}" if number else name)
        except NotKeptError as problem:
            self._tell(f"{place} is not kept: {problem}")
        except OSError as error:
            self._stop(error)
        else:
            await self._run(lambda: self._note_result(name, number, kept))
            self._tell(f"{place}: {kept.bytes} bytes in {self._folder.path / str(kept.file)}")

    def _note_result(self, name: str, number: int, kept: RecordedResult) -> None:
        def change(before: Recording | None) -> Recording | None:
            if before is None or number >= len(before.results):
                return None
            noted = replace(kept, url=before.results[number].url)
            return replace(before, results=(*before.results[:number], noted, *before.results[number + 1 :]))

        self._change(name, change)

    async def called_back(self, came: Callback) -> None:
        """Record an attempt to deliver a callback."""
        await self._run(lambda: self._called_back(came))

    def close(self) -> None:
        """Wait until everything is written, and say which recordings of tasks have no end."""
        self._thread.shutdown()
        for name in [self._name(task_id, task.key) for task_id, task in self._tasks.items() if not task.ended]:
            with suppress(RecordingError):  # it has been deleted, or edited
                if read_recording(self._folder.path / f"{name}.json").end is None:
                    self._tell(endless(name))
        self._tasks.clear()

    async def _run(self, work: Callable[[], T]) -> T | None:
        """Do some work in the thread; None if recording has stopped."""
        if self._stopped:
            return None
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work)

    def _guarded(self, work: Callable[[], T]) -> T | None:
        try:
            return None if self._stopped else work()
        except OSError as error:
            self._stop(error)
            return None

    def _stop(self, error: OSError) -> None:
        if not self._stopped:
            self._stopped = True
            place = error.filename or self._folder.path
            self._tell(f"recording has stopped: {place}: {error.strerror or error}; requests go on to the API")

    def _generated(self, exchange: UpstreamExchange) -> None:
        redactor = RecordingRedactor(self._redaction, exchange.key, secrets_of_headers(exchange.request_headers))
        request = RecordedRequest(
            body=redactor.request(Body.of(exchange.request)), headers=redactor.headers(exchange.request_headers)
        )
        redactor.know(secrets_of_headers(exchange.headers))
        response = RecordedResponse(
            status=exchange.status,
            headers=redactor.headers(exchange.headers),
            body=redactor.body(Body.of(exchange.body)),
            latency=max(0, exchange.ended - exchange.began),
            problem=exchange.problem and redactor.text(exchange.problem),
        )
        recording = Recording(
            upstream=self._upstream,
            model=MODEL.id,
            recorded=timestamp(exchange.began),
            task_id=exchange.task_id and redactor.text(exchange.task_id),
            request=request,
            response=response,
            redaction=self._redaction,
        )
        if exchange.task_id is None:
            self._change(name_of(recording), lambda before: recording if before is None else None)
            return
        self._tasks[exchange.task_id] = _Task(exchange.key, redactor)
        if len(self._tasks) > MOST_TASKS:
            self._tasks.popitem(last=False)
        self._change(name_of(recording), lambda _: recording)

    def _answered(self, exchange: UpstreamExchange) -> str | None:
        """Record an answer, and return the name of the recording if it is the end of the task."""
        task = self._tasks.get(exchange.task_id or "")
        if exchange.task_id is None or (task is not None and task.key != exchange.key):
            return None  # with another key the task is unknown
        ended = False

        def change(before: Recording | None) -> Recording | None:
            nonlocal ended
            redactor = self._redactor(exchange.task_id, exchange.key, before)
            if before is None or redactor is None:
                return None
            body = Body.of(exchange.body)
            if task is None and (exchange.status != 200 or body.data.get("taskId") != exchange.task_id):
                return None
            trial = redactor.copy()
            trial.know(secrets_of_headers((*exchange.request_headers, *exchange.headers)))
            at = answered_at(before, body, exchange.began, exchange.ended)
            answer = RecordedAnswer(
                after=at,
                until=at,
                status=exchange.status,
                headers=trial.headers(exchange.headers),
                body=trial.body(body),
                problem=exchange.problem and trial.text(exchange.problem),
            )
            after = with_answer(before, answer)
            if task is not None and len(after.answers) > len(before.answers):
                self._tasks[exchange.task_id or ""] = task._replace(redactor=trial)
            ended = before.end is None and after.end is not None
            return after

        name = self._name(exchange.task_id, exchange.key)
        after = self._change(name, change)
        if after is None or after.end is None:
            return None
        if (known := self._tasks.get(exchange.task_id)) is not None:
            self._tasks[exchange.task_id] = known._replace(ended=True)
        if not ended:
            return None
        how = f"{after.end.state} after {after.end.after / 1000:g} s"
        self._tell(f"recorded {after.task_id}, {how}, in {self._folder.path / name}.json")
        return name

    def _called_back(self, came: Callback) -> None:
        def change(before: Recording | None) -> Recording | None:
            redactor = self._redactor(came.task_id, came.key, before)
            if before is None or redactor is None:
                return None
            callback = RecordedCallback(
                after=max(0, came.at - created_at(before)),
                headers=redactor.headers(came.headers),
                body=redactor.body(Body.of(came.body)),
                status=came.status,
            )
            return with_callback(before, callback)

        self._change(self._name(came.task_id, came.key), change)

    def _redactor(self, task_id: str | None, key: str | None, recording: Recording | None) -> RecordingRedactor | None:
        """Return the redactor of a task; None if nobody here knows the secrets of its request."""
        task = self._tasks.get(task_id or "")
        if task is not None:
            return task.redactor
        return None if recording is None else resumed(recording, key)

    def _name(self, task_id: str, key: str | None) -> str:
        task = self._tasks.get(task_id)
        redactor = task.redactor if task else RecordingRedactor(self._redaction, key)
        return name_of_task(redactor.copy().text(task_id))

    def _change(self, name: str, change: Callable[[Recording | None], Recording | None]) -> Recording | None:
        try:
            return self._folder.change(name, change)
        except RecordingError as error:
            self._tell(f"{name}.json is left as it is: {error}")
            return None
