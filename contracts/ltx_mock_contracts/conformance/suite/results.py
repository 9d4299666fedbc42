"""Checks of the result of a task: that it exists and matches the request."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.io.mp4 import VideoFormat, is_complete, is_mp4, media_of, read_format
from ltx_mock_contracts.io.reply import NoReplyError
from ltx_mock_contracts.model import MODEL, RATIO_MODES

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.io.reply import Reply
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["fetch_again", "fetch_result", "judge_result", "result_url", "same_video"]

_LINES: Final = {each.name: min(each.sizes[MODEL.aspect_ratio]) for each in MODEL.resolutions.values()}
_LINES_TOLERANCE: Final = 0.1
_SECONDS_TOLERANCE: Final = 0.6
_GONE: Final = {401, 403, 404, 410}


def result_url(end: Exchange) -> str:
    """Return the URL of the first result.

    Raises:
        CheckStoppedError: There is none; the rules for responses report it.
    """
    try:
        url = json.loads(end.data["resultJson"])["resultUrls"][0]
    except (KeyError, IndexError, TypeError, ValueError):
        raise CheckStoppedError(f"the task ended without a result: {end.data.get('state')}") from None
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise CheckStoppedError("the task ended without the URL of a result")
    return url


def fetch_result(context: CheckContext, end: Exchange, url: str) -> Reply:
    """Download the result; note a deviation if that fails (TASK-10).

    Raises:
        CheckStoppedError: The result is missing.
    """
    context.checked("TASK-10")
    try:
        reply = context.tenant.download(url)
    except NoReplyError as error:
        context.add_deviation(
            "TASK-10", "a result cannot be downloaded", end, expected="a video", actual=f"{url}: {error}"
        )
        raise CheckStoppedError("the result cannot be downloaded") from None
    if reply.status != 200:
        title = "a result cannot be downloaded"
        context.add_deviation("TASK-10", title, end, expected="200 and a video", actual=f"{url}: {reply.status}")
        raise CheckStoppedError("the result cannot be downloaded")
    return reply


def judge_result(context: CheckContext, end: Exchange, body: dict[str, Any]) -> None:
    """Judge the result of a successful task against the body of its request.

    A missing result is a deviation, but does not stop the check.
    """
    try:
        reply = fetch_result(context, end, result_url(end))
    except CheckStoppedError:
        return
    content_type = reply.headers.get("content-type", "none")
    if not content_type.startswith("video/"):
        title, binding = "the Content-Type of a result is not a video", content_type.startswith(("text/", "image/"))
        context.add_deviation("TASK-10", title, end, expected="video/…", actual=content_type, binding=binding)
    video = read_format(reply.body)
    if not is_mp4(reply.body):
        title, actual = "a result is not an MP4 file", f"{len(reply.body)} bytes: {reply.body[:16]!r}…"
        context.add_deviation("TASK-10", title, end, expected="an MP4 file", actual=actual)
    elif not is_complete(reply.body):
        title, actual = "a result is incomplete", f"{len(reply.body)} bytes, and its last box is longer"
        context.add_deviation("TASK-10", title, end, expected="a complete file", actual=actual)
    elif video is not None:
        _judge_format(context, end, video, body["input"])


def fetch_again(context: CheckContext, end: Exchange) -> None:
    """Download a result a second time, without judging its content."""
    try:
        url = result_url(end)
        reply = context.tenant.download(url)
    except (CheckStoppedError, NoReplyError):
        return
    if reply.status in _GONE:
        title, actual = "a result can be downloaded only once", f"{url}: {reply.status} at the second download"
        context.add_deviation("TASK-10", title, end, expected="200 and a video", actual=actual)


def same_video(first: bytes, second: bytes) -> bool:
    """Tell whether two files have the same media data; their headers may differ."""
    if first == second:
        return True
    media = [media_of(raw) for raw in (first, second)]
    return bool(media[0]) and media[0] == media[1]


def _judge_format(context: CheckContext, end: Exchange, video: VideoFormat, given: dict[str, Any]) -> None:
    size, lines = f"{video.width}x{video.height}", _LINES[given["resolution"]]
    context.checked("GEN-9", "GEN-10")
    if abs(min(video.width, video.height) - lines) > lines * _LINES_TOLERANCE:
        title = "a video has another resolution than requested"
        context.add_deviation("GEN-9", title, end, expected=f"about {lines} lines", actual=size)
    if abs(video.seconds - given["duration"]) > _SECONDS_TOLERANCE:
        title, expected = "a video has another length than requested", f"{given['duration']} s"
        context.add_deviation("GEN-10", title, end, expected=expected, actual=f"{video.seconds:.2f} s")
    if given["mode"] in RATIO_MODES:
        context.checked("GEN-11")
        width, height = MODEL.resolutions[given["resolution"]].sizes[given.get("aspect_ratio", MODEL.aspect_ratio)]
        portrait = height > width
        if (video.height > video.width) != portrait:
            title = "a video has another aspect ratio than requested"
            context.add_deviation("GEN-11", title, end, expected="portrait" if portrait else "landscape", actual=size)
