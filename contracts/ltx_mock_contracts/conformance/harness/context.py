"""The context of a check: tenants, requests that must succeed or fail, and results."""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cached_property
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from ltx_mock_contracts.conformance.harness.clocks import DrivenClock, RealClock
from ltx_mock_contracts.conformance.harness.exchanges import CheckRecord
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.conformance.harness.tenant import TenantClient
from ltx_mock_contracts.control_client import ControlError
from ltx_mock_contracts.dialects import DIALECTS, may_refuse
from ltx_mock_contracts.failure import ContractFailure
from ltx_mock_contracts.io.http_client import NoAnswerError
from ltx_mock_contracts.trace.curl import curl_line
from ltx_mock_contracts.trace.recorder import describe_response
from ltx_mock_contracts.trace.requests import tells_of_credits
from ltx_mock_contracts.verdicts import VerdictCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from hypothesis.strategies import SearchStrategy

    from ltx_mock_contracts.conformance.harness.control_plane import ControlPlane
    from ltx_mock_contracts.conformance.harness.receiver import Inbox
    from ltx_mock_contracts.conformance.harness.target import Target
    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.trace.recorder import Recorder
    from ltx_mock_contracts.verdicts import Deviation

__all__ = ["CheckContext", "codes_of"]

T = TypeVar("T")
_MORE: Final = 5
_NO_CREDITS: Final = "the key has no credits left"
_PASSING: Final[dict[object, str]] = {
    429: "a limit is reached",
    **dict.fromkeys((502, 503, 504), "it is temporarily unavailable"),
}
"""Statuses of temporary conditions, independent of the request."""


