"""Checks of access: the header and the key (AUTH)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.api import UNKNOWN_TASK_ID
from ltx_mock_contracts.conformance.harness.checks import Check, check
from ltx_mock_contracts.conformance.harness.expectations import judge_refusal, submit
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.conformance.suite.bodies import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock_contracts.conformance.harness.context import CheckContext

__all__ = ["CHECKS"]

MALFORMED: Final = {
    "another scheme": "Basic {key}",
    "an unknown scheme": "Token {key}",
    "no scheme": "{key}",
    "no space after the scheme": "Bearer{key}",
    "only the scheme": "Bearer",
    "an empty header": "",
}
"""Malformed headers with a valid key."""
UNKNOWN_KEY: Final = "Bearer a-key-that-nobody-has"


def expect_401(context: CheckContext, rule: str, authorization: str | None, title: str, *, generate: bool) -> None:
    """Check that a request with such a header is refused with 401."""
    if generate:
        exchange = context.tenant.generate(plain(), free=True, authorization=authorization)
    else:
        exchange = context.tenant.status(UNKNOWN_TASK_ID, authorization=authorization)
    judge_refusal(context, exchange, 401, rule, title)


def no_header(context: CheckContext, *, generate: bool) -> None:
    """A request without `Authorization`."""
    expect_401(context, "AUTH-1", None, "a request without Authorization is not refused with 401", generate=generate)


def malformed_header(context: CheckContext, what: str, *, generate: bool) -> None:
    """A header that is not `Bearer` with a key."""
    header = MALFORMED[what].format(key=context.tenant.key)
    expect_401(context, "AUTH-2", header, f"{what} in Authorization is not refused with 401", generate=generate)


def unknown_key(context: CheckContext, *, generate: bool) -> None:
    """An unknown key."""
    control = context.target.control
    if control is not None and control.accepts_any_key():
        raise CheckStoppedError("this ltx-mock was started without --api-key and accepts any key")
    expect_401(context, "AUTH-2", UNKNOWN_KEY, "an unknown key is not refused with 401", generate=generate)


@check("AUTH-3", risky=True)
def key_is_checked_first(context: CheckContext) -> None:
    """Invalid requests without a key."""
    for what, exchange in (
        ("a body that is not JSON", context.tenant.generate(b"{", free=True, authorization=None)),
        ("a body without input", context.tenant.generate({}, free=True, authorization=None)),
        ("no taskId", context.tenant.status(None, authorization=None)),
    ):
        judge_refusal(context, exchange, 401, "AUTH-3", f"{what} is checked before the key")


@check("AUTH-4", tasks=2, rank=8, needs=["other key"])
def keys_are_separate(context: CheckContext) -> None:
    """One key polls the task of another."""
    other = context.tenants.other()
    task_id = submit(context, plain())
    exchange = other.status(task_id)
    submit(context, plain(), tenant=other)
    judge_refusal(context, exchange, 404, "AUTH-4", "a task is visible to another key than the one that created it")


def _for_both_operations(name: str, rule: str, run: Callable[..., None]) -> tuple[Check, Check]:
    return (
        Check(f"{name}, statusTask", (rule,), partial(run, generate=False)),
        Check(f"{name}, generateTask", (rule,), partial(run, generate=True), risky=True, rank=10),
    )


CHECKS: Final[tuple[Check, ...]] = (
    *_for_both_operations("no header", "AUTH-1", no_header),
    *(
        each
        for what in MALFORMED
        for each in _for_both_operations(what, "AUTH-2", partial(malformed_header, what=what))
    ),
    *_for_both_operations("unknown key", "AUTH-2", unknown_key),
    key_is_checked_first,
    keys_are_separate,
)
