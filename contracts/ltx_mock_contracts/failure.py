"""The error raised when a client or a server breaks the contract."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ltx_mock_contracts.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ContractFailure"]


class ContractFailure(AssertionError):  # noqa: N818  an assertion that failed, named as pytest users say it
    """A client or a server broke the contract. Its text is made of the attributes.

    Attributes:
        title: What happened, in short.
        rule: The id of the broken rule, a key of `RULES`; None if there is no single one.
        expected: The behaviour that the contract asks for.
        actual: The observed behaviour.
        story: The steps that led to it, one line each.
    """

    __module__ = "ltx_mock"  # a traceback then shows the public import path

    def __init__(
        self,
        title: str,
        *,
        rule: str | None = None,
        expected: str | None = None,
        actual: str | None = None,
        story: Sequence[str] = (),
    ) -> None:
        super().__init__(title)
        self.title = title
        self.rule = rule
        self.expected = expected
        self.actual = actual
        self.story = tuple(story)

    def __str__(self) -> str:
        lines = [f"{self.rule}: {self.title}" if self.rule else self.title]
        lines += [f"  expected: {self.expected}"] if self.expected is not None else []
        lines += [f"  actual:   {self.actual}"] if self.actual is not None else []
        lines += ["  story:", *(f"    {line}" for line in self.story)] if self.story else []
        if self.rule is not None and self.rule in RULES:
            lines.append(f"  the rule: {RULES[self.rule].text}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        facts: dict[str, Any] = {
            "rule": self.rule,
            "expected": self.expected,
            "actual": self.actual,
            "story": self.story,
        }
        return partial(type(self), self.title, **facts), ()
