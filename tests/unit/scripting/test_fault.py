"""The text of script errors, from what the engine says and where."""

import pytest

from podium.scripting import fault

WORLD = "    at eval (native)\n    at <anonymous> (<input>:7:25)\n"


def test_an_error_of_the_engine_has_a_line() -> None:
    stack = "    at <eval> (<input>:2:1)\n" + WORLD
    text = fault.run_error("1;\nfoo", "ReferenceError: foo is not defined", stack)
    assert text == "Error evaluating the script `ReferenceError: foo is not defined` at line 2"


def test_an_error_of_a_built_in_function_has_none() -> None:
    stack = "    at reduce (native)\n    at <eval> (<input>:1:3)\n" + WORLD
    assert fault.run_error("[].reduce(f)", "TypeError: empty array", stack).endswith("`TypeError: empty array`")


def test_an_error_that_the_script_made_has_none() -> None:
    stack = "    at <eval> (<input>:1:11)\n" + WORLD
    assert fault.run_error("throw new Error('x')", "Error: x", stack) == "Error evaluating the script `Error: x`"


def test_a_constructor_that_does_not_exist_is_the_engines_error() -> None:
    stack = "    at <eval> (<input>:1:5)\n" + WORLD
    text = fault.run_error("new foo()", "ReferenceError: foo is not defined", stack)
    assert text.endswith("at line 1")


def test_a_parser_inside_a_built_in_function_has_no_line() -> None:
    stack = "    at <input>:1:2\n    at parse (native)\n    at <eval> (<input>:1:5)\n" + WORLD
    assert fault.run_error("JSON.parse('{')", "SyntaxError: bad", stack).endswith("`SyntaxError: bad`")


@pytest.mark.parametrize(
    ("source", "line"), [("throw 1", 1), ("a;\nthrow 1", 2), ("a;\nb", None), ("throw 1\nthrow 2", None)]
)
def test_a_thrown_value_has_the_line_of_the_only_throw(source: str, line: int | None) -> None:
    assert fault.run_error(source, "1", None) == fault.error_text("1", line)


def test_a_place_outside_of_the_source_is_no_trouble() -> None:
    text = fault.run_error("a", "TypeError: not a function", "    at x (<input>:9:9)\n" + WORLD)
    assert text == "Error evaluating the script `TypeError: (intermediate value) is not a function` at line 9"


def test_long_texts_are_cut() -> None:
    assert len(fault.error_text("x" * 100_000)) < 5_000


def test_the_end_of_the_source_is_the_place_of_what_comes_after_it() -> None:
    detail, line = fault.syntax_detail("return 1 +", "unexpected token in expression: '}'", "    at <input>:2:1\n", 12)
    assert line == 1
    assert detail == "SyntaxError: inline:1:10 Expected an operand but found }\nreturn 1 +\n          ^\n"
