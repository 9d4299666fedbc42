"""A worker's copy of a tenant whose state lies in a backend.

The rules are those of `MemoryTenant`. The copy also knows what units of work have changed since the last commit: to
write it down as records, or to take it back when another worker was first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar

from ltx_mock.core.clock import Clock
from ltx_mock.core.journal_entry import Entry, Operation, numbered
from ltx_mock.core.records import Delivery, Task
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock.store import codec
from ltx_mock.store.backend import Line
from ltx_mock.store.forms import from_json
from ltx_mock.store.memory_tenant import DELIVERY_BYTES, TASK_BYTES, MemoryTenant, Shared, request_weight
from ltx_mock.store.registry import Registered

T = TypeVar("T")

HEAD, TRAFFIC, SETTINGS = "head", "traffic", "settings"
TASK, DELIVERY = "task/", "delivery/"
TRIM_AT_LEAST = 64
"""So many journal entries are removed from the backend at once, or an eighth of the journal."""


class Head(NamedTuple):
    """What changes seldom."""

    clock: Clock
    scenarios: tuple[ActiveScenario, ...]
    made: int
    draws: int
    advanced_to: int
    armed_here: bool
    cleared: int
    trimmed: int
    replayed: frozenset[str]


class Traffic(NamedTuple):
    """What changes with each request: the window of the request limit, and the counts of journal entries."""

    start: int
    used: int
    counts: dict[tuple[Operation, int | None], int]


class Marks:
    """The values before a change, to take it back."""

    __slots__ = ("deliveries", "head", "lines", "own_settings", "settings", "tasks", "traffic")

    def __init__(self, tenant: ReplicaTenant) -> None:
        self.head, self.traffic, self.lines = tenant._head(), tenant._traffic(), len(tenant.new_entries)  # noqa: SLF001
        self.settings, self.own_settings = tenant.settings, tenant.own_settings
        self.tasks: dict[str, Task | None] = {}
        self.deliveries: dict[str, Delivery | None] = {}


class ReplicaTenant(MemoryTenant):
    """See `ltx_mock.store.tenant.Tenant`.

    Attributes:
        space: The space of the backend that holds it.
        version: The version that was read or written last; 0 if it was not written yet.
        own_settings: Its own settings; None if it has those of the server.
        new_entries: Journal entries of units of work since the last commit, without numbers.
        lines: What must be added to the number of a journal entry for that of its line in the backend.
        complete_to: The number up to which the journal has the entries of all workers.
        has_journal: Whether the journal was ever read.
    """

    __slots__ = (
        "_batch",
        "_cleared",
        "_dropped",
        "_late",
        "_offset_ns",
        "_trimmed",
        "_unit",
        "complete_to",
        "has_journal",
        "lines",
        "new_entries",
        "own_settings",
        "space",
        "version",
    )

    def __init__(
        self,
        registered: Registered,
        settings: Settings,
        clock: Clock,
        shared: Shared,
        *,
        offset_ns: int,
        lines: int,
    ) -> None:
        """`offset_ns` is what must be added to monotonic time for the time of all workers."""
        key, tenant_id, generation, space, opened = registered
        super().__init__(tenant_id, key, settings, clock, shared, generation, opened=opened)
        self.space, self.version, self.lines = space, 0, lines
        self.own_settings = settings if opened else None
        self.new_entries: list[Entry] = []
        self.complete_to = self._cleared = self._trimmed = self._dropped = 0
        self._late = self.has_journal = False
        self._offset_ns = offset_ns
        self._unit = self._batch = Marks(self)

    # ---- units of work

    def attempt(self, work: Callable[[MemoryTenant], T]) -> tuple[T | None, Exception | None]:
        """Run a unit of work, and return its result, or what it raised; then what it has changed is taken back.

        It may not go on after an exception that is no `Exception`.
        """
        self._unit = unit = Marks(self)
        try:
            result = work(self)
        except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
            self._take_back(unit)
            return None, error
        for name, task in unit.tasks.items():
            self._batch.tasks.setdefault(name, task)
        for name, delivery in unit.deliveries.items():
            self._batch.deliveries.setdefault(name, delivery)
        return result, None

    def changed_records(self) -> dict[str, bytes]:
        """Return the records that units of work have changed since the last commit."""
        batch, head, traffic = self._batch, self._head(), self._traffic()
        records = {TASK + name: codec.task_to_bytes(self._tasks[name]) for name in batch.tasks}
        for name in batch.deliveries:
            records[DELIVERY + name] = codec.delivery_to_bytes(self._deliveries[name])
        if head != batch.head or not self.version:
            records[HEAD] = self._head_bytes(head)
        if traffic != batch.traffic or not self.version:
            records[TRAFFIC] = self._traffic_bytes(traffic)
        if self.own_settings is not batch.own_settings or (self.own_settings and not self.version):
            records[SETTINGS] = codec.settings_to_bytes(self.settings)
        return records

    def new_lines(self) -> list[bytes]:
        """Return the journal lines of units of work since the last commit."""
        return [codec.entry_to_bytes(entry) for entry in self.new_entries]

    @property
    def useless_to(self) -> int:
        """Up to which number entries are of no use any more because of the changes since the last commit, or 0."""
        before, now = self._batch.head, self._head()
        useless = max(now.cleared, now.trimmed)
        return useless if useless > max(before.cleared, before.trimmed) else 0

    def committed(self, version: int, first_number: int) -> list[Entry]:
        """Note that the changes were written, and return the new journal entries with their numbers."""
        self.version = version
        self._late = self._late and not self._batch.deliveries
        before, now = self._batch.head, self._head()
        if now.cleared > before.cleared:
            self._forget_up_to(now.cleared)
        if now.trimmed > before.trimmed:
            self._dropped = 0
        entries = [numbered(entry, number) for number, entry in enumerate(self.new_entries, first_number)]
        for entry in entries:
            self._append(entry)
        self.new_entries = []
        self._batch = Marks(self)
        return entries

    def trim(self) -> None:
        """Have the backend remove what the journal has dropped, if that is enough to be worth it."""
        if self._dropped >= max(TRIM_AT_LEAST, self.settings.journal_entries // 8):
            self._trimmed = self.forgotten

    def take_back(self) -> None:
        """Take back all changes since the last commit."""
        self._take_back(self._batch)
        self._batch = Marks(self)

    def apply(self, version: int, records: Mapping[str, bytes]) -> None:
        """Take over what other workers have written; nothing of this worker's may be uncommitted."""
        self.version = version
        if SETTINGS in records:
            self.settings = self.own_settings = codec.settings_from_bytes(records[SETTINGS])
        for task in sorted(_read(records, TASK, codec.task_from_bytes), key=lambda task: task.number):
            super()._put_task(task)
        deliveries = list(_read(records, DELIVERY, codec.delivery_from_bytes))
        for delivery in sorted(deliveries, key=self._order):
            super().put_delivery(delivery)
        self._late = self._late or bool(deliveries)
        if HEAD in records:
            self._apply_head(records[HEAD])
        if TRAFFIC in records:
            self._apply_traffic(records[TRAFFIC])
        self._batch = Marks(self)

    def merge(self, lines: Iterable[Line]) -> list[Entry]:
        """Take over journal entries of all workers after `complete_to`, and return the entries that were new."""
        mine: dict[int, Entry] = {}
        while self.journal.last > self.complete_to:
            last, size = self.journal.take_newest()
            mine[last.number] = last
            self.entry_bytes -= size
            self._shared.journals.count(-size)
        self.has_journal = True
        new = []
        for line, value in lines:
            number = line - self.lines
            # Lines that were cleared or trimmed may be there still: they are removed after the commit that says so.
            if number <= max(self.complete_to, self.forgotten, self._cleared):
                continue
            if (entry := mine.pop(number, None)) is None:
                entry = codec.entry_from_bytes(value, number)
                new.append(entry)
            self._append(entry)
            self.complete_to = number
        for number in sorted(mine):  # written after the lines were read
            if number > self.complete_to:
                self._append(mine[number])
        return new

    # ---- what changes a tenant

    def record(self, make: Callable[[int], Entry]) -> None:
        """See `Tenant.record`."""
        entry = make(0)
        self._count(entry)
        self.new_entries.append(entry)
        self._shared.observers.entry_recorded(self, entry)

    def configure(self, settings: Settings) -> None:
        """Give it settings of its own."""
        self.settings = self.own_settings = settings

    def forget_entries(self) -> int:
        """See `Tenant.forget_entries`; the entries are removed as soon as this is committed."""
        self._cleared = max(self._cleared, self.last_entry)
        return len(self.journal)

    @property
    def read_late(self) -> bool:
        """See `Tenant.read_late`."""
        return self._late

    def _keep_delivery(self, delivery: Delivery) -> None:
        self._unit.deliveries.setdefault(delivery.id, self._deliveries.get(delivery.id))
        super()._keep_delivery(delivery)

    def _put_task(self, task: Task) -> None:
        self._unit.tasks.setdefault(task.id, self._tasks.get(task.id))
        super()._put_task(task)

    # ---- values

    def _take_back(self, marks: Marks) -> None:
        for name, task in marks.tasks.items():
            if task is not None:
                super()._put_task(task)
            else:
                self._remove_task(name)
        for name, delivery in marks.deliveries.items():
            if delivery is not None:
                super()._keep_delivery(delivery)
            else:
                self._remove_delivery(name)
        head, traffic = marks.head, marks.traffic
        if self.clock is not head.clock:
            self._recount_limits()  # of tasks that had ended by then, and have not now
        self.clock, self.scenarios, self._made, self._draws = head.clock, head.scenarios, head.made, head.draws
        self._advanced_to, self._armed_here = head.advanced_to, head.armed_here
        self._cleared, self._trimmed, self._replayed = head.cleared, head.trimmed, head.replayed
        self._window.start, self._window.used = traffic.start, traffic.used
        self.counts = dict(traffic.counts)
        if self.own_settings is not marks.own_settings:
            self.settings, self.own_settings = marks.settings, marks.own_settings
        del self.new_entries[marks.lines :]

    def _head(self) -> Head:
        return Head(
            self.clock,
            self.scenarios,
            self._made,
            self._draws,
            self._advanced_to,
            self._armed_here,
            self._cleared,
            self._trimmed,
            self._replayed,
        )

    def _traffic(self) -> Traffic:
        return Traffic(self._window.start, self._window.used, dict(self.counts))

    def _head_bytes(self, head: Head) -> bytes:
        clock, scenarios = codec.clock_to_bytes(head.clock, self._offset_ns), codec.scenarios_to_bytes(head.scenarios)
        rest = json.dumps([*head[2:-1], *sorted(head.replayed)]).encode()
        return b"\n".join((clock, scenarios, rest))

    def _apply_head(self, written: bytes) -> None:
        clock, _, more = written.partition(b"\n")
        scenarios, _, rest = more.partition(b"\n")
        self._made, self._draws, self._advanced_to, self._armed_here, cleared, trimmed, *replayed = from_json(
            rest, "tenant", tuple
        )
        self._replayed = frozenset(replayed)
        self._set_scenarios(codec.scenarios_from_bytes(scenarios))
        self._set_clock(codec.clock_from_bytes(clock, self._offset_ns))
        if cleared > self._cleared:
            self._cleared = cleared
            self._forget_up_to(cleared)
        self._trimmed = trimmed
        if trimmed > max(self._cleared, self.forgotten):
            self._drop_up_to(trimmed)
            self.forgotten = trimmed

    def _forget_up_to(self, number: int) -> None:
        """Remove the journal entries that somebody has cleared."""
        self._drop_up_to(number)
        self.forgotten = 0
        self._shared.observers.journal_cleared(self)

    def _drop_up_to(self, number: int) -> None:
        while 0 < self.journal.first <= number:
            self._shared.journals.count(-self._forget_oldest())

    def _forget_oldest(self) -> int:
        self._dropped += 1
        return super()._forget_oldest()

    def _traffic_bytes(self, traffic: Traffic) -> bytes:
        counts = [[*kind, count] for kind, count in traffic.counts.items()]
        return json.dumps([traffic.start, traffic.used, self.clock.now(), counts], separators=(",", ":")).encode()

    def _apply_traffic(self, written: bytes) -> None:
        self._window.start, self._window.used, latest, counts = from_json(written, "tenant", tuple)
        self.counts = {(operation, status): count for operation, status, count in counts}
        if self.clock.now() < latest:  # the clocks of two processes differ by a little, and time must not go back
            self.clock = self.clock.moved_to(latest)

    def _remove_task(self, name: str) -> None:
        task = self._tasks.pop(name)
        self._limits.replace(task, None)
        self._inspecting.discard(name)
        self._forget_idempotency_key(task.idempotency_key)
        self._shared.owners.pop(name, None)
        self._request_bytes -= request_weight(task)
        self._count_task_bytes(-TASK_BYTES - request_weight(task))

    def _forget_idempotency_key(self, key: str) -> None:
        """Let a key mean an earlier task again, whose time may have been over."""
        if self._idempotency.pop(key, None) is not None:
            earlier = next((each for each in reversed(self._tasks.values()) if each.idempotency_key == key), None)
            if earlier is not None:
                self._idempotency[key] = earlier.id

    def _remove_delivery(self, name: str) -> None:
        delivery = self._deliveries.pop(name)
        self._outcomes[delivery.state] -= 1
        self._count_task_bytes(-DELIVERY_BYTES - len(delivery.url))


def _read(records: Mapping[str, bytes], prefix: str, read: Callable[[bytes], T]) -> Iterable[T]:
    return (read(value) for name, value in records.items() if name.startswith(prefix))
