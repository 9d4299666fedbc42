"""Why something came about that the request alone does not explain: a kind for programs, a text for people."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

CauseKind: TypeAlias = Literal["request", "limit", "asset", "scenario", "attempt", "manual", "clock", "crash"]
"""`request`: something in it asks for this; `limit`: a limit or missing credits; `asset`: an image or LoRA; `scenario`;
`attempt`: which try of a callback it was; `manual`: somebody did it by hand; `clock`: time was moved or changed;
`crash`: a mistake in the fake."""


class Cause(NamedTuple):
    """A cause: its kind, and a sentence in English."""

    kind: CauseKind
    text: str

    def and_then(self, later: Cause | None) -> Cause:
        """Return both as one, of the later kind: a scenario changes what was decided before."""
        return self if later is None else Cause(later.kind, f"{self.text}; {later.text}")
