"""The error that says: somebody broke the contract."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ltx_mock_contracts.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ContractFailure"]


class ContractFailure(AssertionError):  # noqa: N818  an assertion that failed, named as pytest users say it
    """A client or a server broke the contract. The text is made of the facts, which can also be had one by one.

    Attributes:
        title: What happened, in short.
        rule: The id of the rule that is broken, a key of `RULES`; None when it is no single one.
        expected: What should have been.
        actual: What was.
        story: What led there, one line for each step.
    """

    __module__ = "ltx_mock"  # a traceback shows the name by which it is imported, and so has room for the cause

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
