"""What is particular to a store that shares its state: conflicts, lost replies, and tenants that others remove."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import wraps
from typing import Any

import pytest

from ltx_mock.core import system_time
from ltx_mock.core.journal_entry import Entry
from ltx_mock.core.settings import Settings
from ltx_mock.errors import LtxMockError, UnavailableError
from ltx_mock.scenarios import NAMED
from ltx_mock.store import shared
from ltx_mock.store.backend import BackendError, Change, Outcome
from ltx_mock.store.observers import Observer
from ltx_mock.store.registry import POINTER
from ltx_mock.store.replica import HEAD
from ltx_mock.store.shared import SharedStore
from ltx_mock.store.tenant import Tenant
from support import store_units as units
from support.memory_backend import MemoryBackend, State
from support.store_units import BrokenError, difference, shown
from support.waiting import SECONDS

MANUAL = Settings(clock="manual", journal_entries=100)
SCENARIO = NAMED["server-error"]


class Handle(MemoryBackend):
    """A handle of a backend whose commits can be held up.

    Attributes:
        before: Is awaited before the next commit; it may raise.
        after: Is awaited after the next one; it may raise too.
        keeps_lines: Whether it fails to remove lines of journals.
    """

    def __init__(self, state: State, ahead_ns: int = 0) -> None:
        super().__init__(state)
        self.ahead_ns = ahead_ns
        self.before: Callable[[], Awaitable[object]] | None = None
        self.after: Callable[[], Awaitable[object]] | None = None
        self.keeps_lines = False

    async def commit(self, changes: Sequence[Change]) -> list[Outcome]:
        before, self.before = self.before, None
        if before is not None:
            await before()
        outcomes = await super().commit(changes)
        after, self.after = self.after, None
        if after is not None:
            await after()
        return outcomes

    async def forget_lines(self, space: str, up_to: int) -> None:
        if self.keeps_lines:
            raise BackendError("not now")
        await super().forget_lines(space, up_to)

    async def time_ns(self) -> int:
        return await super().time_ns() + self.ahead_ns


class Two:
    """Two stores of one state.

    Attributes:
        seen: What the observers of the first were told.
    """

    def __init__(self, settings: Settings = MANUAL, ahead_ns: int = 0) -> None:
        self.state = State()
        self.handle, self.other_handle = Handle(self.state), Handle(self.state, ahead_ns)
        self.store, self.other = SharedStore(settings, self.handle), SharedStore(settings, self.other_handle)
        self.settings = settings
        self.seen: list[str] = []
        self.store.observers.add(Seen(self.seen))

    async def begin(self, tenant: Tenant, work: units.Work) -> tuple[asyncio.Task[object], asyncio.Event]:
        """Start a unit of work in the first store; its commit is held up until the event is set."""
        gate, reached = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            reached.set()
            await gate.wait()

        self.handle.before = hold
        running = asyncio.create_task(self.store.run(tenant, work))
        await reached.wait()
        return running, gate

    async def check(self) -> None:
        """Check that both show what there is."""
        fresh = SharedStore(self.settings, MemoryBackend(self.state))
        await fresh.open()
        for store in (self.store, self.other, fresh):
            await store.refresh()
        assert difference(shown(self.store), shown(fresh)) == []
        assert difference(shown(self.other), shown(fresh)) == []
        await fresh.close()


class Seen(Observer):
    """Writes down what it is told."""

    only_here = True

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:  # noqa: ARG002
        self._seen.append(str(getattr(entry, "target", "")))

    def task_changed(self, tenant: Tenant, task: Any, change: str) -> None:  # noqa: ARG002
        self._seen.append(f"{task.id} {change}")

    def server_reset(self) -> None:
        self._seen.append("reset")


def story(tell: Callable[[Two], Coroutine[None, None, None]]) -> Callable[[], None]:
    """Make a coroutine that is given two open stores a test; in the end both show what there is."""

    @wraps(tell)
    def test() -> None:
        async def told() -> None:
            two = Two()
            await two.store.open()
            await two.other.open()
            await tell(two)
            await two.check()
            await two.store.close()
            await two.other.close()

        asyncio.run(asyncio.wait_for(told(), SECONDS))

    del test.__wrapped__  # pytest would take its argument for a fixture
    return test


def submit(name: str, lasts: int = 100) -> units.Work:
    return units.submit(name, cost=5, lasts=lasts, fails=True, calls=False)


async def away() -> None:
    raise BackendError("away")


@story
async def test_a_unit_that_raises_changes_nothing_and_nobody_hears_of_it(two: Two) -> None:
    tenant = await two.store.tenant("key")
    await two.store.run(tenant, submit("one"))
    before, heard = shown(two.store), list(two.seen)
    ends_one = units.in_turn([units.advance(1000, moves=True), submit("two"), units.record("no")], breaks=True)
    with pytest.raises(BrokenError):
        await two.store.run(tenant, ends_one)
    assert difference(shown(two.store), before) == []
    assert two.seen == heard


@story
async def test_the_settings_of_a_unit_that_raises_are_taken_back(two: Two) -> None:
    tenant = await two.store.tenant("key")

    def work(tenant: Tenant) -> None:
        tenant.configure(MANUAL.replace(credits=1))
        raise BrokenError

    with pytest.raises(BrokenError):
        await two.store.run(tenant, work)
    assert tenant.settings == MANUAL


@story
async def test_after_a_conflict_the_unit_is_run_again_and_heard_of_once(two: Two) -> None:
    tenant = await two.store.tenant("key")
    await two.other.run(await two.other.tenant("key"), submit("first"))
    runs = []

    def work(tenant: Tenant) -> object:
        runs.append([task.id for task in tenant.tasks()])
        return units.in_turn([submit("second"), units.record("second")])(tenant)

    await two.store.run(tenant, work)
    assert runs == [[], ["task_first"]]
    assert [task.number for task in tenant.tasks()] == [1, 2]
    assert two.seen == ["task_first made", "task_second made", "second"]


@story
async def test_observers_hear_of_what_is_written_only(two: Two) -> None:
    tenant = await two.store.tenant("key")
    running, gate = await two.begin(tenant, submit("one"))
    assert two.seen == []
    gate.set()
    await running
    assert two.seen == ["task_one made"]


@story
async def test_an_error_of_the_backend_leaves_all_as_it_was(two: Two) -> None:
    tenant = await two.store.tenant("key")
    before = shown(two.store)
    two.handle.before = away
    with pytest.raises(UnavailableError):
        await two.store.run(tenant, units.in_turn([submit("one"), units.record("one")]))
    assert difference(shown(two.store), before) == []
    await two.store.run(tenant, submit("two"))
    assert two.seen == ["task_two made"]


@story
async def test_what_was_written_though_the_reply_was_lost_appears_once(two: Two) -> None:
    tenant = await two.store.tenant("key")
    two.handle.after = away
    with pytest.raises(UnavailableError):
        await two.store.run(tenant, units.in_turn([submit("one"), units.record("one")]))
    await two.store.run(tenant, units.in_turn([submit("two"), units.record("two")]))
    await two.store.refresh()
    await two.store.refresh()
    assert [task.id for task in tenant.tasks()] == ["task_one", "task_two"]
    assert [getattr(entry, "target", "") for entry in tenant.journal] == ["one", "two"]


@story
async def test_work_that_is_being_written_when_its_tenant_is_replaced_is_done_on_the_new_one(two: Two) -> None:
    tenant = await two.store.tenant("key")
    running, gate = await two.begin(tenant, submit("one"))
    await two.other.open_tenant("key", MANUAL.replace(credits=70))
    await two.store._tenants.learn(whole=True)  # as a request for another key does
    gate.set()
    await running
    replaced = two.store.find("key")
    assert replaced is not None
    assert ([task.id for task in replaced.tasks()], replaced.settings.credits) == (["task_one"], 70)


@story
async def test_entries_that_were_cleared_are_gone_though_the_backend_has_them_still(two: Two) -> None:
    tenant = await two.store.tenant("key")
    await two.store.run(tenant, units.record("one"))
    two.handle.keeps_lines = True
    await two.store.run(tenant, lambda tenant: tenant.forget_entries())
    await two.store.run(tenant, units.record("two"))
    await two.other.refresh()
    seen = two.other.find("key")
    assert seen is not None
    assert [getattr(entry, "target", "") for entry in seen.journal] == ["two"]


@story
async def test_units_that_come_while_the_backend_is_slow_are_written_together(two: Two) -> None:
    tenant = await two.store.tenant("key")
    first, gate = await two.begin(tenant, submit("0"))
    others = [asyncio.create_task(two.store.run(tenant, submit(str(number)))) for number in range(1, 9)]
    await asyncio.sleep(0)
    version = two.state.spaces[tenant.space].version  # type: ignore[attr-defined]
    gate.set()
    await asyncio.gather(first, *others)
    assert two.state.spaces[tenant.space].version == version + 2  # type: ignore[attr-defined]


@story
async def test_who_asks_again_at_once_is_committed_with_those_that_waited_meanwhile(two: Two) -> None:
    tenant = await two.store.tenant("key")
    written = list[int]()

    async def client(name: str) -> None:
        for number in range(3):
            await two.store.run(tenant, submit(f"{name}-{number}"))

    async def note() -> None:
        written.append(len(tenant.tasks()) - sum(written))  # type: ignore[arg-type]
        two.handle.after = note

    gate, reached = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        reached.set()
        await gate.wait()

    two.handle.before, two.handle.after = hold, note
    clients = [asyncio.create_task(client(f"early-{number}")) for number in range(4)]
    await reached.wait()
    clients += [asyncio.create_task(client(f"late-{number}")) for number in range(4)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*clients)
    two.handle.after = None
    assert written == [4, 8, 8, 4]


@story
async def test_who_is_cancelled_before_the_work_begins_causes_nothing(two: Two) -> None:
    tenant = await two.store.tenant("key")
    first, gate = await two.begin(tenant, submit("first"))
    second = asyncio.create_task(two.store.run(tenant, submit("second")))
    await asyncio.sleep(0)
    for each in (first, second):
        each.cancel()
    gate.set()
    await two.store.run(tenant, submit("third"))
    # What is being written is written, though nobody waits for it any more.
    assert [task.id for task in tenant.tasks()] == ["task_first", "task_third"]


@story
async def test_work_on_a_tenant_that_another_worker_replaced_is_done_on_the_new_one(two: Two) -> None:
    tenant = await two.store.tenant("key")
    await two.other.open_tenant("key", MANUAL.replace(credits=7))
    await two.store.run(tenant, submit("one"))
    found = two.store.find("key")
    assert found is not None
    assert found != tenant
    assert [task.id for task in found.tasks()] == ["task_one"]


@story
async def test_background_work_on_a_tenant_that_another_worker_removed_goes_nowhere(two: Two) -> None:
    tenant = await two.store.tenant("key")
    await two.other.refresh()
    await two.other.drop(await two.other.tenant("key"))
    await two.store.run_in_background(tenant, submit("one"))
    assert await two.store.existing("key") is None
    assert two.store.owner("task_one") is None


@story
async def test_background_work_is_done_though_the_copy_was_forgotten(two: Two) -> None:
    tenant = await two.store.tenant("key")
    two.store._copies.forget(tenant)  # type: ignore[arg-type]
    await two.store.run_in_background(tenant, submit("one"))
    assert [task.id for task in two.store.find("key").tasks()] == ["task_one"]  # type: ignore[union-attr]


@story
async def test_a_unit_that_only_reads_writes_nothing_and_sees_what_others_wrote(two: Two) -> None:
    tenant = await two.store.tenant("key")
    await two.other.run(await two.other.tenant("key"), submit("one"))
    version = two.state.spaces[tenant.space].version  # type: ignore[attr-defined]
    assert await two.store.run(tenant, lambda tenant: [task.id for task in tenant.tasks()]) == ["task_one"]
    assert two.state.spaces[tenant.space].version == version  # type: ignore[attr-defined]


@story
async def test_a_scenario_of_all_reaches_a_tenant_that_is_made_meanwhile_once(two: Two) -> None:
    async def add() -> None:
        await two.other.add_scenario(SCENARIO)

    two.handle.before = add
    tenant = await two.store.tenant("key")
    assert [each.scenario for each in tenant.scenarios] == [SCENARIO]


@story
async def test_a_tenant_made_by_another_worker_after_the_scenario_has_it_once(two: Two) -> None:
    async def make() -> None:
        two.handle.after = None
        await two.other.tenant("key")

    two.handle.after = make
    await two.store.add_scenario(SCENARIO)
    await two.store.refresh()
    assert [each.scenario for each in (await two.store.tenant("key")).scenarios] == [SCENARIO]


@story
async def test_a_reset_is_one_step(two: Two) -> None:
    await two.store.open_tenant("own", MANUAL.replace(credits=7))
    await two.store.run(await two.store.tenant("key"), submit("one"))

    async def fail_the_next() -> None:
        two.handle.before = away

    two.handle.before = fail_the_next
    with pytest.raises(UnavailableError):
        await two.store.reset()
    await two.other.refresh()
    assert [each.key for each in two.other.tenants()] == ["", "own", "key"]
    await two.store.reset()
    await two.other.refresh()
    assert [(each.key, each.id, each.settings.credits) for each in two.other.tenants()] == [
        ("", "nobody", None),
        ("own", "t1", 7),
    ]


@story
async def test_a_tenant_that_another_worker_opens_during_a_reset_is_not_lost(two: Two) -> None:
    async def open_one() -> None:
        await two.other.open_tenant("own", MANUAL.replace(credits=7))

    two.handle.after = open_one
    await two.store.reset()
    assert [each.key for each in two.store.tenants()] == ["", "own"]


@story
async def test_a_store_that_was_emptied_is_made_anew(two: Two) -> None:
    before = await two.store.tenant("key")
    await two.store.run(before, submit("one"))
    two.state.empty()
    await two.store.run(before, submit("two"))
    after = await two.store.tenant("key")
    assert before.generation < after.generation
    assert [task.id for task in after.tasks()] == ["task_two"]
    assert "reset" in two.seen
    assert (await two.other.tenant("")).id == "nobody"


@story
async def test_a_list_that_was_made_anew_with_the_same_version_is_another_list(two: Two) -> None:
    before = await two.store.tenant("key")
    two.state.empty()
    await two.other.tenant("another")
    after = await two.store.tenant("another")
    assert (before.id, after.id) == ("t1", "t1")
    assert await two.store.existing("key") is None
    assert "reset" in two.seen


@pytest.fixture
def room_for_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ltx_mock.store.memory_budget.MAX_IDLE_TENANTS", 10)


@pytest.mark.usefixtures("room_for_ten")
@story
async def test_a_flood_of_keys_leaves_those_that_have_something(two: Two) -> None:
    await two.store.open_tenant("opened", MANUAL)
    await two.other.run(await two.other.tenant("armed"), lambda tenant: tenant.add_scenario(SCENARIO))
    await two.store.run(await two.store.tenant("busy"), submit("one"))
    for number in range(40):
        await two.store.run(await two.store.tenant(f"flood {number}"), units.record(str(number)))
    keys = {each.key for each in two.store.tenants()}
    assert len(keys) <= 11
    assert {"", "opened", "armed", "busy", "flood 39"} <= keys
    assert len([name for name in two.state.spaces if name.startswith("tenant-")]) == len(keys)


@pytest.mark.usefixtures("room_for_ten")
@story
async def test_a_key_stays_that_another_worker_has_just_used_for_a_task(two: Two) -> None:
    for number in range(9):
        await two.store.tenant(f"flood {number}")
    await two.other.run(await two.other.tenant("flood 5"), submit("one"))
    forgotten = await two.other.tenant("flood 6")
    await two.store.tenant("one more")
    await two.store.refresh()
    assert [each.id for each in (await two.store.tenant("flood 5")).tasks()] == ["task_one"]
    assert {each.key for each in two.store.tenants()} == {"", "flood 5", "one more"}
    await two.other.run(forgotten, submit("two"))
    assert [each.id for each in (await two.other.tenant("flood 6")).tasks()] == ["task_two"]


@story
async def test_a_tenant_of_which_the_state_is_lost_is_made_anew(two: Two) -> None:
    before = await two.store.tenant("key")
    await MemoryBackend(two.state).remove([before.space])  # type: ignore[attr-defined]
    await two.store.run(before, submit("one"))
    assert [task.id for task in (await two.store.tenant("key")).tasks()] == ["task_one"]


@story
async def test_after_a_commit_that_another_worker_made_first_the_list_of_tenants_is_right(two: Two) -> None:
    async def make_one() -> None:
        await two.other.tenant("one")

    two.handle.before = make_one
    made = await asyncio.gather(*(two.store.tenant(key) for key in ("two", "three", "one")))
    assert sorted(each.id for each in made) == ["t1", "t2", "t3"]


def test_what_cannot_be_read_is_raised_and_the_store_goes_on() -> None:
    async def told() -> None:
        two = Two()
        await two.store.open()
        bad, good = await two.store.tenant("bad"), await two.store.tenant("good")
        space = two.state.spaces[bad.space]  # type: ignore[attr-defined]
        space.version += 1
        space.records[HEAD] = space.version, b"?\n?\n?"
        with pytest.raises(LtxMockError, match="cannot read a stored"):
            await two.store.run(bad, submit("one"))
        await two.store.run(good, submit("two"))
        await two.store.close()

    asyncio.run(asyncio.wait_for(told(), SECONDS))


def test_a_worker_that_cannot_read_what_another_wrote_still_gives_signs_of_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared, "SIGN_SECONDS", 0)

    async def told() -> None:
        two = Two()
        await two.store.open()
        await two.other.open()
        bad = await two.other.tenant("bad")
        space = two.state.spaces[bad.space]  # type: ignore[attr-defined]
        space.version += 1
        space.records[HEAD] = space.version, b"?\n?\n?"
        await two.other.close()
        del two.state.workers[two.other.worker]
        with pytest.raises(LtxMockError, match="cannot read a stored"):
            await two.store.refresh()
        for _ in range(5):
            two.state.workers.clear()
            while two.store.worker not in two.state.workers:  # noqa: ASYNC110 (no event tells)
                await asyncio.sleep(0)
        await two.store.close()

    asyncio.run(asyncio.wait_for(told(), SECONDS))


def test_a_store_of_another_layout_is_refused_in_one_line() -> None:
    async def told() -> None:
        two = Two()
        await MemoryBackend(two.state).commit([Change(POINTER, 0, {"server": b"[]"})])
        with pytest.raises(LtxMockError, match="cannot read a stored list of tenants"):
            await two.store.open()

    asyncio.run(asyncio.wait_for(told(), SECONDS))


def test_who_waits_for_a_store_that_closes_is_told() -> None:
    async def told() -> None:
        two = Two()
        await two.store.open()
        tenant = await two.store.tenant("key")
        running, _ = await two.begin(tenant, submit("one"))
        await two.store.close()
        with pytest.raises(UnavailableError, match="stopping"):
            await running
        with pytest.raises(UnavailableError, match="stopping"):
            await two.store.run(tenant, submit("two"))

    asyncio.run(asyncio.wait_for(told(), SECONDS))


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes by 0.1 ms with each look at it."""
    now = iter(range(10**15, 10**16, 100_000))
    monkeypatch.setattr(system_time, "monotonic_ns", lambda: next(now))


