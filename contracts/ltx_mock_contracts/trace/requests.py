"""Judge whether requests were rightly accepted or refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ltx_mock_contracts.dialects import may_accept, may_refuse
from ltx_mock_contracts.request_fields import RULES_OF_EVERY_REQUEST, RULES_OF_FIELDS
from ltx_mock_contracts.trace.recorder import describe_response
from ltx_mock_contracts.trace.responses import METHODS
from ltx_mock_contracts.validation.findings import show

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.trace.recorder import Recorder
    from ltx_mock_contracts.validation.findings import Finding

__all__ = ["REFUSALS", "code_of", "is_about_credits", "judge_refused_for_credits", "judge_request"]

REFUSALS: Final = frozenset({400, 402, 409, 415, 422})
"""Codes that refuse a request because of its content."""
_ACCESS: Final = frozenset({401, 403})
"""Statuses that depend on the key, not on the request."""
_NO_CREDITS: Final = "Insufficient credits"
_CREDITS_MESSAGE: Final = re.compile(
    r"\s*(?:insufficient|not enough)\s+(?:credits?|balance)|\s*(?:余额|积分)不足", re.IGNORECASE
)
_PUBLIC_HOST: Final = re.compile(r"https://([^/?#:@\[\]]+\.[^/?#:@\[\]]+)(?::\d+)?(?:[/?#]|$)", re.IGNORECASE)

_OF_CONTENT: Final = re.compile(
    r"\b(?:moderation|sensitive|nsfw|unsafe|prohibited|inappropriate)|\bcontent\W+(?:policy|violation)|\bpolicy\b"
    r"|\bsafety\b|\bguidelines?\b|违规|敏感|审核",
    re.IGNORECASE,
)
_OF_A_FILE: Final = re.compile(
    r"download|fetch|access|reach|\bload|expired|unsupported format|corrupt|\b(?:image|picture|file|lora|model)\b.*"
    r"\b(?:too|not|cannot|invalid|failed|unsupported)\b|\b(?:not|cannot|invalid|failed|unsupported)\b.*"
    r"\b(?:image|picture|file|lora)\b|图片|下载|无法访问",
    re.IGNORECASE,
)


def judge_request(recorder: Recorder, exchange: Exchange) -> None:
    """Note whether a request was rightly accepted or refused."""
    if exchange.status is None or exchange.is_redirect or _is_of_a_proxy(exchange):
        return
    if exchange.status == 429:
        _judge_limit(recorder, exchange)
    elif exchange.status in _ACCESS:
        _judge_access(recorder, exchange)
    elif is_about_credits(exchange):
        _judge_credits(recorder, exchange)
    elif exchange.cause is not None:
        return  # refused for another reason than the request
    elif exchange.operation == "other":
        _judge_other(recorder, exchange)
    elif exchange.method not in METHODS.get(exchange.operation, (exchange.method,)):
        _judge_method(recorder, exchange)
    elif exchange.operation == "generateTask" and not exchange.gaps:
        _judge_generate(recorder, exchange, exchange.status)
    elif exchange.operation == "statusTask" and not exchange.requested_task_id and not exchange.gaps:
        _judge_missing_id(recorder, exchange, exchange.status)


def _is_of_a_proxy(exchange: Exchange) -> bool:
    """Tell whether a proxy responded in place of the server: it has a cause of its own, and no response to judge."""
    return exchange.cause is not None and "answer" in exchange.gaps


def _judge_access(recorder: Recorder, exchange: Exchange) -> None:
    """Note a 403 where the documents have a 401. A recording does not contain keys, so nothing more can be judged."""
    if exchange.status == 403 and exchange.operation in METHODS and exchange.cause is None:
        title = "access is refused with 403; the documents require 401 for a missing or wrong key"
        recorder.add_deviation(
            "AUTH-1", title, (exchange,), expected="401", actual=describe_response(exchange), binding=False
        )


def _judge_generate(recorder: Recorder, exchange: Exchange, status: int) -> None:
    code = code_of(exchange)
    if code == 200 and status == 200 and exchange.data.get("taskId"):
        _judge_accepted(recorder, exchange)
    elif code in REFUSALS:
        _judge_refused(recorder, exchange, code)


def code_of(exchange: Exchange) -> int | None:
    """Return the code in the envelope, or else the status."""
    code = exchange.answer.get("code") if isinstance(exchange.answer, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else exchange.status


def _judge_accepted(recorder: Recorder, exchange: Exchange) -> None:
    body = exchange.request
    findings = exchange.findings
    fields = (
        {**body, **(body["input"] if isinstance(body.get("input"), dict) else {})} if isinstance(body, dict) else {}
    )
    recorder.checked(
        *RULES_OF_EVERY_REQUEST, *(rule for name, rules in RULES_OF_FIELDS.items() if name in fields for rule in rules)
    )
    if any(finding.severity == "advisory" for finding in findings):
        recorder.checked("GEN-16")
    for finding in _violations(findings):
        title = f"a request is accepted though {finding.message}"
        _add_deviation(recorder, finding, title, exchange, "accepted")


def _judge_refused(recorder: Recorder, exchange: Exchange, code: int) -> None:
    findings = exchange.findings
    violations = _violations(findings)
    for finding in violations:
        recorder.checked(finding.rule)
        if code != 400:
            title = f"an invalid request is refused with {code}: {finding.message}"
            _add_deviation(recorder, finding, title, exchange, "refused")
            break  # a request is refused once, for one of its violations
    if not violations:
        _judge_wrongly_refused(recorder, exchange, has_advisories=bool(findings))


def _judge_wrongly_refused(recorder: Recorder, exchange: Exchange, *, has_advisories: bool) -> None:
    expected, actual = "200 and a taskId", describe_response(exchange)
    if (header := _unusual_content_header(exchange)) is not None:
        title = f"a valid request is refused, whose {header}"
        recorder.add_deviation("GEN-1", title, (exchange,), expected=expected, actual=actual, binding=False)
    elif has_advisories:
        title = "a request that only has advisories is refused"
        recorder.add_deviation("GEN-16", title, (exchange,), expected=expected, actual=actual, binding=False)
    elif _is_unusual_callback_url(exchange.request):
        title = "a callback_url that is not public or not https is refused"
        recorder.add_deviation("GEN-4", title, (exchange,), expected=expected, actual=actual, binding=False)
    elif (dialect := may_refuse(exchange.request)) is not None:
        title = f"a request that the documents leave open is refused: {dialect.text}"
        kind = f"refused {dialect.id}"
        recorder.add_deviation(
            dialect.rules[0], title, (exchange,), expected=expected, actual=actual, binding=False, kind=kind
        )
    elif (rule := _noticed_at_once(exchange)) is not None:
        title = "a valid request is refused for a reason for which the documents let its task fail"
        recorder.add_deviation(rule, title, (exchange,), expected=expected, actual=actual, binding=False)
    else:
        title = "a valid request is refused"
        recorder.add_deviation("GEN-17", title, (exchange,), expected=expected, actual=actual)


def is_about_credits(exchange: Exchange) -> bool:
    """Tell whether a task was refused because of insufficient credits, in any wording."""
    message = exchange.answer.get("message") if isinstance(exchange.answer, dict) else None
    if exchange.operation != "generateTask" or not isinstance(message, str):
        return False
    return exchange.status == 402 or bool(_CREDITS_MESSAGE.match(message))


def _judge_credits(recorder: Recorder, exchange: Exchange) -> None:
    if not exchange.gaps and _violations(exchange.findings):
        return  # it was refused for another reason
    judge_refused_for_credits(recorder, exchange)


def judge_refused_for_credits(recorder: Recorder, exchange: Exchange) -> None:
    """Judge the response to a request that the key has no credits for (GEN-15).

    What comes after the documented message, and a 402, are observed.
    """
    recorder.checked("GEN-15")
    message = exchange.answer.get("message") if isinstance(exchange.answer, dict) else None
    refused = 400 in {exchange.status, code_of(exchange)}
    if not refused or message != _NO_CREDITS:
        title, expected = "the response to a lack of credits is not the documented one", f"400, {show(_NO_CREDITS)}"
        binding = exchange.status != 402 and not (refused and str(message).startswith(_NO_CREDITS))
        recorder.add_deviation(
            "GEN-15", title, (exchange,), expected=expected, actual=describe_response(exchange), binding=binding
        )


def _judge_limit(recorder: Recorder, exchange: Exchange) -> None:
    if exchange.headers is None:
        return
    recorder.checked("LIM-3")
    wait = exchange.headers.get("retry-after", "")
    if not (wait.isascii() and wait.isdigit()):
        title, actual = "a 429 does not say how many seconds to wait", repr(wait) if wait else "no Retry-After"
        recorder.add_deviation("LIM-3", title, (exchange,), expected="Retry-After: a number", actual=actual)


def _judge_other(recorder: Recorder, exchange: Exchange) -> None:
    if exchange.status not in {401, 404} and (exchange.status or 0) >= 400:
        title = "an unknown path gets another error"
        recorder.add_deviation("ENV-5", title, (exchange,), expected="404", actual=describe_response(exchange))


def _judge_method(recorder: Recorder, exchange: Exchange) -> None:
    if exchange.status == 401 or exchange.method == "OPTIONS":
        return
    recorder.checked("ENV-5")
    allowed = exchange.headers is None or "allow" in exchange.headers
    if exchange.status != 405 or not allowed:
        title, actual = (
            "a wrong method does not get 405 with Allow",
            describe_response(exchange) + " without Allow" * (not allowed),
        )
        recorder.add_deviation("ENV-5", title, (exchange,), expected="405 with Allow", actual=actual)


def _judge_missing_id(recorder: Recorder, exchange: Exchange, status: int) -> None:
    if status >= 500:
        return
    recorder.checked("TASK-11")
    if status != 400:
        title = "statusTask without taskId does not get 400"
        recorder.add_deviation("TASK-11", title, (exchange,), expected="400", actual=describe_response(exchange))


def _violations(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "violation"]


def _add_deviation(recorder: Recorder, finding: Finding, title: str, exchange: Exchange, what: str) -> None:
    dialect = may_accept(finding.rule, finding.pointer, exchange.request)
    if dialect is None:
        kind = f"{what} {finding.pointer}"
        recorder.add_deviation(
            finding.rule, title, (exchange,), expected="400", actual=describe_response(exchange), kind=kind
        )
    else:
        title, kind = f"{title} (another interpretation: {dialect.text})", f"{what} {dialect.id}"
        recorder.add_deviation(
            finding.rule,
            title,
            (exchange,),
            expected="400",
            actual=describe_response(exchange),
            kind=kind,
            binding=False,
        )


def _noticed_at_once(exchange: Exchange) -> str | None:
    """Return the rule for a failed task if a refusal names the cause of such a failure, in any wording.

    The documents let tasks fail for prompts, images and LoRAs. They do not forbid that a server looks at these first.
    """
    message = exchange.answer.get("message") if isinstance(exchange.answer, dict) else None
    given = exchange.request.get("input") if isinstance(exchange.request, dict) else None
    if not isinstance(message, str) or not isinstance(given, dict):
        return None
    if _OF_CONTENT.search(message):
        return "FAIL-1"
    if not _OF_A_FILE.search(message):
        return None
    return "FAIL-2" if given.get("image_urls") else "FAIL-3" if given.get("loras") else None


def _unusual_content_header(exchange: Exchange) -> str | None:
    """Return why a server may refuse any body, if its headers are known: the documents show only `application/json`."""
    headers = exchange.content_headers
    if headers is None:
        return None
    kind, coding = headers.get("content-type", ""), headers.get("content-encoding", "")
    if kind.partition(";")[0].strip().lower() != "application/json":
        return f"Content-Type is {show(kind)}" if kind else "Content-Type is missing"
    return None if coding.strip().lower() in {"", "identity"} else f"Content-Encoding is {show(coding)}"


def _is_unusual_callback_url(body: object) -> bool:
    """Tell whether a real service may refuse the `callback_url`: GEN-4 is only partly documented."""
    url = body.get("callback_url") if isinstance(body, dict) else None
    if not isinstance(url, str):
        return False
    host = _PUBLIC_HOST.match(url)
    return host is None or host[1].replace(".", "").isdigit()
