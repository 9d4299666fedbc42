"""The options of the checks, defined once for Python, pytest and the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ltx_mock_contracts.polling import FIRST_POLL_MS, POLL_EVERY_MS

if TYPE_CHECKING:
    from ltx_mock_contracts.rules import Source

__all__ = ["Options"]


def _option(default: Any, text: str, metavar: str | None = None) -> Any:
    return field(default=default, metadata={"help": text, "metavar": metavar})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The target of the checks and their limits.

    Attributes:
        url: The root of the server, with or without `/api/v1`.
        sources: The sources whose rules have to be kept; deviations from others are observed.
        rules: The ids of the rules to check; None is all of them.
    """

    url: str
    sources: tuple[Source, ...] = ("spec", "vendor")
    rules: frozenset[str] | None = None
    seed: int = 0
    api_key: str | None = _option(None, "The key to use; by default that in APIXO_API_KEY.", "KEY")
    other_key: str | None = _option(None, "A second key, to see that keys are apart (AUTH-4).", "KEY")
    admin_token: str | None = _option(
        None, "The admin token of an ltx-mock that has one; by default that in LTX_MOCK_ADMIN_TOKEN.", "TOKEN"
    )
    max_tasks: int | None = _option(
        None,
        "Never make more than N tasks, those of wrong requests that the server accepts among them. Without it: none on "
        "purpose, and the first wrong request that is accepted is the last; no bound with --trust-control-plane.",
        "N",
    )
    max_examples: int = _option(
        10, "Try N drawn examples for each way to be wrong or right; 0 tries only what lies at the edges.", "N"
    )
    time_budget: float | None = _option(None, "Begin nothing new after S seconds.", "S")
    timeout: float = _option(10.0, "Wait S seconds for an answer.", "S")
    first_poll: float = _option(
        FIRST_POLL_MS / 1000, "Ask for a new task after S seconds, where time cannot be moved.", "S"
    )
    poll_every: float = _option(POLL_EVERY_MS / 1000, "After that ask every S seconds.", "S")
    callback_host: str | None = _option(
        None,
        "How the server reaches this machine: HOST, HOST:PORT or a URL. Without it only a server on this machine is "
        "asked to call back.",
        "HOST",
    )
    callback_port: int = _option(0, "The local port for callbacks; 0 takes a free one.", "PORT")
    try_limits: bool = _option(False, "Go over the documented limits on purpose; takes 10000 requests, 1001 tasks.")
    violating_prompt: str | None = _option(None, "A prompt that breaks the content rules of the server.", "TEXT")
    trust_control_plane: bool = _option(
        False,
        "The server is an ltx-mock of yours on this machine: move its time, and make as many tasks as it takes.",
    )

    @property
    def secrets(self) -> list[str]:
        """The secrets, which no report, trace or curl line may contain."""
        return [secret for secret in (self.api_key, self.other_key, self.admin_token) if secret]