@pytest.mark.usefixtures("ticking")
@pytest.mark.parametrize("ahead_ms", [-40, -3, 0, 3, 40])
def test_time_never_goes_back_between_workers(ahead_ms: int) -> None:
    async def told() -> None:
        two = Two(Settings(), ahead_ms * 1_000_000)
        await two.store.open()
        await two.other.open()
        moments = []
        for number in range(20):
            store = two.store if number % 2 else two.other
            tenant = await store.tenant("key")
            await store.run(tenant, units.record(str(number)))
        await two.store.refresh()
        moments = [entry.at for entry in (await two.store.tenant("key")).journal]
        assert len(moments) == 20
        assert moments == sorted(moments)
        await two.store.close()
        await two.other.close()

    asyncio.run(told())


@story
async def test_the_backend_keeps_little_more_than_the_journal(two: Two) -> None:
    tenant = await two.store.tenant("key")
    for number in range(5):
        await two.store.run(tenant, units.in_turn([units.record(str(each)) for each in range(90)]))
        await two.other.run(await two.other.tenant("key"), units.record(f"other {number}"))
    await two.store.run(tenant, units.in_turn([units.record(str(each)) for each in range(64)]))
    await two.store.refresh()
    await two.store.run(tenant, lambda tenant: tenant.add_scenario(SCENARIO))
    lines = await MemoryBackend(two.state).lines(tenant.space)  # type: ignore[attr-defined]
    assert 100 <= len(lines) <= 100 + 64 + 90


