"""The options of the checks, defined once for Python, pytest and the command line."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import inf
from typing import TYPE_CHECKING, Any, Final

from ltx_mock_contracts.polling import FIRST_POLL_MS, POLL_EVERY_MS

if TYPE_CHECKING:
    from ltx_mock_contracts.rules import Source

__all__ = ["Options"]


DAY: Final = 86_400.0


def _option(default: Any, text: str, metavar: str | None = None, least: float = 0, most: float | None = None) -> Any:
    return field(default=default, metadata={"help": text, "metavar": metavar, "least": least, "most": most})


def _secret(text: str, metavar: str) -> Any:
    """Declare an option that a traceback does not show."""
    return field(default=None, repr=False, metadata={"help": text, "metavar": metavar, "least": 0, "most": None})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Options:
    """The target of the checks and their limits.

    Attributes:
        url: The root of the server, with or without `/api/v1`.
        sources: The sources whose rules have to be kept; deviations from others are observed.
        rules: The ids of the rules to check; None is all of them.

    Raises:
        ValueError: A number is out of its range.
    """

    url: str
    sources: tuple[Source, ...] = ("spec", "vendor")
    rules: frozenset[str] | None = None
    seed: int = 0
    api_key: str | None = _secret("The API key; by default APIXO_API_KEY.", "KEY")
    other_key: str | None = _secret("A second key, to check that keys are separate (AUTH-4).", "KEY")
    admin_token: str | None = _secret("The admin token of an ltx-mock; by default LTX_MOCK_ADMIN_TOKEN.", "TOKEN")
    max_tasks: int | None = _option(
        None,
        "Never create more than N tasks, including tasks of invalid requests that the server accepts. By default the "
        "checks create none on purpose, and at most one with an invalid request; no limit with --trust-control-plane.",
        "N",
    )
    max_examples: int = _option(10, "Generate N examples for each valid and invalid case; with 0 only edge cases.", "N")
    time_budget: float | None = _option(None, "Start no check after S seconds.", "S", most=DAY)
    timeout: float = _option(10.0, "Wait S seconds for a response.", "S", 0.1, DAY)
    first_poll: float = _option(
        FIRST_POLL_MS / 1000, "First poll of a task after S seconds, if the clock cannot be advanced.", "S", most=DAY
    )
    poll_every: float = _option(POLL_EVERY_MS / 1000, "Then poll every S seconds.", "S", 0.05, DAY)
    callback_host: str | None = _option(
        None,
        "The address at which the server reaches this machine: HOST, HOST:PORT or a URL. By default only a server on "
        "this machine gets tasks with callbacks.",
        "HOST",
    )
    callback_port: int = _option(0, "The local port for callbacks; 0 takes a free port.", "PORT", most=65_535)
    try_limits: bool = _option(False, "Exceed the documented limits on purpose; needs 10000 requests, 1001 tasks.")
    violating_prompt: str | None = _option(None, "A prompt that breaks the content rules of the server.", "PROMPT")
    trust_control_plane: bool = _option(
        False,
        "The server is your own ltx-mock on this machine: advance its clock, and create any number of tasks.",
    )

    def __post_init__(self) -> None:
        """Check the numbers; a NaN is in no range."""
        for each in fields(self):
            value, least, most = getattr(self, each.name), each.metadata.get("least"), each.metadata.get("most")
            if isinstance(value, (int, float)) and least is not None and not least <= value <= (most or inf):
                limits = f"at least {least:g}" if most is None else f"{least:g} to {most:g}"
                raise ValueError(f"{each.name} must be {limits}, not {value}")

    def __eq__(self, other: object) -> bool:
        """Compare all options. For a generated `__eq__` pytest shows each value that differs, also of a secret."""
        return isinstance(other, Options) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    @property
    def secrets(self) -> list[str]:
        """The secrets, which no report, trace or curl line may contain."""
        return [secret for secret in (self.api_key, self.other_key, self.admin_token) if secret]

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, each.name) for each in fields(self))
