"""Throw answers at a parsing function, and find the smallest one that it does not get through."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import strategies as st

from ltx_mock_contracts.failure import ContractFailure
from ltx_mock_contracts.fuzzing.deterministic import try_examples
from ltx_mock_contracts.fuzzing.responses import ANSWERS, Answer, belongs_to, select_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ltx_mock_contracts.strategies import Envelope

__all__ = ["ParsingFailure", "fuzz_responses"]

Parse = Callable[[Any], Any]
Judge = Callable[[Answer, Any], object]
Types = tuple[type[Exception], ...]
Allowed = Sequence[type[Exception]] | Mapping[str, Sequence[type[Exception]]]

_BREAKING: Final = (Exception, SystemExit)
_SPELLINGS: Final[tuple[dict[str, Any], ...]] = ({}, {"ensure_ascii": False, "separators": (",", ":")}, {"indent": 2})
_SHOWN: Final = 600


class ParsingFailure(ContractFailure):
    """A parsing function does not get through an answer that it may meet.

    Attributes:
        answer: The smallest answer found that shows it.
        error: What the function raised, or the judge of its result.
    """

    def __init__(self, title: str, *, answer: Answer, error: BaseException, **facts: Any) -> None:
        super().__init__(title, **facts)
        self.answer = answer
        self.error = error

    @property
    def kind(self) -> str:
        """Return the kind of the answer, such as `statusTask/processing/unknown state`."""
        return self.answer.kind

    def __reduce__(self) -> tuple[Any, ...]:
        make = super().__reduce__()[0]
        return partial(make, answer=self.answer, error=self.error), ()


def fuzz_responses(
    parse: Parse,
    *,
    kinds: Iterable[str] | None = None,
    allowed: Allowed = (),
    judge: Judge | None = None,
    max_examples: int = 500,
    seed: int = 0,
    raw: bool = False,
) -> None:
    """Throw every kind of answer at a parsing function: those that are documented, and those that drifted from it.

    The function breaks on an answer when it raises something that is not allowed, or when the judge of its result
    does. `SystemExit` counts too. All answers are either good by the contract or such that a client should live with
    them: states and fields that nobody knows, optional fields left out, null where a field should be absent (CLI-9).

    ```python
    def test_my_parser_gets_through_everything():
        fuzz_responses(read_status, kinds=["statusTask"], allowed={"statusTask/failed": [VideoFailed]})
    ```

    It is a test in itself: call it from one, without `@given`. For the same seed it throws the same answers in the
    same order, in every process, with one version of Hypothesis.

    Args:
        parse: Takes one answer. It gets a copy of its own, which it may change.
        kinds: Kinds of answers, or first parts of them: `generateTask`, `statusTask`, `callback`, `error`,
            `statusTask/failed`, `error/429`, `callback/success/null field`, …; all of them by default.
        allowed: Types of exceptions that `parse` may raise on any answer, or a mapping from kinds, or first parts of
            them, to the types that it may raise on those. Prefer the mapping: an exception for failed tasks that is
            allowed on all answers hides that it is raised for an unknown state.
        judge: Is called with each answer and what `parse` made of it, and raises or returns False if that is wrong.
            `answer.means`, `answer.task_id`, `answer.urls` and `answer.fail_code` say what is right. It is not called
            where `parse` raised something that is allowed.
        max_examples: How many answers are thrown; one of each kind at least.
        seed: Another seed throws other answers.
        raw: Whether `parse` gets bytes, as they come over the wire, instead of a decoded object.

    Raises:
        ParsingFailure: `parse` broke. This `ContractFailure` has the smallest answer that shows it, its kind, and
            what was raised, which is also its cause; the story names the other kinds that broke.
        ValueError: There is no such kind.
        TypeError: `parse` is a coroutine function, or `kinds` is one text.
    """
    if iscoroutinefunction(parse):
        raise TypeError("parse must be a plain function; for a coroutine function give lambda x: asyncio.run(parse(x))")
    names = select_kinds(kinds)
    permitted = _permitted(allowed, names)
    turns = -(-max_examples // len(names))
    spellings = st.sampled_from(_SPELLINGS) if raw else st.none()
    broken: list[_Break] = []
    for kind in names:
        thrower = _Thrower(kind, parse, judge, permitted[kind])
        strategy = st.tuples(ANSWERS[kind].bodies, spellings)
        try:
            try_examples(thrower.throw, strategy, max(turns, 1), "responses", kind, seed, shrink=not broken)
        except Exception:
            if thrower.broken is None:
                raise
        broken += [thrower.broken] if thrower.broken else []
    if broken:
        story = [f"again: kinds=[{broken[0].answer.kind!r}], seed={seed}"]
        story += [f"also {each.answer.kind}: {_error_text(each.error)}" for each in broken[1:]]
        raise _failure(parse, broken[0], permitted[broken[0].answer.kind], story) from broken[0].error


class _Break(NamedTuple):
    """What a parsing function broke on, as it was given, what was raised, and whether the function raised it."""

    answer: Answer
    given: Any
    error: BaseException
    raised: bool


class _BrokeError(Exception):
    """Tells Hypothesis that an answer breaks the function."""


class _Thrower:
    """Throws answers of one kind.

    Attributes:
        broken: What the function broke on the last time; None as long as it did not.
    """

    def __init__(self, kind: str, parse: Parse, judge: Judge | None, allowed: Types) -> None:
        self.broken: _Break | None = None
        self._kind = kind
        self._parse = parse
        self._judge = judge
        self._allowed = allowed

    def throw(self, example: tuple[Envelope, dict[str, Any] | None]) -> None:
        """Throw an answer; the second part says how its bytes are spelled, if bytes are wanted."""
        body, spelling = example
        answer = Answer(kind=self._kind, body=body, means=ANSWERS[self._kind].means)
        given = body if spelling is None else json.dumps(body, **spelling).encode()
        try:
            parsed = self._parse(deepcopy(given))
        except self._allowed:
            return
        except _BREAKING as error:
            self.broken = _Break(answer, given, error, raised=True)
            raise _BrokeError from error
        try:
            if self._judge is not None and self._judge(answer, parsed) is False:
                raise AssertionError(f"the judge refuses {_short(repr(parsed))}")
        except _BREAKING as error:
            self.broken = _Break(answer, given, error, raised=False)
            raise _BrokeError from error


def _failure(parse: Parse, broken: _Break, allowed: Types, story: list[str]) -> ParsingFailure:
    means, kind = broken.answer.means, broken.answer.kind
    name = getattr(parse, "__name__", type(parse).__name__)
    what = f"{name} broke" if broken.raised else f"what {name} returned is wrong"
    names = "".join(f", or {each.__name__}" for each in allowed)
    return ParsingFailure(
        f"{what} on an answer of the kind {kind}",
        answer=broken.answer,
        error=broken.error,
        rule=means.rule,
        expected=(f"a task taken as {means.state}" if means.state else "an answer that is understood") + names,
        actual=_error_text(broken.error),
        story=[f"answer: {_answer_text(broken.given)}", *story],
    )


def _permitted(allowed: Allowed, kinds: list[str]) -> dict[str, Types]:
    """Return the types that may be raised, for each kind."""
    if not isinstance(allowed, Mapping):
        return dict.fromkeys(kinds, tuple(allowed))
    for kind in allowed:
        select_kinds([kind])
    return {
        kind: tuple(each for whole, types in allowed.items() if belongs_to(kind, whole) for each in types)
        for kind in kinds
    }


def _error_text(error: BaseException) -> str:
    return _short(f"{type(error).__name__}: {error}".removesuffix(": "))


def _answer_text(thrown: Any) -> str:
    if isinstance(thrown, bytes):
        return _short(repr(thrown))
    return _short(json.dumps(thrown))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}… ({len(line)} characters)"
