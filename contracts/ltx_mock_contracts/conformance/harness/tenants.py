"""The tenants of one check, and the inboxes for their callbacks."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ltx_mock_contracts.conformance.harness.clocks import ControlledClock, RealClock
from ltx_mock_contracts.conformance.harness.target import CheckStoppedError
from ltx_mock_contracts.conformance.harness.tenant import TenantClient
from ltx_mock_contracts.control_client import ControlError
from ltx_mock_contracts.io.reply import NoReplyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ltx_mock_contracts.conformance.harness.clocks import Clock
    from ltx_mock_contracts.conformance.harness.control_plane import ControlPlane
    from ltx_mock_contracts.conformance.harness.receiver import Inbox
    from ltx_mock_contracts.conformance.harness.target import Target
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["Tenants"]


class Tenants:
    """Opens tenants and inboxes for one check, and deletes the tenants at its end.

    Args:
        target: The server.
        check: The name of the check. On an ltx-mock the keys and the paths of the inboxes derive from it.
        record: See `TenantClient`.
        count_task: See `TenantClient`.
    """

    def __init__(
        self, target: Target, check: str, record: Callable[..., Exchange], count_task: Callable[[], None]
    ) -> None:
        self._target = target
        self._check = check
        self._record = record
        self._count_task = count_task
        self._opened = 0
        self._at_end = ExitStack()
        self._inboxes: list[tuple[TenantClient, Inbox]] = []

    @cached_property
    def first(self) -> TenantClient:
        """The tenant of the check: a new one on an ltx-mock, elsewhere that of the given key."""
        return self.open()

    def open(self, **settings: Any) -> TenantClient:
        """Return a new tenant. Settings are possible on an ltx-mock only.

        Raises:
            CheckStoppedError: The control plane refuses it or does not respond.
        """
        control, options = self._target.control, self._target.options
        if control is None:
            return self._tenant_of(options.api_key or "", 1)
        self._opened += 1
        key = self._derived_name(self._opened)
        if self._target.unresponsive is not None:
            raise CheckStoppedError(self._target.unresponsive)
        try:
            key, now = control.open(key, {"seed": options.seed, **settings})
        except NoReplyError as error:
            self._tenant_of(key, 1).note_no_response("/tenants", str(error))
            raise CheckStoppedError(str(error)) from None
        except ControlError as error:
            raise CheckStoppedError(str(error)) from None
        self._at_end.callback(_delete_tenant, control, key)
        return self._client(key, ControlledClock(control, key, now), self._opened)

    def other(self) -> TenantClient:
        """Return a tenant with another key than that of `first`.

        Raises:
            CheckStoppedError: There is no second key.
        """
        if self._target.control is not None:
            return self.open()
        other_key = self._target.options.other_key
        if other_key is None:
            raise CheckStoppedError("it needs a second key (--other-key)")
        return self._tenant_of(other_key, 2)

    def inbox(self, *statuses: int) -> Inbox:
        """Return an inbox for callbacks to `first`, which is read once more after all checks.

        Its path is deterministic on an ltx-mock; elsewhere it cannot be guessed.

        Args:
            statuses: See `Receiver.inbox`.
        """
        name = None if self._target.control is None else self._derived_name(len(self._inboxes))
        inbox = self._target.receiver.inbox(*statuses, name=name)
        self._inboxes.append((self.first, inbox))
        return inbox

    def read_inboxes(self) -> list[Exchange]:
        """Return the new callbacks of all inboxes, and record them."""
        return [callback for tenant, inbox in self._inboxes for callback in tenant.read_callbacks(inbox)]

    def close(self) -> None:
        """Delete the tenants."""
        self._at_end.close()

    def _tenant_of(self, key: str, number: int) -> TenantClient:
        """Return the tenant of a given key, which has no clock that we can advance."""
        return self._client(key, RealClock(self._target.pace, self._target.require_time), number)

    def _client(self, key: str, clock: Clock, number: int) -> TenantClient:
        return TenantClient(self._target, key, clock, self._record, self._count_task, number=number)

    def _derived_name(self, number: int) -> str:
        subject = f"{self._target.options.seed} {self._check} {number}"
        return f"check-{blake2b(subject.encode(), digest_size=8).hexdigest()}"


def _delete_tenant(control: ControlPlane, key: str) -> None:
    with suppress(ControlError, NoReplyError):
        control.close(key)
