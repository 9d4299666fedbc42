"""What tasks cost, and what of it was wasted: a pure function of a tenant's tasks, callbacks and journal.

All amounts are credits. A failed task costs nothing, its credits are refunded.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias, get_args

from ltx_mock.control.to_json import hide_in, names
from ltx_mock.core.clock import MINUTE
from ltx_mock.core.journal_entry import DownloadEntry, Entry, RequestEntry
from ltx_mock.core.records import Task
from ltx_mock.fields import camel
from ltx_mock.store.tenant import Tenant

Waste: TypeAlias = Literal["never_fetched", "never_asked", "repeated"]
"""Why credits are wasted: no download of the result was sent to its end; nobody has asked for the task, and no callback
was delivered; a task for the same video was made less than a minute before, or its response was lost."""
WASTES: tuple[Waste, ...] = get_args(Waste)
REPEATED_WITHIN = MINUTE


class Charge(NamedTuple):
    """What one task costs. `spent` is 0 if its credits were refunded; `repeats` is the id of the earlier task."""

    task: Task
    spent: int
    waste: tuple[Waste, ...]
    repeats: str | None = None


class Bill:
    """The sum of charges."""

    def __init__(self) -> None:
        self.tasks = self.charged = self.spent = self.wasted = 0
        self.wasted_tasks: Counter[Waste] = Counter()
        self.wasted_credits: Counter[Waste] = Counter()

    def add(self, charge: Charge) -> None:
        """Count one task; `wasted` counts it once, also if it is wasted for several reasons."""
        self.tasks += 1
        self.charged += charge.task.cost
        self.spent += charge.spent
        self.wasted += charge.spent if charge.waste else 0
        for waste in charge.waste:
            self.wasted_tasks[waste] += 1
            self.wasted_credits[waste] += charge.spent

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON of the control plane."""
        amounts = {"charged": self.charged, "refunded": self.charged - self.spent, "spent": self.spent}
        wasted = {
            camel(waste): {"tasks": self.wasted_tasks[waste], "credits": self.wasted_credits[waste]} for waste in WASTES
        }
        return {"tasks": self.tasks, **amounts, "wasted": self.wasted, **wasted}


class Seen:
    """What the journal tells of the tasks of a tenant, by their ids.

    Polls and downloads that it no longer has cannot be seen; `tenant.forgotten` tells whether there are any.

    Attributes:
        asked: Those whose end a poll has seen.
        fetched: Those whose result was downloaded.
        unanswered: Those whose creation was not confirmed.
    """

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.fetched: set[str] = set()
        self.unanswered: set[str] = set()

    def note(self, entry: Entry) -> None:
        """Note what an entry tells; later entries come later."""
        if entry.task_id is None:
            return
        if isinstance(entry, DownloadEntry):
            if entry.status in {200, 206} and entry.sent == entry.promised:
                self.fetched.add(entry.task_id)
        elif isinstance(entry, RequestEntry):
            if entry.operation == "statusTask" and entry.status == 200:
                self.asked.add(entry.task_id)
            elif entry.operation == "generateTask":
                if entry.status == 200:  # perhaps a lost response, repeated for the same Idempotency-Key
                    self.unanswered.discard(entry.task_id)
                else:
                    self.unanswered.add(entry.task_id)


def charges(tenant: Tenant, seen: Seen) -> Iterator[Charge]:
    """Yield what each task of a tenant costs, in order of creation."""
    now = tenant.clock.now()
    asked = seen.asked | {delivery.task_id for delivery in tenant.deliveries() if delivery.state == "delivered"}
    before: dict[object, Task] = {}
    for task in list(tenant.tasks()):
        state = task.timeline.state(now)
        if state == "failed":
            yield Charge(task, 0, ())
            continue
        video = task.request._replace(request_type="", callback_url=None, provider="")
        earlier = before.get(video)
        before[video] = task
        waste: list[Waste] = []
        if state == "success":
            # Results of the real API are not fetched from here.
            waste += ["never_fetched"] if task.id not in seen.fetched and not task.results else []
            waste += ["never_asked"] if task.id not in asked else []
        if repeats := earlier is not None and _repeats(task, earlier, lost=earlier.id in seen.unanswered):
            waste.append("repeated")
        yield Charge(task, task.cost, tuple(waste), earlier.id if earlier and repeats else None)


def _repeats(task: Task, earlier: Task, *, lost: bool) -> bool:
    made = task.timeline.created
    return lost or made - earlier.timeline.created < REPEATED_WITHIN


class Statement:
    """The bills of several tenants, by key and by prompt, with the wasted charges. JSON of the control plane."""

    def __init__(self) -> None:
        self._total = Bill()
        self._tenants: list[dict[str, object]] = []
        self._prompts: defaultdict[str, Bill] = defaultdict(Bill)
        self._wasted: list[dict[str, object]] = []
        self._complete = True

    def add(self, tenant: Tenant) -> Iterator[None]:
        """Add a tenant. It yields after each entry and each task, for the caller to let other requests be served."""
        bill, seen = Bill(), Seen()
        for entry in tenant.journal:
            seen.note(entry)
            yield
        for charge in charges(tenant, seen):
            for each in (self._total, bill, self._prompts[hide_in(tenant, charge.task.request.prompt)]):
                each.add(charge)
            if charge.waste:
                self._wasted.append(_charge_view(tenant, charge))
            yield
        if bill.tasks:
            self._tenants.append(names(tenant) | bill.as_dict())
        self._complete = self._complete and not tenant.forgotten

    def as_dict(self, limit: int) -> dict[str, object]:
        """Return it with the most expensive `limit` prompts and the newest `limit` wasted charges."""
        prompts = sorted(self._prompts.items(), key=lambda each: -each[1].spent)[:limit]
        return {
            "total": self._total.as_dict(),
            "tenants": self._tenants,
            "prompts": [{"prompt": prompt} | bill.as_dict() for prompt, bill in prompts],
            "wasted": self._wasted[max(0, len(self._wasted) - limit) :],
            "truncated": max(len(self._prompts), len(self._wasted)) > limit,
            "complete": self._complete,
        }


def _charge_view(tenant: Tenant, charge: Charge) -> dict[str, object]:
    view = {
        "taskId": charge.task.id,
        **names(tenant),
        "prompt": charge.task.request.prompt,
        "spent": charge.spent,
        "waste": [camel(waste) for waste in charge.waste],
        "repeats": charge.repeats,
    }
    return hide_in(tenant, view)
