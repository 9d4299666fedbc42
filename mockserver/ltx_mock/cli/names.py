"""What a shell completes after options and commands: names of the contract, and ids of the running server."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

__all__ = [
    "callback_ids",
    "cases",
    "examples",
    "fail_codes",
    "findings",
    "guides",
    "operations",
    "rule_ids",
    "scenarios",
    "schemas",
    "task_ids",
]

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
Names = Iterable[tuple[str, str]]
"""Names, each with a short description."""

SECONDS = 1.0
"""How long a server may take before the shell completes nothing."""


def _completing(names: Callable[[click.Context], Names], *, files: bool = False) -> Complete:
    """Return what click calls to complete one of these names; where none fits, a file if that is allowed."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=about or None)
            for name, about in names(ctx)
            if name.lower().startswith(incomplete.lower())
        ]
        return found or ([CompletionItem(incomplete, type="file")] if files else [])

    return complete


def _scenarios(_: click.Context) -> Names:
    from ltx_mock.scenarios import LIBRARY  # noqa: PLC0415 - only for this completion, like all below

    return [(row.name, row.about) for row in LIBRARY]


def _cases(_: click.Context) -> Names:
    from ltx_mock.client_checks.cases import CASES  # noqa: PLC0415

    return [(case.name, case.about) for case in CASES]


def _rules(_: click.Context) -> Names:
    from ltx_mock_contracts.rules import RULES  # noqa: PLC0415

    groups = dict.fromkeys(rule.group for rule in RULES.values())
    return [*((group, f"all of {group}") for group in groups), *((rule.id, rule.text) for rule in RULES.values())]


def _fail_codes(_: click.Context) -> Names:
    from ltx_mock_contracts.model import MODEL  # noqa: PLC0415

    return [(code, "") for code in MODEL.fail_codes]


def _schemas(_: click.Context) -> Names:
    from ltx_mock_schemas import names  # noqa: PLC0415

    return [(name, "") for name in names()]


def _examples(_: click.Context) -> Names:
    from ltx_mock.core.shipped import examples  # noqa: PLC0415

    names = dict.fromkeys(each for name in examples() for each in (name.partition("/")[0], name))
    return [(name, "") for name in names]


def _guides(_: click.Context) -> Names:
    from ltx_mock.core.shipped import guides, title  # noqa: PLC0415

    return [(name, title(page.read_text(encoding="utf-8"))) for name, page in guides().items()]


def _listed(ctx: click.Context, name: str, row: Callable[[dict[str, str]], tuple[str, str]]) -> Names:
    """Return what the server lists, the newest first; nothing if it does not answer."""
    from ltx_mock.cli.remote import control_client  # noqa: PLC0415
    from ltx_mock.errors import LtxMockError  # noqa: PLC0415
    from ltx_mock_contracts.control_client import ControlError, Timeouts  # noqa: PLC0415
    from ltx_mock_contracts.io.reply import NoReplyError  # noqa: PLC0415

    given = ctx.params
    timeouts = Timeouts(greet=SECONDS, read=SECONDS)
    try:
        client = control_client(
            given["url"], given.get("admin_token"), given.get("key"), given.get("tenant"), timeouts=timeouts
        )
        return [row(each) for each in reversed(client.get(f"/{name}")[name])]
    except (NoReplyError, ControlError, LtxMockError, ValueError, KeyError, TypeError):
        return []


def _tasks(ctx: click.Context) -> Names:
    return _listed(ctx, "tasks", lambda task: (task["id"], task["state"]))


def _callbacks(ctx: click.Context) -> Names:
    return _listed(ctx, "callbacks", lambda callback: (callback["taskId"], callback["state"]))


files = _completing(lambda _: (), files=True)
scenarios = _completing(_scenarios, files=True)
cases = _completing(_cases)
rule_ids = _completing(_rules)
findings = _completing(lambda ctx: [("any", "a finding of any rule"), *_rules(ctx)])
fail_codes = _completing(_fail_codes)
operations = _completing(lambda _: [(name, "") for name in ("generateTask", "statusTask", "callback", "other")])
schemas = _completing(_schemas)
examples = _completing(_examples)
guides = _completing(_guides)
task_ids = _completing(_tasks)
callback_ids = _completing(_callbacks)
