"""The command `ltx-mock`. Each subcommand lives in a module of its own, imported when it is called."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from ltx_mock.cli.help import Group, with_our_help
from ltx_mock.cli.output import note, use_readable_streams
from ltx_mock.cli.streams import forget_stream
from ltx_mock.collector import paused_collector
from ltx_mock.errors import LtxMockError
from ltx_mock.fields import suggestion
from ltx_mock.version import VERSION
from ltx_mock_contracts.extras import MissingExtraError

COMMANDS = {
    "callbacks": "ltx_mock.cli.callbacks",
    "check": "ltx_mock.cli.check",
    "check-client": "ltx_mock.cli.check_client",
    "check-trace": "ltx_mock.cli.check_trace",
    "clock": "ltx_mock.cli.clock",
    "completion": "ltx_mock.cli.completion",
    "doctor": "ltx_mock.cli.doctor",
    "docs": "ltx_mock.cli.shipped",
    "drift": "ltx_mock.cli.drift",
    "examples": "ltx_mock.cli.shipped",
    "fuzz": "ltx_mock.cli.fuzz",
    "mcp": "ltx_mock.cli.mcp",
    "openapi": "ltx_mock.cli.reference",
    "proxy": "ltx_mock.cli.proxy",
    "record": "ltx_mock.cli.record",
    "recordings": "ltx_mock.cli.recordings",
    "requests": "ltx_mock.cli.requests",
    "reset": "ltx_mock.cli.settings",
    "rules": "ltx_mock.cli.reference",
    "scenarios": "ltx_mock.cli.scenarios",
    "schema": "ltx_mock.cli.reference",
    "serve": "ltx_mock.cli.serve",
    "settings": "ltx_mock.cli.settings",
    "spend": "ltx_mock.cli.spend",
    "tasks": "ltx_mock.cli.tasks",
    "version": "ltx_mock.cli.reference",
}

CLEAN, FINDINGS, CANNOT_RUN = 0, 1, 2


class LazyGroup(Group):
    """A group that imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return all names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        with paused_collector():
            command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name.replace("-", "_"))
        return with_our_help(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or fail with a suggestion."""
        if args and args[0] not in COMMANDS:
            ctx.fail(f"No such command {args[0]!r}{suggestion(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Read the arguments, which may print the help or the version."""
        with _reader_may_close():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            LtxMockError: a dependency of the command is not installed.
        """
        try:
            with _reader_may_close():
                return super().invoke(ctx)
        except MissingExtraError as error:
            raise LtxMockError(f"`{ctx.invoked_subcommand}` needs {error.remedy}") from None


@contextmanager
def _reader_may_close() -> Iterator[None]:
    """End the command when the output pipe is closed. This is not a failure, as it would be with click."""
    try:
        yield
    except BrokenPipeError:
        forget_stream(sys.stdout)
        raise click.exceptions.Exit(CLEAN) from None


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"ltx-mock {VERSION}")
        ctx.exit()


@with_our_help
@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def cli() -> None:
    """An offline fake of the LTX-2-19b video API, with checks of its contract.

    Start with: ltx-mock serve
    """


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit the process: 0 clean, 1 findings, 2 wrong use or cannot run."""
    use_readable_streams()
    try:
        code = cli.main(args, prog_name="ltx-mock", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = CANNOT_RUN
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "ltx-mock"
        code = _say(f"{error.format_message().rstrip('.')}; see {path} --help")
    except click.ClickException as error:
        code = _say(error.format_message())
    except LtxMockError as error:
        code = _say(str(error))
    except OSError as error:  # a full disk under the standard output, for example
        forget_stream(sys.stdout)
        code = _say(": ".join(filter(None, (error.filename, error.strerror))))
    except (click.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code if isinstance(code, int) else CLEAN)


def _say(message: str) -> int:
    from ltx_mock_contracts.reporting.redaction import hide_url_secrets  # noqa: PLC0415 - only where something is wrong

    try:
        note(hide_url_secrets(" ".join(message.split())))
    except OSError:
        forget_stream(sys.stderr)
    return CANNOT_RUN
