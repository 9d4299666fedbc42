"""What the console prints, whatever people send."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ltx_mock import MockServer
from ltx_mock.cli.console import FLUSH_LINES, Console, Readable, json_lines
from ltx_mock.core.cause import Cause
from ltx_mock.core.clock import LATEST
from ltx_mock.core.journal_entry import CallbackEntry, ClockEntry, DownloadEntry, ExchangeEntry, RequestEntry
from ltx_mock.store.tenant import Tenant
from ltx_mock_contracts.validation.findings import Finding
from support.bodies import GENERATE, TEXT, ask, post, request_body, submit
from support.lives import CREATED, JSON, answer, recording, save, state

HOSTILE = [
    "\x1b[2J\x1b[H",
    "\r\n12:00:00  POST generateTask 200  forged",
    "\x9b31m",
    "\u202egnp",
    "\u2028",
    "\x07\x08",
    "\x00",
]


def printed(*requests: Any, colour: bool = False) -> list[str]:
    """Return what is printed for some requests, each a function of a client."""
    with MockServer(clock="manual") as mock:
        with mock.client(verify=False) as client:
            for request in requests:
                request(client)
        readable = Readable(colour=colour)
        nobody = mock._server_thread.wait_for(mock._server_thread.engine.tenants.anonymous())
        own = mock.look(exchanges)
        entries = sorted(
            [(entry, None) for entry in own] + [(entry, nobody) for entry in exchanges(nobody)],
            key=lambda pair: pair[0].number,
        )
        return mock.look(lambda mine: ["\n".join(readable(tenant or mine, [entry])) for entry, tenant in entries])


def exchanges(tenant: Tenant) -> list[ExchangeEntry]:
    return [entry for entry in tenant.journal if not isinstance(entry, ClockEntry)]


def clean(line: str) -> bool:
    return all(letter.isprintable() for letter in line)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_prompt_url_or_field_forges_no_line_and_moves_no_cursor(text: str) -> None:
    def callback(client: Any) -> None:
        post(client, request_body(TEXT) | {"request_type": "callback", "callback_url": f"https://a.com/{text}"})

    blocks = printed(
        lambda client: post(client, request_body(TEXT, prompt=f"city {text} [[content-violation]]")),
        lambda client: post(client, request_body(TEXT, resolution=text)),
        lambda client: post(client, request_body(TEXT, **{text: 1})),
        lambda client: client.get("/statusTask/ltx-2-19b", params={"taskId": text}),
        lambda client: client.get("/" + "".join(f"%{byte:02x}" for byte in text.encode())),
        callback,
    )
    assert len(blocks) == 6
    for block in blocks:
        lines = block.split("\n")
        assert all(clean(line) for line in lines)
        assert all(line.startswith("          ! ") for line in lines[1:])


def test_colour_is_there_when_asked_for_only() -> None:
    def request(client: Any) -> None:
        post(client, request_body(TEXT))

    assert "\x1b[32m200\x1b[0m" in printed(request, colour=True)[0]
    assert "\x1b" not in printed(request)[0]


def test_a_state_is_printed_as_a_change_once_and_a_download_with_its_size() -> None:
    """Each poll of a finished task says its state and nothing of a change; a result is told by what was sent."""
    with MockServer(clock="manual") as mock, mock.client() as client:
        task_id = submit(client)
        ask(client, task_id), ask(client, task_id)
        mock.clock.advance(30)
        ask(client, task_id), ask(client, task_id)
        mock.clock.advance(30)
        ask(client, task_id), ask(client, task_id), ask(client, task_id)
        size = len(client.get(mock.tasks[0].result_url or "").content)
        client.get(mock.tasks[0].result_url or "", headers={"range": "bytes=0-99"})
        readable = Readable(colour=False)
        lines = mock.look(lambda mine: readable(mine, exchanges(mine)))
    told = [line.split(f"{task_id}  ")[1] for line in lines]
    assert told[1:] == [
        *("pending", "pending", "pending → processing", "processing"),
        *("processing → success", "success", "success", f"{size} bytes sent", "100 bytes sent"),
    ]
    assert [line.split()[1:3] for line in lines[-2:]] == [["GET", "download"]] * 2


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        (None, "allow it with --allow-callback-host your-app.com"),
        ("lost-callback", "no callback: X-Mock-Scenario: lost-callback"),
    ],
)
def test_a_callback_that_is_withheld_is_told_with_its_reason(scenario: str | None, reason: str) -> None:
    """The vendor's own example URL is withheld: the line below the request names the option that helps."""

    def request(client: Any) -> None:
        body = request_body(TEXT) | {"request_type": "callback", "callback_url": "https://your-app.com/callback"}
        client.post(GENERATE, json=body, headers={"x-mock-scenario": scenario} if scenario else {})

    (block,) = printed(request)
    assert len(lines := block.split("\n")) == 2
    assert lines[1].startswith("          ! no callback: ")
    assert reason in lines[1]


