"""The control plane's handlers for the journal: list, wait, count, compare, export, clear."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from ltx_mock.asgi.connection import wait_for_disconnect
from ltx_mock.asgi.messages import root_url
from ltx_mock.asgi.streamed_response import StreamedResponse
from ltx_mock.asgi.turns import Portion, drained, in_turns, serve_others
from ltx_mock.asgi.worker_thread import WorkerThread
from ltx_mock.control import har
from ltx_mock.control.expectation import Distance, Expectation
from ltx_mock.control.from_json import Exchange
from ltx_mock.control.journal_filter import FIELDS, Filter, Kept, Selection, matching, select
from ltx_mock.control.listing import Text, in_pieces, listing, with_commas
from ltx_mock.control.params import find_tenant, json_body, limit_of, real_seconds, tenant_of_query
from ltx_mock.control.to_json import entry_text, entry_view, hide, shown_body
from ltx_mock.core.journal_entry import ClockEntry, Entry, ExchangeEntry, RequestEntry, idempotency_key_of
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import NotFoundError
from ltx_mock.fields import check_names, choice, whole
from ltx_mock.store.observers import Observer
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.io.json_text import write_json

Handler = Callable[[Request], Awaitable[dict[str, Any] | Response]]
FORMATS = {"json": "application/json", "ndjson": "application/x-ndjson", "har": "application/json"}
ALL = 10**9
NEAR = 3
MAX_COMPARED = 2000
ENTRY_SIZE = 500
COUNTED_AT_ONCE = 4 * 1024
"""Of how many bytes of bodies a count looks at the parts before others have a turn, but for short ones of tasks."""
SAME_BODIES = 256
"""How many different bodies a count remembers: most clients send the same few again and again."""

_NUMBER = re.compile(r"[1-9][0-9]{0,18}")


class Journal:
    """Handlers as in `ltx_mock.control.routes.ControlPlane`; some return the response itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def table(self) -> list[tuple[str, str, Handler]]:
        """Return method, path and handler of each."""
        return [
            ("GET", "/requests", self.requests),
            ("DELETE", "/requests", self.forget),
            ("POST", "/requests/count", self.count),
            ("POST", "/requests/near", self.near),
            ("GET", "/requests/{number}", self.request),
        ]

    async def requests(self, request: Request) -> dict[str, Any] | Response:
        """Return the entries that match the query, oldest first; with `wait`, as soon as there are some."""
        form = choice(*FORMATS)("format", request.query_params.get("format", "json"))
        wanted = Filter.of(request.query_params)
        limit = limit_of(request, 1000 if form == "json" else ALL)
        found = await self._selected(request, wanted, limit, real_seconds(request) or 0.0)
        if form != "json":
            return _export(self._engine.worker, found.entries, form, root_url(request.scope))
        rows = ((_size(kept), partial(_text, kept)) for kept in found.entries)
        return listing(self._engine.worker, "requests", rows, truncated=found.truncated)

    async def request(self, request: Request) -> Response:
        """Return one entry."""
        given = request.path_params["number"]
        number = int(given) if _NUMBER.fullmatch(given) else 0
        async for tenant in in_turns(await self._tenants(request)):
            if (entry := tenant.journal.entry(number)) is not None:
                written = await self._engine.worker.run(partial(entry_text, tenant), entry, entry.size)
                return Response(written, media_type="application/json")
        raise NotFoundError(f"no entry {given[:40]!r} in the journal")

    async def count(self, request: Request) -> dict[str, Any]:
        """Count entries, by the filters of the list and by part of the body."""
        body = await json_body(self._engine, request)
        check_names("field", body, (*FIELDS, "body", "tenant", "key"))
        wanted = Filter.of(body)
        found = matching(await self._tenants(request, body), replace(wanted, with_body=False))
        if not wanted.with_body:
            return {"count": sum([len(several) async for several in found])}
        known: dict[bytes, bool] = {}
        count, portion = 0, Portion(COUNTED_AT_ONCE)
        async for several in found:
            for entry in several:
                raw = entry.request
                if raw not in known:
                    if len(known) == SAME_BODIES:
                        known.clear()
                    has_body = wanted.has_read_body(entry)
                    if has_body is None:
                        has_body = await self._engine.worker.read(wanted.has_body, raw)
                        if portion.add(len(raw)):
                            await serve_others()
                    known[raw] = has_body
                count += known[raw]
        return {"count": count}

    async def near(self, request: Request) -> Response:
        """Return the entries nearest to an expected request, with the mismatches."""
        expected = await json_body(self._engine, request)
        limit = whole(0)("limit", expected.pop("limit", NEAR))
        tenants = await self._tenants(request, expected)
        expectation = Expectation({name: value for name, value in expected.items() if name not in {"tenant", "key"}})
        operation = expected.get("operation")
        newest = await _requests(tenants, operation) if isinstance(operation, str) else []
        if len(newest) < limit or not newest:  # otherwise all others are farther away
            newest = await _requests(tenants)

        def compared(kept: Kept) -> tuple[Distance, Kept]:
            tenant, entry = kept[0], cast("RequestEntry", kept[1].unpack())
            return expectation.distance(_compared(tenant, entry)), kept

        made = self._engine.worker.each((each[1].size, partial(compared, each)) for each in newest)
        seen = sorted([each async for several in made for each in several], key=itemgetter(0))
        matches = sum(not mismatches for (_, mismatches, _), _ in seen)
        rows = ((_size(each), partial(_near, expectation, each)) for _, each in seen[:limit])
        return listing(self._engine.worker, "near", rows, matches=matches)

    async def forget(self, request: Request) -> dict[str, Any]:
        """Clear the journal of one key, or of all."""
        tenants = await self._tenants(request)
        forgotten = 0
        async for tenant in in_turns(tenants):
            if tenant.journal:
                forgotten += await self._engine.store.run(tenant, lambda tenant: tenant.forget_entries())
        return {"forgotten": forgotten}

    async def _selected(self, request: Request, wanted: Filter, limit: int, seconds: float) -> Selection:
        """Return the matching entries, now or as soon as there are some within so many real seconds."""
        there = await select(await self._tenants(request), wanted, limit)
        if there.entries or not seconds:
            return there
        picked_one = await tenant_of_query(self._engine, request)
        with self._news(picked_one, wanted) as news:
            gone = asyncio.create_task(wait_for_disconnect(request.receive))
            gone.add_done_callback(lambda _: news.set())
            try:
                async with asyncio.timeout(seconds):
                    await news.wait()
            except TimeoutError:
                pass
            finally:
                gone.cancel()
        return await select(await self._tenants(request), wanted, limit)

    @contextmanager
    def _news(self, only: Tenant | None, wanted: Filter) -> Iterator[asyncio.Event]:
        """Yield an event that is set when a matching entry is written, or when the server stops."""
        news = News(None if only is None else only.key, wanted)
        self._engine.observers.add(news)
        try:
            yield news.came
        finally:
            self._engine.observers.remove(news)

    async def _tenants(self, request: Request, body: Mapping[str, Any] | None = None) -> list[Tenant]:
        """Return the tenant that query or body select, or all."""
        tenant = await find_tenant(self._engine, {**request.query_params, **(body or {})})
        return [tenant] if tenant else list(self._engine.store.tenants())


