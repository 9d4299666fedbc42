"""The tools: what each is for, what it takes, and the function that does it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import anyio.to_thread

from ltx_mock.agents import arguments as takes
from ltx_mock.agents.client_check import Report, check_client
from ltx_mock.agents.fakes import Session, settings_of
from ltx_mock.agents.near_misses import idle_scenarios, lost_callbacks, requests_with_problems
from ltx_mock.agents.rule_search import search
from ltx_mock.core.clock import moment_of
from ltx_mock.errors import SettingsError
from ltx_mock.scenarios import LIBRARY
from ltx_mock.testing.control_client import NoResponseError
from ltx_mock_contracts.api import BASE_PATH
from ltx_mock_contracts.io.http_client import send_once
from ltx_mock_contracts.io.json_text import read_json
from ltx_mock_contracts.io.reply import NoReplyError
from ltx_mock_contracts.model import MODEL
from ltx_mock_contracts.validation import validate_request

NEWEST: Final = 2000
"""How many of the newest requests are looked at for near misses."""
SHOWN_PROMPT: Final = 120
SUBMIT_SECONDS: Final = 60.0

Answer = dict[str, Any]


def start_fake(session: Session, wanted: takes.StartFake) -> Answer:
    """Start a fake in place of the current one."""
    return session.start(settings_of(wanted.clock, wanted.port, wanted.settings or {})).as_dict()


def attach_fake(session: Session, wanted: takes.AttachFake) -> Answer:
    """Work with a running fake."""
    return session.attach(wanted.url, wanted.key, wanted.admin_token).as_dict()


def submit_example(session: Session, wanted: takes.SubmitExample) -> Answer:
    """Send a generateTask request."""
    fake = session.fake()
    body = merged(MODEL.example(wanted.example, root=fake.url), wanted.changes or {})
    headers = {"authorization": f"Bearer {fake.key}", "content-type": "application/json"}
    if wanted.scenario is not None:
        headers["x-mock-scenario"] = wanted.scenario
    url = f"{fake.url}{BASE_PATH}{MODEL.generate_path}"
    try:
        reply = send_once("POST", url, headers=headers, content=json.dumps(body).encode(), timeout=SUBMIT_SECONDS)
    except NoReplyError as error:
        raise NoResponseError(f"no response from {fake.url}: {error}") from error
    return {
        "url": url,
        "request": body,
        "findings": [finding.as_dict() for finding in validate_request(body)],
        "status": reply.status,
        "response": read_json(reply.body),
    }


def merged(target: object, patch: object) -> Any:
    """Return a JSON value with a JSON merge patch (RFC 7396) applied."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def advance_clock(session: Session, wanted: takes.AdvanceClock) -> Answer:
    """Advance the clock."""
    told = session.fake().admin.post("/clock/advance", {"seconds": wanted.seconds})
    fired = told["fired"]
    return {
        "now": _time(told["now"]),
        "events": len(fired),
        "fired": [each | {"at": _time(each["at"])} for each in fired[-takes.MAX_LISTED :]],
    }


def list_scenarios(session: Session, wanted: takes.ListScenarios) -> Answer:
    """List the library and the active scenarios."""
    words = (wanted.query or "").casefold().split()
    rows = [row for row in LIBRARY if all(word in f"{row.name} {row.about}".casefold() for word in words)]
    return {
        "library": [{"name": row.name, "about": row.about} for row in rows],
        "active": session.fake().admin.get("/scenarios")["scenarios"],
    }


def activate_scenario(session: Session, wanted: takes.ActivateScenario) -> Answer:
    """Activate a scenario for each key."""
    if (wanted.name is None) == (wanted.definition is None):
        raise SettingsError("give either name or definition; list_scenarios has the names", "name")
    chosen = {"name": wanted.name} if wanted.definition is None else dict(wanted.definition)
    changes = {"times": wanted.times, "operation": wanted.operation}
    given = chosen | {name: value for name, value in changes.items() if value is not None}
    return {"activated": session.fake().admin.post("/scenarios", given)}


def clear_scenarios(session: Session, _: takes.Nothing) -> Answer:
    """Deactivate all scenarios."""
    admin = session.fake().admin
    before = admin.get("/scenarios")["scenarios"]
    admin.delete("/scenarios")
    return {"cleared": sorted({each["name"] for each in before})}


def list_tasks(session: Session, wanted: takes.ListTasks) -> Answer:
    """List the newest tasks."""
    fake = session.fake()
    state = {} if wanted.state is None else {"state": wanted.state}
    told = fake.admin.get("/tasks", limit=wanted.limit, **state)
    return {"fake": fake.url, "tasks": [_task(each) for each in told["tasks"]], "truncated": told["truncated"]}


def _task(view: Mapping[str, Any]) -> Answer:
    given = view["request"]["input"]
    prompt = given["prompt"]
    return {
        "id": view["id"],
        "key": view["key"],
        "state": view["state"],
        "mode": given["mode"],
        "prompt": prompt if len(prompt) <= SHOWN_PROMPT else prompt[: SHOWN_PROMPT - 1] + "…",
        "created": _time(view["createTime"]),
        "ends": {"state": view["endState"], "at": _time(view["endTime"])},
        "failCode": view["failCode"],
        "cause": view["cause"],
        "resultUrl": view["resultUrl"],
    }


def task_history(session: Session, wanted: takes.TaskHistory) -> Answer:
    """Return one task with its events."""
    told = session.fake().admin.get(f"/tasks/{quote(wanted.task_id, safe='')}")
    steps = {
        name: [{key: value for key, value in step.items() if value is not None} for step in told[name]]
        for name in ("story", "next")
    }
    for step in (*steps["story"], *steps["next"]):
        step["at"] = _time(step["at"])
    more = {name: told[name] for name in ("failMsg", "cost", "polls", "request", "findings", "callbacks")}
    return _task(told) | more | steps


