"""Requests that must be accepted or refused, and the deviation if they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.conformance.harness.record import CheckRecord
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.dialects import DIALECTS, may_refuse
from ltx_mock_contracts.trace.recorder import describe_response
from ltx_mock_contracts.trace.requests import is_about_credits

if TYPE_CHECKING:
    from collections.abc import Container

    from ltx_mock_contracts.conformance.harness.context import CheckContext
    from ltx_mock_contracts.conformance.harness.tenant import TenantClient
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["codes_of", "judge_acceptance", "judge_refusal", "submit", "submit_invalid"]

_NO_CREDITS: Final = "the key has no credits left"
_TEMPORARY: Final[dict[object, str]] = {
    429: "a limit is reached",
    **dict.fromkeys((502, 503, 504), "it is temporarily unavailable"),
}
"""Statuses of temporary conditions, independent of the request."""


def submit(context: CheckContext, body: Any, rule: str = "GEN-17", *, tenant: TenantClient | None = None) -> str:
    """Submit a valid request and return the id of its task.

    Args:
        context: The context of the check.
        body: The request.
        rule: The rule that a refusal breaks.
        tenant: The owner of the task; by default that of the check.

    Raises:
        CheckStoppedError: No task was made.
    """
    exchange = (tenant or context.tenant).generate(body)
    judge_acceptance(context, exchange, rule)
    task_id = exchange.data.get("taskId")
    if not isinstance(task_id, str) or not task_id:
        raise CheckStoppedError(f"a valid request created no task: {describe_response(exchange)}")
    return task_id


def judge_acceptance(context: CheckContext, exchange: Exchange, rule: str) -> bool:
    """Judge the response to a valid request, and tell whether it was accepted.

    Raises:
        CheckStoppedError: The response is about the key, a limit, an outage or missing credits, not about the request.
    """
    if exchange.data.get("taskId"):
        context.target.has_accepted = True
        if (dialect := may_refuse(exchange.request)) is not None:
            context.target.accepted_dialects.add(dialect.id)
        context.checked(rule)
        return True
    _stop_if_temporary(exchange, credit=rule == "GEN-15")
    if exchange.status in {401, 403}:
        raise CheckStoppedError(f"the server does not accept the key: {describe_response(exchange)}")
    if not codes_of(exchange) <= {200} and rule not in {"GEN-16", "GEN-17"}:
        if context.target.has_accepted:  # otherwise it may refuse every request, whatever the fields
            _add_refusal(context, exchange, rule)
    elif rule == "GEN-16":
        title, expected = "a request that only has advisories is refused", "200 and a taskId"
        context.add_deviation(
            rule, title, exchange, expected=expected, actual=describe_response(exchange), binding=False
        )
        context.ignore_request(exchange)
    return False


def _add_refusal(context: CheckContext, exchange: Exchange, rule: str) -> None:
    """Add the deviation of a refusal, not binding if a dialect allows it."""
    dialect = may_refuse(exchange.request)
    if dialect is not None and dialect.id in context.target.accepted_dialects:
        dialect = None  # it has accepted such a request before, so the dialect is not the reason
    title = "a valid request is refused"
    if dialect is not None:
        title = f"a request that the documents leave open is refused: {dialect.text}"
    actual, binding, kind = describe_response(exchange), dialect is None, f"refused {dialect.id}" if dialect else ""
    context.add_deviation(rule, title, exchange, expected="200 and a taskId", actual=actual, binding=binding, kind=kind)
    context.ignore_request(exchange)


def judge_refusal(
    context: CheckContext,
    exchange: Exchange,
    status: int,
    rule: str,
    title: str,
    *,
    also: Container[object] = (),
) -> None:
    """Judge the response to a request that must be refused with a status, in HTTP or in the envelope.

    Args:
        context: The context of the check.
        exchange: The exchange.
        status: The status.
        rule: The rule that an acceptance breaks.
        title: The title of the deviation.
        also: Other permitted statuses; they are observed.

    Raises:
        CheckStoppedError: The response is about a limit, an outage or missing credits, not about the request.
    """
    _stop_if_temporary(exchange, limit=status == 429)
    context.checked(rule)
    context.ignore_request(exchange)
    if status not in codes_of(exchange):
        permitted = any(code in also for code in codes_of(exchange))
        context.add_deviation(
            rule, title, exchange, expected=str(status), actual=describe_response(exchange), binding=not permitted
        )


def submit_invalid(context: CheckContext, body: Any, rule: str, what: str, *, dialect: str | None = None) -> None:
    """Submit an invalid body, and judge what the rules for recordings do not.

    Args:
        context: The context of the check.
        body: The body as JSON; bytes are sent as they are.
        rule: The rule that it breaks.
        what: The kind of violation, for titles.
        dialect: The dialect that allows a server to accept it, if any.

    Raises:
        CheckStoppedError: The rule is known to be broken, and another request could cost a task.
    """
    if context.bounded and rule in context.target.accepts_invalid:
        raise CheckStoppedError(f"a request that breaks {rule} was accepted; another might cost a task")
    exchange = context.tenant.generate(body, free=True)
    _stop_if_temporary(exchange)
    context.checked(rule)
    if exchange.data.get("taskId") and dialect is None:
        context.target.accepts_invalid.add(rule)
    if 400 in codes_of(exchange):
        return
    if dialect is not None:
        context.ignore_request(exchange)
        text = DIALECTS[dialect].text
        title = f"a request is not refused with 400 ({what}), and the documents leave it open: {text}"
        actual, kind = describe_response(exchange), f"accepted {dialect}"
        context.add_deviation(rule, title, exchange, expected="400", actual=actual, binding=False, kind=kind)
    elif not CheckRecord([exchange]).judged().deviations:
        title = f"an invalid request is not refused with 400: {what}"
        context.add_deviation(rule, title, exchange, expected="400", actual=describe_response(exchange))


def codes_of(exchange: Exchange) -> set[object]:
    """Return the HTTP status and the `code` of a response, which may differ on an incorrect server."""
    code = exchange.answer.get("code") if isinstance(exchange.answer, dict) else None
    return {exchange.status, exchange.status if code is None else code}


def _stop_if_temporary(exchange: Exchange, *, limit: bool = False, credit: bool = False) -> None:
    """Stop the check if a response is about a temporary condition (unless the check expects it), not the request."""
    if is_about_credits(exchange) and not credit:
        raise CheckStoppedError(_NO_CREDITS)
    for code in () if limit else codes_of(exchange) & _TEMPORARY.keys():
        raise CheckStoppedError(f"the server responds with {code}: {_TEMPORARY[code]}")
