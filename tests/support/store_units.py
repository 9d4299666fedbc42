"""Units of work for tests of stores, and all that can be seen of a store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ltx_mock.core.cause import Cause
from ltx_mock.core.failures import failure
from ltx_mock.core.journal_entry import RequestEntry
from ltx_mock.core.records import Attempt, Delivery, Task
from ltx_mock.core.timeline import Timeline
from ltx_mock.engine.deliveries import give_back
from ltx_mock.engine.task_creation import change_task
from ltx_mock.scenarios.matching import ActiveScenario, MatchPoint, RequestFacts, activate
from ltx_mock.store.interface import Store
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.api import STATES, State
from ltx_mock_contracts.request import GenerateRequest
from support.bodies import TEXT, request_body

Work: TypeAlias = Callable[[Tenant], object]
REQUEST = GenerateRequest.from_body(request_body(TEXT))
IDEMPOTENCY_KEYS = ("even", "odd")
BODY = json.dumps(request_body(TEXT)).encode()


class BrokenError(Exception):
    """What a unit of work raises."""


def record(name: str, status: int = 200) -> Work:
    """Write a journal entry that bears a name."""

    def work(tenant: Tenant) -> None:
        at = tenant.clock.now()
        tenant.record(lambda number: RequestEntry(number, at, "other", "GET", name, status, b"", b"x" * 9))

    return work


def submit(
    name: str, *, cost: int, lasts: int, fails: bool, calls: bool, scenarios: tuple[ActiveScenario, ...] = ()
) -> Work:
    """Make a task as the engine does, with a callback if it `calls`, and return its number or the refusal."""

    def work(tenant: Tenant) -> object:
        now = tenant.clock.now()
        if wait := tenant.take_request(now):
            return wait
        number = tenant.next_number()
        ending = failure("E", Cause("manual", "told to")) if fails else None
        line = Timeline(now, now + 1, now + lasts, ending)
        task = Task(f"task_{name}", tenant.key, number, BODY, 7, line, cost, "http://x", scenarios)
        task = task._replace(idempotency_key=IDEMPOTENCY_KEYS[number % 2])
        refused = tenant.refusal(task, now)
        if refused is not None:
            return refused
        tenant.add_task(task._replace(inspecting=calls and not fails))
        if calls:
            url = "http://127.0.0.1/callback"
            tenant.put_delivery(Delivery(f"cb_{name}", tenant.key, task.id, url, url, "scheduled", line.ended))
        return number, tenant.next_random_bytes()

    return work


def fail(task_id: str) -> Work:
    """End a task now as failed, and its inspection."""

    def work(tenant: Tenant) -> None:
        if (task := tenant.task(task_id)) is not None:
            line = task.timeline.finished_at(tenant.clock.now(), failure("E", Cause("manual", "by hand")))
            change_task(tenant, task._replace(timeline=line, inspecting=False))

    return work


def claim(span: int, sender: str) -> Work:
    """Claim the deliveries that are due within a span of milliseconds, move the clock there, and return their ids."""

    def work(tenant: Tenant) -> object:
        until = tenant.clock.now() + span
        claimed = tenant.claim_due(until, sender)
        tenant.move_clock(until)
        return [each.id for each in claimed]

    return work


def finish(sender: str, status: int) -> Work:
    """Note an attempt for all that a sender sends."""

    def work(tenant: Tenant) -> None:
        now = tenant.clock.now()
        for each in list(tenant.deliveries()):
            if each.state == "sending" and each.sender == sender:
                attempts = (*each.attempts, Attempt(len(each.attempts) + 1, now, now, status, None))
                state, due = ("delivered", None) if status == 200 else ("scheduled", now + 500)
                tenant.put_delivery(each._replace(state=state, due=due, attempts=attempts))  # type: ignore[arg-type]

    return work


def give_back_of(sender: str) -> Work:
    """Give back what a worker claimed that has ended."""
    return lambda tenant: give_back(tenant, lambda worker: worker != sender)


def advance(milliseconds: int, *, moves: bool) -> Work:
    """Begin an advance, and perhaps move the clock to its end."""

    def work(tenant: Tenant) -> int:
        until = tenant.begin_advance(milliseconds)
        if moves:
            tenant.move_clock(until)
        return until

    return work


def claim_scenario(task_id: str) -> Work:
    """Claim a scenario for a request about a task."""
    point = MatchPoint("statusTask", "answer", RequestFacts.of(REQUEST), "pending")
    request = point._replace(moment="request")
    return lambda tenant: (tenant.claim_scenario(request, task_id), tenant.claim_scenario(point, task_id))


def in_turn(works: Sequence[Work], *, breaks: bool = False) -> Work:
    """Do several things in one unit of work, and raise `BrokenError` at its end if it `breaks`."""

    def work(tenant: Tenant) -> list[object]:
        results = [each(tenant) for each in works]
        if breaks:
            raise BrokenError
        return results

    return work


class Shown(NamedTuple):
    """All that can be seen of a store."""

    tenants: list[dict[str, Any]]
    clock: dict[str, object]
    scenarios: list[ActiveScenario]
    settings: dict[str, object]
    journal_bytes: int
    task_bytes: int


def shown(store: Store) -> Shown:
    """Return all that can be seen of a store, with ranks in place of the numbers of journal entries."""
    tenants = store.tenants()
    numbers = sorted(
        {each.forgotten for each in tenants} | {entry.number for each in tenants for entry in each.journal} | {0}
    )
    ranks = {number: rank for rank, number in enumerate(numbers)}
    return Shown(
        [
            _tenant(each, ranks) | {"owns": all(store.owner(task.id) == each for task in each.tasks())}
            for each in tenants
        ],
        store.clock.as_dict(),
        list(map(activate, store.scenarios)),
        store.settings.as_dict(),
        store.journal_bytes,
        store.task_bytes,
    )


def difference(one: Shown, other: Shown) -> list[object]:
    """Return what differs: names, and both values."""
    if [each["key"] for each in one.tenants] != [each["key"] for each in other.tenants]:
        return ["tenants", [each["key"] for each in one.tenants], [each["key"] for each in other.tenants]]
    found: list[object] = [
        (mine["key"], name, mine[name], theirs[name])
        for mine, theirs in zip(one.tenants, other.tenants, strict=True)
        for name in mine
        if mine[name] != theirs[name]
    ]
    return found + [(name, a, b) for name, a, b in zip(Shown._fields[1:], one[1:], other[1:], strict=True) if a != b]


def _counted(kept: Mapping[Any, int], all_: Iterable[object]) -> dict[object, int]:
    """Return counts that a tenant keeps up to date, which must be those of its items."""
    counts = {name: count for name, count in kept.items() if count}
    assert counts == Counter(all_)
    return counts


def _in_state(tenant: Tenant, state: State, now: int) -> list[Task]:
    """Return the tasks in a state, which must be those whose timelines say so."""
    found = [*tenant.in_state(state, now)]
    assert found == [task for task in reversed(tenant.tasks()) if task.timeline.state(now) == state]
    return found


def _tenant(tenant: Any, ranks: dict[int, int]) -> dict[str, Any]:
    now = tenant.clock.now()
    return {
        "key": tenant.key,
        "id": tenant.id,
        "opened": tenant.opened,
        "idempotency": [tenant.task_of_idempotency_key(key) for key in IDEMPOTENCY_KEYS],
        "settings": tenant.settings,
        "clock": tenant.clock.as_dict(),
        "scenarios": tenant.scenarios,
        "tasks": list(tenant.tasks()),
        "deliveries": list(tenant.deliveries()),
        "next due": tenant.next_due(),
        "account": tenant.account(now),
        "states": _counted(tenant.states(now), (task.timeline.state(now) for task in tenant.tasks())),
        "in states": {state: _in_state(tenant, state, now) for state in STATES},
        "outcomes": _counted(tenant.outcomes(), (delivery.state for delivery in tenant.deliveries())),
        "inspecting": sorted(tenant.inspecting),
        "counts": {kind: count for kind, count in tenant.counts.items() if count},
        "entries": [entry._replace(number=ranks[entry.number]) for entry in tenant.journal],
        "forgotten": ranks[tenant.forgotten],
        "bytes": (tenant.entry_bytes, tenant.task_bytes, tenant._request_bytes),
        "numbers": (tenant._made, tenant._draws, tenant._advanced_to),
        "set up": tenant.set_up,
    }
