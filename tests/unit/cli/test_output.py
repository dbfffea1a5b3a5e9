"""How results are shown."""

import io

import pytest
from rich.console import Console

from podium.cli import output


def shown(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(renderable)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_text_of_a_server_is_neither_markup_nor_control() -> None:
    made = output.table(("name",), [("[red]x[/red] \x1b[2J\r",)])

    assert "[red]x[/red] \\u001b[2J\\r" in shown(made)


def test_headings_with_an_arrow_are_right_aligned_and_empty_ones_not_shown() -> None:
    assert shown(output.table((">count",), [(1,)])).splitlines() == ["count", "    1"]
    assert shown(output.table(("", ""), [("a", None)])).splitlines() == ["a  "]


def test_json_is_ascii_so_that_it_can_not_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.say_json({"a": "ö\x9b"})

    assert capsys.readouterr().out == '{\n  "a": "\\u00f6\\u009b"\n}\n'


@pytest.mark.parametrize(
    ("value_ms", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_500, "1.5 s"),
        (65_000, "1 min 5 s"),
        (3_600_000, "1 h 0 min"),
        (90_000_000, "1 d 1 h"),
    ],
)
def test_durations_have_two_units(value_ms: int, text: str) -> None:
    assert output.duration(value_ms) == text


def test_moments_are_read_from_numbers_and_from_text() -> None:
    assert output.moment(0) == output.moment(None) == ""
    assert output.moment(1_000_000_000_000) == output.moment("2001-09-09T01:46:40.000Z") != ""
    assert output.moment("soon") == "soon"
    assert output.moment(10**30) == str(10**30)


def test_long_json_is_cut() -> None:
    assert output.compact({"a": "x" * 100}, 20) == '{"a": "xxxxxxxxxxxx…'
