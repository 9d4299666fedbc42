"""Counters and gauges in the text format of Prometheus (0.0.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from ltx_mock.core.clock import MODES, SECOND
from ltx_mock.core.records import DeliveryState
from ltx_mock.core.settings import MEBIBYTE
from ltx_mock.engine.engine import Engine
from ltx_mock.store.tenant import Tenant
from ltx_mock.version import VERSION
from ltx_mock_contracts.api import STATES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


class Family(NamedTuple):
    """A metric family: name, `counter` or `gauge`, help text, and a value for each set of labels."""

    name: str
    kind: str
    help: str
    samples: Counter[Labels]


def exposition(families: Iterable[Family]) -> str:
    """Return families in the text format."""
    lines: list[str] = []
    for family in families:
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        lines += [f"{family.name}{_labels(labels)} {value}" for labels, value in family.samples.items()]
    return "\n".join(lines) + "\n"


def measured(engine: Engine, tenants: Sequence[Tenant], listeners: int) -> list[Family]:
    """Return the metrics of the server and of some tenants; `listeners` is the number of readers of the event feed."""
    keyed = [tenant for tenant in tenants if tenant.key]
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
            _requests(tenants),
        ),
        Family("ltx_mock_tasks", "gauge", "Tasks by their state.", _tasks(keyed)),
        Family("ltx_mock_deliveries", "gauge", "Callbacks by their outcome.", _deliveries(keyed)),
        Family("ltx_mock_credits_spent", "gauge", "Credits spent, less refunds.", _credits(keyed)),
        Family("ltx_mock_journal_entries", "gauge", "Entries in the journal.", _entries(tenants)),
        Family("ltx_mock_journal_bytes", "gauge", "Bytes of the journal.", _bytes(tenants)),
        _one("ltx_mock_journal_memory_bytes", "Bytes of all journals together.", engine.store.journal_bytes),
        _one(
            "ltx_mock_journal_memory_limit_bytes",
            "Limit for all journals: --journal-memory.",
            engine.settings.journal_memory * MEBIBYTE,
        ),
        _one("ltx_mock_task_memory_bytes", "Bytes of all tasks and callbacks.", engine.store.task_bytes),
        Family("ltx_mock_clock_mode", "gauge", "Tenants by the mode of their clock.", _modes(keyed)),
    ]


def _one(name: str, text: str, value: float, **labels: str) -> Family:
    samples: Counter[Labels] = Counter()
    samples[tuple(labels.items())] = value  # type: ignore[assignment] # gauges may be fractional
    return Family(name, "gauge", text, samples)


def _requests(tenants: Sequence[Tenant]) -> Counter[Labels]:
    counted: Counter[Labels] = Counter()
    for tenant in tenants:
        for (operation, status), count in tenant.counts.items():
            if operation != "clock":
                status_label = "none" if status is None else str(status)
                counted[*_names(tenant), ("operation", operation), ("status", status_label)] += count
    return counted


def _tasks(tenants: Sequence[Tenant]) -> Counter[Labels]:
    counted: Counter[Labels] = Counter()
    for tenant in tenants:
        now = tenant.clock.now()
        states = Counter(task.timeline.state(now) for task in tenant.tasks())
        for state in STATES:
            counted[*_names(tenant), ("state", state)] += states[state]
    return counted


def _deliveries(tenants: Sequence[Tenant]) -> Counter[Labels]:
    counted: Counter[Labels] = Counter()
    for tenant in tenants:
        outcomes = Counter(delivery.state for delivery in tenant.deliveries())
        for outcome in get_args(DeliveryState):
            counted[*_names(tenant), ("outcome", outcome)] += outcomes[outcome]
    return counted


def _credits(tenants: Sequence[Tenant]) -> Counter[Labels]:
    counted: Counter[Labels] = Counter()
    for tenant in tenants:
        counted[_names(tenant)] += tenant.account(tenant.clock.now()).spent
    return counted


def _entries(tenants: Sequence[Tenant]) -> Counter[Labels]:
    counted: Counter[Labels] = Counter()
    for tenant in tenants:
        counted[_names(tenant)] += len(tenant.entries())
    return counted


def _bytes(tenants: Sequence[Tenant]) -> Counter[Labels]:
    counted: Counter[Labels] = Counter()
    for tenant in tenants:
        counted[_names(tenant)] += tenant.entry_bytes
    return counted


def _modes(tenants: Sequence[Tenant]) -> Counter[Labels]:
    counted: Counter[Labels] = Counter()
    for tenant in tenants:
        for mode in MODES:
            counted[*_names(tenant), ("mode", mode)] += tenant.clock.mode == mode
    return counted


def _names(tenant: Tenant) -> Labels:
    return ("tenant", tenant.id), ("key", tenant.label)


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
