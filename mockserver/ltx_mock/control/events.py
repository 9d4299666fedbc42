"""Publish the server's changes as events. Without readers of the feed, this costs one test of `active`.

Whoever changes a request, task, delivery or tenant publishes the event. A state that changes with time alone is not
announced: a task's event has its timeline, and each change of a clock is an event, so readers compute the states.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

from ltx_mock.control.event_feed import Feed
from ltx_mock.control.to_json import account_view, delivery_view, entry_view, names, scenario_view, task_view
from ltx_mock.core.clock import Clock
from ltx_mock.core.journal_entry import Entry
from ltx_mock.core.records import Delivery, Task
from ltx_mock.engine.engine import Engine
from ltx_mock.scenarios import as_dict
from ltx_mock.store.observers import Observer
from ltx_mock.store.tenant import Tenant

COUNT_SECONDS = 0.2
"""Counters change with each request; only their last values are published, after so many real seconds."""
MAX_PUBLISHED = 20_000
ALL: dict[str, object] = {"tenant": None, "key": None}
"""The names for all tenants, or for future ones, instead of those of one tenant."""
FUTURE = ""
"""Future tenants, among the keys of tenants."""


class Published(NamedTuple):
    """The last published clock and scenarios of a tenant, or of future tenants."""

    clock: Clock
    scenarios: tuple[Any, ...]


class Events(Observer):
    """Publishes changes to the feed. All methods are called in the event loop, by whoever made the change.

    Attributes:
        feed: The feed.
        active: Whether the feed has readers. Without them nothing is published.
    """

    def __init__(self, engine: Engine) -> None:
        # Numbers grow from one run to the next, so that a page that was open before gets a `missed` event.
        self.feed = Feed(Clock.start().now() * 1000, self._start, self._stop)
        self.active = False
        self._engine = engine
        self._published: dict[str, Published] = {}
        self._counted: dict[str, Tenant] = {}
        self._count_alarm: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, engine: Engine) -> Events:
        """Return the events of an engine, created and added to its observers on first use."""
        for each in engine.observers:
            if isinstance(each, cls):
                return each
        events = cls(engine)
        engine.observers.add(events)
        return events

    @property
    def listens(self) -> bool:
        """See `Observer`."""
        return self.active

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """Publish an exchange. Changes of clocks are published separately."""
        if self.active and entry.kind != "clock":
            self._sync(tenant)
            self.feed.publish("request", partial(entry_view, tenant, entry), tenant.key, entry.size)

    def task_changed(self, tenant: Tenant, task: Task, change: Literal["made", "changed"]) -> None:
        """Publish a task that was `made` or `changed`."""
        if self.active and self._sync(tenant):
            at = task.timeline.created if change == "made" else tenant.clock.now()
            view = partial(task_view, tenant, task, at)
            self.feed.publish("task", lambda: {"change": change, "at": at, **view()}, tenant.key, len(task.body))

    def delivery_changed(self, tenant: Tenant, delivery: Delivery) -> None:
        """Publish a new or changed callback."""
        if self.active and self._sync(tenant):
            at = tenant.clock.now()
            self.feed.publish("delivery", lambda: {"at": at, **delivery_view(tenant, delivery)}, tenant.key)

    def tenant_changed(self, tenant: Tenant | None) -> None:
        """Publish the effects of a change of clock or scenarios of one tenant, or of all and of future ones."""
        if not self.active:
            return
        if tenant is None:
            self._publish_changes(FUTURE, ALL, self._future(), as_dict)
        for each in self._engine.store.tenants() if tenant is None else [tenant]:
            self._sync(each)

    def tenants_removed(self, tenants: Sequence[Tenant], change: Literal["closed", "reset"]) -> None:
        """Publish that tenants were `closed` or `reset`."""
        if not self.active:
            return
        for tenant in tenants:
            self._published.pop(tenant.key, None)
            self._counted.pop(tenant.key, None)
            if change == "closed":
                self._publish("tenant", {"change": change, **names(tenant)}, tenant.key)
            else:
                self._publish("reset", {**names(tenant), "what": "world"}, tenant.key)

    def server_reset(self) -> None:
        """Publish that the server was reset."""
        if self.active:
            self._stop()
            self._publish("reset", {**ALL, "what": "world"})
            self._start()

    def journal_cleared(self, tenant: Tenant | None) -> None:
        """Publish that the journal of one tenant, or of all, was cleared."""
        if self.active:
            key = None if tenant is None else tenant.key
            self._publish("reset", {**(names(tenant) if tenant else ALL), "what": "journal"}, key)

    def stopping(self) -> None:
        """Close all readers."""
        self.feed.close()

    def _publish(self, kind: str, data: dict[str, object], key: str | None = None) -> None:
        """Publish data that is already built, because it may change later."""
        self.feed.publish(kind, lambda: data, key)

    # ---- changes of tenants

    def _start(self) -> None:
        self.active = True
        self._published = {each.key: _state(each) for each in self._engine.store.tenants() if each.key}
        self._published[FUTURE] = self._future()

    def _stop(self) -> None:
        self.active = False
        self._published.clear()
        self._counted.clear()
        if self._count_alarm is not None:
            self._count_alarm.cancel()
            self._count_alarm = None

    def _future(self) -> Published:
        return Published(self._engine.clock, tuple(self._engine.store.scenarios))

    def _sync(self, tenant: Tenant) -> bool:
        """Publish what has changed in a tenant since the last call; return False if the tenant was removed."""
        store = self._engine.store
        if not tenant.key or store.find(tenant.key) != tenant:
            return False
        self._count(tenant)
        if tenant.key in self._published:
            self._publish_changes(tenant.key, names(tenant), _state(tenant), partial(scenario_view, tenant))
            return True
        if len(self._published) >= MAX_PUBLISHED:  # the store removes idle tenants of a flood without notification
            self._published = {key: each for key, each in self._published.items() if key == FUTURE or store.find(key)}
        self._published[tenant.key] = _state(tenant)
        self._publish("tenant", {"change": "made", **account_view(tenant)}, tenant.key)
        return True

    def _publish_changes(
        self, key: str, labels: dict[str, object], state: Published, view: Callable[[Any], object]
    ) -> None:
        before, self._published[key] = self._published[key], state
        if before.clock != state.clock:
            self._publish("clock", labels | state.clock.as_dict(), key)
        if before.scenarios != state.scenarios:
            self._publish("scenario", {**labels, "scenarios": [view(each) for each in state.scenarios]}, key)

    def _count(self, tenant: Tenant) -> None:
        self._counted[tenant.key] = tenant
        if self._count_alarm is None:
            self._count_alarm = asyncio.get_running_loop().call_later(COUNT_SECONDS, self._publish_counts)

    def _publish_counts(self) -> None:
        counted, self._counted, self._count_alarm = self._counted, {}, None
        for key, tenant in counted.items():
            if self._engine.store.find(key) == tenant:
                self._publish("tenant", {"change": "counted", **account_view(tenant)}, key)


def _state(tenant: Tenant) -> Published:
    return Published(tenant.clock, tuple(tenant.scenarios))
