"""The server that is checked: what it is, how it is reached, and what may be asked of it."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ltx_mock_contracts.conformance.budget import Budget
from ltx_mock_contracts.conformance.clocks import Pace
from ltx_mock_contracts.conformance.control import ControlPlane
from ltx_mock_contracts.conformance.receiver import Receiver
from ltx_mock_contracts.http_client import HttpClient, NoAnswerError
from ltx_mock_contracts.server_url import server_url

if TYPE_CHECKING:
    from pathlib import Path

    from ltx_mock_contracts.conformance.options import Options

__all__ = ["CannotRunError", "CheckStoppedError", "Target"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_SILENT: Final = 3
DIRECTIVE: Final = "[[content-violation]]"
"""The prompt by which an ltx-mock lets a task fail."""


class CannotRunError(Exception):
    """The checks cannot be run; the text says why and what to do."""


class CheckStoppedError(Exception):
    """A check cannot go on; the text says why. What it has seen so far counts."""


class Target:
    """What all checks of one process share.

    Args:
        options: What to check, and how far to go.
        folder: Where processes of one run write down what was spent.
        pace: How real time passes.

    Raises:
        CannotRunError: Nobody is there, or the key is not accepted.

    Attributes:
        base: The URL that paths such as `/generateTask/ltx-2-19b` are added to.
        control: The control plane where the server is an ltx-mock that lets us in, else None.
        stranger: Why there is no control plane.
        silent: Why no more is asked, once the server has stopped answering.
    """

    def __init__(self, options: Options, folder: Path, pace: Pace | None = None) -> None:
        _refuse_what_cannot_be_sent(options)
        self.options = options
        self.pace = pace or Pace()
        self.root = server_url(options.url).rstrip("/").removesuffix("/api/v1")
        self.base = f"{self.root}/api/v1"
        self.local = urlsplit(self.root).hostname in _LOOPBACK
        self.connection = HttpClient(options.timeout, proxies=not self.local)
        control = ControlPlane(self.connection, self.root, options.admin_token)
        try:
            self.stranger = self._reach(control)
        except CannotRunError:
            self.connection.close()
            raise
        self.control = control if self.stranger is None else None
        bound = options.max_tasks if options.max_tasks is not None or self.control else 0
        self.budget = Budget(bound, folder)
        self.silent: str | None = None
        self._unanswered = 0
        self._end = None if options.time_budget is None else self.pace.now() + options.time_budget
        self._open = ExitStack()

    @property
    def violating_prompt(self) -> str | None:
        """A prompt that breaks the content rules, where one is known."""
        return self.options.violating_prompt or (DIRECTIVE if self.control else None)

    @property
    def can_be_called(self) -> bool:
        """Whether the server can reach this machine."""
        return self.local or self.options.callback_host is not None

    @cached_property
    def receiver(self) -> Receiver:
        """Where callbacks go and images come from, started when it is first needed.

        Raises:
            CheckStoppedError: The port cannot be had.
        """
        port = self.options.callback_port
        try:
            receiver = Receiver(self.options.callback_host, port)
        except OSError as error:
            raise CheckStoppedError(f"callbacks cannot be received on port {port}: {error.strerror}") from None
        return self._open.enter_context(receiver)

    @property
    def over(self) -> str | None:
        """Why nothing more is asked, if that is so."""
        left = self.time_left
        if left is not None and left <= 0:
            return f"the {self.options.time_budget:g} s of --time-budget are over"
        return self.silent

    @property
    def time_left(self) -> float | None:
        """How many seconds of the time budget are left; None where there is no bound."""
        return None if self._end is None else self._end - self.pace.now()

    def heard(self, what: str | None) -> None:
        """Note an answer (None) or why there was none; after several in a row no more is asked."""
        self._unanswered = 0 if what is None else self._unanswered + 1
        if what is not None and self._unanswered >= _SILENT:
            self.silent = f"the server has stopped answering: {what}"

    def close(self) -> None:
        """Let go of the server."""
        self._open.close()
        self.connection.close()

    def _reach(self, control: ControlPlane) -> str | None:
        """Return why the server is a stranger, if it is one; one that does not answer rightly is one too."""
        try:
            stranger = control.why_not_ours()
            if stranger is not None:
                self._try_key()
        except NoAnswerError as error:
            if error.unreachable:
                raise CannotRunError(f"nobody answers at {self.options.url}: {error}") from None
            return "it does not answer"
        return stranger

    def _try_key(self) -> None:
        """See that the key is one, which costs nothing."""
        key = self.options.api_key
        if not key:
            raise CannotRunError(f"{self.options.url} is no ltx-mock, so its checks need an API key (--api-key)")
        url = f"{self.base}/statusTask/ltx-2-19b?taskId=task_12345678"
        reply = self.connection.send("GET", url, headers={"authorization": f"Bearer {key}"})
        if reply.status in {401, 403}:
            raise CannotRunError(f"{self.options.url} does not accept the key: it answers {reply.status}")


def _refuse_what_cannot_be_sent(options: Options) -> None:
    try:
        server_url(options.url)
    except ValueError as error:
        raise CannotRunError(f"the URL {error}") from None
    for secret in options.secrets:
        if not (secret.isascii() and secret.isprintable() and " " not in secret):
            raise CannotRunError("a key has letters that cannot stand in a header: it must be ASCII without spaces")
