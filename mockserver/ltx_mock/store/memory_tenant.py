"""A tenant in memory: its tasks, callbacks, scenarios and journal."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Reversible, Sequence
from itertools import count

from ltx_mock.core.clock import Clock
from ltx_mock.core.journal_entry import Entry, Operation, findings_size
from ltx_mock.core.keys import key_label
from ltx_mock.core.limits import RequestWindow, TaskLimits
from ltx_mock.core.records import Account, Delivery, DeliveryState, Refusal, Task
from ltx_mock.core.seeding import digest
from ltx_mock.core.settings import MEBIBYTE, Settings
from ltx_mock.scenarios.matching import ActiveScenario, MatchPoint, activate, take_next
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.journal import Journal
from ltx_mock.store.memory_budget import Budget
from ltx_mock.store.observers import Observers
from ltx_mock_contracts.api import State

TASK_BYTES = 2000
DELIVERY_BYTES = 800
"""The overhead of each in bytes, besides the bytes from a client."""
SETTLED_AT_ONCE = 1000
"""The number of ended tasks that `settle` settles."""
MAX_REQUEST_BYTES = 256 * MEBIBYTE
"""The limit on the requests of one key's tasks, our choice; a typical request has some hundred bytes."""


class Shared:
    """What the tenants of a store share: observers, the owners of tasks, numbers of entries, and memory budgets."""

    __slots__ = ("journals", "numbers", "observers", "owners", "tasks")

    def __init__(self, observers: Observers, journals: Budget, tasks: Budget) -> None:
        self.observers, self.journals, self.tasks = observers, journals, tasks
        self.owners: dict[str, MemoryTenant] = {}
        self.numbers = count(1)

    @classmethod
    def nothing(cls) -> Shared:
        """Return what a removed tenant shares: nobody observes it, and nothing is counted."""
        return cls(Observers(), Budget(sys.maxsize, _ignore), Budget(sys.maxsize, _ignore))

    def end(self) -> None:
        """Do the same to all tenants that share it: they are removed together."""
        self.observers = Observers()
        self.journals = self.tasks = Budget(sys.maxsize, _ignore)