# ---- whatever was accepted, and whatever the other side wrote

COMMANDS = "\r\n::error::owned ##[error]owned \x1b[2J\u2028"
HOSTILE_TEXTS = st.text() | st.sampled_from([COMMANDS, "::error::owned", "##[error]", "\x1b[31m", "\ud800"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE_TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE_TEXTS, inner, max_size=3),
)
INPUTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("mode", "resolution", "aspect_ratio", "duration", "prompt"), VALUES)
)
JSON_BODIES = (VALUES | st.fixed_dictionaries({}, optional={"input": INPUTS | VALUES, "message": VALUES})).map(
    lambda value: json.dumps(value).encode()
)
BODIES = st.binary() | JSON_BODIES
CAUSES = st.none() | st.builds(Cause, st.sampled_from(["upstream", "recording", "scenario"]), HOSTILE_TEXTS)
FINDINGS = st.lists(
    st.builds(
        Finding,
        **dict.fromkeys(("rule", "pointer", "got", "allowed", "message"), HOSTILE_TEXTS),
        severity=st.just("advisory"),
    ),
    max_size=1,
).map(tuple)
REQUESTS = st.builds(
    RequestEntry,
    number=st.just(1),
    at=st.integers(0, LATEST),
    operation=st.sampled_from(["generateTask", "statusTask", "balance", "other"]),
    method=HOSTILE_TEXTS,
    target=HOSTILE_TEXTS,
    status=st.none() | st.integers(100, 999),
    request=BODIES,
    response=BODIES,
    task_id=st.none() | HOSTILE_TEXTS,
    state=HOSTILE_TEXTS | st.none(),
    findings=FINDINGS,
    cause=CAUSES,
    fault=st.none() | HOSTILE_TEXTS,
)
CALLBACKS = st.builds(
    CallbackEntry,
    *(st.just(1), st.integers(0, LATEST), st.integers(0, LATEST)),
    *(HOSTILE_TEXTS, HOSTILE_TEXTS),
    *(st.none() | st.integers(100, 999), BODIES, HOSTILE_TEXTS, st.builds(Cause, st.just("receiver"), HOSTILE_TEXTS)),
)
DOWNLOADS = st.builds(
    DownloadEntry,
    *(st.just(1), st.integers(0, LATEST), HOSTILE_TEXTS, HOSTILE_TEXTS),
    *(st.none() | st.integers(100, 999), HOSTILE_TEXTS, st.integers(0), st.integers(0), BODIES, st.just(()), CAUSES),
)


def harmless(line: str) -> bool:
    """Tell whether a line moves no cursor and GitHub's runner takes it for no command."""
    return clean(line) and "##[" not in line and not line.lstrip().startswith("::")


@pytest.fixture(scope="module")
def somebody() -> Iterator[Tenant]:
    with MockServer(clock="manual") as mock:
        yield mock.look(lambda tenant: tenant)


@given(entry=REQUESTS | CALLBACKS | DOWNLOADS)
@example(entry=RequestEntry(1, 0, "generateTask", "POST", "/x", 200, b"not json", b"{}"))
@example(entry=RequestEntry(1, 0, "generateTask", "POST", "/x", 200, b'{"input":5}', b"{}", task_id=COMMANDS))
@example(entry=RequestEntry(1, 0, "generateTask", "POST", "/x", 400, b"[]", b"[" * 100_000))
def test_any_entry_is_printed_in_lines_that_command_nothing(somebody: Tenant, entry: ExchangeEntry) -> None:
    for colour in (False, True):
        lines = [re.sub(r"\x1b\[\d+m", "", line) for line in Readable(colour=colour)(somebody, [entry])]
        assert all(line.startswith("          ! ") for line in lines[1:])
        assert all(harmless(line) for line in lines)
    (told,) = json_lines(somebody, [entry])
    assert harmless(told)
    assert json.loads(told)["number"] == 1


CLEAN = RequestEntry(1, 0, "statusTask", "GET", "/x", 200, b"", b"{}", task_id="task_1", state="success")


