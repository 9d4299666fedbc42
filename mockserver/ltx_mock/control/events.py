"""Publish the server's changes as events. Without readers of the feed, this costs one test of `active`.

Whoever changes a request, delivery or tenant publishes the event. Task states change with time alone, so while the feed
has readers each task's next transition sits in a heap, and one timer per tenant with a running clock waits for the
earliest. With a stopped clock there is no timer; whoever moves the clock calls `tenant_changed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from heapq import heappop, heappush

from ltx_mock.control.event_feed import Feed
from ltx_mock.control.to_json import account_view, delivery_view, entry_view, names, scenario_view, task_view
from ltx_mock.core.clock import Clock
from ltx_mock.core.journal_entry import Entry
from ltx_mock.core.records import Delivery, Task
from ltx_mock.engine.engine import Engine
from ltx_mock.engine.observers import Observer
from ltx_mock.scenarios import as_dict
from ltx_mock.store.interface import Tenant
from ltx_mock_contracts.api import ENDED, State

COUNT_SECONDS = 0.2
"""Counters change with each request; only their last values are published, after so many real seconds."""
MAX_WATCHED = 20_000
ALL: dict[str, object] = {"tenant": None, "key": None}
"""The names for all tenants, or for future ones, instead of those of one tenant."""


class _Watched:
    """The published state of one tenant: its clock, its scenarios, the state of each unfinished task."""

    __slots__ = ("ahead", "alarm", "clock", "scenarios", "states", "tenant")

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.clock = tenant.clock
        self.scenarios = tuple(tenant.scenarios)
        self.states: dict[str, State] = {}
        self.ahead: list[tuple[int, int, str]] = []
        self.alarm: asyncio.TimerHandle | None = None

    def note(self, task: Task, moment: int) -> None:
        """Note a task's state at a moment, and the time of its next change."""
        state, then = task.timeline.state(moment), task.timeline.next_transition(moment)
        if state in ENDED:
            self.states.pop(task.id, None)
        else:
            self.states[task.id] = state
        if then is not None:
            heappush(self.ahead, (then, task.number, task.id))

    def still(self) -> None:
        """Cancel the timer."""
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None


