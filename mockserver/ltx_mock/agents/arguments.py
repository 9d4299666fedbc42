"""The arguments of the tools: each with its reader, for validation, and its JSON Schema, for the agent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, field, fields
from typing import Any, Final

from ltx_mock.control.bodies import MAX_ADVANCE_SECONDS
from ltx_mock.control.expectation import FIELDS
from ltx_mock.core.failures import CONTENT_VIOLATION
from ltx_mock.core.keys import require_key
from ltx_mock.core.settings import Settings
from ltx_mock.errors import SettingsError
from ltx_mock.fields import Reader, Table, camel, choice, listed, number, refused, several, switch, table, text, whole
from ltx_mock.scenarios.model import ENDPOINTS, MAX_TIMES
from ltx_mock.scenarios.readers import count
from ltx_mock_contracts.api import STATES
from ltx_mock_contracts.io.server_url import server_root
from ltx_mock_contracts.model import MODEL

DEFAULT_URL: Final = f"http://{Settings.host}:{Settings.port}"
MAX_LISTED: Final = 1000
MAX_SCALE: Final = 1000
STRINGS: Final = {"type": "array", "items": {"type": "string"}}
PACES: Final = ("auto", "manual", "real")
OWN_SETTINGS: Final = ("host", "port", "clock", "admin_token")
"""Settings that `start_fake` takes apart, or not at all: the fake listens on loopback only."""
FREE_SETTINGS: Final = tuple(each.name for each in fields(Settings) if each.name not in OWN_SETTINGS)


def argument(reader: Reader[Any], about: str, default: Any = MISSING, **schema: object) -> Any:
    """Declare an argument.

    Args:
        reader: validates it; see `ltx_mock.fields`.
        about: its description.
        default: its default; without one it is required.
        **schema: its JSON Schema, without description and default.
    """
    shown = {} if default is MISSING or default is None or default == () else {"default": default}
    return field(default=default, metadata={"read": reader, "schema": {"description": about, **schema, **shown}})


def integer(least: int, most: int, about: str, default: int) -> Any:
    """Declare an argument that is a whole number in a range."""
    return argument(whole(least, most), about, default, type="integer", minimum=least, maximum=most)


def input_schema(cls: type[Any]) -> dict[str, Any]:
    """Return the JSON Schema of the arguments of a tool."""
    return {
        "type": "object",
        "properties": {camel(each.name): each.metadata["schema"] for each in fields(cls)},
        "required": [camel(each.name) for each in fields(cls) if each.default is MISSING],
        "additionalProperties": False,
    }


def _url(path: str, value: object) -> str:
    try:
        return server_root(text()(path, value))
    except ValueError as error:
        raise SettingsError(f"{path} {error}", path) from None


def _texts(path: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise refused(path, "a list of texts", value)
    return several(text())(path, value)


def _command(path: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise refused(path, 'a list of the program and its arguments, such as ["node", "client.mjs", "a sea"]', value)
    return several(_argument)(path, value)


def _argument(path: str, value: object) -> str:
    """Read an argument of a program, which may be empty and have several lines."""
    if not isinstance(value, str) or "\0" in value:
        raise refused(path, "texts without a zero byte", value)
    return value


def _variables(path: str, value: object) -> Mapping[str, str]:
    given = table(path, value)
    return {name: _argument(f"{path}.{name}", item) for name, item in given.items()}


class Nothing(Table):
    """No arguments."""


class StartFake(Table):
    """How the fake runs."""

    clock: str = argument(
        choice(*PACES),
        "auto: stopped, and each status that is read of an unfinished task moves the clock on to its next state, so "
        "an app has its video at once. manual: stopped until advance_clock. real: a video takes one to two minutes, "
        "as in the real API.",
        "auto",
        type="string",
        enum=list(PACES),
    )
    port: int = integer(0, 65535, "The port on 127.0.0.1; 0 takes a free port.", 0)
    settings: Mapping[str, Any] | None = argument(
        table,
        'Other settings of `ltx-mock serve`, such as {"credits": 10, "rate_limit": "5/minute", "strict": true}. '
        f"Known: {listed(FREE_SETTINGS)}.",
        None,
        type="object",
    )


class AttachFake(Table):
    """A running fake."""

    url: str = argument(
        _url,
        "The root of a running ltx-mock, with or without /api/v1.",
        DEFAULT_URL,
        type="string",
    )
    key: str | None = argument(
        require_key,
        "Only what this API key sees: its tasks, requests, clock and scenarios. Without it, all keys.",
        None,
        type="string",
    )
    admin_token: str | None = argument(text(), "The server's --admin-token, if it has one.", None, type="string")


class SubmitExample(Table):
    """A request."""

    example: str = argument(
        choice(*MODEL.examples),
        "The example to send. `invalid` has two mistakes on purpose; `violation` fails; `stuck` never ends.",
        "text",
        type="string",
        enum=list(MODEL.examples),
    )
    changes: Mapping[str, Any] | None = argument(
        table,
        "Changes to the body, as a JSON merge patch (RFC 7396): "
        '{"input": {"duration": 25, "seed": null}} sets one field and removes one.',
        None,
        type="object",
    )
    scenario: str | None = argument(
        text(),
        "The name of a scenario for this request only, such as content-violation; list_scenarios has all.",
        None,
        type="string",
    )


class AdvanceClock(Table):
    """How far."""

    seconds: float = argument(
        number(MAX_ADVANCE_SECONDS, zero=True, unit="seconds"),
        "Seconds of the fake's time. 180 ends every task that is not stuck; 1296000 (15 days) makes results expire.",
        type="number",
        minimum=0,
        maximum=MAX_ADVANCE_SECONDS,
    )


class ListScenarios(Table):
    """Which ones."""

    query: str | None = argument(
        text(), "Only scenarios whose name or description has all of these words, such as `429`.", None, type="string"
    )


class ActivateScenario(Table):
    """A scenario of the library, or a custom one."""

    name: str | None = argument(
        text(), "A name that list_scenarios has, such as rate-limited. Give this or `definition`.", None, type="string"
    )
    definition: Mapping[str, Any] | None = argument(
        table,
        'A custom scenario, such as {"status": 503, "operation": "statusTask"}, {"fault": "CONNECTION_RESET_BY_PEER"} '
        f'or {{"failCode": "{CONTENT_VIOLATION}", "generation": 45000}}; the guide make-it-fail has all fields.',
        None,
        type="object",
    )
    times: int | str | None = argument(
        count(MAX_TIMES),
        'To how many requests it applies, or "forever". By default as the scenario says, usually 1.',
        None,
        type=["integer", "string"],
    )
    operation: str | None = argument(
        choice(*ENDPOINTS), "Only for these requests.", None, type="string", enum=list(ENDPOINTS)
    )


class ListTasks(Table):
    """Which ones."""

    state: str | None = argument(choice(*STATES), "Only tasks in this state.", None, type="string", enum=list(STATES))
    limit: int = integer(1, MAX_LISTED, "The newest so many.", 20)


class TaskHistory(Table):
    """Which one."""

    task_id: str = argument(text(), "The taskId that generateTask returned.", type="string")


class NearMisses(Table):
    """What to compare with."""

    expected: Mapping[str, Any] | None = argument(
        table,
        "Fields that a request should have had, to get the nearest requests with their differences: "
        '{"operation": "generateTask", "duration": 10}. '
        f"Known: {listed(FIELDS)}.",
        None,
        type="object",
    )
    limit: int = integer(1, MAX_LISTED, "At most so many of each kind.", 20)


class CheckClient(Table):
    """The client and the cases."""

    command: tuple[str, ...] = argument(
        _command,
        'The program and its arguments, such as ["node", "client.mjs", "a calm sea"]; there is no shell. It makes one '
        "video, downloads it or prints its URL, and exits with 0 only if it has the video. It finds the API in "
        "APIXO_BASE_URL and APIXO_API_KEY; in arguments and `env`, {base_url}, {url}, {api_key} and {scale} are "
        "replaced.",
        **STRINGS,
    )
    cases: tuple[str, ...] = argument(
        _texts,
        "Only these cases, such as success, rate-limited, content-violation. By default all, about 30, which takes "
        "about a minute.",
        (),
        **STRINGS,
    )
    env: Mapping[str, str] | None = argument(
        _variables,
        'More environment variables, such as {"API_ROOT": "{base_url}"}.',
        None,
        type="object",
        additionalProperties={"type": "string"},
    )
    folder: str = argument(
        text(), "The working directory of the program. By default that of this server.", ".", type="string"
    )
    callback: bool = argument(
        switch,
        "Run the callback cases too: the program listens at {callback_url} (APIXO_CALLBACK_URL).",
        False,
        type="boolean",
    )
    scale: float | None = argument(
        number(MAX_SCALE, zero=False),
        "Also judge the waits (CLI-2, CLI-6): the program divides its waits by this number (APIXO_TIME_SCALE).",
        None,
        type="number",
        minimum=1,
        maximum=MAX_SCALE,
    )
    timeout: float | None = argument(
        number(86_400, zero=False, unit="seconds"), "End the program after so many seconds.", None, type="number"
    )


class SearchRules(Table):
    """What to look for."""

    query: str = argument(
        text(200), "Words, such as `callback retry`, the id of a rule, GEN-10, or of a group, GEN.", type="string"
    )
    limit: int = integer(1, MAX_LISTED, "At most so many.", 10)
