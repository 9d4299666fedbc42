"""The cause of a behaviour that the request alone does not explain: a kind for programs, a text for people."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

CauseKind: TypeAlias = Literal[
    "request", "limit", "asset", "scenario", "attempt", "manual", "clock", "crash", "upstream", "recording"
]
"""`request`: something in the request; `limit`: a limit or missing credits; `asset`: an image or LoRA; `scenario`;
`attempt`: the number of a callback's attempt; `manual`: an action by hand; `clock`: a change of the clock; `crash`: an
internal error of the fake; `upstream`: what the real API did, behind a proxy; `recording`: what it did once."""


UNRECORDED: Final = "no recording of this request"
"""How the cause begins of the 404 for a request that no recording equals."""


class Cause(NamedTuple):
    """A cause: its kind, and a sentence in English."""

    kind: CauseKind
    text: str

    def and_then(self, later: Cause | None) -> Cause:
        """Combine two causes. The kind is that of the later one, because a scenario changes an earlier decision."""
        return self if later is None else Cause(later.kind, f"{self.text}; {later.text}")
