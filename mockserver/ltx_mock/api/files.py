"""The files under `/files`: the videos of finished tasks, and sample images and a LoRA for requests."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

import ltx_mock_fixtures
from ltx_mock.api import video
from ltx_mock.api.downloads import Counted, note
from ltx_mock.api.endpoints import deliver
from ltx_mock.api.faults import deliver_with_effect
from ltx_mock.api.recorded_media import media_of, rendered
from ltx_mock.asgi.byte_ranges import BytesResponse
from ltx_mock.asgi.connection import connection_of
from ltx_mock.asgi.json_response import JSONResponse
from ltx_mock.asgi.messages import first_headers, root_url
from ltx_mock.core.clock import DAY
from ltx_mock.core.records import Task
from ltx_mock.core.timeline import result_fingerprint
from ltx_mock.engine import responses
from ltx_mock.engine.engine import Engine
from ltx_mock.engine.replays import has_results, result_of
from ltx_mock.engine.responses import ApiResponse
from ltx_mock.engine.scenario_effects import apply_to_download
from ltx_mock.errors import NotFoundError, SettingsError, UnavailableError
from ltx_mock.scenarios.model import GONE, GONE_MESSAGE
from ltx_mock.scenarios.per_request import may_request_scenarios, requested_scenarios
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.model import MODEL

METHODS = ("GET", "HEAD")
RESULT_LIFE_MS = 15 * DAY
OVERSIZE_IMAGE = "images/too-large.jpg"
MEDIA_TYPES = {
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "png": "image/png",
    "safetensors": "application/octet-stream",
    "webp": "image/webp",
}


class Preview:
    """The result of a successful task, available for 15 days (TASK-4, TASK-10): for the dashboard, without a trace."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        refused = _refused(scope)
        try:
            tenant, task = await self._engine.tenants.find_task(scope["path_params"]["task_id"])
        except NotFoundError:
            await (refused or _problem(404, "No such file"))(scope, receive, send)
            return
        refused = refused or _unavailable(task, tenant.clock.now())
        await self._serve(tenant, task, refused, scope, receive, send)

    async def _serve(
        self, tenant: Tenant, task: Task, refused: JSONResponse | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        await (refused or _video(tenant, task, scope))(scope, receive, send)


class ResultFile(Preview):
    """The same for clients, with scenarios and journal. It needs no key, as in the real service."""

    async def _serve(
        self, tenant: Tenant, task: Task, refused: JSONResponse | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["method"] != "GET":
            await super()._serve(tenant, task, refused, scope, receive, send)
            return
        happening = None if refused else await self._happening(tenant, task, scope)
        connection = connection_of(scope)
        if connection is not None:
            connection.buffer_little()
        counted = Counted(send, connection)
        try:
            if happening is None:
                await (refused or _video(tenant, task, scope))(scope, receive, counted)
            else:
                await self._play(happening, tenant, task, scope, receive, counted)
        finally:
            cause = happening.cause if happening else None
            with suppress(UnavailableError):  # the response is sent; only its line in the journal is missing
                await self._engine.store.run(tenant, lambda tenant: note(tenant, task, scope, counted, cause))

    async def _happening(self, tenant: Tenant, task: Task, scope: Scope) -> ApiResponse | None:
        """Return the response of a scenario for a download, if one applies."""
        if not tenant.scenarios and not task.scenarios and not may_request_scenarios(first_headers(scope)):
            return None
        try:
            requested = requested_scenarios(scope["headers"])
        except SettingsError as problem:
            return responses.no_scenario(str(problem), problem.field)
        return await self._engine.store.run(tenant, lambda tenant: apply_to_download(tenant, requested, task))

    async def _play(
        self, response: ApiResponse, tenant: Tenant, task: Task, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if response.status != 200 or response.effect is None:
            await deliver(tenant, scope, response, receive, send)
            return
        way = await deliver_with_effect(response.effect, tenant.clock, scope, receive, send)
        if way is not None:
            await _video(tenant, task, scope)(scope, receive, way)


def _unavailable(task: Task, now: int) -> JSONResponse | None:
    state = task.timeline.state(now)
    if not (has_results(task, now) if task.recording else state == "success"):
        return _problem(404, f"No such file: the task is {state}")
    if now >= task.timeline.ended + RESULT_LIFE_MS:
        return _problem(GONE, GONE_MESSAGE)
    return None


def _video(tenant: Tenant, task: Task, scope: Scope) -> BytesResponse:
    recorded = result_of(task, _number(scope["query_string"])) if task.recording else None
    if recorded is not None:
        return media_of(tenant, task, recorded)
    look = result_fingerprint(task.request, task.seed)
    return BytesResponse(
        lambda: video.padded(rendered(task.request, look), tenant.settings.result_bytes),
        media_type=MODEL.result.media_type,
        etag=look.hex(),
    )


def _number(query: bytes) -> int:
    """Return the number of a result in the URL, by default 1."""
    number = parse_qs(query.decode("latin-1")).get("result", ["1"])[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0


class SampleFile:
    """`/files/{path}`: good and bad images and a LoRA stub (FAIL-2, FAIL-3); their list at `/files/`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope["path_params"].get("path", "")
        response = _refused(scope) or (_sample(path) if path else _list(root_url(scope)))
        await response(scope, receive, send)


def _list(root: str) -> JSONResponse:
    return JSONResponse({"files": sample_urls(root)})


def sample_urls(root: str) -> list[str]:
    """Return the URLs of all sample files."""
    return [f"{root}/files/{name}" for name in sorted([*_samples(), OVERSIZE_IMAGE])]


@lru_cache(maxsize=1)
def _samples() -> frozenset[str]:
    return frozenset(name for name in ltx_mock_fixtures.names() if name.startswith(("images/", "loras/")))


def _sample(path: str) -> BytesResponse | JSONResponse:
    if path == OVERSIZE_IMAGE:
        content = ltx_mock_fixtures.oversize_jpeg()
    elif path in _samples():
        content = ltx_mock_fixtures.read(path)
    else:
        return _problem(404, "No such file; GET /files/ lists the files")
    return BytesResponse(content, media_type=MEDIA_TYPES[path.rpartition(".")[2]])


def _refused(scope: Scope) -> JSONResponse | None:
    if scope["method"] in METHODS:
        return None
    allowed = ", ".join(METHODS)
    return _problem(405, f"Method {scope['method'][:20]} is not allowed here; use {allowed}", {"allow": allowed})


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"code": status, "message": message, "data": None}, status, headers)