class News(Observer):
    """Waits for a matching entry. `came` is set then, or when the server stops."""

    def __init__(self, key: str | None, wanted: Filter) -> None:
        self.came = asyncio.Event()
        self._key, self._wanted = key, wanted

    @property
    def listens(self) -> bool:
        """See `Observer`."""
        return True

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """See `Observer`."""
        if self._key in {None, tenant.key} and self._wanted.matches(entry):
            self.came.set()

    def stopping(self) -> None:
        """See `Observer`."""
        self.came.set()


async def _requests(tenants: Sequence[Tenant], operation: str | None = None) -> list[Kept]:
    """Return the newest requests, of one operation if given."""
    return (await select(tenants, Filter(kind="request", operation=operation), MAX_COMPARED)).entries


def _compared(tenant: Tenant, entry: RequestEntry) -> Exchange:
    """Return what an expectation looks at, as `Exchange.of` returns it."""
    idempotency_key = idempotency_key_of(entry)
    return Exchange(
        number=entry.number,
        at=entry.at,
        operation=entry.operation,
        method=entry.method,
        target="",
        status=entry.status,
        task_id=entry.task_id,
        state=entry.state,
        findings=entry.findings,
        cause=entry.cause and hide(tenant, entry.cause.text),
        body=shown_body(tenant, entry.request),
        answer=None,
        idempotency_key=idempotency_key and hide(tenant, idempotency_key),
    )


def _near(expectation: Expectation, kept: Kept) -> str:
    tenant, packed = kept
    view = entry_view(tenant, packed.unpack())
    differences = [mismatch._asdict() for mismatch in expectation.difference(Exchange.of(view))]
    return write_json({"request": view, "differences": differences})


def _text(kept: Kept) -> str:
    tenant, packed = kept
    return entry_text(tenant, packed.unpack())


def _size(kept: Kept) -> int:
    """Return the approximate size of an entry as JSON, in bytes."""
    return ENTRY_SIZE + kept[1].size


def _export(aside: WorkerThread, entries: list[Kept], form: str, root: str) -> Response:
    lines = ((_size(kept), partial(_line, kept)) for kept in drained(entries))
    return StreamedResponse(in_pieces(aside, _har(entries, root) if form == "har" else lines), FORMATS[form])


def _line(kept: Kept) -> str:
    return _text(kept) + "\n"


def _har(entries: list[Kept], root: str) -> Iterator[Text]:
    def line(tenant: Tenant, entry: ExchangeEntry) -> str:
        return write_json(har.har_entry(tenant, entry, tenant.settings.public_url or root))

    def lines() -> Iterator[Text]:
        for tenant, packed in drained(entries):
            entry = packed.unpack()
            if not isinstance(entry, ClockEntry):
                yield _size((tenant, packed)), partial(line, tenant, entry)

    yield 0, lambda: har.HEAD
    yield from with_commas(lines())
    yield 0, lambda: har.TAIL
