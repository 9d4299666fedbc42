"""Checks of requests: invalid ones are refused without effects, valid ones are accepted (GEN)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.checks import DIALECT_RANK, Check, check
from ltx_mock_contracts.conformance.harness.examples import for_each_example
from ltx_mock_contracts.conformance.harness.expectations import (
    codes_of,
    judge_acceptance,
    submit,
    submit_invalid,
)
from ltx_mock_contracts.conformance.suite.bodies import EDGES, Edge, body_of, plain, refused_rule, varied, with_files
from ltx_mock_contracts.conformance.suite.near_misses import NEAR_MISSES, dialect_of
from ltx_mock_contracts.dialects import may_refuse
from ltx_mock_contracts.model import IMAGE_MODES, LORA_MODES, MODEL, MODES, RESOLUTIONS
from ltx_mock_contracts.strategies import (
    ADVISORY_FAMILIES,
    DIALECT_FAMILIES,
    INVALID_FAMILIES,
    MALFORMED_FAMILIES,
    advisory_requests,
    invalid_requests,
    malformed_bodies,
    valid_requests,
)
from ltx_mock_contracts.trace.recorder import describe_response
from ltx_mock_contracts.trace.requests import judge_refused_for_credits

if TYPE_CHECKING:
    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.strategies import AdvisedRequest, InvalidRequest, MalformedBytes


PRICE: Final = dict.fromkeys(RESOLUTIONS, 1)
INVALID: Final[tuple[dict[str, Any], ...]] = (
    {"duration": 21},
    {"prompt": ""},
    {"resolution": "4k"},
    {"mode": "text_to_video"},
    {"seed": 0},
    {"aspect_ratio": "1:1"},
)
"""Invalid fields of `input`."""


def refuses_bytes(context: CheckContext, family: str) -> None:
    """Bodies that are not a JSON object."""

    def attempt(malformed: MalformedBytes) -> None:
        submit_invalid(context, malformed.raw, "GEN-1", family, dialect=malformed.dialect)

    for_each_example(context, malformed_bodies(family=family), attempt)


def refuses_near_misses(context: CheckContext, rule: str) -> None:
    """Requests that are only just invalid; dialects come last."""
    misses = [(what, body, dialect_of(rule, body)) for broken, what, body in NEAR_MISSES if broken == rule]
    for what, body, dialect in sorted(misses, key=lambda each: each[2] is not None):
        if dialect is None or not context.bounded:
            submit_invalid(context, body, rule, what, dialect=dialect)


def observes_dialects(context: CheckContext, rule: str) -> None:
    """Requests that a dialect allows a server to accept, in a check of their own if tasks are counted."""
    for broken, what, body in NEAR_MISSES:
        dialect = dialect_of(rule, body) if broken == rule else None
        if dialect is not None and context.bounded:
            submit_invalid(context, body, rule, what, dialect=dialect)


def refuses(context: CheckContext, rule: str, family: str) -> None:
    """Generated invalid requests."""

    def attempt(invalid: InvalidRequest) -> None:
        if invalid.binding or not context.bounded:
            submit_invalid(context, invalid.body, rule, family, dialect=invalid.dialect)

    for_each_example(context, invalid_requests(rule, family=family), attempt)


def accepts(context: CheckContext, edge: Edge) -> None:
    """A request at an edge of a rule."""
    submit(context, body_of(edge), edge.rule)


@check(accepts=["GEN-12"], tasks=1, rank=34, needs=["callbacks"])
def accepts_one_image(context: CheckContext) -> None:
    """One image."""
    submit(context, with_files(context, varied(context, IMAGE_MODES[0])), "GEN-12")


def accepts_loras(context: CheckContext, count: int) -> None:
    """One, two or three LoRAs."""
    body = varied(context, LORA_MODES[0])
    body["input"]["loras"] *= count
    submit(context, with_files(context, body), "GEN-14")


def accepts_valid_requests(context: CheckContext, mode: str) -> None:
    """Generated valid requests."""

    def attempt(body: Any) -> None:
        exchange = context.tenant.generate(body)
        if judge_acceptance(context, exchange, "GEN-17"):
            context.checked("GEN-7")

    for_each_example(context, valid_requests(mode=mode), attempt, rule_of=lambda body: refused_rule(context, body))


def accepts_advisories(context: CheckContext, family: str) -> None:
    """Generated requests with advisories."""

    def attempt(advised: AdvisedRequest) -> None:
        judge_acceptance(context, context.tenant.generate(advised.body), "GEN-16")

    for_each_example(context, advisory_requests(family=family), attempt)


@check("GEN-15", tasks=2, needs=["tenant"])
def credits_are_used_up(context: CheckContext) -> None:
    """Two requests of a tenant with credits for one task, after one of a tenant with unlimited credits."""
    body = varied(context)
    submit(context, body)
    limited = context.tenants.open(credits=body["input"]["duration"], price=PRICE)
    submit(context, body, "GEN-15", tenant=limited)
    exchange = limited.generate(body, free=True)
    context.ignore_request(exchange)
    judge_refused_for_credits(context.recorder, exchange)


@check("GEN-18", tasks=1, needs=["tenant"])
def refused_requests_cost_nothing(context: CheckContext) -> None:
    """Invalid requests, then a request for the last credits."""
    good = varied(context)
    limited = context.tenants.open(credits=good["input"]["duration"], price=PRICE)
    for fields in INVALID:
        exchange = limited.generate(plain(**fields), free=True)
        context.ignore_request(exchange)
        if exchange.data.get("taskId"):
            context.stop("an invalid request is not refused")
    exchange = limited.generate(good)
    context.ignore_request(exchange)
    context.checked("GEN-18")
    if 200 not in codes_of(exchange):
        title = "refused requests have used up the credits"
        context.add_deviation(
            "GEN-18", title, exchange, expected="200 and a taskId", actual=describe_response(exchange)
        )


@check("GEN-18", needs=["tenant", "callbacks"])
def refused_requests_send_no_callback(context: CheckContext) -> None:
    """Invalid requests with an inbox."""
    inbox = context.tenants.inbox()
    callback = {"request_type": "callback", "callback_url": inbox.url}
    created = set()
    for fields in INVALID:
        exchange = context.tenant.generate(plain(**fields) | callback, free=True)
        context.ignore_request(exchange)
        created.add(exchange.data.get("taskId"))
    context.tenant.wait(200)
    context.checked("GEN-18")
    for exchange in context.tenant.read_callbacks(inbox):
        if exchange.data.get("taskId") not in created:
            title = "a refused request created a task, which sent a callback"
            context.add_deviation("GEN-18", title, exchange, expected="nothing", actual=describe_response(exchange))


_NEAR_RULES: Final = tuple(dict.fromkeys(rule for rule, _, _ in NEAR_MISSES))
_DIALECT_RULES: Final = tuple(
    rule for rule in _NEAR_RULES if any(dialect_of(rule, b) for r, _, b in NEAR_MISSES if r == rule)
)


def _edge(edge: Edge) -> Check:
    rank = (
        DIALECT_RANK if may_refuse(body_of(edge)) else 34 + (edge.input_fields.get("duration") == MODEL.durations.high)
    )
    name = f"accepts {edge.rule} {edge.name}"
    return Check(name, (), partial(accepts, edge=edge), accepts=(edge.rule,), tasks=1, rank=rank)


CHECKS: Final[tuple[Check, ...]] = (
    *(
        Check(
            f"refuses near misses {rule}",
            (),
            partial(refuses_near_misses, rule=rule),
            refuses=(rule,),
            risky=True,
            rank=12,
        )
        for rule in _NEAR_RULES
    ),
    *(
        Check(
            f"refuses bytes {family}",
            (),
            partial(refuses_bytes, family=family),
            refuses=("GEN-1",),
            risky=True,
            rank=DIALECT_RANK if family in DIALECT_FAMILIES else 14,
        )
        for family in MALFORMED_FAMILIES
    ),
    *(
        Check(
            f"refuses {rule} {family}",
            (),
            partial(refuses, rule=rule, family=family),
            refuses=(rule,),
            risky=True,
            rank=16,
        )
        for rule, families in INVALID_FAMILIES.items()
        for family in families
    ),
    *(
        Check(
            f"observes dialects {rule}",
            (),
            partial(observes_dialects, rule=rule),
            refuses=(rule,),
            risky=True,
            rank=DIALECT_RANK,
        )
        for rule in _DIALECT_RULES
    ),
    *(_edge(edge) for edge in EDGES),
    accepts_one_image,
    *(
        Check(
            f"accepts {count} LoRAs",
            (),
            partial(accepts_loras, count=count),
            accepts=("GEN-14",),
            tasks=1,
            rank=35,
            needs=("callbacks",),
        )
        for count in (1, 2, 3)
    ),
    *(
        Check(
            f"accepts valid requests {mode}",
            ("GEN-17",),
            partial(accepts_valid_requests, mode=mode),
            accepts=("GEN-7",),
            tasks=None,
        )
        for mode in MODES
    ),
    *(
        Check(
            f"accepts advisories {family}",
            ("GEN-16",),
            partial(accepts_advisories, family=family),
            tasks=None,
        )
        for family in ADVISORY_FAMILIES
    ),
    credits_are_used_up,
    refused_requests_cost_nothing,
    refused_requests_send_no_callback,
)
