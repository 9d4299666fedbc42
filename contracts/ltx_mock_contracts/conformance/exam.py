"""What a check is written with: worlds, requests that must work or must not, and notes."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cached_property
from hashlib import blake2b
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import Flaky

from ltx_mock_contracts.conformance.clocks import DrivenClock, RealClock
from ltx_mock_contracts.conformance.control import ControlError
from ltx_mock_contracts.conformance.page import Page
from ltx_mock_contracts.conformance.target import CheckStoppedError
from ltx_mock_contracts.conformance.world import World
from ltx_mock_contracts.failures import ContractFailure
from ltx_mock_contracts.http_client import NoAnswerError
from ltx_mock_contracts.trace.curl import curl_line
from ltx_mock_contracts.trace.notes import told
from ltx_mock_contracts.verdicts import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from ltx_mock_contracts.conformance.control import ControlPlane
    from ltx_mock_contracts.conformance.target import Target
    from ltx_mock_contracts.trace.exchange import Exchange
    from ltx_mock_contracts.verdicts import Departure

__all__ = ["Exam"]

T = TypeVar("T")
_MORE: Final = 5


class _DepartedError(Exception):
    """An example shows a departure; Hypothesis looks for a smaller one."""


class Exam:
    """One check of one server.

    Args:
        target: The server.
        name: The name of the check.

    Attributes:
        recorded: Every exchange, in order.
        lines: The curl lines of requests that were no usual ones, by their numbers.
    """

    def __init__(self, target: Target, name: str) -> None:
        self.target = target
        self.name = name
        self.recorded: list[Exchange] = []
        self.lines: dict[int, str] = {}
        self._page = Page()
        self._numbers = count(1)
        self._worlds = 0
        self._open = ExitStack()

    @property
    def ids(self) -> dict[str, tuple[int, str]]:
        """The tasks that were made, each with number and curl line of the exchange that told of it first."""
        made = [each for each in reversed(self.recorded) if each.operation == "generateTask" and each.status == 200]
        return {str(each.data["taskId"]): (each.number, curl_line(each)) for each in made if each.data.get("taskId")}

    # Worlds

    @cached_property
    def world(self) -> World:
        """The world of this check: on an ltx-mock one of its own, elsewhere the key that was given."""
        return self.open()

    def open(self, **own: Any) -> World:
        """Return a new world. Settings of its own can be had on an ltx-mock only."""
        control, options = self.target.control, self.target.options
        if control is None:
            return self._given(options.api_key or "")
        self._worlds += 1
        key = _key(options.seed, self.name, self._worlds)
        if self.target.silent is not None:
            raise CheckStoppedError(self.target.silent)
        try:
            now = control.open(key, {"seed": options.seed, **own})
        except NoAnswerError as error:
            self._given(key).silence("/tenants", str(error))
            raise CheckStoppedError(str(error)) from None
        except ControlError as error:
            raise CheckStoppedError(str(error)) from None
        self._open.callback(_forget, control, key)
        return World(self.target, key, DrivenClock(control, key, now), self._record, number=self._worlds)

    def another(self) -> World:
        """Return a world with another key than that of `world`.

        Raises:
            CheckStoppedError: There is no second key.
        """
        if self.target.control is not None:
            return self.open()
        other = self.target.options.other_key
        if other is None:
            raise CheckStoppedError("it takes a second key (--other-key)")
        return self._given(other, number=2)

    def _given(self, key: str, number: int = 1) -> World:
        return World(self.target, key, RealClock(self.target.pace, self._allow), self._record, number=number)

    # Notes

    def saw(self, *rules: str) -> None:
        """Note that these rules could be judged."""
        self._page.notes.saw(*rules)

    def depart(
        self, rule: str, title: str, *exchanges: Exchange, expected: str, actual: str, binding: bool = True
    ) -> None:
        """Note a departure; the last of the exchanges is the one that is wrong."""
        self.saw(rule)
        self._page.notes.depart(rule, title, exchanges, expected=expected, actual=actual, binding=binding)

    # Requests that must work

    def submit(self, body: Any, rule: str = "GEN-17", *, world: World | None = None) -> str:
        """Have a task made of a good request and return its id.

        Args:
            body: The request.
            rule: The rule that a refusal breaks.
            world: Whose task it is.

        Raises:
            CheckStoppedError: There is no task.
        """
        exchange = (world or self.world).generate(body)
        self.accepted(exchange, rule)
        task_id = exchange.data.get("taskId")
        if not isinstance(task_id, str) or not task_id:
            raise CheckStoppedError(f"a good request made no task: {told(exchange)}")
        return task_id

    def accepted(self, exchange: Exchange, rule: str) -> bool:
        """Judge the answer to a good request, and tell whether it was accepted."""
        if exchange.data.get("taskId"):
            self.saw(rule)
            return True
        if exchange.status == 429:
            raise CheckStoppedError("the server answers 429: a limit is reached")
        if exchange.status in {401, 403}:
            raise CheckStoppedError(f"the server does not accept the key: {told(exchange)}")
        if _message(exchange).startswith("Insufficient credits") and rule != "GEN-15":
            raise CheckStoppedError("the key has no credits left")
        if not codes_of(exchange) <= {200}:
            title, expected = "a request that breaks no rule is refused", "200 and a taskId"
            self.depart(rule, title, exchange, expected=expected, actual=told(exchange), binding=rule != "GEN-16")
            self.aside_from_the_request(exchange)
        return False

    # Requests that must not

    def refused(self, exchange: Exchange, status: int, rule: str, title: str) -> None:
        """Judge the answer to a request that must be refused with a status, in HTTP or in the envelope."""
        self.saw(rule)
        self.aside_from_the_request(exchange)
        if status not in codes_of(exchange):
            self.depart(rule, title, exchange, expected=str(status), actual=told(exchange))

    def refuse(self, body: Any, rule: str, what: str) -> None:
        """Send a bad body, which a recording's checks judge too, and note what those leave open.

        Args:
            body: The body as JSON; bytes are sent as they are.
            rule: The rule that it breaks.
            what: In what way.
        """
        exchange = self.world.generate(body, free=True)
        self.saw(rule)
        if 400 not in codes_of(exchange) and not Page([exchange]).judged().departures:
            title = f"a bad request is not refused with 400: {what}"
            self.depart(rule, title, exchange, expected="400", actual=told(exchange))

    def aside(self, body: Any) -> Exchange:
        """Send a request that is no part of what is judged."""
        whole, self._page = self._page, Page()
        try:
            return self.world.generate(body)
        finally:
            self._page = whole

    def aside_from_the_request(self, exchange: Exchange) -> None:
        """Keep the checks of recordings from judging whether a request was rightly accepted or refused."""
        unread = replace(exchange, gaps=frozenset({"request"}))
        self._page.exchanges = [unread if each is exchange else each for each in self._page.exchanges]

    # Examples

    def examine(
        self,
        examples: SearchStrategy[T],
        attempt: Callable[[T], None],
        *,
        blame: Callable[[T], str] | None = None,
    ) -> None:
        """Try an experiment with many examples. Of those that show a departure only the smallest is kept.

        Where each task may cost money none is spent on looking for a smaller example.

        Args:
            examples: What to try.
            attempt: The experiment.
            blame: Tells whose rule a departure from GEN-17 breaks, given the example.

        Raises:
            CheckStoppedError: An experiment could not go on.
        """
        if not self.target.options.max_examples:
            raise CheckStoppedError("no examples are drawn (--max-examples 0)")
        bounded = self.target.budget.bound is not None
        shown: tuple[Page, T] | None = None
        stopped: CheckStoppedError | None = None

        def once(example: T) -> None:
            nonlocal shown, stopped
            if stopped or (bounded and shown):
                return
            whole, self._page = self._page, Page()
            try:
                attempt(example)
            except CheckStoppedError as reason:
                stopped = reason
            page, self._page = self._page, whole
            if self._broken(page.judged()):
                shown = page, example
                if not bounded:
                    raise _DepartedError
            else:
                whole.add(page)

        rules = settings(
            max_examples=self.target.options.max_examples,
            phases=[Phase.generate] if bounded else [Phase.generate, Phase.shrink],
            database=None,
            deadline=None,
            derandomize=False,
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=Verbosity.quiet,
            suppress_health_check=list(HealthCheck),
        )
        with suppress(_DepartedError, Flaky):
            seed(self.target.options.seed)(rules(given(examples)(once)))()
        if shown is not None:
            page, example = shown
            if blame is not None:
                page.ledger = _blaming(page.ledger, blame(example))
            self._page.add(page)
        if stopped is not None:
            raise stopped

    # The end

    def close(self) -> Ledger:
        """Let go of the worlds and return all that was seen."""
        self._open.close()
        ledger = self._page.judged()
        signed = Ledger(seen=ledger.seen)
        for departure in ledger.departures:
            line = self.lines.get(departure.exchanges[-1]) if departure.exchanges else None
            signed.depart(replace(departure, checks=(self.name,), curl=line or departure.curl))
        return signed

    def failure(self, ledger: Ledger) -> ContractFailure | None:
        """Return what is to be raised because of what was seen, if anything."""
        broken = self._broken(ledger)
        if not broken:
            return None
        first, *more = broken
        story = [first.curl] if first.curl else []
        story += [f"also {each.rule}: {each.title}" for each in more[:_MORE]]
        return ContractFailure(first.title, rule=first.rule, expected=first.expected, actual=first.actual, story=story)

    def _broken(self, ledger: Ledger) -> list[Departure]:
        sources, rules = self.target.options.sources, self.target.options.rules
        return [each for each in ledger.departures if each.breaks(sources) and (rules is None or each.rule in rules)]

    def _record(self, exchange: Exchange, trouble: str | None = None, line: str | None = None) -> Exchange:
        numbered = replace(exchange, number=next(self._numbers))
        if line is not None:
            self.lines[numbered.number] = line
        self.recorded.append(numbered)
        self._page.exchanges.append(numbered)
        if trouble is not None:
            title, expected = f"{exchange.operation} gets no answer", "an object with code, message and data"
            self.depart("ENV-1", title, numbered, expected=expected, actual=trouble)
            raise CheckStoppedError(f"there was no answer: {trouble}")
        return numbered

    def _allow(self, seconds: float) -> None:
        left = self.target.time_left
        if left is not None and seconds > left:
            raise CheckStoppedError(f"--time-budget leaves no {seconds:g} s to wait")


def codes_of(exchange: Exchange) -> set[object]:
    """Return the status of an answer and the code in its envelope, which may differ on a server that is wrong."""
    code = exchange.answer.get("code") if isinstance(exchange.answer, dict) else None
    return {exchange.status, exchange.status if code is None else code}


def _blaming(ledger: Ledger, rule: str) -> Ledger:
    """Return a ledger in which departures from GEN-17 are from another rule."""
    other = Ledger(seen=ledger.seen)
    for departure in ledger.departures:
        other.depart(replace(departure, rule=rule) if departure.rule == "GEN-17" else departure)
    return other


def _message(exchange: Exchange) -> str:
    message = exchange.answer.get("message") if isinstance(exchange.answer, dict) else None
    return message if isinstance(message, str) else ""


def _key(seed: int, name: str, number: int) -> str:
    return f"check-{blake2b(f'{seed} {name} {number}'.encode(), digest_size=8).hexdigest()}"


def _forget(control: ControlPlane, key: str) -> None:
    with suppress(ControlError, NoAnswerError):
        control.close(key)
