"""The interface behind which all state of the tenants lies.

Each method is atomic: what must not be torn apart (count a request, take a slot and spend credits, claim a delivery)
is one call. `ltx_mock.store.memory` is the first implementation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ltx_mock.core.clock import Clock
from ltx_mock.core.journal_entry import Entry, Operation
from ltx_mock.core.records import Account, Delivery, Refusal, Task
from ltx_mock.core.settings import Settings
from ltx_mock.scenarios.matching import ActiveScenario, MatchPoint
from ltx_mock.scenarios.model import Scenario

ANONYMOUS = "nobody"
"""The id of the tenant that has what was asked without a good key."""


class Tenant(Protocol):
    """All that one API key sees. Moments are Unix milliseconds of the tenant's clock."""

    @property
    def key(self) -> str:
        """The API key; never to be shown."""

    @property
    def id(self) -> str:
        """The tenant's name where it is shown: `t1`, `t2` and so on in order of arrival, or `ANONYMOUS`.

        Keys that end alike have the same label, and an id that is made of a key would give a guessed key away.
        """

    @property
    def label(self) -> str:
        """What may be shown of the key, for people; no two tenants need have different ones."""

    @property
    def settings(self) -> Settings:
        """How the fake behaves for this key."""

    def configure(self, settings: Settings) -> None:
        """Have it behave as these settings say, from now on."""

    @property
    def generation(self) -> int:
        """Another number for each tenant that was ever opened, also with the same key.

        Tenants are equal when key and generation are; nothing may depend on which object stands for one.
        """

    @property
    def clock(self) -> Clock:
        """The tenant's own time."""

    def move_clock(self, moment: int) -> None:
        """Set the clock forward to a moment; one that has passed changes nothing."""

    def set_clock(self, mode: str | None, speed: float | None) -> None:
        """Change the clock's mode or speed from now on; see `Clock.changed`."""

    @property
    def opened(self) -> bool:
        """Whether it was opened with settings of its own."""

    @property
    def scenarios(self) -> Sequence[ActiveScenario]:
        """The scenarios that have not been used up, oldest first."""

    def add_scenario(self, scenario: Scenario) -> None:
        """Queue a scenario behind the others."""

    def claim_scenario(self, call: MatchPoint, task_id: str | None = None) -> ActiveScenario | None:
        """Use up one time of the first scenario whose turn it is, and return it; those of a task go first."""

    def drop_scenarios(self) -> None:
        """Forget the scenarios; those of tasks stay."""

    def next_random_bytes(self) -> bytes:
        """Return 16 bytes drawn from the seed; every call gives others."""

    def take_request(self, now: int) -> int:
        """Count a request (LIM-1). Return 0, or the milliseconds to wait when the limit is reached."""

    def next_number(self) -> int:
        """Return the number of the task to be made next, counted from 1; every call gives a new one."""

    def add_task(self, task: Task, now: int) -> Refusal | None:
        """Spend the credits (GEN-15), take a slot (LIM-2) and keep the task; or do nothing and say why.

        The bound on what the requests of one key take is our choice.
        """

    def task(self, task_id: str) -> Task | None:
        """Return the task with this id if this key made it (AUTH-4)."""

    def tasks(self) -> Iterable[Task]:
        """Return all tasks in the order in which they were made."""

    def replace_task(self, task: Task) -> None:
        """Keep a changed task in the place of the one with the same id."""

    def unfinished(self, now: int) -> list[Task]:
        """Return the tasks that are not finished, in no order."""

    def account(self, now: int) -> Account:
        """Return the counters."""

    def put_delivery(self, delivery: Delivery) -> None:
        """Keep a delivery, new or changed."""

    def delivery(self, delivery_id: str) -> Delivery | None:
        """Return the delivery with this id."""

    def deliveries(self) -> Iterable[Delivery]:
        """Return all deliveries in the order in which they were planned."""

    def next_due(self) -> int | None:
        """Return the moment of the next scheduled delivery."""

    def claim_due(self, until: int) -> list[Delivery]:
        """Mark all deliveries scheduled up to `until` as being sent and return them in order of their moments."""

    def record(self, entry: Entry) -> None:
        """Write an entry into the journal; the oldest go when it is full."""

    def entries(self) -> Sequence[Entry]:
        """Return the journal, oldest first."""

    @property
    def forgotten(self) -> int:
        """The number of the last entry for which the journal had no more room; 0 when it still has all."""

    @property
    def entry_bytes(self) -> int:
        """About how many bytes the journal takes."""

    @property
    def counts(self) -> Mapping[tuple[Operation, int | None], int]:
        """How many entries were ever written, by operation and status; emptying the journal takes none away."""

    def forget_entries(self) -> int:
        """Empty the journal and return how many entries there were."""


class Store(Protocol):
    """The tenants."""

    @property
    def clock(self) -> Clock:
        """The clock that each tenant to come begins with."""

    def move_clock(self, moment: int) -> None:
        """Set that clock forward to a moment."""

    def set_clock(self, mode: str | None, speed: float | None) -> None:
        """Change that clock's mode or speed from now on."""

    def reset(self) -> None:
        """Forget everything, ids and numbers too."""

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """The scenarios with which each tenant to come begins, beside those of its settings."""

    def tenant(self, key: str) -> Tenant:
        """Return the tenant of this key, made new when the key is seen for the first time."""

    def open(self, key: str, settings: Settings) -> Tenant:
        """Make a new, empty tenant with settings of its own in the place of the one with this key, if any."""

    def configure(self, settings: Settings) -> None:
        """Have tenants to come behave as these settings say."""

    def find(self, key: str) -> Tenant | None:
        """Return the tenant of this key if there is one."""

    def find_id(self, tenant_id: str) -> Tenant | None:
        """Return the tenant with this id if there is one."""

    def tenants(self) -> Sequence[Tenant]:
        """Return all tenants in the order in which they were made."""

    def add_scenario(self, scenario: Scenario) -> None:
        """Queue a scenario for each tenant, those to come included."""

    def drop_scenarios(self) -> None:
        """Forget the scenarios of all tenants, and those for tenants to come."""

    def owner(self, task_id: str) -> Tenant | None:
        """Return the tenant that made this task."""

    def drop(self, key: str, *, forever: bool = True) -> None:
        """Forget a tenant and all that is its own; its id too, unless another is to come in its place."""

    @property
    def journal_bytes(self) -> int:
        """About how many bytes all journals take together; never more than the setting `journal_memory` has it."""

    @property
    def task_bytes(self) -> int:
        """About how many bytes all tasks and callbacks take together."""

    def next_entry(self) -> int:
        """Return the number of the journal entry to be written next."""
