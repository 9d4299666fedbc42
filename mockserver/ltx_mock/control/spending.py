"""What tasks cost, and what of it was wasted: a pure function of a tenant's tasks, callbacks and journal.

All amounts are credits. A failed task costs nothing, its credits are refunded.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from functools import partial
from typing import Literal, NamedTuple, TypeAlias, get_args

from ltx_mock.asgi.turns import drained
from ltx_mock.control.listing import VIEW_SIZE, Text, field
from ltx_mock.control.to_json import hide, hide_in, names
from ltx_mock.core.clock import MINUTE
from ltx_mock.core.journal_entry import DownloadEntry, Entry, RequestEntry
from ltx_mock.core.records import Task
from ltx_mock.fields import camel
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.io.json_text import write_json

Waste: TypeAlias = Literal["never_fetched", "never_asked", "repeated"]
"""Why credits are wasted: no download of the result was sent to its end; nobody has asked for the task, and no callback
was delivered; a task for the same video was made less than a minute before, or its response was lost."""
WASTES: tuple[Waste, ...] = get_args(Waste)
REPEATED_WITHIN = MINUTE


class Charge(NamedTuple):
    """What one task costs. `spent` is 0 if its credits were refunded; `repeats` is the id of the earlier task."""

    task: Task
    prompt: str
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
        asked: Those whose end a poll has seen, or a callback has told.
        fetched: Those whose result was downloaded.
        unanswered: Those whose creation was not confirmed.
        made: The last task that was made for each video.
    """

    def __init__(self) -> None:
        self.asked: set[str] = set()
        self.fetched: set[str] = set()
        self.unanswered: set[str] = set()
        self.made: dict[object, Task] = {}

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
    for task in list(tenant.tasks()):
        state, request = task.timeline.state(now), task.request
        if state == "failed":
            yield Charge(task, request.prompt, 0, ())
            continue
        video = request._replace(request_type="", callback_url=None, provider="")
        earlier = seen.made.get(video)
        seen.made[video] = task
        waste: list[Waste] = []
        if state == "success":
            # Results of the real API are not fetched from here.
            waste += ["never_fetched"] if task.id not in seen.fetched and not task.results else []
            waste += ["never_asked"] if task.id not in seen.asked else []
        if repeats := earlier is not None and _repeats(task, earlier, lost=earlier.id in seen.unanswered):
            waste.append("repeated")
        yield Charge(task, request.prompt, task.cost, tuple(waste), earlier.id if earlier and repeats else None)


def _repeats(task: Task, earlier: Task, *, lost: bool) -> bool:
    made = task.timeline.created
    return lost or made - earlier.timeline.created < REPEATED_WITHIN


class Statement:
    """The bills of several tenants, by key and by prompt, with the wasted charges. JSON of the control plane.

    Args:
        limit: the number of the most expensive prompts, and of the newest wasted charges, that it shows.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._total = Bill()
        self._tenants: list[tuple[Tenant, Bill]] = []
        self._prompts: defaultdict[str, Bill] = defaultdict(Bill)
        self._ranked: list[tuple[int, int, str, Bill]] = []
        self._wasted: deque[tuple[Tenant, Charge]] = deque(maxlen=limit)
        self._truncated, self._complete = False, True

    def add(self, tenant: Tenant) -> Iterator[None]:
        """Add a tenant. It yields after each step, for the caller to let other requests be served."""
        bill, seen = Bill(), Seen()
        for entry in tenant.journal:
            seen.note(entry)
            yield
        for delivery in list(tenant.deliveries()):
            if delivery.state == "delivered":
                seen.asked.add(delivery.task_id)
            yield
        for charge in charges(tenant, seen):
            for each in (self._total, bill, self._prompts[hide(tenant, charge.prompt)]):
                each.add(charge)
            if charge.waste:
                self._truncated = self._truncated or len(self._wasted) == self._limit
                self._wasted.append((tenant, charge))
            yield
        while seen.made:  # to free very many at once takes long
            seen.made.popitem()
            yield
        if bill.tasks:
            self._tenants.append((tenant, bill))
        self._complete = self._complete and not tenant.forgotten

    def rank(self) -> Iterator[None]:
        """Find the most expensive prompts, once all tenants are added. It yields as `add` does."""
        self._truncated = self._truncated or len(self._prompts) > self._limit
        while self._prompts:
            prompt, bill = self._prompts.popitem()  # the newest first: of equal ones the oldest stays
            heapq.heappush(self._ranked, (bill.spent, -len(self._prompts), prompt, bill))
            if len(self._ranked) > self._limit:
                heapq.heappop(self._ranked)
            yield
        self._ranked.sort(reverse=True)

    def parts(self) -> Iterator[Text]:
        """Yield its JSON, to be sent in pieces. It can be read once: what was sent is freed."""
        wasted = list(self._wasted)
        self._wasted.clear()
        tenants = ((VIEW_SIZE, partial(_bill_text, *each)) for each in drained(self._tenants))
        prompts = ((VIEW_SIZE + len(each[2]), partial(_prompt_text, *each[2:])) for each in drained(self._ranked))
        charged = ((VIEW_SIZE + len(each[1].prompt), partial(_charge_text, *each)) for each in drained(wasted))
        yield 0, lambda: f'{{"total":{write_json(self._total.as_dict())},'
        yield from field("tenants", tenants)
        yield 0, lambda: ","
        yield from field("prompts", prompts)
        yield 0, lambda: ","
        yield from field("wasted", charged)
        yield 0, lambda: f',"truncated":{write_json(self._truncated)},"complete":{write_json(self._complete)}}}'


def _bill_text(tenant: Tenant, bill: Bill) -> str:
    return write_json(names(tenant) | bill.as_dict())


def _prompt_text(prompt: str, bill: Bill) -> str:
    return write_json({"prompt": prompt} | bill.as_dict())


def _charge_text(tenant: Tenant, charge: Charge) -> str:
    view = {
        "taskId": charge.task.id,
        **names(tenant),
        "prompt": charge.prompt,
        "spent": charge.spent,
        "waste": [camel(waste) for waste in charge.waste],
        "repeats": charge.repeats,
    }
    return write_json(hide_in(tenant, view))
