"""The control plane's handlers for tenants and scenarios."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import chain, repeat
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ltx_mock.control.bodies import OpenTenant
from ltx_mock.control.listing import VIEW_SIZE, listing
from ltx_mock.control.params import body_of, json_body, tenant_of_query
from ltx_mock.control.proxied import check_settings
from ltx_mock.control.to_json import account_view, scenario_view
from ltx_mock.engine.engine import Engine
from ltx_mock.errors import NotFoundError, SettingsError
from ltx_mock.scenarios import LIBRARY, NAMED, as_dict, from_dict
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.interface import Store
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.io.json_text import write_json

MAX_SCENARIOS = 100
"""The maximum scenarios of one request: reading each takes some tenths of a millisecond, and blocks other requests."""
MAX_ACTIVE = 1000
"""The maximum active scenarios of one key."""
Handler = Callable[[Request], Awaitable[dict[str, Any] | Response]]


class TenantRoutes:
    """Handlers as in `ltx_mock.control.routes.ControlPlane`.

    Args:
        engine: The engine of the server.
        only_api: The host of the real API, if every request goes there.
    """

    def __init__(self, engine: Engine, only_api: str | None = None) -> None:
        self._engine, self._only_api = engine, only_api

    def table(self) -> list[tuple[str, str, Handler]]:
        """Return method, path and handler of each."""
        return [
            ("POST", "/tenants", self.open),
            ("DELETE", "/tenants", self.close),
            ("GET", "/scenarios", self.scenarios),
            ("POST", "/scenarios", self.add_scenario),
            ("DELETE", "/scenarios", self.drop_scenarios),
            ("GET", "/scenarios/library", self.library),
        ]

    async def open(self, request: Request) -> dict[str, Any]:
        """Make a tenant for a key with its own settings, replacing the old one unless the key must be `new`."""
        wanted = await body_of(OpenTenant, self._engine, request)
        settings = wanted.settings or {}
        if self._only_api:
            check_settings(self._only_api, settings)
        scenarios = settings.get("scenario")
        if isinstance(scenarios, list) and len(scenarios) > MAX_SCENARIOS:
            raise SettingsError(f"scenario must be a list of at most {MAX_SCENARIOS}, not of {len(scenarios)}")
        return account_view(await self._engine.tenants.open(wanted.key, settings, new=wanted.new))

    async def close(self, request: Request) -> dict[str, Any]:
        """Delete the tenant of a key, with its settings."""
        await self._engine.tenants.close((await self._one(request)).key)
        return {"closed": True}

    async def scenarios(self, request: Request) -> Response:
        """Return the active scenarios."""
        tenant, store = await tenant_of_query(self._engine, request), self._engine.store
        to_come = () if tenant else store.scenarios
        active = ((each, waiting) for each in _worlds(store, tenant) for waiting in each.scenarios)
        texts = chain((partial(_to_come, each) for each in to_come), (partial(_active, *each) for each in active))
        return listing(self._engine.worker, "scenarios", zip(repeat(VIEW_SIZE), texts))

    async def add_scenario(self, request: Request) -> dict[str, Any]:
        """Activate a scenario for one key, or for all."""
        scenario = from_dict(await json_body(self._engine, request))
        tenant = await tenant_of_query(self._engine, request)
        self._check_room(tenant)
        store = self._engine.store
        if tenant is None:
            await store.add_scenario(scenario)
        else:
            await store.run(tenant, lambda tenant: tenant.add_scenario(scenario))
        return as_dict(scenario)

    async def drop_scenarios(self, request: Request) -> dict[str, Any]:
        """Remove the active scenarios of one key, or of all."""
        tenant = await tenant_of_query(self._engine, request)
        store = self._engine.store
        await (store.drop_scenarios() if tenant is None else store.run(tenant, lambda tenant: tenant.drop_scenarios()))
        return {"scenarios": []}

    async def library(self, _: Request) -> dict[str, Any]:
        """Return the named scenarios."""
        return {"scenarios": [{**as_dict(NAMED[row.name]), "about": row.about} for row in LIBRARY]}

    def _check_room(self, tenant: Tenant | None) -> None:
        """Refuse a scenario above the maximum, because each request tests all active ones."""
        store = self._engine.store
        counts = [len(each.scenarios) for each in ([tenant] if tenant else store.tenants())]
        most = max(counts, default=0)
        if most >= MAX_ACTIVE:
            raise SettingsError(
                f"{most} scenarios are active, and a key can have no more than {MAX_ACTIVE}; "
                "DELETE /__admin/scenarios deactivates them"
            )

    async def _one(self, request: Request) -> Tenant:
        tenant = await tenant_of_query(self._engine, request)
        if tenant is None:
            raise NotFoundError("select a tenant with ?tenant= or ?key=")
        return tenant


def _to_come(scenario: Scenario) -> str:
    return write_json({"tenant": None, "key": None, **as_dict(scenario)})


def _active(tenant: Tenant, waiting: ActiveScenario) -> str:
    return write_json(scenario_view(tenant, waiting))


def _worlds(store: Store, tenant: Tenant | None) -> list[Tenant]:
    """Return this tenant, or all tenants with a key."""
    return [tenant] if tenant else [each for each in store.tenants() if each.key]
