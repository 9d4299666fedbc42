"""`ltx-mock completion`: the script that makes a shell complete commands, options and names."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from ltx_mock.errors import LtxMockError

VARIABLE = "_LTX_MOCK_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> None:
    """Print the script that completes commands in a shell.

    The shell is by default that of $SHELL.

    \b
    In ~/.bashrc:
      eval "$(ltx-mock completion bash)"
    In ~/.zshrc, after compinit:
      eval "$(ltx-mock completion zsh)"
    In ~/.config/fish/config.fish:
      ltx-mock completion fish | source
    """  # noqa: D301 - click wants the backspace itself
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise LtxMockError(f"name the shell: ltx-mock completion {'|'.join(SHELLS)}")
    kind = get_completion_class(name)
    if kind is None:
        raise LtxMockError(f"this version of click cannot complete in {name}")
    script = kind(ctx.find_root().command, {}, "ltx-mock", VARIABLE)
    click.echo(script.source_template % script.source_vars(), nl=False)
