"""Every backend agrees with a model, whatever two workers do in whatever order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from ltx_mock.store.backend import Change, Committed, Gone, Line, Missed, News, Records
from support.backends import FOR_LONG_TESTS, Open, Opened, TwoWorkers

pytestmark = pytest.mark.hypothesis  # whose plugin marks what has `@given` alone


@dataclass
class ModelSpace:
    """What a space must hold."""

    version: int = 0
    records: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def since(self, version: int) -> Missed:
        written = {name: value for name, (at, value) in self.records.items() if at > version}
        return Missed(self.version, written if version else {name: value for name, value in written.items() if value})


SHARED_NAMES = ("settings", "account")
OWN_NAMES = ("task", "callback é")
VALUES = st.binary(max_size=6)
WORKERS = st.sampled_from((0, 1))
NUMBERS = st.integers(0, 7)


class Backends(TwoWorkers):
    """Two handles do anything in any order, with right and stale versions, and must agree with a model."""

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened)
        self.spaces: dict[str, ModelSpace] = {}
        self.names: list[str] = ["never-there"]
        self.last_line = 0
        self.history: list[str] = []
        self.positions: list[tuple[str, int]] = []
        self.keep_position(0)

    def name(self, number: int) -> str:
        """Return the name of a space that is there, was there or never was."""
        return self.names[-1 - number % len(self.names)]

    @rule(worker=WORKERS, records=st.dictionaries(st.sampled_from(SHARED_NAMES), VALUES))
    def make(self, worker: int, records: Records) -> None:
        self.names.append(f"space-{len(self.names)}")
        self.commit_all(worker, [Change(self.names[-1], 0, records)])

    @rule(
        worker=WORKERS,
        parts=st.lists(
            st.tuples(
                NUMBERS,
                st.sampled_from((0, 0, 0, 1, 2, 99)),
                st.dictionaries(st.sampled_from((*SHARED_NAMES, *OWN_NAMES)), VALUES),
                st.lists(VALUES, max_size=3),
            ),
            min_size=1,
            max_size=4,
            unique_by=lambda part: part[0],
        ),
    )
    def commit(self, worker: int, parts: list[tuple[int, int, dict[str, bytes], list[bytes]]]) -> None:
        """Commit a batch; the second number says how many versions behind the newest one the worker is."""
        changes = {}
        for number, behind, records, lines in parts:
            space = self.name(number)
            # The version 0 would make a new space: allowed where there is one, but not where one was removed.
            version = max(self.spaces[space].version - behind, 0) if space in self.spaces else 3
            named = {f"{space}:{name}" if name in OWN_NAMES else name: value for name, value in records.items()}
            changes[space] = Change(space, version, named, lines)
        self.commit_all(worker, list(changes.values()))

    def commit_all(self, worker: int, changes: Sequence[Change]) -> None:
        before, length = self.runner.run(self.backends[1 - worker].news()).position, len(self.history)
        outcomes = self.runner.run(self.backends[worker].commit(changes))
        assert len(outcomes) == len(changes)
        last_line = self.last_line
        for change, outcome in zip(changes, outcomes, strict=True):
            space = self.spaces.get(change.space)
            if space is None and change.version:
                assert outcome == Gone()
                continue
            space = space or ModelSpace()
            if space.version != change.version:
                assert outcome == space.since(change.version)
                continue
            assert isinstance(outcome, Committed)
            assert outcome.version == space.version + 1
            self.spaces[change.space] = space
            space.version += 1
            space.records.update({name: (space.version, value) for name, value in change.records.items()})
            self.history.append(change.space)
            if change.lines:
                assert outcome.first_line > last_line
                space.lines.extend(itertools.starmap(Line, enumerate(change.lines, outcome.first_line)))
                self.last_line = max(self.last_line, space.lines[-1].number)
            else:
                assert outcome.first_line == 0
        numbers = [line.number for space in self.spaces.values() for line in space.lines]
        assert len(set(numbers)) == len(numbers)
        assert self.runner.run(self.backends[1 - worker].news(before)).spaces == frozenset(self.history[length:])

    @rule(worker=WORKERS, numbers=st.sets(NUMBERS, min_size=1, max_size=2))
    def remove(self, worker: int, numbers: set[int]) -> None:
        names = {self.name(number) for number in numbers}
        self.runner.run(self.backends[worker].remove(sorted(names)))
        for name in names & set(self.spaces):
            del self.spaces[name]
            self.history.append(name)

    @rule(worker=WORKERS, number=NUMBERS, behind=NUMBERS)
    def read(self, worker: int, number: int, behind: int) -> None:
        name = self.name(number)
        space = self.spaces.get(name)
        version = max(space.version - behind, 0) if space else behind
        found = self.runner.run(self.backends[worker].read(name, version))
        assert found == (space.since(version) if space else Gone())

    @rule(worker=WORKERS, number=NUMBERS, skipped=NUMBERS)
    def read_lines(self, worker: int, number: int, skipped: int) -> None:
        lines = self.lines_of(number)
        after = lines[min(skipped, len(lines)) - 1].number if lines and skipped else 0
        found = self.runner.run(self.backends[worker].lines(self.name(number), after))
        assert found == [line for line in lines if line.number > after]

    @rule(worker=WORKERS, number=NUMBERS, forgotten=NUMBERS)
    def forget_lines(self, worker: int, number: int, forgotten: int) -> None:
        lines = self.lines_of(number)
        up_to = lines[min(forgotten, len(lines) - 1)].number if lines else 1
        self.runner.run(self.backends[worker].forget_lines(self.name(number), up_to))
        lines[:] = [line for line in lines if line.number > up_to]

    def lines_of(self, number: int) -> list[Line]:
        return self.spaces.get(self.name(number), ModelSpace()).lines

    @rule(worker=WORKERS, number=NUMBERS, name=st.sampled_from(OWN_NAMES))
    def find_space(self, worker: int, number: int, name: str) -> None:
        space = self.name(number)
        record = f"{space}:{name}"
        _, value = self.spaces.get(space, ModelSpace()).records.get(record, (0, b""))
        assert self.runner.run(self.backends[worker].space_of(record)) == (space if value else None)

    @rule(worker=WORKERS)
    def keep_position(self, worker: int) -> None:
        position, spaces = self.runner.run(self.backends[worker].news())
        assert spaces == frozenset()
        self.positions.append((position, len(self.history)))

    @rule(worker=WORKERS, number=NUMBERS)
    def ask_for_news(self, worker: int, number: int) -> None:
        position, length = self.positions[-1 - number % len(self.positions)]
        backend = self.backends[worker]
        now, spaces = self.runner.run(backend.news(position))
        assert spaces == frozenset(self.history[length:])
        assert self.runner.run(backend.news(now)) == News(now, frozenset())
        self.runner.run(backend.wait_for_news(position, 3600 if spaces else 0))


@pytest.mark.parametrize("open_two", FOR_LONG_TESTS)
def test_two_workers_agree_with_a_model(open_two: Open, tmp_path: Path) -> None:
    class Machine(Backends):
        def __init__(self) -> None:
            super().__init__(open_two(tmp_path))

    run_state_machine_as_test(Machine, settings=settings(max_examples=30, stateful_step_count=30))
