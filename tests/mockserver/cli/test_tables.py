"""Tables at every width: nothing is lost, and nothing is wider than the terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from wcwidth import width as cell_len

from ltx_mock.cli.tables import Cell, Column, Row, draw, wrap

COLUMNS = (Column("Task"), Column("Count", right=True), Column("Text", least=12), Column("Prompt", least=8, cut=True))
ROW = Row(("task_1", "7", "why it ended as it did", "a calm sea at dawn"), ["! a note that is longer than the row"])


def drawn(width: int | None, *rows: Row, coloured: bool = False) -> list[str]:
    return draw(COLUMNS, rows, width, coloured=coloured).splitlines()


def test_without_a_width_each_row_is_one_line() -> None:
    assert drawn(None, ROW) == [
        "Task    Count  Text                    Prompt",
        "task_1      7  why it ended as it did  a calm sea at dawn",
        "    ! a note that is longer than the row",
    ]


def test_on_a_narrow_terminal_the_columns_that_do_not_fit_go_to_the_next_line() -> None:
    assert drawn(30, ROW) == [
        "Task    Count  Text",
        "  Prompt",
        "task_1      7  why it ended as",
        "               it did",
        "  a calm sea at dawn",
        "    ! a note that is longer",
        "    than the row",
    ]
    assert drawn(13, ROW)[:3] == ["Task    Count", "  Text", "  Prompt"]


def test_a_column_for_one_line_ends_in_an_ellipsis() -> None:
    assert drawn(12, ROW)[-6] == "  a calm se…"


def test_a_column_without_values_is_left_out_and_no_rows_are_no_text() -> None:
    assert drawn(80, Row(("task_1", "", "", "x"))) == ["Task    Prompt", "task_1  x"]
    assert drawn(80) == []


def test_a_line_of_a_row_that_would_be_empty_is_left_out() -> None:
    second = Row(("task_2", "1", "why", ""))
    assert drawn(30, ROW, second)[-1] == "task_2      1  why"


def test_wide_letters_count_twice() -> None:
    assert wrap("城市 城市 城市", 9) == ["城市 城市", "城市"]
    assert drawn(None, Row(("城市", "1", "x", ""))) == ["Task  Count  Text", "城市      1  x"]
    assert wrap("城市", 1) == ["城", "市"]


def test_colours_and_bold_are_there_on_request_only() -> None:
    row = Row((Cell("task_1", "green"), "", "", ""), [Cell("! note", "yellow")])
    assert drawn(80, row) == ["Task", "task_1", "    ! note"]
    assert drawn(80, row, coloured=True) == [
        "\x1b[1mTask\x1b[0m",
        "\x1b[32mtask_1\x1b[0m",
        "    \x1b[33m! note\x1b[0m",
    ]


def test_control_characters_of_a_server_move_no_cursor() -> None:
    assert drawn(80, Row(("a\x1b[2J", "", "", "")))[1] == "a�[2J"


TEXT = st.text(st.sampled_from("ab 城-é"), max_size=40)


@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT), min_size=1, max_size=4), st.integers(12, 100))
def test_no_line_is_wider_than_the_terminal_and_no_letter_is_lost(
    cells: list[tuple[str, str, str, str]], width: int
) -> None:
    columns = [column._replace(cut=False) for column in COLUMNS]
    text = draw(columns, [Row(each) for each in cells], width, coloured=False)
    assert max(map(cell_len, text.splitlines()), default=0) <= width
    letters = "".join(text.split())
    for letter in "城é":
        assert letters.count(letter) == sum(each.count(letter) for row in cells for each in row)
