"""Two workers on one shared store do what one store in memory does, whatever they do in whatever order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from ltx_mock.core.journal_entry import Entry, RequestEntry
from ltx_mock.core.setting_readers import Rate
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios import NAMED, from_dict
from ltx_mock.scenarios.matching import activate
from ltx_mock.store.interface import Store
from ltx_mock.store.memory import MemoryStore
from ltx_mock.store.observers import Observer
from ltx_mock.store.shared import SharedStore
from ltx_mock.store.tenant import Tenant
from support import store_units as units
from support.backends import FOR_LONG_TESTS, Open, Opened, TwoWorkers, memory
from support.store_units import BrokenError, Work, difference, shown

pytestmark = pytest.mark.hypothesis  # whose plugin marks what has `@given` alone

T = TypeVar("T")

KEYS = ("", "key", "other")
WORKERS = ("one", "two")
NARROW = Settings(
    clock="manual",
    rate_limit=Rate(count=20, window_ms=1000),
    max_concurrent=3,
    credits=40,
    journal_entries=7,
    seed=5,
)
SCENARIOS = (
    NAMED["server-error"],
    from_dict({"name": "maybe", "status": 500, "chance": 0.5, "times": 2}),
    from_dict({"name": "third", "status": 429, "nth": 3}),
)
workers, keys = st.sampled_from((0, 1)), st.sampled_from(KEYS)
numbers, scenarios = st.integers(0, 9), st.sampled_from(SCENARIOS)


class Step(NamedTuple):
    """What a unit of work does; `names` bear those of tasks made before, or new ones."""

    kind: str
    number: int
    flag: bool


steps = st.builds(
    Step,
    st.sampled_from(
        ("submit", "fail", "claim", "finish", "give back", "advance", "mode", "scenario", "use", "drop", "record")
    ),
    numbers,
    st.booleans(),
)
pieces = st.tuples(st.lists(steps, min_size=1, max_size=4), st.sampled_from((False, False, False, True)))
"""The steps of a unit of work, and whether it raises at its end."""


class Order(Observer):
    """Collects the names of journal entries by their numbers."""

    only_here = True

    def __init__(self) -> None:
        self.names: dict[int, str] = {}

    def entry_recorded(self, tenant: Tenant, entry: Entry) -> None:  # noqa: ARG002
        """See `Observer`."""
        if isinstance(entry, RequestEntry):
            assert entry.number not in self.names
            self.names[entry.number] = entry.target


class Stores(TwoWorkers):
    """Two stores on one backend, and their model."""

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self.model = MemoryStore(NARROW)
        self.stores = [SharedStore(NARROW, backend) for backend in self.backends]
        self.order = Order()
        for store in self.stores:
            store.observers.add(self.order)
            self.runner.run(store.open())
        self.tasks: list[str] = ["none"]
        self.named = 0

    def teardown(self) -> None:
        for store in self.stores:
            self.runner.run(store.close())
        super().teardown()

    def of_both(self, worker: int, do: Callable[[Any], Any]) -> tuple[Any, Any]:
        """Do the same with a store and with the model, and return both results."""
        return self.runner.run(do(self.stores[worker])), self.runner.run(do(self.model))

    def work(self, step: Step, worker: int) -> Work:
        """Return what does a step."""
        kind, number, flag = step
        task = self.tasks[-1 - number % len(self.tasks)]
        sender = WORKERS[worker]
        if kind == "submit":
            self.named += 1
            self.tasks.append(f"task_{self.named}")
            own = (activate(SCENARIOS[number % 3]),) if number > 6 else ()
            calls, lasts = number % 2 == 0, 300 * number + 2
            return units.submit(str(self.named), cost=number, lasts=lasts, fails=flag, calls=calls, scenarios=own)
        return {
            "fail": units.fail(task),
            "claim": units.claim(number * 200, sender),
            "finish": units.finish(sender, 200 if flag else 503),
            "give back": units.give_back_of(WORKERS[flag]),
            "advance": units.advance(number * 100, moves=flag),
            "mode": lambda tenant: tenant.set_clock("auto" if flag else "manual", None),
            "scenario": lambda tenant: tenant.add_scenario(SCENARIOS[number % 3]),
            "use": units.claim_scenario(task),
            "drop": lambda tenant: tenant.drop_scenarios(),
            "record": units.record("more", 200 + number),
        }[kind]

    @rule(batch=st.lists(st.tuples(workers, keys, pieces), min_size=1, max_size=6))
    def run_at_once(self, batch: list[tuple[int, str, tuple[list[Step], bool]]]) -> None:
        """Run units of work at the same time; the model does so in the order in which they were committed."""
        made: dict[str, tuple[int, str, Work, bool]] = {}
        self.order.names.clear()  # a reset begins the numbers anew
        for worker, key, (some, breaks) in batch:
            self.named += 1
            name = f"unit-{self.named}"
            work = units.in_turn([units.record(name), *(self.work(each, worker) for each in some)], breaks=breaks)
            made[name] = worker, key, work, breaks

        async def run(store: Store, key: str, work: Work) -> object:
            try:
                return await store.run(await store.tenant(key), work)
            except BrokenError:
                return "broken"

        async def run_all() -> list[object]:
            await self.stores[0].refresh()
            for _, key, _, _ in made.values():  # so that it is clear which is first
                await self.stores[0].tenant(key)
            return await asyncio.gather(*(run(self.stores[at], key, work) for at, key, work, _ in made.values()))

        for _, key, _, _ in made.values():
            self.runner.run(self.model.tenant(key))
        results = self.runner.run(run_all())
        order = [name for _, name in sorted(self.order.names.items()) if name in made]
        intact = [name for name, (*_, breaks) in made.items() if not breaks]
        assert sorted(order) == sorted(intact)
        by_name = dict(zip(made, results, strict=True))
        for name in order:
            _, key, work, _ = made[name]
            assert by_name[name] == self.runner.run(run(self.model, key, work))
        assert all(by_name[name] == "broken" for name in made if name not in intact)

    @rule(worker=workers, key=keys)
    def make_tenant(self, worker: int, key: str) -> None:
        self.runner.run(self.stores[worker].refresh())  # otherwise it may know a tenant that is gone
        one, other = self.of_both(worker, lambda store: store.tenant(key))
        assert (one.key, one.id) == (other.key, other.id)

    @rule(worker=workers, key=keys, own=st.booleans())
    def open_tenant(self, worker: int, key: str, own: bool) -> None:
        given = NARROW.replace(credits=20) if own and key else None
        one, other = self.of_both(worker, lambda store: store.open_tenant(key, given))
        assert (one.key, one.id, one.opened) == (other.key, other.id, other.opened)

    @rule(worker=workers, key=keys)
    def clear_journal(self, worker: int, key: str) -> None:
        """Do it as the control plane does, which refreshes first."""

        async def clear(store: Store) -> int:
            await store.refresh()
            return await store.run(await store.tenant(key), lambda tenant: tenant.forget_entries())

        one, other = self.of_both(worker, clear)
        assert one == other

    @rule(worker=workers, key=st.sampled_from(KEYS[1:]))
    def drop_tenant(self, worker: int, key: str) -> None:
        async def drop(store: Store) -> bool:
            tenant = await store.existing(key)
            if tenant is not None:
                await store.drop(tenant)
            return tenant is not None

        self.runner.run(self.stores[worker].refresh())
        one, other = self.of_both(worker, drop)
        assert one == other

    @rule(worker=workers)
    def reset(self, worker: int) -> None:
        self.of_both(worker, lambda store: store.reset())

    @rule(worker=workers, milliseconds=st.integers(0, 2000))
    def move_clock(self, worker: int, milliseconds: int) -> None:
        moment = self.model.clock.now() + milliseconds
        self.of_both(worker, lambda store: store.move_clock(moment))

    @rule(worker=workers, mode=st.sampled_from(("manual", "auto")))
    def set_clock(self, worker: int, mode: str) -> None:
        self.of_both(worker, lambda store: store.set_clock(mode, None))

    @rule(worker=workers, scenario=scenarios)
    def add_scenario(self, worker: int, scenario: Any) -> None:
        self.of_both(worker, lambda store: store.add_scenario(scenario))

    @rule(worker=workers)
    def drop_scenarios(self, worker: int) -> None:
        self.of_both(worker, lambda store: store.drop_scenarios())

    @rule(
        worker=workers,
        key=st.sampled_from((None, *KEYS)),
        host=st.sampled_from(("one.test", "two.test")),
        more=st.booleans(),
    )
    def configure(self, worker: int, key: str | None, host: str, more: bool) -> None:
        values = {"allow_callback_host": [host]}

        async def change(store: Store) -> Settings:
            await store.refresh()
            tenant: Tenant | None = None if key is None else await store.tenant(key)
            return await store.configure(
                tenant, lambda given: given.with_more(values) if more else given.with_fewer(values)
            )

        one, other = self.of_both(worker, change)
        assert one == other

    @rule(worker=workers)
    def look(self, worker: int) -> None:
        """Both show the same as soon as a worker has caught up with the other."""
        self.runner.run(self.stores[worker].refresh())
        assert difference(shown(self.stores[worker]), shown(self.model)) == []

    @invariant()
    def a_new_worker_reads_what_there_is(self) -> None:
        fresh = SharedStore(NARROW, _Open(self.backends[0]))

        async def read() -> None:
            await fresh.open()
            await fresh.refresh()
            await fresh.close()

        self.runner.run(read())
        assert difference(shown(fresh), shown(self.model)) == []


class _Open:
    """A backend that is open already, and stays so."""

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("open_two", FOR_LONG_TESTS)
def test_two_workers_do_what_one_store_in_memory_does(
    open_two: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Machine(Stores):
        def __init__(self) -> None:
            super().__init__(open_two(tmp_path))

    monkeypatch.setattr("ltx_mock.store.replica.TRIM_AT_LEAST", 3)
    examples = 30 if open_two is memory else 6
    patient = settings(max_examples=examples, stateful_step_count=20, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Machine, settings=patient)


@pytest.mark.parametrize("open_two", FOR_LONG_TESTS)
def test_work_on_a_copy_that_is_forgotten_during_its_commit_is_done_on_a_new_one(
    open_two: Open, tmp_path: Path
) -> None:
    submits = ([Step("submit", 0, False)], False)
    state = Stores(open_two(tmp_path))
    state.reset(worker=0)
    state.run_at_once(batch=[(0, "", submits), (1, "", submits), (1, "key", submits)])
    state.a_new_worker_reads_what_there_is()
    state.teardown()