@story
async def test_callbacks_that_are_due_at_the_same_time_are_in_order_of_creation_for_all(two: Two) -> None:
    tenant = await two.store.tenant("key")
    for name in ("two", "one"):
        await two.store.run(tenant, units.submit(name, cost=1, lasts=100, fails=False, calls=True))

    def put_back(tenant: Tenant) -> None:
        for each in reversed(tenant.claim_due(tenant.clock.now() + 100, "worker")):
            tenant.put_delivery(each._replace(due=tenant.clock.now() + 500))

    await two.store.run(tenant, put_back)
    await two.other.refresh()
    for each in (two.store, two.other):
        claimed = await each.run(tenant, units.in_turn([units.claim(500, "worker"), put_all_back]))
        assert claimed == [["cb_two", "cb_one"], None]


def put_all_back(tenant: Tenant) -> None:
    for each in list(tenant.deliveries()):
        tenant.put_delivery(each._replace(state="scheduled"))


@story
async def test_after_a_conflict_the_unit_sees_the_present_settings(two: Two) -> None:
    tenant, seen = await two.store.tenant("key"), []

    async def change_settings() -> None:
        await two.other.configure(None, lambda settings: settings.with_more({"allow_callback_host": ["one.test"]}))
        await two.other.run(tenant, submit("one"))
        await two.store.existing("unknown")

    def work(tenant: Tenant) -> None:
        seen.append(tenant.settings.allow_callback_host)
        tenant.configure(tenant.settings.replace(credits=1))

    two.handle.before = change_settings
    await two.store.run(tenant, work)
    assert seen == [(), ("one.test",)]


@story
async def test_what_is_read_during_a_change_of_the_list_of_tenants_is_not_undone_by_it(two: Two) -> None:
    tasks = []
    later = two.store.clock.now() + 5000

    async def read_meanwhile() -> None:
        await two.other.move_clock(later)
        tasks.append(asyncio.create_task(two.store.existing("unknown")))
        for _ in range(20):
            await asyncio.sleep(0)

    two.handle.after = read_meanwhile
    await two.store.move_clock(later - 1000)
    await asyncio.gather(*tasks)
    assert two.store.clock.now() == later


@story
async def test_a_worker_learns_of_ids_that_were_exchanged_by_a_reset(two: Two) -> None:
    for key in ("one", "two"):
        await two.store.tenant(key)
    await two.other.refresh()
    await two.store.reset()
    for key in ("two", "one"):
        await two.store.tenant(key)
    await two.other.refresh()
    assert [two.other.find_id(each.id) == each for each in two.other.tenants()] == [True] * 3
