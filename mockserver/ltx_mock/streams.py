"""What to do with a stream whose reader has gone away, as after `ltx-mock rules | head -1`."""

from __future__ import annotations

import contextlib
import os
from typing import TextIO


def forget_stream(stream: TextIO) -> None:
    """Let a stream that nobody reads any more lead nowhere, so that its flush at the end of the program is no error."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
