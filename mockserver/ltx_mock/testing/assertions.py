"""Assertions about the requests of a client. A `ContractFailure` shows the nearest actual request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Unpack

from ltx_mock.control.expectation import Expectation
from ltx_mock.core.clock import SECOND
from ltx_mock.errors import ContractFailure, SettingsError
from ltx_mock.fields import whole
from ltx_mock.testing.polling import polling_violations
from ltx_mock_contracts.polling import FIRST_POLL_MS, POLL_EVERY_MS

if TYPE_CHECKING:
    from ltx_mock.control.from_json import Exchange, Spending, Task
    from ltx_mock.core.journal_entry import RequestOperation
    from ltx_mock.core.records import Account
    from ltx_mock.testing.options import RequestFields

SHOWN = 10


class Assertions(ABC):
    """The assertions of a tenant."""

    @property
    @abstractmethod
    def requests(self) -> list[Exchange]:
        """The journal."""

    @property
    @abstractmethod
    def tasks(self) -> list[Task]:
        """The tasks."""

    @property
    @abstractmethod
    def account(self) -> Account:
        """The counters."""

    @property
    @abstractmethod
    def spend(self) -> Spending:
        """What the tasks cost."""

    def assert_requested(
        self, operation: RequestOperation | None = None, *, times: int | None = None, **fields: Unpack[RequestFields]
    ) -> None:
        """Assert that a matching request was made: at least once, or exactly `times` times.

        Args:
            operation: `generateTask`, `statusTask`, `balance`, `callback` (sent by the fake) or `other`.
            times: the exact number; 0 for never.
            **fields: `finding`: a rule such as `"GEN-10"`, a pattern for the message, or None for no finding; `status`,
                `method`, `task_id`, `state`, `cause`; of the body `request_type`, `callback_url`, `provider`; of its
                input `mode`, `prompt`, `resolution`, `duration`, `aspect_ratio`, `image_urls`, `seed`, `loras`. A value
                is compared; a compiled pattern is searched; a function is called.

        Raises:
            ContractFailure: no such request, or another number; the text shows the nearest request, field by field.
            SettingsError: unknown operation, field or rule, or an invalid `times`.
        """
        __tracebackhide__ = True
        if times is not None:
            whole(0)("times", times)
        expected = Expectation(({} if operation is None else {"operation": operation}) | {**fields})
        requests = self.requests
        matching = [request for request in requests if not expected.difference(request)]
        if len(matching) == times or (times is None and matching):
            return
        raise ContractFailure(_unmet(expected, times, requests, matching))

    def assert_no_advisories(self) -> None:
        """Assert that no request had an advisory (GEN-16, CLI-1).

        Raises:
            ContractFailure: there are advisories; the text lists each with its rule.
        """
        __tracebackhide__ = True
        found = [
            f"  request {request.number}: {finding.message} ({finding.rule})"
            for request in self.requests
            for finding in request.findings
            if finding.severity == "advisory"
        ]
        if found:
            raise ContractFailure("\n".join([f"expected no advisories, but there are {len(found)}:", *found]))

    def assert_polled_politely(
        self, *, first: float = FIRST_POLL_MS / SECOND, every: float = POLL_EVERY_MS / SECOND
    ) -> None:
        """Assert that every task was polled as documented (CLI-2, CLI-3), by the fake's clock.

        Args:
            first: the minimum seconds from the submission to the first poll.
            every: the minimum seconds between polls.

        Raises:
            ContractFailure: a poll was too early, or after a final state; the text lists each.
        """
        __tracebackhide__ = True
        found = polling_violations(self.requests, first=first, every=every)
        if found:
            wish = f"first after {first:g} s, then every {every:g} s or slower, none after the end"
            raise ContractFailure("\n".join([f"expected polite polling ({wish}), but:", *found]))

    def assert_spent(
        self, *, at_most: int | None = None, exactly: int | None = None, wasted: int | None = None
    ) -> None:
        """Assert how many credits were spent, without refunds of failed tasks.

        Args:
            at_most: the maximum.
            exactly: the exact number.
            wasted: the maximum for results that were never fetched, tasks that nobody asked for, and repeated tasks.

        Raises:
            ContractFailure: another number was spent; the text lists the tasks.
            SettingsError: no limit or both of the first two are given, or one is not a number of credits.
        """
        __tracebackhide__ = True
        limits = {"at_most": at_most, "exactly": exactly, "wasted": wasted}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        if not given:
            raise SettingsError("give at_most, exactly or wasted")
        if {"at_most", "exactly"} <= given.keys():
            raise SettingsError("give at_most or exactly, not both; wasted goes with either")
        for name, limit in given.items():
            whole(0)(name, limit)
        if wasted is not None:
            self._assert_wasted(wasted)
        spent = self.account.spent
        if exactly in {None, spent} and (at_most is None or spent <= at_most):
            return
        wish = f"exactly {exactly}" if at_most is None else f"at most {at_most}"
        bill = [_item(task) for task in self.tasks] or ["  no task was created"]
        raise ContractFailure("\n".join([f"expected {wish} credits to be spent, but {spent} were spent:", *bill]))

    def _assert_wasted(self, at_most: int) -> None:
        __tracebackhide__ = True
        spend = self.spend
        if spend.wasted > at_most:
            wish = f"expected at most {at_most} credits to be wasted, but {spend.wasted} were wasted:"
            raise ContractFailure("\n".join([wish, *(f"  {task}" for task in spend.wasted_tasks)]))


def _unmet(expected: Expectation, times: int | None, requests: list[Exchange], matching: list[Exchange]) -> str:
    wish = "a request" if times is None else _count(times)
    lines = [f"expected {wish} with {expected}"]
    if matching:
        lines.append(f"but there are {len(matching)}:")
        lines += [f"  request {request.number}: {request}" for request in matching[:SHOWN]]
        if len(matching) > SHOWN:
            lines.append(f"  and {len(matching) - SHOWN} more")
    others = [request for request in requests if request not in matching]
    nearest = expected.nearest(others)
    if nearest is not None and (times is None or len(matching) < times):
        where = "of the others " if matching else f"of {len(requests)} " if len(requests) > 1 else ""
        lines.append(f"the nearest {where}is request {nearest.number}: {nearest}")
        lines.append(expected.explain(nearest))
    elif not requests:
        lines.append("but there was no request")
    return "\n".join(lines)


def _count(times: int) -> str:
    if times == 0:
        return "no request"
    return f"exactly {times} request{'s' * (times > 1)}"


def _item(task: Task) -> str:
    given = task.request["input"]
    price = f"{task.cost} credits" if task.state != "failed" else f"{task.cost} credits, given back"
    return f"  {task.id}  {given['resolution']}  {given['duration']} s  {task.state}: {price}"
