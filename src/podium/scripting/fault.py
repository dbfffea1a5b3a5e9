"""Conductor's text for what went wrong in a script, from what the JavaScript engine reports.

Pure functions on text. Upstream's engine (GraalJS) names a line for what the engine itself threw and for a thrown
value that is no error, but not for an error that the script made or a built-in function raised; clients see that, so
it is kept. The engine's commonest messages are put into upstream's words; the rest stay as they are.
"""

import re

_FRAME = re.compile(r"^ {4}at .*\(<input>:(\d+):(\d+)\)$")
_PARSER_FRAME = re.compile(r"^ {4}at <input>:(\d+):(\d+)$")
_MADE_BY_SCRIPT = re.compile(r"\s*(?:class\b|super\b|[\w$.]*Error\s*\()")
_MADE_BEFORE = re.compile(r"\bnew\s+[\w$.]*$|\bsuper\s*\([^;]*$")
_NEW_BEFORE = re.compile(r"\bnew\s*$")
_CALLEE_LEFT = re.compile(r"[\w$.\])]*$")
_CALLEE_RIGHT = re.compile(r"\s*([\w$.]*)")
_THROW = re.compile(r"\bthrow\b")
_TEXT_LENGTH_MAX = 4_000

_WORDING = (
    (re.compile(r"^unexpected token in expression: ''$"), "Expected an operand but found eof"),
    (re.compile(r"^unexpected token in expression: '(.*)'$", re.DOTALL), r"Expected an operand but found \1"),
    (re.compile(r"^expecting '(.*)'$"), r"Expected \1"),
    (re.compile(r"^'(.*)' is read-only$"), r'Assignment to constant "\1"'),
    (re.compile(r"^cannot "), "Cannot "),
)


def error_text(detail: str, line: int | None = None) -> str:
    """Word the error of a script as Conductor does."""
    at = "" if line is None else f" at line {line}"
    return f"Error evaluating the script `{detail[:_TEXT_LENGTH_MAX]}`{at}"


def run_error(source: str, said: str, stack: str | None) -> str:
    """Word what *source* threw: *said* is `Name: message`, *stack* the engine's, if it was an error."""
    if stack is None:
        return error_text(said, _line_of_throw(source))
    name, separator, message = said.partition(": ")
    place = _first_place(stack)
    before, after = _around(source, place)
    if place is None or _is_made_by_script(before, after, message):
        return error_text(name + separator + message)
    return error_text(name + separator + _reworded(message, before, after), place[0])


def is_of_program(stack: str | None, frames_of_world: int) -> bool:
    """Tell whether *stack* is that of a program that did not compile, rather than of one that ran."""
    return stack is not None and stack.startswith("    at <input>:") and stack.count("\n") == frames_of_world + 1


def syntax_detail(source: str, message: str, stack: str, shift: int = 0) -> tuple[str, int]:
    """Show where *source* is wrong, as upstream does: place, message, the line and a mark under the column.

    *shift* is the number of characters that were put before the first line. Answers the text and the line.
    """
    match = _PARSER_FRAME.match(stack.partition("\n")[0])
    line, column = (int(match[1]), int(match[2])) if match else (1, 1)
    lines = source.split("\n")
    if line > len(lines):
        line, column = len(lines), len(lines[-1]) + 1 + shift
    shown = lines[line - 1]
    column = min(max(column - 1 - (shift if line == 1 else 0), 0), len(shown))
    words = _reworded(message, "", "")
    return f"SyntaxError: inline:{line}:{column} {words}\n{shown}\n{' ' * column}^\n", line


def _first_place(stack: str) -> tuple[int, int] | None:
    """Find where it was thrown, unless in a built-in function; a parser's place is one in another source."""
    frames = stack.split("\n", 2)
    match = _FRAME.match(frames[1] if _PARSER_FRAME.match(frames[0]) and len(frames) > 1 else frames[0])
    return (int(match[1]), int(match[2])) if match else None


def _around(source: str, place: tuple[int, int] | None) -> tuple[str, str]:
    lines = source.split("\n")
    if place is None or place[0] > len(lines):
        return "", ""
    line = lines[place[0] - 1]
    return line[: place[1] - 1], line[place[1] - 1 :]


def _is_made_by_script(before: str, after: str, message: str) -> bool:
    if message.endswith(" is not defined") or message in {"not a function", "not a constructor"}:
        return False
    return _MADE_BEFORE.search(before) is not None or _MADE_BY_SCRIPT.match(after) is not None


def _reworded(message: str, before: str, after: str) -> str:
    if message == "not a function":
        return _not_callable(before, after)
    for pattern, words in _WORDING:
        if pattern.search(message):
            return pattern.sub(words, message)
    return message


def _not_callable(before: str, after: str) -> str:
    right = _CALLEE_RIGHT.match(after)
    name = right[1] if right else ""
    if _NEW_BEFORE.search(before):
        return f"{name or '(intermediate value)'} is not a constructor"
    left = _CALLEE_LEFT.search(before)
    callee = (left[0] if left else "") + name
    return f"{callee or '(intermediate value)'} is not a function"


def _line_of_throw(source: str) -> int | None:
    """Find the line of the only `throw`: a thrown value that is no error carries no place."""
    if "\n" not in source:
        return 1
    places = [match.start() for match in _THROW.finditer(source)]
    return source.count("\n", 0, places[0]) + 1 if len(places) == 1 else None
