"""JSON that a user names: on the command line, in a file, or on standard input."""

import json
import sys
from pathlib import Path
from typing import Any

from podium.cli.failure import USAGE, Failure

BYTES_MAX = 64 << 20


def read_file(name: str) -> Any:
    """Return the JSON of a file; `-` is standard input."""
    try:
        text = sys.stdin.read(BYTES_MAX) if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Failure(f"{name} can't be read: {reason}", exit_code=USAGE) from error
    return read_text(text, "standard input" if name == "-" else name)


def read_text(text: str, where: str) -> Any:
    """Return *text* as JSON; *where* stands in the message when it is not."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Failure(f"{where} is not JSON: {error}", exit_code=USAGE) from error


def read_object(text: str | None, file: str | None, where: str) -> dict[str, Any]:
    """Return the JSON object of *text* or of *file*; an empty one when neither is given."""
    if text is not None and file is not None:
        raise Failure(f"{where} is given twice: as text and as a file.", exit_code=USAGE)
    value = read_file(file) if file is not None else read_text(text, where) if text is not None else {}
    if not isinstance(value, dict):
        raise Failure(f"{where} must be a JSON object, like '{{\"key\": 1}}'.", exit_code=USAGE)
    return value


def read_pairs(pairs: list[str] | None, option: str) -> dict[str, Any]:
    """Return `key=value` pairs; a value that is JSON is taken as JSON, any other as text."""
    found: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise Failure(f"{option} {pair}: expected key=value.", exit_code=USAGE)
        try:
            found[key] = json.loads(value)
        except (json.JSONDecodeError, RecursionError):
            found[key] = value
    return found
