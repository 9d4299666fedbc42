"""Call a parsing function with generated responses, and find the smallest one that breaks it."""

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

_FAILURES: Final = (Exception, SystemExit)
_JSON_STYLES: Final[tuple[dict[str, Any], ...]] = ({}, {"ensure_ascii": False, "separators": (",", ":")}, {"indent": 2})
_MAX_CHARACTERS: Final = 600


class ParsingFailure(ContractFailure):
    """A parsing function breaks on a response that it may get.

    Attributes:
        answer: The smallest response found that breaks it.
        error: The exception that the function, or the judge of its result, raised.
    """

    def __init__(self, title: str, *, answer: Answer, error: BaseException, **facts: Any) -> None:
        super().__init__(title, **facts)
        self.answer = answer
        self.error = error

    @property
    def kind(self) -> str:
        """Return the kind of the response, such as `statusTask/processing/unknown state`."""
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
    """Call a parsing function with every kind of response, documented and drifted.

    The function breaks on a response if it, or the judge of its result, raises an exception that is not allowed.
    `SystemExit` counts too. All responses are either documented or should be tolerated by a client: unknown states and
    fields, missing optional fields, null instead of an absent field (CLI-9).

    ```python
    def test_my_parser_gets_through_everything():
        fuzz_responses(read_status, kinds=["statusTask"], allowed={"statusTask/failed": [VideoFailed]})
    ```

    Call it from a test without `@given`. The same seed gives the same responses in the same order, in every process,
    with the same version of Hypothesis.

    Args:
        parse: Takes one response, as a copy that it may change.
        kinds: Kinds of responses, or prefixes of them: `generateTask`, `statusTask`, `callback`, `error`,
            `statusTask/failed`, `error/429`, `callback/success/null field`, …; all of them by default.
        allowed: Exception types that `parse` may raise on any response, or a mapping from kinds or prefixes to such
            types. Prefer the mapping: an exception for failed tasks that is allowed everywhere hides that it is also
            raised for an unknown state.
        judge: Called with each response and the result of `parse`; raises or returns False if the result is wrong.
            `answer.means`, `answer.task_id`, `answer.urls` and `answer.fail_code` have the expected values. It is not
            called if `parse` raised an allowed exception.
        max_examples: The number of responses; at least one of each kind.
        seed: Another seed gives other responses.
        raw: Whether `parse` gets the bytes of the body instead of a decoded object.

    Raises:
        ParsingFailure: `parse` broke. This `ContractFailure` has the smallest response that breaks it, its kind, and
            the exception, which is also its cause; the story lists the other kinds that broke.
        ValueError: There is no such kind.
        TypeError: `parse` is a coroutine function, or `kinds` is a string.
    """
    if iscoroutinefunction(parse):
        raise TypeError("parse must be a plain function; for a coroutine function give lambda x: asyncio.run(parse(x))")
    names = select_kinds(kinds)
    allowed_types = _allowed_types(allowed, names)
    examples_per_kind = -(-max_examples // len(names))
    styles = st.sampled_from(_JSON_STYLES) if raw else st.none()
    broken: list[_Break] = []
    for kind in names:
        caller = _Caller(kind, parse, judge, allowed_types[kind])
        strategy = st.tuples(ANSWERS[kind].bodies, styles)
        try:
            try_examples(caller.call, strategy, max(examples_per_kind, 1), "responses", kind, seed, shrink=not broken)
        except Exception:
            if caller.broken is None:
                raise
        broken += [caller.broken] if caller.broken else []
    if broken:
        story = [f"again: kinds=[{broken[0].answer.kind!r}], seed={seed}"]
        story += [f"also {each.answer.kind}: {_error_text(each.error)}" for each in broken[1:]]
        raise _failure(parse, broken[0], allowed_types[broken[0].answer.kind], story) from broken[0].error


class _Break(NamedTuple):
    """A response that broke the function, the value it got, the exception, and whether the function raised it."""

    answer: Answer
    given: Any
    error: BaseException
    raised: bool


class _BrokenError(Exception):
    """Tells Hypothesis that a response breaks the function."""


class _Caller:
    """Calls the function with responses of one kind.

    Attributes:
        broken: The last failure of the function, if any.
    """

    def __init__(self, kind: str, parse: Parse, judge: Judge | None, allowed: Types) -> None:
        self.broken: _Break | None = None
        self._kind = kind
        self._parse = parse
        self._judge = judge
        self._allowed = allowed

    def call(self, example: tuple[Envelope, dict[str, Any] | None]) -> None:
        """Call the function with a response; the second value is the JSON style if bytes are wanted."""
        body, style = example
        answer = Answer(kind=self._kind, body=body, means=ANSWERS[self._kind].means)
        given = body if style is None else json.dumps(body, **style).encode()
        try:
            parsed = self._parse(deepcopy(given))
        except self._allowed:
            return
        except _FAILURES as error:
            self.broken = _Break(answer, given, error, raised=True)
            raise _BrokenError from error
        try:
            if self._judge is not None and self._judge(answer, parsed) is False:
                raise AssertionError(f"the judge rejects {_short(repr(parsed))}")
        except _FAILURES as error:
            self.broken = _Break(answer, given, error, raised=False)
            raise _BrokenError from error


def _failure(parse: Parse, broken: _Break, allowed: Types, story: list[str]) -> ParsingFailure:
    means, kind = broken.answer.means, broken.answer.kind
    name = getattr(parse, "__name__", type(parse).__name__)
    what = f"{name} failed" if broken.raised else f"what {name} returned is wrong"
    names = "".join(f", or {each.__name__}" for each in allowed)
    return ParsingFailure(
        f"{what} on a response of the kind {kind}",
        answer=broken.answer,
        error=broken.error,
        rule=means.rule,
        expected=(f"a task in the state {means.state}" if means.state else "a response that the client understands")
        + names,
        actual=_error_text(broken.error),
        story=[f"response: {_answer_text(broken.given)}", *story],
    )


def _allowed_types(allowed: Allowed, kinds: list[str]) -> dict[str, Types]:
    """Return the allowed exception types of each kind."""
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


def _answer_text(response: Any) -> str:
    if isinstance(response, bytes):
        return _short(repr(response))
    return _short(json.dumps(response))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MAX_CHARACTERS else f"{line[:_MAX_CHARACTERS]}… ({len(line)} characters)"
