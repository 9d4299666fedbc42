"""The checked server: its connection, its control plane, and the limits of a run."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from functools import cached_property
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ltx_mock_contracts.conformance.harness.budget import Budget
from ltx_mock_contracts.conformance.harness.clocks import Pace
from ltx_mock_contracts.conformance.harness.control_plane import ControlPlane
from ltx_mock_contracts.conformance.harness.receiver import Receiver
from ltx_mock_contracts.control_client import ControlError
from ltx_mock_contracts.io.http_client import HttpClient
from ltx_mock_contracts.io.reply import NoReplyError
from ltx_mock_contracts.io.server_url import START_HINT, server_root, server_url
from ltx_mock_contracts.model import MODEL

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ltx_mock_contracts.conformance.harness.options import Options
    from ltx_mock_contracts.io.reply import Reply

__all__ = ["CannotRunError", "CheckStoppedError", "Target"]

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_MAX_UNANSWERED: Final = 3
"""After how many requests in a row without a response no more are sent."""

DIRECTIVE: Final = "[[content-violation]]"
"""The prompt that makes a task of an ltx-mock fail."""


class CannotRunError(Exception):
    """The checks cannot run; the text says why and what to do."""


class CheckStoppedError(Exception):
    """A check cannot continue; the text says why. Its results so far count."""


class Target:
    """The state that all checks of one run share.

    Args:
        options: The options of the run.
        folder: The folder of the budget, shared by the processes of one run.
        pace: The source of real time.
        waiting: Called before each wait in real time, with the seconds and the purpose.

    Raises:
        CannotRunError: The server cannot be reached, or does not accept the key.

    Attributes:
        base: The base URL, with `/api/v1`.
        control: The control plane if the server is a trusted ltx-mock, else None.
        no_control_reason: Why the control plane is not used; None if it is.
        has_accepted: Whether the server has accepted a valid request.
        accepted_dialects: The ids of the dialects of which it has accepted a request.
        accepts_invalid: The rules of invalid requests that it has accepted.
        unresponsive: The reason for sending no more requests if the server no longer responds, else None.
    """

    def __init__(
        self,
        options: Options,
        folder: Path,
        pace: Pace | None = None,
        *,
        waiting: Callable[[float, str], None] | None = None,
    ) -> None:
        _check_options(options)
        self.options = options
        self.pace = pace or Pace()
        self.root = server_root(options.url)
        self.base = f"{self.root}/api/v1"
        self.local = urlsplit(self.root).hostname in _LOOPBACK
        self._connections = threading.local()
        self._clients: list[HttpClient] = []
        control = ControlPlane.of(self.root, options.admin_token, self._send, options.timeout)
        self._open = ExitStack()
        try:
            self.no_control_reason = self._contact(control)
        except CannotRunError:
            self.close()
            raise
        self.control = control if self.no_control_reason is None else None
        bound = total_bound = options.max_tasks
        if options.max_tasks is None and self.control is None:
            bound, total_bound = 0, 1  # one for an invalid request that the server accepts
        self.budget = Budget(bound, folder, total_bound=total_bound)
        self._listener = waiting
        self.has_accepted = False
        self.accepted_dialects: set[str] = set()
        self.accepts_invalid: set[str] = set()
        self.unresponsive: str | None = None
        self._lock = threading.Lock()
        self._unanswered = 0
        self._deadline = None if options.time_budget is None else self.pace.now() + options.time_budget

    @property
    def connection(self) -> HttpClient:
        """The client of the server, one for each thread."""
        try:
            client: HttpClient = self._connections.client
        except AttributeError:
            client = self._connections.client = HttpClient(self.options.timeout, proxies=not self.local)
            self._clients.append(client)
        return client

    def _send(self, *request: Any, **options: Any) -> Reply:
        return self.connection.send(*request, **options)

    @property
    def violating_prompt(self) -> str | None:
        """A prompt that violates the content rules, if known."""
        return self.options.violating_prompt or (DIRECTIVE if self.control else None)

    @property
    def can_receive_callbacks(self) -> bool:
        """Whether the server can reach this machine."""
        return self.local or self.options.callback_host is not None

    @property
    def receiver(self) -> Receiver:
        """The receiver, started on first use.

        Raises:
            CheckStoppedError: The port is not available.
        """
        with self._lock:
            return self._receiver

    @cached_property
    def _receiver(self) -> Receiver:
        port = self.options.callback_port
        try:
            receiver = Receiver(self.options.callback_host, port)
        except OSError as error:
            raise CheckStoppedError(f"callbacks cannot be received on port {port}: {error.strerror}") from None
        return self._open.enter_context(receiver)

    @property
    def stop_reason(self) -> str | None:
        """Why no more requests are sent; None if they are."""
        left = self.time_left
        if left is not None and left <= 0:
            return f"the {self.options.time_budget:g} s of --time-budget are over"
        return self.unresponsive

    @property
    def time_left(self) -> float | None:
        """The remaining seconds of the time budget; None without a limit."""
        return None if self._deadline is None else self._deadline - self.pace.now()

    def require_time(self, seconds: float) -> None:
        """Require that the time budget allows a wait.

        Raises:
            CheckStoppedError: It does not.
        """
        left = self.time_left
        if left is not None and seconds > left:
            raise CheckStoppedError(f"--time-budget leaves no {seconds:g} s to wait")

    def notify_waiting(self, seconds: float, what: str) -> None:
        """Tell the listener about a wait."""
        if self._listener is not None:
            self._listener(seconds, what)

    def note_response(self, error: str | None) -> None:
        """Note a response (None) or the reason for a missing one; after several in a row no more requests are sent."""
        self._unanswered = 0 if error is None else self._unanswered + 1
        if error is not None and self._unanswered >= _MAX_UNANSWERED:
            self.unresponsive = f"the server no longer responds: {error}"

    def close(self) -> None:
        """Close all connections and the receiver."""
        self._open.close()
        for client in self._clients:
            client.close()

    def _contact(self, control: ControlPlane) -> str | None:
        """Contact the server, and return why its control plane is not used, if so."""
        try:
            reason = self._why_not_trusted(control)
            if reason is not None or self.options.api_key:
                self._check_key(reason)
        except NoReplyError as error:
            if error.unreachable:
                hint = f"; {START_HINT}" if self.local else ""
                raise CannotRunError(f"no server responds at {self.options.url}: {error}{hint}") from None
            return "it does not respond"
        return reason

    def _why_not_trusted(self, control: ControlPlane) -> str | None:
        """Return why the control plane is not trusted, if so.

        A server that claims to be an ltx-mock may be a proxy to a server whose tasks cost money. So it must be on this
        machine, the user must confirm that it is their own, and its clock must advance.
        """
        why = control.why_not_ltx_mock()
        if why is not None:
            return why
        if not self.local:
            return "it says that it is an ltx-mock, which is trusted only on this machine"
        if not self.options.trust_control_plane:
            return "it says that it is an ltx-mock; if it is yours, add --trust-control-plane"
        if not control.accepts_token():
            return "its control plane requires --admin-token"
        return (
            None if self._clock_advances(control) else "it says that it is an ltx-mock, but its clock does not advance"
        )

    def _clock_advances(self, control: ControlPlane) -> bool:
        """Tell whether the clock of a new tenant can be advanced."""
        key = f"check-{token_hex(8)}"
        try:
            key, before = control.open(key, {})
            after = control.advance(key, 1)
            control.close(key)
        except (ControlError, KeyError, TypeError, ValueError):
            return False
        return after - before == 1000

    def _check_key(self, reason: str | None) -> None:
        """Check, at no cost, that the key is accepted and that the API is there."""
        key = self.options.api_key
        if not key:
            raise CannotRunError(f"the checks of {self.options.url} need an API key (--api-key): {reason}")
        first = self._status("?taskId=task_12345678", f"Bearer {key}")
        if first.status in {401, 403}:
            raise CannotRunError(f"{self.options.url} does not accept the key: it responds with {first.status}")
        if first.status == 404:
            others = [self._status("", f"Bearer {key}"), self._status("?taskId=task_12345678", None)]
            others.append(self.connection.send("GET", f"{self.base}{MODEL.generate_path}", headers={}))
            if all(each.status == 404 for each in others):
                raise CannotRunError(
                    f"the API is not at {self.options.url}: {self.base}{MODEL.status_path} responds with 404 "
                    "to every request; give the URL that /api/v1 is appended to"
                )

    def _status(self, query: str, authorization: str | None) -> Reply:
        headers = {"authorization": authorization} if authorization else {}
        return self.connection.send("GET", f"{self.base}{MODEL.status_path}{query}", headers=headers)


def _check_options(options: Options) -> None:
    try:
        server_url(options.url)
    except ValueError as error:
        raise CannotRunError(f"the URL {error}") from None
    for secret in options.secrets:
        if not (secret.isascii() and secret.isprintable() and " " not in secret):
            raise CannotRunError(
                "a key has characters that are not allowed in a header: it must be ASCII without spaces"
            )