class CheckContext:
    """The context of one check of one server.

    Args:
        target: The server.
        name: The name of the check.

    Attributes:
        recorded: All exchanges, in order.
        made: How many tasks were made, or may have been.
        lines: The curl lines of special requests, by exchange number.
    """

    def __init__(self, target: Target, name: str) -> None:
        self.target = target
        self.name = name
        self.recorded: list[Exchange] = []
        self.made = 0
        self.lines: dict[int, str] = {}
        self._log = CheckRecord()
        self._numbers = count(1)
        self._tenants = 0
        self._open = ExitStack()
        self._inboxes: list[tuple[TenantClient, Inbox]] = []
        self._closed: VerdictCollector | None = None

    @property
    def bounded(self) -> bool:
        """Whether tasks are counted."""
        return self.target.budget.bound is not None

    def wants(self, *rules: str) -> bool:
        """Tell whether one of these rules is selected."""
        wanted = self.target.options.rules
        return wanted is None or not wanted.isdisjoint(rules)

    @property
    def ids(self) -> dict[str, tuple[int, str]]:
        """The ids of the tasks made, each with number and curl line of its first exchange."""
        made = [each for each in reversed(self.recorded) if each.operation == "generateTask" and each.status == 200]
        return {str(each.data["taskId"]): (each.number, curl_line(each)) for each in made if each.data.get("taskId")}

    # Tenants

    @cached_property
    def tenant(self) -> TenantClient:
        """The tenant of this check: a new one on an ltx-mock, elsewhere that of the given key."""
        return self.open_tenant()

    def open_tenant(self, **own: Any) -> TenantClient:
        """Return a new tenant. Settings are possible on an ltx-mock only."""
        control, options = self.target.control, self.target.options
        if control is None:
            return self._given(options.api_key or "")
        self._tenants += 1
        key = _key(options.seed, self.name, self._tenants)
        if self.target.silent is not None:
            raise CheckStoppedError(self.target.silent)
        try:
            key, now = control.open(key, {"seed": options.seed, **own})
        except NoAnswerError as error:
            self._given(key).note_silence("/tenants", str(error))
            raise CheckStoppedError(str(error)) from None
        except ControlError as error:
            raise CheckStoppedError(str(error)) from None
        self._open.callback(_forget, control, key)
        clock = DrivenClock(control, key, now)
        return TenantClient(self.target, key, clock, self._record, self._has_made, number=self._tenants)

    def other_tenant(self) -> TenantClient:
        """Return a tenant with another key than `tenant`.

        Raises:
            CheckStoppedError: There is no second key.
        """
        if self.target.control is not None:
            return self.open_tenant()
        other = self.target.options.other_key
        if other is None:
            raise CheckStoppedError("it needs a second key (--other-key)")
        return self._given(other, number=2)

    def _given(self, key: str, number: int = 1) -> TenantClient:
        clock = RealClock(self.target.pace, self._allow)
        return TenantClient(self.target, key, clock, self._record, self._has_made, number=number)

    def _has_made(self) -> None:
        self.made += 1

    def inbox(self, *answers: int) -> Inbox:
        """Return an inbox for callbacks. It is read once more after all checks."""
        ours = self.target.control is not None  # on an ltx-mock the path is deterministic, elsewhere unguessable
        name = _key(self.target.options.seed, self.name, len(self._inboxes)) if ours else None
        inbox = self.target.receiver.inbox(*answers, name=name)
        self._inboxes.append((self.tenant, inbox))
        return inbox

    # Results

    @property
    def recorder(self) -> Recorder:
        """The recorder for functions that judge."""
        return self._log.recorder

    def checked(self, *rules: str) -> None:
        """Note that these rules were judged."""
        self.recorder.checked(*rules)

    def add_deviation(
        self,
        rule: str,
        title: str,
        *exchanges: Exchange,
        expected: str,
        actual: str,
        binding: bool = True,
        kind: str = "",
    ) -> None:
        """Note a deviation; the last of the exchanges is the one that is wrong."""
        self.checked(rule)
        self.recorder.add_deviation(
            rule, title, exchanges, expected=expected, actual=actual, binding=binding, kind=kind
        )

    def stop(self, why: str) -> NoReturn:
        """End the check; its results so far count.

        Raises:
            CheckStoppedError: Always.
        """
        raise CheckStoppedError(why)

    # Requests that must succeed

    def submit(self, body: Any, rule: str = "GEN-17", *, tenant: TenantClient | None = None) -> str:
        """Submit a valid request and return the id of its task.

        Args:
            body: The request.
            rule: The rule that a refusal breaks.
            tenant: The owner of the task; by default that of the check.

        Raises:
            CheckStoppedError: No task was made.
        """
        exchange = (tenant or self.tenant).generate(body)
        self.judge_response(exchange, rule)
        task_id = exchange.data.get("taskId")
        if not isinstance(task_id, str) or not task_id:
            raise CheckStoppedError(f"a valid request created no task: {describe_response(exchange)}")
        return task_id

    def judge_response(self, exchange: Exchange, rule: str) -> bool:
        """Judge the response to a valid request, and tell whether it was accepted."""
        if exchange.data.get("taskId"):
            self.target.accepts = True
            if (dialect := may_refuse(exchange.request)) is not None:
                self.target.reads.add(dialect.id)
            self.checked(rule)
            return True
        _require_lasting(exchange, credit=rule == "GEN-15")
        if exchange.status in {401, 403}:
            raise CheckStoppedError(f"the server does not accept the key: {describe_response(exchange)}")
        if not codes_of(exchange) <= {200} and rule not in {"GEN-16", "GEN-17"}:
            if self.target.accepts:  # otherwise it may refuse every request, whatever the fields
                self._add_refusal(exchange, rule)
        elif rule == "GEN-16":
            title, expected = "a request that only has advisories is refused", "200 and a taskId"
            self.add_deviation(
                rule, title, exchange, expected=expected, actual=describe_response(exchange), binding=False
            )
            self.ignore_request(exchange)
        return False

    def _add_refusal(self, exchange: Exchange, rule: str) -> None:
        """Add the deviation of a refusal, not binding if a dialect allows it."""
        dialect = may_refuse(exchange.request)
        if dialect is not None and dialect.id in self.target.reads:
            dialect = None  # it has accepted such a request before, so the dialect is not the reason
        title = "a valid request is refused"
        if dialect is not None:
            title = f"a request that the documents leave open is refused: {dialect.text}"
        actual, binding, kind = describe_response(exchange), dialect is None, f"refused {dialect.id}" if dialect else ""
        self.add_deviation(
            rule, title, exchange, expected="200 and a taskId", actual=actual, binding=binding, kind=kind
        )
        self.ignore_request(exchange)

    # Requests that must fail

    def judge_refusal(
        self, exchange: Exchange, status: int, rule: str, title: str, *, also: Container[object] = ()
    ) -> None:
        """Judge the response to a request that must be refused with a status, in HTTP or in the envelope.

        Args:
            exchange: The exchange.
            status: The status.
            rule: The rule that an acceptance breaks.
            title: The title of the deviation.
            also: Other permitted statuses; they are observed.

        Raises:
            CheckStoppedError: The response is about a limit, an outage or missing credits, not about the request.
        """
        _require_lasting(exchange, limit=status == 429)
        self.checked(rule)
        self.ignore_request(exchange)
        if status not in codes_of(exchange):
            honest = any(code in also for code in codes_of(exchange))
            self.add_deviation(
                rule, title, exchange, expected=str(status), actual=describe_response(exchange), binding=not honest
            )

    def expect_refusal(self, body: Any, rule: str, what: str, *, dialect: str | None = None) -> None:
        """Send an invalid body, and judge what the rules for recordings do not.

        Args:
            body: The body as JSON; bytes are sent as they are.
            rule: The rule that it breaks.
            what: The kind of violation, for titles.
            dialect: The dialect that allows a server to accept it, if any.

        Raises:
            CheckStoppedError: The rule is known to be broken, and another request could cost a task.
        """
        if self.bounded and rule in self.target.accepts_wrong:
            raise CheckStoppedError(f"a request that breaks {rule} was accepted; another might cost a task")
        exchange = self.tenant.generate(body, free=True)
        _require_lasting(exchange)
        self.checked(rule)
        if exchange.data.get("taskId") and dialect is None:
            self.target.accepts_wrong.add(rule)
        if 400 in codes_of(exchange):
            return
        if dialect is not None:
            self.ignore_request(exchange)
            title = (
                f"a request is not refused with 400 ({what}), and the documents leave it open: {DIALECTS[dialect].text}"
            )
            kind = f"accepted {dialect}"
            self.add_deviation(
                rule, title, exchange, expected="400", actual=describe_response(exchange), binding=False, kind=kind
            )
        elif not CheckRecord([exchange]).judged().deviations:
            title = f"an invalid request is not refused with 400: {what}"
            self.add_deviation(rule, title, exchange, expected="400", actual=describe_response(exchange))

    def send_unjudged(self, body: Any) -> Exchange:
        """Send a request whose exchange is not judged."""
        whole, self._log = self._log, CheckRecord()
        try:
            return self.tenant.generate(body)
        finally:
            self._log = whole

    def ignore_request(self, exchange: Exchange) -> None:
        """Mark the request of an exchange as not recorded, so that the rules for recordings do not judge it."""
        unread = replace(exchange, gaps=exchange.gaps | {"request"})
        self._log.exchanges = [unread if each is exchange else each for each in self._log.exchanges]

    # Examples

    def for_each_example(
        self,
        examples: SearchStrategy[T],
        attempt: Callable[[T], None],
        *,
        rule_of: Callable[[T], str] | None = None,
    ) -> None:
        """Call a function with many examples. Of those with a deviation only the smallest is kept.

        If tasks are counted, the first deviation ends the loop.

        Args:
            examples: A strategy.
            attempt: The function.
            rule_of: Returns the rule that a deviation from GEN-17 breaks, given the example.

        Raises:
            CheckStoppedError: `attempt` stopped the check.
        """
        from ltx_mock_contracts.fuzzing.deterministic import draw  # noqa: PLC0415 - Hypothesis is slow to import

        options = self.target.options
        if not options.max_examples:
            raise CheckStoppedError("no examples are generated (--max-examples 0)")
        shown: list[tuple[int, CheckRecord, T]] = []
        whole = self._log
        try:
            for example in draw(examples, options.max_examples, options.seed, self.name):
                self._log = CheckRecord()
                try:
                    attempt(example)
                finally:
                    if self._broken(self._log.judged()):
                        shown.append((_size(example), self._log, example))
                    else:
                        whole.add(self._log)
                if shown and self.bounded:
                    break
        finally:
            self._log = whole
            if shown:
                _, page, example = min(shown, key=lambda each: each[0])
                if rule_of is not None:
                    page.collector = _attributed(page.collector, rule_of(example))
                self._log.add(page)

    # The end

    def close(self) -> VerdictCollector:
        """Delete the tenants and return the results."""
        self._open.close()
        self._closed = self._signed(self._log.judged())
        return self._closed

    def late_findings(self) -> VerdictCollector | None:
        """Read the inboxes once more, after all checks, and return the additional results."""
        if self.target.control is not None or self._closed is None:
            return None
        if not [call for tenant, inbox in self._inboxes for call in tenant.read(inbox)]:
            return None
        before = {deviation.key: deviation.times for deviation in self._closed.deviations}
        collector = self._signed(self._log.judged())
        late = VerdictCollector()
        for deviation in collector.deviations:
            if deviation.times > before.get(deviation.key, 0):
                late.add_deviation(replace(deviation, times=deviation.times - before.get(deviation.key, 0)))
        return late

    def _signed(self, collector: VerdictCollector) -> VerdictCollector:
        signed = VerdictCollector(seen=collector.seen)
        for deviation in collector.deviations:
            line = self.lines.get(deviation.exchanges[-1]) if deviation.exchanges else None
            signed.add_deviation(replace(deviation, checks=(self.name,), curl=line or deviation.curl))
        return signed

    def failure(self, collector: VerdictCollector) -> ContractFailure | None:
        """Return the failure to raise for the results, if any."""
        broken = self._broken(collector)
        if not broken:
            return None
        first, *more = broken
        story = [first.curl] if first.curl else []
        story += [f"also {each.rule}: {each.title}" for each in more[:_MORE]]
        return ContractFailure(first.title, rule=first.rule, expected=first.expected, actual=first.actual, story=story)

    def _broken(self, collector: VerdictCollector) -> list[Deviation]:
        sources, rules = self.target.options.sources, self.target.options.rules
        return [each for each in collector.deviations if each.breaks(sources) and (rules is None or each.rule in rules)]

    def _record(self, exchange: Exchange, trouble: str | None = None, line: str | None = None) -> Exchange:
        numbered = replace(exchange, number=next(self._numbers))
        if line is not None:
            self.lines[numbered.number] = line
        self.recorded.append(numbered)
        self._log.exchanges.append(numbered)
        if trouble is not None:
            title, expected = f"{exchange.operation} gets no response", "an object with code, message and data"
            self.add_deviation("ENV-1", title, numbered, expected=expected, actual=trouble)
            raise CheckStoppedError(f"there was no response: {trouble}")
        return numbered

    def _allow(self, seconds: float) -> None:
        left = self.target.time_left
        if left is not None and seconds > left:
            raise CheckStoppedError(f"--time-budget leaves no {seconds:g} s to wait")


