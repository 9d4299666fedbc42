"""Find the message of an error in the output of a program, in whatever language it is written."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["message_of"]

_FRAME: Final = re.compile(r"[\s|]+(at |File \")")
"""A line of a stack trace: of Node and Java, or of Python."""

_NAMED: Final = re.compile(r"(Uncaught |Caused by: |Exception in thread \"[^\"]*\" )?[\w.$]*(Error|Exception)\b")

_NOISE: Final = ("at ", "File ", "Traceback", "Node.js v", "throw ", "raise ", "goroutine ", "... ", "{", "}")


def message_of(output: str) -> str:
    """Return the line of a program's output that says why it failed; an empty string if there is no output.

    With a stack trace it is the line that names the last error: the lines of the trace and the fields of the error are
    indented, and its message may have more lines. Otherwise it is the last line that has words.
    """
    lines = [line.rstrip() for line in output.splitlines()]
    words = [number for number, line in enumerate(lines) if _has_words(line)]
    if any(map(_FRAME.match, lines)):
        words = [number for number in words if not lines[number][0].isspace()] or words
        for number in reversed(range(words[-1] + 1 if words else 0)):
            if not lines[number] or lines[number][0].isspace():
                break
            if _NAMED.match(lines[number]):
                return lines[number]
    said = [lines[number] for number in words] or [line for line in lines if line] or [""]
    return said[-1].strip()


def _has_words(line: str) -> bool:
    text = line.strip()
    return any(map(str.isalpha, text)) and not text.startswith(_NOISE)
