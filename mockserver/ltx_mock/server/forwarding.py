"""What answers in place of the fake before the real API."""

from __future__ import annotations

from starlette.routing import Route

from ltx_mock.api.endpoints import GenerateTask, StatusTask
from ltx_mock.core.journal_entry import ApiOperation
from ltx_mock.engine.engine import Engine
from ltx_mock.server.app import Endpoints
from ltx_mock.upstream.callbacks import PATH, CallbackRelay
from ltx_mock.upstream.client import Upstream
from ltx_mock.upstream.endpoints import Forwarded
from ltx_mock.upstream.purse import Purse
from ltx_mock.upstream.recorder import Recorder
from ltx_mock.upstream.unless_recorded import UnlessRecorded
from ltx_mock_contracts.api import BALANCE_PATH
from ltx_mock_contracts.model import MODEL

OPERATIONS: dict[str, ApiOperation] = {
    MODEL.generate_path: "generateTask",
    MODEL.status_path: "statusTask",
    BALANCE_PATH: "balance",
}


def forwarding(
    engine: Engine,
    upstream: Upstream,
    purse: Purse,
    relay: CallbackRelay | None = None,
    recorder: Recorder | None = None,
) -> Endpoints:
    """Return what answers instead of the fake: the upstream."""
    forwarded = {path: Forwarded(engine, upstream, each, purse, relay, recorder) for path, each in OPERATIONS.items()}
    others = Forwarded(engine, upstream, "other", purse)
    return Endpoints(forwarded, (Route(PATH, relay),) if relay else (), others, upstream.close, upstream.host)


def recording(engine: Engine, upstream: Upstream, purse: Purse, recorder: Recorder, *, replays: bool) -> Endpoints:
    """Return what answers instead of the fake while the upstream is recorded.

    Args:
        engine: The engine of the server.
        upstream: The API.
        purse: What may be spent.
        recorder: Writes the recordings.
        replays: Whether a request that is recorded already is replayed.
    """
    before_api = forwarding(engine, upstream, purse, None, recorder)
    if not replays:
        return before_api
    own = {MODEL.generate_path: GenerateTask(engine), MODEL.status_path: StatusTask(engine)}
    known = {path: UnlessRecorded(engine, each, before_api.by_path[path]) for path, each in own.items()}
    return before_api._replace(by_path={**before_api.by_path, **known}, replays=True)