@given(entries=st.lists(st.just(CLEAN) | REQUESTS | CALLBACKS | DOWNLOADS, min_size=2))
@pytest.mark.parametrize("colour", [False, True])
def test_lines_that_are_printed_together_are_those_printed_one_by_one(
    somebody: Tenant, entries: list[ExchangeEntry], *, colour: bool
) -> None:
    together, apart = Readable(colour=colour), Readable(colour=colour)
    assert together(somebody, entries) == [line for entry in entries for line in apart(somebody, [entry])]


@pytest.mark.parametrize(
    "secret", ["{key}", "http://user:password@a.com", "/x?token=abc", "##[error]", "\x1b[2J", "a" * 500]
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_line_that_must_be_changed_is_changed_among_others(somebody: Tenant, secret: str, place: int) -> None:
    entries = [CLEAN, CLEAN]
    odd = secret.format(key=somebody.key)
    entries.insert(place, CLEAN._replace(operation="other", state=None, target=odd))
    lines = Readable(colour=False)(somebody, entries)
    assert len(lines) == 3
    assert [number for number, line in enumerate(lines) if "task_1" not in line] == [place]
    assert odd not in lines[place]


ODD_BODIES = [b"not json", b"[]", b'{"input":5}', b'{"input":{"mode":"x"}}', b'{"input":{"duration":"x"}}', b"\xff"]


def test_a_replayed_request_that_nobody_would_call_valid_is_printed(tmp_path: Path) -> None:
    bodies = [
        *ODD_BODIES,
        json.dumps(request_body(TEXT, mode=COMMANDS)).encode(),
        json.dumps(request_body(TEXT)).encode(),
    ]
    failed = answer(
        3000, state("failed", failCode=COMMANDS, failMsg=COMMANDS, completeTime=CREATED + 1000, costTime=1000)
    )
    lives = [
        recording(answer(1, failed.body.value), request=body, name=f"odd-{number}", end=("failed", 1000))
        for number, body in enumerate(bodies)
    ]
    with MockServer(clock="manual", recordings=save(tmp_path, *lives)) as mock, mock.client() as client:
        for body in bodies:
            assert client.post(GENERATE, content=body, headers=JSON).status_code == 200
        readable = Readable(colour=False)
        lines = mock.look(lambda mine: readable(mine, exchanges(mine)))
    assert len([line for line in lines if "generateTask" in line]) == len(bodies)
    assert all(harmless(line) for line in lines)


def test_a_mistake_in_one_entry_costs_one_line(somebody: Tenant) -> None:
    bad: Any = {"at": None, "request_headers": None}
    entries = [CLEAN._replace(number=1, state="processing"), CLEAN._replace(number=2, **bad), CLEAN._replace(number=3)]
    for format_ in (Readable(colour=False), Readable(colour=True), json_lines):
        lines = format_(somebody, entries)
        assert [line.startswith("entry ") for line in lines] == [False, True, False]
        assert lines[1] == "entry 2 cannot be printed: TypeError"
    assert [line.split("task_1  ")[1] for line in Readable(colour=False)(somebody, entries) if "task_1" in line] == [
        "pending → processing",
        "processing → success",
    ]


ENTRY = RequestEntry(1, 0, "other", "GET", "/x", 404, b"\xff", b"{}")


class Gone(io.StringIO):
    """A stream whose reader has left."""

    tries = 0

    def write(self, _: str) -> int:
        self.tries += 1
        raise BrokenPipeError


def test_a_reader_that_has_left_is_tried_once() -> None:
    stream = Gone()
    with MockServer() as mock:
        tenant: Any = mock.look(lambda tenant: tenant)

    async def story() -> None:
        console = Console(stream, json_lines)
        for _ in range(3):
            console.entry_recorded(tenant, ENTRY)
            console.flush()

    asyncio.run(story())
    assert stream.tries == 1


def test_lines_are_written_together() -> None:
    stream = io.StringIO()
    with MockServer() as mock:
        tenant: Any = mock.look(lambda tenant: tenant)

    async def story() -> None:
        console = Console(stream, json_lines)
        for number in range(1500):
            console.entry_recorded(tenant, ENTRY._replace(number=number))
        assert stream.getvalue().count("\n") == 1500 // FLUSH_LINES * FLUSH_LINES
        console.flush()

    asyncio.run(story())
    assert [json.loads(line)["number"] for line in stream.getvalue().splitlines()] == list(range(1500))