class MemoryTenant:
    """See `ltx_mock.store.interface.Tenant`."""

    __slots__ = (
        "_advanced_to",
        "_armed_here",
        "_deliveries",
        "_draws",
        "_due",
        "_idempotency",
        "_inspecting",
        "_limits",
        "_made",
        "_outcomes",
        "_replayed",
        "_request_bytes",
        "_shared",
        "_tasks",
        "_window",
        "clock",
        "counts",
        "entry_bytes",
        "forgotten",
        "generation",
        "id",
        "journal",
        "key",
        "label",
        "last_entry",
        "opened",
        "scenarios",
        "settings",
        "task_bytes",
    )

    def __init__(
        self,
        tenant_id: str,
        key: str,
        settings: Settings,
        clock: Clock,
        shared: Shared,
        generation: int,
        *,
        opened: bool = False,
    ) -> None:
        self.id, self.key, self.label, self.settings, self.clock = tenant_id, key, key_label(key), settings, clock
        self.generation, self.opened = generation, opened
        self.scenarios: tuple[ActiveScenario, ...] = tuple(map(activate, settings.scenario))
        self._armed_here = False
        self._draws = 0
        self._advanced_to = 0
        self._replayed: frozenset[str] = frozenset()
        self._shared = shared
        self._tasks: dict[str, Task] = {}
        self._limits = TaskLimits(self._tasks)
        self._window = RequestWindow(settings.rate_limit, clock.now())
        self._made = 0
        self._inspecting: set[str] = set()
        self._idempotency: dict[str, str] = {}
        self._deliveries: dict[str, Delivery] = {}
        self._outcomes: dict[DeliveryState, int] = {}
        self._due: list[tuple[int, int, int, str]] = []
        self.journal = Journal()
        self.entry_bytes = self.task_bytes = self._request_bytes = 0
        self.forgotten = self.last_entry = 0
        self.counts: dict[tuple[Operation, int | None], int] = {}

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, MemoryTenant):
            return NotImplemented
        return (self.key, self.generation) == (other.key, other.generation)

    def __hash__(self) -> int:
        return hash((self.key, self.generation))

    def move_clock(self, moment: int) -> None:
        """See `Tenant.move_clock`."""
        self._set_clock(self.clock.moved_to(moment))

    def set_clock(self, mode: str | None, speed: float | None) -> None:
        """See `Tenant.set_clock`."""
        self._set_clock(self.clock.changed(mode, speed))

    def begin_advance(self, milliseconds: int) -> int:
        """See `Tenant.begin_advance`."""
        self._advanced_to = max(self._advanced_to, self.clock.now()) + milliseconds
        return self._advanced_to

    @property
    def idle(self) -> bool:
        """Whether it has nothing but a request count and a few journal entries."""
        return self.key != "" and not (self._tasks or self.set_up)

    @property
    def set_up(self) -> bool:
        """Whether it has its own settings or scenarios."""
        return self.opened or self._armed_here

    @property
    def inspecting(self) -> Collection[str]:
        """See `Tenant.inspecting`."""
        return self._inspecting

    @property
    def read_late(self) -> bool:
        """See `Tenant.read_late`."""
        return False

    def configure(self, settings: Settings) -> None:
        """See `Tenant.configure`."""
        self.settings = settings

    def add_scenario(self, scenario: Scenario) -> None:
        """See `Tenant.add_scenario`."""
        self._armed_here = True
        self.activate(scenario)

    def activate(self, scenario: Scenario) -> None:
        """See `Tenant.activate`."""
        self._set_scenarios((*self.scenarios, activate(scenario)))

    def claim_scenario(self, call: MatchPoint, task_id: str | None = None) -> ActiveScenario | None:
        """See `Tenant.claim_scenario`."""
        task = self._tasks.get(task_id or "")
        if task is not None and task.scenarios:
            waiting, claimed = take_next(task.scenarios, call, self.next_random_bytes)
            if waiting != task.scenarios:
                self._put_task(task._replace(scenarios=waiting))
            if claimed is not None:
                return claimed
        waiting, claimed = take_next(self.scenarios, call, self.next_random_bytes)
        self._set_scenarios(waiting)
        return claimed

    def drop_scenarios(self) -> None:
        """See `Tenant.drop_scenarios`."""
        self._set_scenarios(())

    def next_random_bytes(self) -> bytes:
        """See `Tenant.next_random_bytes`."""
        self._draws += 1
        return digest("scenario", self.settings.seed, self._draws)

    def take_recording(self, names: Sequence[str]) -> str:
        """See `Tenant.take_recording`."""
        name = next((each for each in names if each not in self._replayed), names[-1])
        if name not in self._replayed:
            self._replayed |= {name}
        return name

    def take_request(self, now: int) -> int:
        """See `Tenant.take_request`."""
        return self._window.take(self.settings.rate_limit, now)

    def next_number(self) -> int:
        """See `Tenant.next_number`."""
        self._made += 1
        return self._made

    def refusal(self, task: Task, now: int) -> Refusal | None:
        """See `Tenant.refusal`."""
        if self._request_bytes + request_weight(task) > MAX_REQUEST_BYTES:
            return Refusal("memory")
        return self._limits.refusal(task, self.settings, now)

    def add_task(self, task: Task) -> None:
        """See `Tenant.add_task`."""
        self._put_task(task)

    def task(self, task_id: str) -> Task | None:
        """See `Tenant.task`."""
        return self._tasks.get(task_id)

    def task_of_idempotency_key(self, key: str) -> Task | None:
        """See `Tenant.task_of_idempotency_key`."""
        return self._tasks.get(self._idempotency.get(key, ""))

    def tasks(self) -> Reversible[Task]:
        """See `Tenant.tasks`."""
        return self._tasks.values()

    def replace_task(self, task: Task) -> None:
        """See `Tenant.replace_task`."""
        self._put_task(task)

    def settle(self, now: int) -> bool:
        """See `Tenant.settle`."""
        return self._limits.settle(now, SETTLED_AT_ONCE)

    def account(self, now: int) -> Account:
        """See `Tenant.account`."""
        limits, limit, rate = self._limits, self.settings.credits, self.settings.rate_limit
        limits.settle(now)
        window_ends = self._window.ends(rate)
        open_ = window_ends > now
        return Account(
            made=len(self._tasks),
            active=len(limits.unfinished),
            credits=None if limit is None else limit - limits.spent,
            spent=limits.spent,
            requests_in_window=self._window.used if open_ else 0,
            window_ends=window_ends if open_ else None,
        )

    def states(self, now: int) -> Mapping[State, int]:
        """See `Tenant.states`."""
        limits = self._limits
        limits.settle(now)
        unfinished, pending, failed = len(limits.unfinished), len(limits.pending(now)), limits.failed
        success = len(self._tasks) - unfinished - failed
        return {"pending": pending, "processing": unfinished - pending, "success": success, "failed": failed}

    def in_state(self, state: State, now: int) -> Iterable[Task]:
        """See `Tenant.in_state`."""
        self._limits.settle(now)
        return self._limits.in_state(state, now)

    def outcomes(self) -> Mapping[DeliveryState, int]:
        """See `Tenant.outcomes`."""
        return self._outcomes

    def put_delivery(self, delivery: Delivery) -> None:
        """See `Tenant.put_delivery`."""
        self._keep_delivery(delivery)
        self._shared.observers.delivery_changed(self, delivery)

    def _keep_delivery(self, delivery: Delivery) -> None:
        before = self._deliveries.get(delivery.id)
        if before is None:
            self._count_task_bytes(DELIVERY_BYTES + len(delivery.url))
        else:
            self._outcomes[before.state] -= 1
        self._outcomes[delivery.state] = self._outcomes.get(delivery.state, 0) + 1
        self._deliveries[delivery.id] = delivery
        if delivery.state == "scheduled" and delivery.due is not None:
            heapq.heappush(self._due, (delivery.due, *self._order(delivery)))

    def delivery(self, delivery_id: str) -> Delivery | None:
        """See `Tenant.delivery`."""
        return self._deliveries.get(delivery_id)

    def deliveries(self) -> Reversible[Delivery]:
        """See `Tenant.deliveries`."""
        return self._deliveries.values()

    def next_due(self) -> int | None:
        """See `Tenant.next_due`."""
        while self._due and not self._is_due(*self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def claim_due(self, until: int, sender: str) -> list[Delivery]:
        """See `Tenant.claim_due`."""
        claimed = []
        while (moment := self.next_due()) is not None and moment <= until:
            delivery = self._deliveries[heapq.heappop(self._due)[-1]]
            claimed.append(delivery)
            self._keep_delivery(delivery._replace(state="sending", sender=sender))
        return claimed

    def record(self, make: Callable[[int], Entry]) -> None:
        """See `Tenant.record`."""
        entry = make(next(self._shared.numbers))
        self._count(entry)
        self._append(entry)
        self._shared.observers.entry_recorded(self, entry)

    def forget_entries(self) -> int:
        """See `Tenant.forget_entries`."""
        count = len(self.journal)
        self.journal.clear()
        self._shared.journals.count(-self.entry_bytes)
        self.entry_bytes = self.forgotten = 0
        if count:
            self._shared.observers.journal_cleared(self)
        return count

    def shorten_journal(self, size: int) -> int:
        """Remove the oldest entries until at least `size` bytes are freed, if possible; return the freed bytes."""
        freed = 0
        while freed < size and self.journal:
            freed += self._forget_oldest()
        self._shared.journals.count(-freed)
        return freed

    def release(self) -> Iterator[None]:
        """Remove its part from the shared state; later changes are not counted. Return what then removes its items."""
        shared, self._shared = self._shared, Shared.nothing()
        shared.journals.count(-self.entry_bytes)
        shared.tasks.count(-self.task_bytes)
        return self.emptied(shared.owners)

    def emptied(self, owners: dict[str, MemoryTenant]) -> Iterator[None]:
        """Remove its tasks, callbacks and journal, one for each step: to free very many at once takes long."""
        self._limits = TaskLimits(self._tasks)
        while self._tasks:
            task_id, _ = self._tasks.popitem()
            if owners.get(task_id) is self:
                del owners[task_id]
            yield
        while self._deliveries:
            self._deliveries.popitem()
            yield
        while self.journal:
            self.journal.remove_oldest()
            yield

    def _count(self, entry: Entry) -> None:
        kind = entry.operation, entry.status
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def _append(self, entry: Entry) -> None:
        """Add an entry to the journal, and remove the oldest if it is full."""
        shared, journal, settings = self._shared, self.journal, self.settings
        self.last_entry, size = entry.number, journal.append(entry)
        self.entry_bytes += size
        while len(journal) > settings.journal_entries or self.entry_bytes > settings.journal_bytes:
            size -= self._forget_oldest()
        shared.journals.count(size)
        shared.journals.settle()
        shared.tasks.settle()

    def _put_task(self, task: Task) -> None:
        before, self._tasks[task.id] = self._tasks.get(task.id), task
        self._limits.replace(before, task)
        if before is None:
            size = request_weight(task)
            self._request_bytes += size
            self._shared.owners[task.id] = self
            if task.idempotency_key:
                self._idempotency[task.idempotency_key] = task.id
            self._count_task_bytes(TASK_BYTES + size)
        if task.inspecting:
            self._inspecting.add(task.id)
        else:
            self._inspecting.discard(task.id)
        self._shared.observers.task_changed(self, task, "changed" if before else "made")

    def _recount_limits(self) -> None:
        """Take the slots and credits of all tasks anew."""
        self._limits = TaskLimits(self._tasks)
        for task in self._tasks.values():
            self._limits.replace(None, task)

    def _set_clock(self, clock: Clock) -> None:
        if clock != self.clock:
            self.clock = clock
            self._shared.observers.tenant_changed(self)

    def _set_scenarios(self, scenarios: tuple[ActiveScenario, ...]) -> None:
        if scenarios != self.scenarios:
            self.scenarios = scenarios
            self._shared.observers.tenant_changed(self)

    def _forget_oldest(self) -> int:
        self.forgotten, size = self.journal.remove_oldest()
        self.entry_bytes -= size
        return size

    def _count_task_bytes(self, size: int) -> None:
        self.task_bytes += size
        self._shared.tasks.count(size)

    def _order(self, delivery: Delivery) -> tuple[int, int, str]:
        """Return what orders deliveries by creation: those of one task have ids that end with their numbers."""
        task = self._tasks.get(delivery.task_id)
        return task.number if task else 0, len(delivery.id), delivery.id

    def _is_due(self, moment: int, _number: int, _length: int, delivery_id: str) -> bool:
        delivery = self._deliveries.get(delivery_id)
        return delivery is not None and delivery.state == "scheduled" and delivery.due == moment


def request_weight(task: Task) -> int:
    """Return the approximate size of a request in bytes: its body, its recording, its key and its findings."""
    findings = findings_size(task.findings) if task.findings else 0
    return len(task.body) + len(task.recording) + len(task.idempotency_key) + findings


def _ignore(_: int) -> None:
    """Do nothing."""
