"""The interface of a tenant: the state of one API key."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Reversible, Sequence
from typing import Protocol

from ltx_mock.core.clock import Clock
from ltx_mock.core.journal_entry import Entry, Operation
from ltx_mock.core.records import Account, Delivery, DeliveryState, Refusal, Task
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios.matching import ActiveScenario, MatchPoint
from ltx_mock.scenarios.model import Scenario
from ltx_mock.store.journal import Journal
from ltx_mock_contracts.api import State

ANONYMOUS = "nobody"
"""The id of the tenant for requests without a valid key."""


class Tenant(Protocol):
    """The state of one API key. Times are Unix milliseconds of the tenant's clock."""

    @property
    def key(self) -> str:
        """The API key, which must never be shown."""

    @property
    def id(self) -> str:
        """The public id of the tenant: `t1`, `t2` and so on in order of creation, or `ANONYMOUS`.

        Labels of keys are not unique, and an id derived from the key would confirm a guessed key.
        """

    @property
    def label(self) -> str:
        """The label of the key, for people; not unique."""

    @property
    def settings(self) -> Settings:
        """The settings of the tenant."""

    @property
    def generation(self) -> int:
        """A number that is unique among all tenants ever opened, also with the same key.

        Tenants are equal if key and generation are; object identity must not matter.
        """

    @property
    def clock(self) -> Clock:
        """The tenant's clock."""

    def move_clock(self, moment: int) -> None:
        """Advance the clock to a moment; do nothing if it has passed."""

    def set_clock(self, mode: str | None, speed: float | None) -> None:
        """Change the clock's mode or speed; see `Clock.changed`."""

    def begin_advance(self, milliseconds: int) -> int:
        """Note that the clock will be advanced, and return the moment to which.

        An advance that begins before another has ended adds to it, so that the times always add up.
        """

    @property
    def opened(self) -> bool:
        """Whether it was opened with its own settings."""

    @property
    def scenarios(self) -> Sequence[ActiveScenario]:
        """The active scenarios, oldest first."""

    def configure(self, settings: Settings) -> None:
        """Give it settings of its own."""

    @property
    def inspecting(self) -> Collection[str]:
        """The ids of the tasks whose assets are being checked."""

    @property
    def read_late(self) -> bool:
        """Whether another process changed its callbacks last, and so has a timer for them."""

    def add_scenario(self, scenario: Scenario) -> None:
        """Activate a scenario, after the others."""

    def activate(self, scenario: Scenario) -> None:
        """Do the same for a scenario of all tenants."""

    def claim_scenario(self, call: MatchPoint, task_id: str | None = None) -> ActiveScenario | None:
        """Return the first scenario that applies, and count its use; a task's own scenarios come first."""

    def drop_scenarios(self) -> None:
        """Remove the active scenarios; those of tasks stay."""

    def next_random_bytes(self) -> bytes:
        """Return the next 16 random bytes of the seed."""

    def take_recording(self, names: Sequence[str]) -> str:
        """Return the first of the recordings of one request that was not replayed yet, else the last one."""

    def take_request(self, now: int) -> int:
        """Count a request (LIM-1). Return 0, or the milliseconds to wait if the limit is reached."""

    def next_number(self) -> int:
        """Return the number of the next task, counted from 1; every call gives a new one."""

    def refusal(self, task: Task, now: int) -> Refusal | None:
        """Return why a new task cannot be taken (GEN-15, LIM-2), or None.

        The limit on the size of a key's requests is our choice.
        """

    def add_task(self, task: Task) -> None:
        """Spend the credits of a new task, take a slot for it, and store it."""

    def task(self, task_id: str) -> Task | None:
        """Return the task with this id if this key made it (AUTH-4)."""

    def task_of_idempotency_key(self, key: str) -> Task | None:
        """Return the newest task whose request had this `Idempotency-Key`, if such keys are honoured."""

    def tasks(self) -> Reversible[Task]:
        """Return all tasks in order of creation."""

    def replace_task(self, task: Task) -> None:
        """Replace the task with the same id."""

    def settle(self, now: int) -> bool:
        """Settle some of the tasks that have ended: their slots, and their credits; return whether all are settled.

        `account`, `states` and `in_state` settle the rest, which takes long if very many have ended at once.
        """

    def account(self, now: int) -> Account:
        """Return the counters."""

    def in_state(self, state: State, now: int) -> Iterable[Task]:
        """Return the tasks that are in a state now, newest first; later changes do not matter."""

    def states(self, now: int) -> Mapping[State, int]:
        """Return the number of tasks in each state, without looking at each task."""

    def outcomes(self) -> Mapping[DeliveryState, int]:
        """Return the number of deliveries in each state that a delivery has had, without looking at each."""

    def put_delivery(self, delivery: Delivery) -> None:
        """Add or replace a delivery."""

    def delivery(self, delivery_id: str) -> Delivery | None:
        """Return the delivery with this id."""

    def deliveries(self) -> Reversible[Delivery]:
        """Return all deliveries in order of creation."""

    def next_due(self) -> int | None:
        """Return the time of the next scheduled delivery."""

    def claim_due(self, until: int, sender: str) -> list[Delivery]:
        """Mark all deliveries scheduled up to `until` as being sent, and return them in order of time.

        `sender` is who will send them. It notifies nobody: each is sent at its own time.
        """

    def record(self, make: Callable[[int], Entry]) -> None:
        """Write an entry into the journal; if it is full, the oldest are removed.

        `make(number)` returns the entry with its number, which grows from entry to entry over all tenants.
        """

    @property
    def journal(self) -> Journal:
        """The journal."""

    @property
    def forgotten(self) -> int:
        """The number of the last removed entry; 0 if the journal is complete."""

    @property
    def entry_bytes(self) -> int:
        """The approximate size of the journal in bytes."""

    @property
    def counts(self) -> Mapping[tuple[Operation, int | None], int]:
        """The number of entries ever written, by operation and status; clearing the journal does not change it."""

    def forget_entries(self) -> int:
        """Clear the journal and return the number of its entries."""
