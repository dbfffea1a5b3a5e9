"""Logs: one line per record, whatever a record holds."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from podium.observability.logs import LINE_CHARS_MAX, configure, escape_controls

log = logging.getLogger("podium.test.logs")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Give a stream for the log, and put logging back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def test_json_lines_have_time_level_logger_and_message(stream: io.StringIO) -> None:
    configure("info", "json", stream)

    log.info("workflow %s started", "w1")

    line = json.loads(stream.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("info", "podium.test.logs", "workflow w1 started")
    assert line["time"].endswith("Z")


def test_a_stream_that_is_no_terminal_gets_json(stream: io.StringIO) -> None:
    configure("info", "auto", stream)

    log.info("x")

    assert json.loads(stream.getvalue())["message"] == "x"


def test_records_below_the_level_are_left_out(stream: io.StringIO) -> None:
    configure("warning", "json", stream)

    log.info("no")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_text_of_clients_can_neither_begin_a_line_nor_steer_a_terminal(stream: io.StringIO, log_format: str) -> None:
    configure("info", log_format, stream)

    log.warning("name: %s", "a\nb\r\x1b[31m\x9b2J\u202e\u2028\ud800")

    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert not set("\r\x1b\x9b\u202e\u2028") & set(text)
    assert "\\u001b[31m" in text


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_stays_on_the_line(stream: io.StringIO, log_format: str) -> None:
    configure("info", log_format, stream)

    try:
        raise ValueError("broken")
    except ValueError:
        log.exception("it failed")

    assert stream.getvalue().count("\n") == 1
    assert "ValueError: broken" in stream.getvalue()


def test_a_huge_record_is_cut(stream: io.StringIO) -> None:
    configure("info", "console", stream)

    log.info("x" * 10 * LINE_CHARS_MAX)

    assert len(stream.getvalue()) < LINE_CHARS_MAX + 200


def test_libraries_are_heard_only_when_they_warn(stream: io.StringIO) -> None:
    configure("info", "json", stream)

    logging.getLogger("httpx").info("a request")
    logging.getLogger("httpx").warning("a problem")

    assert "a request" not in stream.getvalue()
    assert "a problem" in stream.getvalue()


def test_escaping_leaves_plain_text_alone() -> None:
    assert escape_controls("Größe: 5 \\ x") == "Größe: 5 \\ x"
    assert escape_controls("\t") == "\\t"


def test_the_standard_stream_is_standard_error(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    configure("info", "json")

    log.info("x")

    assert "x" in stream.getvalue()
