"""Tables for terminals of any width: columns that do not fit beside the others go to further lines of their row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import click

from ltx_mock_contracts.reporting.text import printable

__all__ = ["Cell", "Column", "Row", "draw", "wrap"]

GAP = 2
INDENT = 2
UNLIMITED = 1_000_000
LONGEST_CUT = 100
"""The width of a column of cut values where the terminal has no width."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: Its header.
        least: The width at which a long value still reads well; 0 if its values are short and stay whole.
        cut: Whether a longer value ends in `…` instead of going on in the next line.
        right: Whether its values are right-aligned.
    """

    name: str
    least: int = 0
    cut: bool = False
    right: bool = False


class Cell(NamedTuple):
    """A value with a colour of click."""

    text: str
    colour: str | None = None


class Row(NamedTuple):
    """The cells of a row, in the order of the columns, and notes for the lines below it."""

    cells: Sequence[str | Cell]
    notes: Sequence[str | Cell] = ()


class _Place(NamedTuple):
    """A column on a line: its number, where it begins, and how wide it is."""

    at: int
    start: int
    width: int


def draw(columns: Sequence[Column], rows: Iterable[Row], width: int | None, *, coloured: bool) -> str:
    """Return a table, or an empty text if there are no rows.

    Args:
        columns: The columns. One without a value in any row is left out.
        rows: The rows; control characters are removed.
        width: The width of the terminal; None for one line for each row.
        coloured: Whether to write colours.
    """
    table = [([_cell(each) for each in row.cells], [_cell(each) for each in row.notes]) for row in rows]
    natural = [max((_cells(cells[at].text) for cells, _ in table), default=0) for at in range(len(columns))]
    widths = {
        at: max(_cells(columns[at].name), min(longest, LONGEST_CUT) if columns[at].cut and width is None else longest)
        for at, longest in enumerate(natural)
        if longest
    }
    lines = _placed(columns, widths, width or UNLIMITED)
    head = [Cell(each.name) for each in columns]
    drawn = [_bold(line, coloured) for line in _row(columns, head, lines, coloured=False)] if table else []
    for cells, notes in table:
        drawn += _row(columns, cells, lines, coloured=coloured)
        for note in notes:
            texts = wrap(note.text, (width or UNLIMITED) - 2 * INDENT)
            drawn += [" " * 2 * INDENT + _styled(text, note.colour, coloured) for text in texts]
    return "".join(f"{line}\n" for line in drawn)


def wrap(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` cells, broken at spaces where there are some."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if _cells(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while _cells(line) > width:
            piece = _clip(line, max(width, 2)) or line[0]
            lines.append(piece)
            line = line[len(piece) :]
    return [*lines, line] if line or not lines else lines


def _placed(columns: Sequence[Column], widths: dict[int, int], width: int) -> list[list[_Place]]:
    """Distribute columns over lines, each at the least width that it may have, and the rest of each line to them."""
    lines: list[list[int]] = [[]]
    used = -GAP
    least = {at: min(natural, columns[at].least or natural) for at, natural in widths.items()}
    for at in widths:
        if lines[-1] and used + GAP + least[at] > width:
            lines.append([])
            used = INDENT - GAP
        lines[-1].append(at)
        used += GAP + least[at]
    return [list(_spread(line, widths, least, INDENT if number else 0, width)) for number, line in enumerate(lines)]


def _spread(line: list[int], widths: dict[int, int], least: dict[int, int], start: int, width: int) -> Iterator[_Place]:
    spare = width - start - sum(least[at] for at in line) - GAP * (len(line) - 1)
    for at in line:
        more = max(min(spare, widths[at] - least[at]), 0)
        spare -= more
        wide = min(least[at] + more, width - start)
        yield _Place(at, start, wide)
        start += wide + GAP


def _row(columns: Sequence[Column], cells: Sequence[Cell], lines: list[list[_Place]], *, coloured: bool) -> list[str]:
    """Return the lines of a row, without lines that would be empty."""
    drawn = []
    for line in lines:
        texts = {place: _fitted(cells[place.at].text, columns[place.at], place.width) for place in line}
        for level in range(max(map(len, texts.values()), default=0)):
            drawn.append("")
            filled = 0
            for place, pieces in texts.items():
                text = pieces[level] if level < len(pieces) else ""
                if text:
                    ahead = place.width - _cells(text) if columns[place.at].right else 0
                    drawn[-1] += " " * (place.start + ahead - filled)
                    drawn[-1] += _styled(text, cells[place.at].colour, coloured)
                    filled = place.start + ahead + _cells(text)
    return [line for line in drawn if line] or [""]


def _fitted(text: str, column: Column, width: int) -> list[str]:
    if column.cut and _cells(text) > width:
        return [_clip(text, width - 1) + "…"]
    return wrap(text, width) if _cells(text) > width else [text]


def _cell(given: str | Cell) -> Cell:
    cell = given if isinstance(given, Cell) else Cell(given)
    return cell._replace(text=printable(cell.text))


def _styled(text: str, colour: str | None, coloured: bool) -> str:
    return click.style(text, fg=colour) if coloured and colour else text


def _bold(text: str, coloured: bool) -> str:
    return click.style(text, bold=True) if coloured else text


def _cells(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from wcwidth import width  # noqa: PLC0415 - slow to import

    return width(text)


def _clip(text: str, cells: int) -> str:
    """Return the part of a text that fits into so many cells, without spaces at its end."""
    if text.isascii():
        return text[:cells].rstrip()
    from wcwidth import clip  # noqa: PLC0415 - slow to import

    return clip(text, 0, cells).rstrip()
