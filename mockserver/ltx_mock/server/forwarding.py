"""What answers in place of the fake before the real API."""

from __future__ import annotations

from starlette.routing import Route

from ltx_mock.core.journal_entry import ApiOperation
from ltx_mock.engine.engine import Engine
from ltx_mock.server.app import Endpoints
from ltx_mock.upstream.callbacks import PATH, CallbackRelay
from ltx_mock.upstream.client import Upstream
from ltx_mock.upstream.endpoints import Forwarded
from ltx_mock.upstream.purse import Purse
from ltx_mock.upstream.recorder import Recorder
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
