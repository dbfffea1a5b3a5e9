"""Logs: one line per record, as JSON or for a terminal, whatever the text of a record holds.

Text of clients (names, reasons, expressions) reaches the log; therefore every control character is escaped, and nothing
that they send can start a line of its own or steer a terminal.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import msgspec

LINE_CHARS_MAX = 20_000
PACKAGE = "podium."
# Libraries that report at info what podium reports itself, or what nobody asked for.
TALKATIVE = ("uvicorn", "httpx", "httpcore", "asyncio")

# Controls, and marks that are invisible, turn the direction of writing, or end a line.
_RANGES = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
)
_UNSAFE = {code: f"\\u{code:04x}" for first, last in _RANGES for code in range(first, last + 1)}
_UNSAFE_PLAIN = {**_UNSAFE, 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}


def escape_controls(text: str) -> str:
    """Return *text* as one line without characters that steer a terminal."""
    return text.translate(_UNSAFE_PLAIN)


def configure(level: str, log_format: str, stream: TextIO | None = None) -> None:
    """Send all records from *level* on to *stream* (standard error); for the process that owns the streams."""
    stream = stream or sys.stderr
    wants_json = log_format == "json" or (log_format == "auto" and not stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if wants_json else ConsoleLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


class JsonLines(logging.Formatter):
    """A JSON object per record: time, level, logger, message, and exception with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*."""
        fields = {
            "time": _time(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _cut(record.getMessage()),
        }
        traceback = _traceback(self, record)
        if traceback:
            fields["exception"] = _cut(traceback)
        # The encoder escapes what JSON demands; the rest of the unsafe characters stay unsafe for a terminal.
        return msgspec.json.encode(fields).decode().translate(_UNSAFE)


class ConsoleLines(logging.Formatter):
    """Time, level, logger and message, readable on a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*."""
        text = record.getMessage()
        traceback = _traceback(self, record)
        if traceback:
            text = f"{text}\n{traceback}"
        time = _time(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        name = record.name.removeprefix(PACKAGE)
        return f"{time} {record.levelname:<7} {name}: {escape_controls(_cut(text))}"


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


def _cut(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()  # halves of surrogate pairs can't be written
    if len(text) <= LINE_CHARS_MAX:
        return text
    half = LINE_CHARS_MAX // 2
    return f"{text[:half]} … {text[-half:]}"
