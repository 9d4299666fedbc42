"""What a service says, by kinds: which fields its responses have, which codes, states and messages it uses.

Two profiles can be compared although their recordings have other tasks: ids, times, prompts and URLs are in neither.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ltx_mock.drift.exchanges import findings_of
from ltx_mock_contracts.dialects import may_accept, may_refuse
from ltx_mock_contracts.model import FAIL_CODES
from ltx_mock_contracts.recordings.placeholders import LABEL, is_placeholder
from ltx_mock_contracts.trace.requests import is_about_credits
from ltx_mock_contracts.trace.states import RANK, RULES_OF_STATE
from ltx_mock_contracts.validation import validate_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ltx_mock_contracts.recordings import Recording
    from ltx_mock_contracts.trace.exchange import Exchange

__all__ = ["REDACTED", "Context", "Evidence", "Group", "Profile", "profile_of"]

_DOCUMENTED: Final = frozenset({200, 400, 401, 403, 404, 429, 500, 503})
"""The statuses that a document of the vendor names (ENV-4)."""
REDACTED: Final = "redacted"
"""The type of a value that was replaced. It may have had any type, and fields of its own."""
MOST_NUMBERS: Final = 20
"""So many recordings are named as evidence, the first."""
_DEPTH: Final = 6
_MOST_FIELDS: Final = 200
_HEADERS: Final = ("retry-after", "www-authenticate", "allow")
_INDEX: Final = re.compile(r"/\d+(?=/|$)")
_ID: Final = re.compile(r"[0-9a-f]{8,}|\d{3,}", re.IGNORECASE)
_VARIABLE: Final = re.compile(
    rf"https?://\S+|{LABEL}[\w-]+|\b(?:task_)?(?=\w*\d)[0-9a-z]{{8,}}\b|\"[^\"]*\"|'[^']*'|\d+", re.IGNORECASE
)


class Evidence(NamedTuple):
    """Where something was seen: how often, in which recordings (the first of them), and the first exchange."""

    times: int
    numbers: tuple[int, ...]
    first: Exchange

    @classmethod
    def of(cls, exchange: Exchange) -> Evidence:
        """Return the evidence of one exchange."""
        return cls(1, (exchange.number,), exchange)

    def with_(self, other: Evidence) -> Evidence:
        """Return the evidence of both."""
        numbers = self.numbers
        if len(numbers) < MOST_NUMBERS:
            numbers = tuple(dict.fromkeys((*numbers, *other.numbers)))[:MOST_NUMBERS]
        return Evidence(self.times + other.times, numbers, self.first)


class Context(NamedTuple):
    """The situation of a response, in which fields can be compared.

    Attributes:
        place: The operation with the state of its task or with its status, such as `statusTask success`.
        request: What the fields may depend on: mode, kind of request, fail code; empty for an error.
    """

    place: str
    request: tuple[str, ...]


class Group(NamedTuple):
    """Values of one kind, of which a service has a few.

    Attributes:
        what: `state`, `failCode`, `failMsg`, `message`, `status`, `content-type` or `media type`.
        where: What the values depend on, such as the status of a message.
    """

    what: str
    where: str


@dataclass(slots=True)
class Fields:
    """The fields of the responses of one context.

    Attributes:
        responses: The number of responses.
        sample: Where they were seen.
        types: The types of each field by its JSON pointer, with evidence. Headers have pointers that begin with
            `header`.
        settled: The pointers of the fields that a document names, or forbids.
        lacking: The pointers of fields that are missing and that a document shows, though not as required.
    """

    responses: int = 0
    sample: Evidence | None = None
    types: dict[str, dict[str, Evidence]] = field(default_factory=lambda: defaultdict(dict))
    settled: set[str] = field(default_factory=set)
    lacking: set[str] = field(default_factory=set)

    def count(self, pointer: str) -> int:
        """Return how many responses have a field."""
        return sum(each.times for each in self.types.get(pointer, {}).values())


@dataclass(slots=True)
class Profile:
    """What a service says, by kinds.

    Attributes:
        fields: The fields of its responses, by context.
        values: The values of each group, with evidence.
        settled: The values that a document names, or judges.
        rules: The rule that each group is about.
    """

    fields: dict[Context, Fields] = field(default_factory=lambda: defaultdict(Fields))
    values: dict[Group, dict[str, Evidence]] = field(default_factory=lambda: defaultdict(dict))
    settled: set[tuple[Group, str]] = field(default_factory=set)
    rules: dict[Group, str] = field(default_factory=dict)

    def add_value(self, group: Group, value: str, rule: str, exchange: Exchange, *, settled: bool = False) -> None:
        """Note a value."""
        _note(self.values[group], value, exchange)
        self.rules.setdefault(group, rule)
        if settled:
            self.settled.add((group, value))


def profile_of(exchanges: Iterable[Exchange], recordings: Iterable[Recording] = ()) -> Profile:
    """Return the profile of exchanges, and of the media types of results."""
    profile = Profile()
    requests: dict[str, Exchange] = {}
    exchanges = sorted(exchanges, key=lambda each: each.operation != "generateTask")
    for each in exchanges:
        if each.operation == "generateTask" and each.task_id:
            requests.setdefault(each.task_id, each)
        _add(profile, each, requests.get(each.task_id))
    by_number = {each.number: each for each in reversed(exchanges)}
    for number, recording in enumerate(recordings, 1):
        for result in recording.results:
            if result.media_type is not None:
                profile.add_value(Group("media type", "result"), result.media_type, "TASK-4", by_number[number])
    return profile


def normal(message: str) -> str:
    """Return a message without what differs from one response to the next: numbers, ids, URLs, quoted values."""
    return " ".join(_VARIABLE.sub("…", message).split())


def _add(profile: Profile, exchange: Exchange, made: Exchange | None) -> None:
    is_callback = exchange.operation == "callback"
    if "answer" in exchange.gaps or (is_callback and "request" in exchange.gaps):
        return
    if exchange.is_redirect and not is_callback:
        _add_status(profile, exchange)
    if not is_callback and (exchange.status is None or not exchange.has_response):
        return
    body = exchange.request if is_callback else exchange.answer
    request = None if made is None or "request" in made.gaps else made.request
    context = _context(exchange, body, request)
    _add_fields(profile.fields[context], exchange, body, request)
    if not is_callback:
        _add_status(profile, exchange)
        if context.place.rpartition(" ")[2].isdecimal() and not context.place.endswith(" 200"):
            _add_message(profile, exchange, context.place)
    _add_task(profile, exchange)
    content_type = (exchange.headers or {}).get("content-type", "").partition(";")[0].strip().lower()
    if content_type:
        place = "callback" if is_callback else exchange.operation
        profile.add_value(Group("content-type", place), content_type, "ENV-1", exchange, settled="json" in content_type)


def _context(exchange: Exchange, body: Any, request: Any) -> Context:
    code = body.get("code") if isinstance(body, dict) else None
    status = 200 if exchange.operation == "callback" else exchange.status
    failed = next((each for each in (status, code) if isinstance(each, int) and each != 200), None)
    if failed is not None:
        return Context(f"{exchange.operation} {failed}", ())
    state = exchange.data.get("state")
    known = state if isinstance(state, str) and state in RANK else "200"
    given = request.get("input") if isinstance(request, dict) else None
    mode = str(given.get("mode")) if isinstance(given, dict) else ""
    kind = str(request.get("request_type", "async")) if isinstance(request, dict) else ""
    code = str(exchange.data.get("failCode", "")) if state == "failed" else ""
    return Context(f"{exchange.operation} {known}", (mode, kind, code))


def _add_fields(fields: Fields, exchange: Exchange, body: Any, request: Any) -> None:
    fields.responses += 1
    fields.sample = _with(fields.sample, exchange)
    findings = findings_of(exchange)
    judged = {_INDEX.sub("/*", each.pointer) for each in findings if each.severity == "violation"}
    silent = {_INDEX.sub("/*", each.pointer) for each in findings if each.severity == "advisory"}
    echoed = _names(request)
    for pointer, kind in dict.fromkeys(_walk(body, "", echoed, 0)):
        _note(fields.types[pointer], kind, exchange)
        if not any(pointer == each or pointer.startswith(f"{each}/") for each in silent):
            fields.settled.add(pointer)
    fields.settled |= judged - silent - fields.types.keys()
    fields.lacking |= silent - fields.types.keys()
    for name in _HEADERS:
        if name in (exchange.headers or {}):
            _note(fields.types[f"header {name}"], "string", exchange)


def _walk(value: Any, pointer: str, echoed: frozenset[str], depth: int) -> Iterator[tuple[str, str]]:
    """Yield the pointers and types of all fields. What repeats the request is not entered."""
    if pointer:
        yield pointer, _type(value)
    if depth >= _DEPTH:
        return
    if isinstance(value, dict):
        for name, item in list(value.items())[:_MOST_FIELDS]:
            below = f"{pointer}/{_ID.sub('*', str(name))}"
            if name in echoed:
                yield below, _type(item)
            else:
                yield from _walk(_decoded(item) if name == "resultJson" else item, below, echoed, depth + 1)
    elif isinstance(value, list):
        for item in value[:_MOST_FIELDS]:
            yield from _walk(item, f"{pointer}/*", echoed, depth + 1)


def _decoded(value: Any) -> Any:
    """Return the content of a string of JSON if it is an object; its own type is judged by a rule (TASK-4)."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict) else value


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, str) and is_placeholder(value):
        return REDACTED
    for kind, name in ((bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def _names(request: Any) -> frozenset[str]:
    """Return the names of the fields of a request, which a response may repeat."""
    given = request.get("input") if isinstance(request, dict) else None
    return frozenset([*(request if isinstance(request, dict) else ()), *(given if isinstance(given, dict) else ())])


def _add_status(profile: Profile, exchange: Exchange) -> None:
    status = exchange.status or 0
    if exchange.operation != "generateTask":
        group = Group("status", exchange.operation)
        profile.add_value(group, str(status), "ENV-4", exchange, settled=status in _DOCUMENTED)
        return
    if "request" in exchange.gaps:
        return
    signature, rule, valid = _signature(exchange.request)
    expected = 200 if valid else 400
    passing = status in _DOCUMENTED - {200, 400} or (status == 400 and is_about_credits(exchange))
    group = Group("status", f"generateTask {signature}")
    profile.add_value(group, str(status), rule, exchange, settled=passing or status == expected)


def _signature(request: Any) -> tuple[str, str, bool]:
    """Return what is special about a request, the rule that says so, and whether the request is valid."""
    findings = validate_request(request)
    violations = [each for each in findings if each.severity == "violation"]
    named = {
        (f"{each.rule} {_INDEX.sub('/*', each.pointer)}", dialect.id if dialect else "")
        for each in violations or findings
        for dialect in (may_accept(each.rule, each.pointer, request) if violations else None,)
    }
    words = [" ".join(filter(None, each)) for each in sorted(named)]
    if not violations and (dialect := may_refuse(request)) is not None:
        words.append(dialect.id)
    rule = (violations or findings)[0].rule if findings else "GEN-17"
    return ", ".join(words) or "a valid request", rule, not violations


def _add_message(profile: Profile, exchange: Exchange, place: str) -> None:
    message = exchange.answer.get("message") if isinstance(exchange.answer, dict) else None
    if not isinstance(message, str):
        return
    reason = place
    if exchange.operation == "generateTask" and place.endswith(" 400"):
        if "request" in exchange.gaps:
            return
        reason += f", {'no credits' if is_about_credits(exchange) else _signature(exchange.request)[0]}"
    settled = is_about_credits(exchange)
    profile.add_value(Group("message", reason), normal(message), "ENV-3", exchange, settled=settled)


def _add_task(profile: Profile, exchange: Exchange) -> None:
    data = exchange.data
    state, code, message = data.get("state"), data.get("failCode"), data.get("failMsg")
    if isinstance(state, str):
        profile.add_value(Group("state", exchange.operation), state, "TASK-1", exchange, settled=state in RANK)
    if state == "failed" and isinstance(code, str):
        profile.add_value(Group("failCode", "failed"), code, "TASK-7", exchange, settled=code in FAIL_CODES)
        if isinstance(message, str):
            profile.add_value(Group("failMsg", code), normal(message), "TASK-6", exchange)


def _note(seen: dict[str, Evidence], value: str, exchange: Exchange) -> None:
    seen[value] = _with(seen.get(value), exchange)


def _with(evidence: Evidence | None, exchange: Exchange) -> Evidence:
    more = Evidence.of(exchange)
    return more if evidence is None else evidence.with_(more)


def rule_of_place(place: str) -> str:
    """Return the rule about the fields of responses at a place."""
    operation, _, what = place.partition(" ")
    if operation == "callback":
        return "CB-1"
    if what.isdecimal() and what != "200":
        return "ENV-3"
    return RULES_OF_STATE[what][0] if what in RULES_OF_STATE else "GEN-17" if operation == "generateTask" else "TASK-1"
