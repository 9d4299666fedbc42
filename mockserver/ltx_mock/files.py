"""What lies under `/files`: the videos of finished tasks, and images and a LoRA to point requests at."""

from __future__ import annotations

from functools import lru_cache

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

import ltx_mock_fixtures
from ltx_mock import video
from ltx_mock.api import root_url
from ltx_mock.byteserve import BytesResponse
from ltx_mock.clock import DAY
from ltx_mock.engine import Engine, picture
from ltx_mock.errors import NotFoundError
from ltx_mock_contracts.parsing import parse_body
from ltx_mock_contracts.request import GenerateRequest

METHODS = ("GET", "HEAD")
RESULT_LIFE_MS = 15 * DAY
OVERSIZE_IMAGE = "images/too-large.jpg"
MEDIA_TYPES = {
    "gif": "image/gif",
    "jpg": "image/jpeg",
    "mp4": "video/mp4",
    "png": "image/png",
    "safetensors": "application/octet-stream",
    "webp": "image/webp",
}

_render = lru_cache(maxsize=16)(video.render)


class ResultFile:
    """`/files/results/{task}.mp4`: there once the task has succeeded, for 15 days (TASK-4, TASK-10).

    Anyone who knows the URL may read it, as with the real service.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = _refused(scope) or self._video(scope["path_params"]["task_id"])
        await response(scope, receive, send)

    def _video(self, task_id: str) -> BytesResponse | JSONResponse:
        try:
            tenant, task = self._engine.find_task(task_id)
        except NotFoundError:
            return _problem(404, "No such file")
        now = tenant.clock.now()
        state = task.timeline.state(now)
        if state != "success":
            return _problem(404, f"No such file: the task is {state}")
        if now >= task.timeline.ended + RESULT_LIFE_MS:
            return _problem(410, "Result URLs work for 15 days; this one has expired")
        request = GenerateRequest.from_body(parse_body(task.body))
        look = picture(request, task.seed)

        def content() -> bytes:
            return _render(
                resolution=request.resolution,
                aspect_ratio=request.aspect_ratio,
                seconds=request.duration,
                picture=look,
            )

        return BytesResponse(content, media_type="video/mp4", etag=look.hex())


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
        return _problem(404, "No such file; GET /files/ lists what there is")
    return BytesResponse(content, media_type=MEDIA_TYPES[path.rpartition(".")[2]])


def _refused(scope: Scope) -> JSONResponse | None:
    if scope["method"] in METHODS:
        return None
    allowed = ", ".join(METHODS)
    return _problem(405, f"Method {scope['method'][:20]} is not allowed here; use {allowed}", {"allow": allowed})


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"code": status, "message": message, "data": None}, status, headers)
