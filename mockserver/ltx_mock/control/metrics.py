"""Counters and gauges in the text format of Prometheus (0.0.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, TypeAlias, get_args

from ltx_mock.control.listing import Text
from ltx_mock.core.clock import MODES, SECOND
from ltx_mock.core.records import DeliveryState
from ltx_mock.core.settings import MEBIBYTE
from ltx_mock.engine.engine import Engine
from ltx_mock.store.tenant import Tenant
from ltx_mock.version import VERSION
from ltx_mock_contracts.api import STATES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LINE_BYTES = 100
"""The approximate size of a sample."""

Labels: TypeAlias = tuple[tuple[str, str], ...]
Samples: TypeAlias = Iterable[tuple[Labels, float]]


class Family(NamedTuple):
    """A metric family: name, `counter` or `gauge`, help text, and functions that return the samples of each tenant."""

    name: str
    kind: str
    help: str
    samples: Iterable[Callable[[], Samples]]


def exposition(families: Iterable[Family]) -> Iterator[Text]:
    """Yield the text format of families, in parts."""
    for family in families:
        head = f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n"
        yield 0, partial(str, head)
        for samples in family.samples:
            yield LINE_BYTES, partial(_lines, family.name, samples)


def measured(engine: Engine, tenants: Sequence[Tenant], listeners: int) -> list[Family]:
    """Return the metrics of the server and of some tenants; `listeners` is the number of readers of the event feed."""
    keyed = [tenant for tenant in tenants if tenant.key]

    def of(tenants: Iterable[Tenant], samples: Callable[[Tenant], Samples]) -> Iterator[Callable[[], Samples]]:
        return (partial(samples, tenant) for tenant in tenants)

    return [
        _one("ltx_mock_build_info", "The version.", 1, version=VERSION),
        _one(
            "process_start_time_seconds", "When the server was started, in real Unix seconds.", engine.started / SECOND
        ),
        _one("ltx_mock_event_listeners", "Clients that listen to /__admin/events.", listeners),
        _one("ltx_mock_tenants", "Tenants: API keys seen.", len(keyed)),
        Family(
            "ltx_mock_requests_total",
            "counter",
            "Requests and callbacks by the status of their response.",
            of(tenants, _requests),
        ),
        Family("ltx_mock_tasks", "gauge", "Tasks by their state.", of(keyed, _tasks)),
        Family("ltx_mock_deliveries", "gauge", "Callbacks by their outcome.", of(keyed, _deliveries)),
        Family("ltx_mock_credits_spent", "gauge", "Credits spent, less refunds.", of(keyed, _credits)),
        Family("ltx_mock_journal_entries", "gauge", "Entries in the journal.", of(tenants, _entries)),
        Family("ltx_mock_journal_bytes", "gauge", "Bytes of the journal.", of(tenants, _bytes)),
        _one("ltx_mock_journal_memory_bytes", "Bytes of all journals together.", engine.store.journal_bytes),
        _one(
            "ltx_mock_journal_memory_limit_bytes",
            "Limit for all journals: --journal-memory.",
            engine.settings.journal_memory * MEBIBYTE,
        ),
        _one("ltx_mock_task_memory_bytes", "Bytes of all tasks and callbacks.", engine.store.task_bytes),
        Family("ltx_mock_clock_mode", "gauge", "Tenants by the mode of their clock.", of(keyed, _modes)),
    ]


def _one(name: str, text: str, value: float, **labels: str) -> Family:
    return Family(name, "gauge", text, [lambda: [(tuple(labels.items()), value)]])


def _requests(tenant: Tenant) -> Samples:
    for (operation, status), count in tenant.counts.items():
        if operation != "clock":
            status_label = "none" if status is None else str(status)
            yield (*_names(tenant), ("operation", operation), ("status", status_label)), count


def _tasks(tenant: Tenant) -> Samples:
    states = tenant.states(tenant.clock.now())
    return [((*_names(tenant), ("state", state)), states[state]) for state in STATES]


def _deliveries(tenant: Tenant) -> Samples:
    outcomes = tenant.outcomes()
    return [((*_names(tenant), ("outcome", each)), outcomes.get(each, 0)) for each in get_args(DeliveryState)]


def _credits(tenant: Tenant) -> Samples:
    return [(_names(tenant), tenant.account(tenant.clock.now()).spent)]


def _entries(tenant: Tenant) -> Samples:
    return [(_names(tenant), len(tenant.journal))]


def _bytes(tenant: Tenant) -> Samples:
    return [(_names(tenant), tenant.entry_bytes)]


def _modes(tenant: Tenant) -> Samples:
    return [((*_names(tenant), ("mode", mode)), int(tenant.clock.mode == mode)) for mode in MODES]


def _names(tenant: Tenant) -> Labels:
    return ("tenant", tenant.id), ("key", tenant.label)


def _lines(name: str, samples: Callable[[], Samples]) -> str:
    return "".join([f"{name}{_labels(labels)} {value}\n" for labels, value in samples()])


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
