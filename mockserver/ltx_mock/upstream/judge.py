"""Judge an exchange with the upstream as soon as it is over, together with the earlier ones about its task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ltx_mock.core.journal_entry import Headers, RequestEntry
from ltx_mock.engine.submissions import Submission
from ltx_mock_contracts.trace.check import judge_all
from ltx_mock_contracts.trace.exchange import CONTENT_HEADERS, Exchange, decode_body
from ltx_mock_contracts.validation.findings import Finding
from ltx_mock_contracts.verdicts import VerdictCollector


def findings_of(entry: RequestEntry, before: Iterable[RequestEntry]) -> tuple[Finding, ...]:
    """Return what is wrong with a request, and what the upstream did against the contract.

    Args:
        entry: The exchange.
        before: The earlier exchanges about the same task.
    """
    requested = Submission.of(entry.request).findings if _has_a_request(entry) else ()
    collector = VerdictCollector()
    judge_all([*map(_exchange, before), _exchange(entry)], collector)
    served = [
        Finding(
            rule=each.rule,
            severity="violation" if each.binding else "advisory",
            pointer="",
            got=each.actual,
            allowed=each.expected,
            message=f"upstream: {each.title}; expected {each.expected}, actual {each.actual}",
        )
        for each in collector.deviations
        if each.exchanges[-1] == entry.number
    ]
    return (*requested, *served)


def _has_a_request(entry: RequestEntry) -> bool:
    is_sent = entry.method == "POST" or entry.request
    return entry.operation == "generateTask" and bool(is_sent) and "request" not in entry.gaps


def _exchange(entry: RequestEntry) -> Exchange:
    return Exchange(
        at=entry.at,
        operation=entry.operation,
        method=entry.method,
        target=entry.target,
        status=entry.status,
        request=decode_body(entry.request),
        answer=decode_body(entry.response),
        ended=entry.ended,
        headers=dict(_decoded(entry.response_headers)),
        content_headers={name: value for name, value in _decoded(entry.request_headers) if name in CONTENT_HEADERS},
        clock="observer",
        gaps=frozenset(entry.gaps),
        number=entry.number,
    )


def _decoded(headers: Headers) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        yield name.decode("latin-1").lower(), value.decode("latin-1")
