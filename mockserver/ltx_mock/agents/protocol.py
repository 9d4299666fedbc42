"""The server of the Model Context Protocol: the tools and guides of one session, on stdin and stdout."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

import anyio
import anyio.to_thread

from ltx_mock.agents.arguments import input_schema
from ltx_mock.agents.fakes import Session
from ltx_mock.agents.guides import all_guides, guide_at
from ltx_mock.agents.tools import TOOLS, Tool
from ltx_mock.errors import LtxMockError, NotFoundError
from ltx_mock.fields import read, unknown
from ltx_mock.version import VERSION
from ltx_mock_contracts.extras import MissingExtraError
from ltx_mock_contracts.io.json_text import read_json, write_json

try:
    import mcp_types as types
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server
    from mcp.shared.exceptions import MCPError
    from mcp.shared.message import SessionMessage
    from pydantic import ValidationError
except ModuleNotFoundError:
    raise MissingExtraError("the MCP SDK", "mcp") from None

if TYPE_CHECKING:
    from mcp.shared._stream_protocols import ReadStream, WriteStream

INSTRUCTIONS: Final = (
    "ltx-mock is an offline fake of APIXO's LTX-2-19b video API. Point the app that you work on at it with the "
    "variables that start_fake returns, so that nothing costs credits; never send a request to the real API to try "
    "something out. Let things fail with activate_scenario, skip waits with advance_clock, and when something does not "
    "work ask near_misses first. check_client judges a whole program. The guides are resources: agents is the "
    "shortest, make-it-fail has every scenario."
)

Context = ServerRequestContext[dict[str, Any]]


def run(session: Session, on_start: Callable[[], None]) -> None:
    """Serve one session until stdin ends. Nothing else may write to stdout meanwhile.

    Args:
        session: the session.
        on_start: is called in the event loop, before anything is read.
    """
    anyio.run(partial(_serve, session, on_start))


async def _serve(session: Session, on_start: Callable[[], None]) -> None:
    on_start()
    server = server_of(session)
    async with stdio_server() as (incoming, outgoing):
        await server.run(Messages(incoming, outgoing), outgoing, server.create_initialization_options())


class Messages:
    """The messages of a client, with what the SDK neither accepts nor answers.

    Lone surrogates become U+FFFD. A line that is no message is answered with an error, so that nobody waits for ever.

    Args:
        stream: What the client sends.
        answers: Where the errors go.
    """

    def __init__(self, stream: ReadStream[SessionMessage | Exception], answers: WriteStream[SessionMessage]) -> None:
        self._stream, self._answers = stream, answers

    async def receive(self) -> SessionMessage | Exception:
        """Return the next message, or the error of a line that is none."""
        return await self._read(await self._stream.receive())

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return await self._read(await anext(self._stream))

    async def __aenter__(self) -> Self:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> bool | None:
        return await self._stream.__aexit__(*error)

    async def _read(self, message: SessionMessage | Exception) -> SessionMessage | Exception:
        message = _mended(message)
        if isinstance(message, ValidationError):
            await self._answers.send(SessionMessage(_refusal(message)))
        return message


def _refusal(error: ValidationError) -> types.JSONRPCError:
    """Return the error for a line that is no message. It has no id, since that cannot be read."""
    if error.errors()[0]["type"] == "json_invalid":
        told = types.ErrorData(code=types.PARSE_ERROR, message="this line is no JSON")
    else:
        told = types.ErrorData(code=types.INVALID_REQUEST, message="this line is no JSON-RPC message")
    return types.JSONRPCError(jsonrpc="2.0", id=None, error=told)


def _mended(message: SessionMessage | Exception) -> SessionMessage | Exception:
    if not isinstance(message, ValidationError):
        return message
    try:
        line = write_json(read_json(message.errors()[0]["input"]))
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except (ValueError, TypeError):
        return message


def server_of(session: Session) -> Server[dict[str, Any]]:
    """Return the protocol server of a session."""
    return Server(
        "ltx-mock",
        version=VERSION,
        title="ltx-mock: the LTX-2-19b video API, offline",
        instructions=INSTRUCTIONS,
        on_list_tools=_list_tools,
        on_call_tool=partial(_call_tool, session),
        on_list_resources=_list_resources,
        on_read_resource=_read_resource,
    )


async def _list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
    return types.ListToolsResult(tools=[_described(tool) for tool in TOOLS.values()])


def _described(tool: Tool) -> types.Tool:
    hints = types.ToolAnnotations(
        read_only_hint=tool.reads_only, destructive_hint=tool.runs_programs, open_world_hint=tool.runs_programs
    )
    return types.Tool(name=tool.name, description=tool.about, input_schema=input_schema(tool.takes), annotations=hints)


async def _call_tool(session: Session, ctx: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
    try:
        tool = TOOLS.get(params.name)
        if tool is None:
            raise unknown("tool", params.name, TOOLS)
        wanted = read(tool.takes, params.arguments or {})
        answer = await tool.call(session, wanted, ctx.session.report_progress)
    except LtxMockError as error:
        return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
    text = json.dumps(answer, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=answer)


async def _list_resources(_: Context, __: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
    found = await anyio.to_thread.run_sync(all_guides)
    return types.ListResourcesResult(
        resources=[
            types.Resource(uri=each.uri, name=each.name, title=each.title, mime_type="text/markdown") for each in found
        ]
    )


async def _read_resource(_: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
    try:
        guide = await anyio.to_thread.run_sync(guide_at, params.uri)
    except NotFoundError as error:
        raise MCPError(types.INVALID_PARAMS, str(error)) from None
    contents = types.TextResourceContents(uri=guide.uri, mime_type="text/markdown", text=guide.text)
    return types.ReadResourceResult(contents=[contents])