def near_misses(session: Session, wanted: takes.NearMisses) -> Answer:
    """Return what almost worked."""
    fake = session.fake()
    admin = fake.admin
    requests = admin.get("/requests", limit=NEWEST)["requests"]
    found = {
        "requests": list(requests_with_problems(requests)),
        "scenarios": list(idle_scenarios(admin.get("/scenarios")["scenarios"], requests)),
        "callbacks": list(lost_callbacks(admin.get("/callbacks", limit=NEWEST)["callbacks"])),
    }
    answer: Answer = {"fake": fake.url} | {name: rows[: wanted.limit] for name, rows in found.items()}
    answer["found"] = {name: len(rows) for name, rows in found.items()}
    if wanted.expected is not None:
        told = admin.post("/requests/near", dict(wanted.expected))
        answer["expected"] = {"matches": told["matches"], "nearest": [_near(each) for each in told["near"]]}
    return answer


def _near(row: Mapping[str, Any]) -> Answer:
    entry = row["request"]
    seen = {name: entry[name] for name in ("number", "operation", "status", "taskId", "request")}
    return seen | {"differences": row["differences"]}


def search_rules(_: Session, wanted: takes.SearchRules) -> Answer:
    """Search the catalogue of rules."""
    return search(wanted.query, wanted.limit)


def _time(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else moment_of(milliseconds).isoformat(timespec="milliseconds")


Work = Callable[[Session, Any], Answer]


class Tool(NamedTuple):
    """A tool.

    Attributes:
        name: Its name.
        takes: The dataclass of its arguments.
        about: What it is for, for an agent that chooses among tools.
        work: What it does, in a thread; None for `check_client`, which is a coroutine.
        reads_only: Whether it changes nothing.
    """

    name: str
    takes: type[Any]
    about: str
    work: Work | None = None
    reads_only: bool = False

    @property
    def runs_programs(self) -> bool:
        """Whether it runs programs of the user."""
        return self.work is None

    async def call(self, session: Session, wanted: Any, report: Report) -> Answer:
        """Do it and return plain data.

        Args:
            session: the session.
            wanted: its arguments.
            report: is called with the progress.

        Raises:
            LtxMockError: it cannot be done; the text says why.
        """
        if self.work is None:
            return await check_client(session, wanted, report)
        return await anyio.to_thread.run_sync(self.work, session, wanted, abandon_on_cancel=True)


TOOLS: Final = {
    tool.name: tool
    for tool in (
        Tool(
            "start_fake",
            takes.StartFake,
            "Start a fresh offline fake of the LTX-2-19b video API on this machine, in place of the one that this "
            "session has started before. Returns its address and the environment variables that point an app at it. "
            "The other tools start one with these defaults if there is none. It stops with this session. Nothing "
            "costs credits.",
            start_fake,
        ),
        Tool(
            "attach_fake",
            takes.AttachFake,
            "Work with an ltx-mock that runs already, such as one that the user has started with `ltx-mock serve`. "
            "It keeps running when this session ends.",
            attach_fake,
        ),
        Tool(
            "submit_example",
            takes.SubmitExample,
            "Send a generateTask request to the fake and return the request, what the rules say about it, and the "
            "response. Use it to see what a valid request looks like, or what an invalid one gets.",
            submit_example,
        ),
        Tool(
            "advance_clock",
            takes.AdvanceClock,
            "Move the fake's clock on, without waiting: tasks change their states, callbacks are sent, limits and "
            "result URLs expire. Returns these events in order, with the responses of callback receivers.",
            advance_clock,
        ),
        Tool(
            "list_scenarios",
            takes.ListScenarios,
            "List what can be made to go wrong (the library: failed tasks, 429, broken connections, stuck tasks, lost "
            "callbacks, …) and the scenarios that are active now.",
            list_scenarios,
            reads_only=True,
        ),
        Tool(
            "activate_scenario",
            takes.ActivateScenario,
            "Make something go wrong for the next matching request of each API key, to see how an app deals with it.",
            activate_scenario,
        ),
        Tool("clear_scenarios", takes.Nothing, "Deactivate all scenarios.", clear_scenarios),
        Tool(
            "list_tasks",
            takes.ListTasks,
            "List the newest tasks, the newest last: state, prompt, when and how each ends, fail code, result URL.",
            list_tasks,
            reads_only=True,
        ),
        Tool(
            "task_history",
            takes.TaskHistory,
            "Return one task: its request and the findings in it, its states, polls and callbacks in order, each with "
            "its cause, and what happens next.",
            task_history,
            reads_only=True,
        ),
        Tool(
            "near_misses",
            takes.NearMisses,
            "Find out why something did not work: requests that were refused or that break a rule or an advice, with "
            "field, value and what is allowed; active scenarios that no request has matched, with the nearest request; "
            "callbacks that did not arrive. With `expected`, also the requests nearest to an expected one.",
            near_misses,
            reads_only=True,
        ),
        Tool(
            "check_client",
            takes.CheckClient,
            "Run a program that uses the API, once in each of about 30 cases and each time against a fake of its own "
            "(success, failed task, 429, broken connection, lost response, duplicate callback, …), and judge it by the "
            "rules for clients. Returns the broken rules with expected and actual behaviour. It runs the command on "
            "this machine.",
        ),
        Tool(
            "search_rules",
            takes.SearchRules,
            "Search the documented rules of the API, by words or id. Each rule says whether it comes from the API's "
            "documents (spec, vendor) or is a choice of the fake.",
            search_rules,
            reads_only=True,
        ),
    )
}