def _require_lasting(exchange: Exchange, *, limit: bool = False, credit: bool = False) -> None:
    """Stop the check if a response is about a temporary condition (unless the check expects it), not the request."""
    if tells_of_credits(exchange) and not credit:
        raise CheckStoppedError(_NO_CREDITS)
    for code in () if limit else codes_of(exchange) & _PASSING.keys():
        raise CheckStoppedError(f"the server responds with {code}: {_PASSING[code]}")


def codes_of(exchange: Exchange) -> set[object]:
    """Return the HTTP status and the `code` of a response, which may differ on an incorrect server."""
    code = exchange.answer.get("code") if isinstance(exchange.answer, dict) else None
    return {exchange.status, exchange.status if code is None else code}


def _attributed(collector: VerdictCollector, rule: str) -> VerdictCollector:
    """Return a copy of a collector with deviations from GEN-17 attributed to another rule."""
    other = VerdictCollector(seen=collector.seen)
    for deviation in collector.deviations:
        other.add_deviation(replace(deviation, rule=rule) if deviation.rule == "GEN-17" else deviation)
    return other


def _size(example: object) -> int:
    """Return the size of an example in bytes."""
    body = getattr(example, "body", getattr(example, "raw", example))
    return len(body) if isinstance(body, bytes) else len(json.dumps(body))


def _key(seed: int, name: str, number: int) -> str:
    return f"check-{blake2b(f'{seed} {name} {number}'.encode(), digest_size=8).hexdigest()}"


def _forget(control: ControlPlane, key: str) -> None:
    with suppress(ControlError, NoAnswerError):
        control.close(key)
