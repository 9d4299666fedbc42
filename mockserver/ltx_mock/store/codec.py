"""Write what a store holds as bytes, and read it back exactly: equal values of the same types.

Settings and clocks are JSON objects by name, lists of active scenarios are JSON. Tasks, deliveries and journal entries
are *records*: a line of JSON with the fields in order, then the raw bodies. JSON has the length of a body in place of
its field, so that no body is escaped, whatever clients sent. All functions that read raise `UnreadableRecord` for what
they cannot read.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, get_type_hints

from ltx_mock.core.clock import Clock, read_mode, read_speed
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, Entry, RequestEntry
from ltx_mock.core.records import Delivery, Task
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios.matching import ActiveScenario
from ltx_mock.store.forms import UnreadableRecord, form_of, from_json, row_form, to_json

__all__ = [
    "UnreadableRecord",
    "clock_from_bytes",
    "clock_to_bytes",
    "delivery_from_bytes",
    "delivery_to_bytes",
    "entry_from_bytes",
    "entry_to_bytes",
    "scenarios_from_bytes",
    "scenarios_to_bytes",
    "settings_from_bytes",
    "settings_to_bytes",
    "task_from_bytes",
    "task_to_bytes",
]

T = TypeVar("T")


class _Records(Generic[T]):
    """Writes and reads records of a NamedTuple.

    Attributes:
        given: the index of a field that is not written; None if all are.
    """

    def __init__(self, cls: type[T], given: str | None = None) -> None:
        self._form = row_form(cls, given)
        self._bodies = [index for index, kind in enumerate(self._form.types) if kind is bytes]
        self.given = None if given is None else self._form.names.index(given)

    def write(self, value: T, instead: str | None = None) -> bytes:
        """Return the record, with another value instead of the field that is not written."""
        row = self._form.to_row(value)
        if self.given is not None:
            row[self.given] = instead
        parts = [b"", b"\n"]
        for index in self._bodies:
            parts.append(row[index])
            row[index] = len(row[index])
        parts[0] = to_json(row)
        return b"".join(parts)

    def read(self, row: list[Any], rest: bytes, given: object = None) -> T:
        """Return the value of a decoded line and the bodies behind it."""
        start = 0
        for index in self._bodies:
            if index < len(row):
                end = start + row[index]
                row[index], start = rest[start:end], end
        if start != len(rest):
            raise ValueError
        if self.given is not None:
            row[self.given] = given
        return self._form.from_row(row)  # type: ignore[no-any-return]


_tasks, _deliveries = _Records(Task), _Records(Delivery)
_entries: dict[str, _Records[Any]] = {
    "request": _Records(RequestEntry, given="number"),
    "callback": _Records(CallbackEntry, given="number"),
    "download": _Records(DownloadEntry, given="number"),
    "clock": _Records(ClockEntry, given="number"),
}
"""By `Entry.kind`, which replaces the number."""
_scenarios = form_of(tuple[ActiveScenario, ...])
_settings = {name: form_of(hint) for name, hint in get_type_hints(Settings).items()}


def task_to_bytes(task: Task) -> bytes:
    """Write a task."""
    return _tasks.write(task)


def task_from_bytes(record: bytes) -> Task:
    """Read a task."""
    line, _, body = record.partition(b"\n")
    return from_json(line, "task", lambda row: _tasks.read(row, body))


def delivery_to_bytes(delivery: Delivery) -> bytes:
    """Write a delivery with its attempts."""
    return _deliveries.write(delivery)


def delivery_from_bytes(record: bytes) -> Delivery:
    """Read a delivery."""
    line, _, rest = record.partition(b"\n")
    return from_json(line, "delivery", lambda row: _deliveries.read(row, rest))


def entry_to_bytes(entry: Entry) -> bytes:
    """Write a journal entry without its number."""
    return _entries[entry.kind].write(entry, entry.kind)


def entry_from_bytes(record: bytes, number: int) -> Entry:
    """Read a journal entry, and give it a number."""
    line, _, bodies = record.partition(b"\n")
    found: Entry = from_json(line, "journal entry", lambda row: _entries[row[0]].read(row, bodies, number))
    return found


def scenarios_to_bytes(scenarios: tuple[ActiveScenario, ...]) -> bytes:
    """Write active scenarios."""
    return to_json(_scenarios.to_json(scenarios))


def scenarios_from_bytes(written: bytes) -> tuple[ActiveScenario, ...]:
    """Read active scenarios."""
    return from_json(written, "list of scenarios", lambda given: _scenarios.from_json(list(given)))


def settings_to_bytes(settings: Settings) -> bytes:
    """Write settings with their secrets."""
    return to_json({name: form.to_json(getattr(settings, name)) for name, form in _settings.items()})


def settings_from_bytes(written: bytes) -> Settings:
    """Read settings; those that are not there have their defaults."""
    return from_json(written, "settings", _settings_of)


def clock_to_bytes(clock: Clock, offset_ns: int) -> bytes:
    """Write a clock.

    Args:
        clock: the clock.
        offset_ns: what must be added to this process's monotonic time for the time that all processes share.
    """
    return to_json(
        {
            "mode": clock.mode,
            "speed": clock.speed,
            "anchor": clock.anchor,
            "anchor_ns": clock.anchor_ns + offset_ns,
        }
    )


def clock_from_bytes(written: bytes, offset_ns: int) -> Clock:
    """Read a clock for this process; `offset_ns` as in `clock_to_bytes`."""

    def clock_of(given: dict[str, Any]) -> Clock:
        mode, speed = read_mode("mode", given["mode"]), read_speed("speed", given["speed"])
        return Clock(mode, speed, given["anchor"], given["anchor_ns"] - offset_ns)

    return from_json(written, "clock", clock_of)


def _settings_of(given: dict[str, Any]) -> Settings:
    known = {name: form.from_json(given[name]) for name, form in _settings.items() if name in given}
    return Settings.from_mapping(given | known)