class Events(Observer):
    """Publishes changes to the feed. All methods are called in the event loop, by whoever made the change.

    Attributes:
        feed: The feed.
        active: Whether the feed has readers. Without them nothing is published or watched.
    """

    def __init__(self, engine: Engine) -> None:
        # Numbers grow from one run to the next, so that a page that was open before gets a `missed` event.
        self.feed = Feed(Clock.start().now() * 1000, self._start, self._stop)
        self.active = False
        self._engine = engine
        self._tenants: dict[str, _Watched] = {}
        self._to_come: tuple[object, ...] = ()
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

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:
        """Publish an exchange. Changes of clocks are published separately."""
        if self.active and entry.kind != "clock":
            self._sync(tenant)
            self.feed.publish("request", partial(entry_view, tenant, entry), tenant.key, entry.size)

    def task_changed(self, tenant: Tenant, task: Task, change: str) -> None:
        """Publish a task that was `made` or `changed`."""
        if not self.active or (watched := self._sync(tenant)) is None:
            return
        line = task.timeline
        moment = line.created if change == "made" else min(tenant.clock.now(), line.ended)
        if change == "changed" and watched.states.get(task.id) != line.state(moment):
            change = "state"
        self._publish_task(watched, task, moment, change)
        self._settle(watched)

    def delivery_changed(self, tenant: Tenant, delivery: Delivery) -> None:
        """Publish a new or changed callback."""
        if self.active and self._sync(tenant) is not None:
            at = tenant.clock.now()
            self.feed.publish("delivery", lambda: {"at": at, **delivery_view(tenant, delivery)}, tenant.key)

    def tenant_changed(self, tenant: Tenant | None) -> None:
        """Publish the effects of a change of clock or scenarios of one tenant, or of all and of future ones."""
        if not self.active:
            return
        if tenant is None:
            self._sync_defaults()
        for each in self._engine.store.tenants() if tenant is None else [tenant]:
            self._sync(each)

    def tenants_removed(self, tenants: Sequence[Tenant], change: str) -> None:
        """Publish that tenants were `closed` or `reset`."""
        if not self.active:
            return
        for tenant in tenants:
            if (watched := self._tenants.pop(tenant.key, None)) is not None:
                watched.still()
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

    # ---- watching

    def _start(self) -> None:
        self.active = True
        self._to_come = self._mark_to_come()
        for tenant in self._engine.store.tenants():
            if tenant.key:
                watched, now = self._watch(tenant), tenant.clock.now()
                for task in tenant.unfinished(now):
                    watched.note(task, now)
                self._wait(watched)

    def _stop(self) -> None:
        self.active = False
        for watched in self._tenants.values():
            watched.still()
        self._tenants.clear()
        self._counted.clear()
        if self._count_alarm is not None:
            self._count_alarm.cancel()
            self._count_alarm = None

    def _watch(self, tenant: Tenant) -> _Watched:
        if len(self._tenants) >= MAX_WATCHED:  # the store removes idle tenants of a flood of keys without notification
            known = self._engine.store.find
            self._tenants = {key: each for key, each in self._tenants.items() if known(key) == each.tenant}
        watched = self._tenants[tenant.key] = _Watched(tenant)
        return watched

    def _sync(self, tenant: Tenant) -> _Watched | None:
        """Publish what has changed in a tenant since the last call; return None if the tenant was removed."""
        if not tenant.key or self._engine.store.find(tenant.key) != tenant:
            return None
        self._count(tenant)
        watched = self._tenants.get(tenant.key)
        if watched is None:
            watched = self._watch(tenant)
            self._publish("tenant", {"change": "made", **account_view(tenant)}, tenant.key)
        if watched.clock != tenant.clock:
            watched.clock = tenant.clock
            self._publish("clock", {**names(tenant), **tenant.clock.as_dict()}, tenant.key)
        self._settle(watched)
        if watched.scenarios != (active_scenarios := tuple(tenant.scenarios)):
            watched.scenarios = active_scenarios
            views = [scenario_view(tenant, each) for each in active_scenarios]
            self._publish("scenario", {**names(tenant), "scenarios": views}, tenant.key)
        return watched

    def _sync_defaults(self) -> None:
        """Publish what has changed for future tenants."""
        before, self._to_come = self._to_come, self._mark_to_come()
        if before[0] != self._to_come[0]:
            self._publish("clock", {**ALL, **self._engine.clock.as_dict()}, "")
        if before[1] != self._to_come[1]:
            views = [as_dict(scenario) for scenario in self._engine.store.scenarios]
            self._publish("scenario", {**ALL, "scenarios": views}, "")

    def _mark_to_come(self) -> tuple[object, ...]:
        return self._engine.clock, tuple(self._engine.store.scenarios)

    def _settle(self, watched: _Watched) -> None:
        """Publish past state changes in order, and wait for the next."""
        ahead, clock, held = watched.ahead, watched.tenant.clock, False
        while ahead and ahead[0][0] <= clock.now():
            moment, _, task_id = ahead[0]
            task = watched.tenant.task(task_id)
            if (
                task is not None
                and task.timeline.state(moment) in ENDED
                and task_id in self._engine.tasks_under_inspection
            ):
                held = True  # `tenant_changed` is called after its inspection
                break
            heappop(ahead)
            if task is not None and self._changes(watched, task, moment):
                self._publish_task(watched, task, moment, "state")
        if not held:
            self._wait(watched)

    @staticmethod
    def _changes(watched: _Watched, task: Task, moment: int) -> bool:
        """Tell whether the task's state still changes at this moment; its timeline may have been replaced."""
        published = watched.states.get(task.id)
        planned = task.timeline.next_transition(moment - 1) == moment
        return planned and published is not None and published != task.timeline.state(moment)

    def _publish_task(self, watched: _Watched, task: Task, moment: int, change: str) -> None:
        watched.note(task, moment)
        tenant, head = watched.tenant, {"change": change, "at": moment}
        self.feed.publish("task", lambda: head | task_view(tenant, task, moment), tenant.key, len(task.body))

    def _wait(self, watched: _Watched) -> None:
        """Set the timer for the next state change, if the clock is running; the change may already be due."""
        watched.still()
        clock = watched.tenant.clock
        if not watched.ahead:
            return
        seconds = clock.real_seconds_until(watched.ahead[0][0])
        if seconds is not None:
            watched.alarm = asyncio.get_running_loop().call_later(seconds, self.tenant_changed, watched.tenant)

    def _count(self, tenant: Tenant) -> None:
        self._counted[tenant.key] = tenant
        if self._count_alarm is None:
            self._count_alarm = asyncio.get_running_loop().call_later(COUNT_SECONDS, self._publish_counts)

    def _publish_counts(self) -> None:
        counted, self._counted, self._count_alarm = self._counted, {}, None
        for key, tenant in counted.items():
            if self._engine.store.find(key) == tenant:
                self._publish("tenant", {"change": "counted", **account_view(tenant)}, key)
