"""The life of a worker process: jail itself, then answer requests on descriptor 0, one after another.

It is started by the pool with nothing but that socket and dies with it: when the pool goes away it reads the end of
file, and an alarm ends it when a script runs on although nobody is there to kill it.
"""

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable

from podium.scripting import frame, jail, javascript, jq, json_schema
from podium.scripting.answer import Answer, failed

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing would be a fifth of what the start of a worker costs
    from typing import Any

_ALARM_MARGIN_S = 1.0
_SPARE_BYTES = 96 * 1024 * 1024
"""What a worker may use beside the JavaScript heap: input, answer, jq's values."""


def run(arguments: list[str]) -> None:
    """Serve until the pool closes the socket: the kind of worker, and limits in ms and bytes, come as *arguments*."""
    kind, *limits = arguments
    time_ms, heap_bytes, stack_bytes, output_bytes = map(int, limits)
    try:
        if kind == "schemas":
            operations = _schema_operations()
        else:
            operations = _operations(time_ms, heap_bytes, stack_bytes, output_bytes)
        steps = jail.harden(heap_bytes + _SPARE_BYTES)
    except Exception as error:  # noqa: BLE001 (whatever it is, the pool must hear why there is no worker)
        _send(frame.answer(*failed(f"{type(error).__name__}: {error}")))
        return
    _send(frame.answer(frame.READY, "\n".join(steps).encode()))
    while _serve(operations, time_ms / 1000 + _ALARM_MARGIN_S):
        pass


def _operations(time_ms: int, heap_bytes: int, stack_bytes: int, output_bytes: int) -> "list[Any]":
    """Load both engines and answer what to call for each operation; the last is called between requests."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    engine = importlib.import_module("_quickjs")
    scripts = javascript.Evaluator(engine, time_ms, heap_bytes, stack_bytes, output_bytes)
    operations = [scripts.evaluate, scripts.evaluate_body, lambda source, _: scripts.check(source)]
    operations += _jq_operations(output_bytes)
    sys.path.clear()
    return [*operations, scripts.prepare]


def _schema_operations() -> "list[Any]":
    """Load the validator, which is large, and answer what to call as `_operations` does."""
    schemas = json_schema.Evaluator(importlib.import_module("jsonschema_rs"))
    sys.path.clear()
    return [schemas.evaluate, lambda source, _: schemas.check(source), lambda: None]


def _jq_operations(output_bytes: int) -> list[Callable[[str, bytes], Answer]]:
    try:
        programs = jq.Evaluator(importlib.import_module("jq"), output_bytes)
    except ImportError:
        missing = failed("jq programs are off: the Python package jq is not installed")
        return [lambda _source, _data: missing] * 2
    return [programs.evaluate, lambda source, _: programs.check(source)]


def _serve(operations: "list[Any]", alarm_s: float) -> bool:
    """Answer one request; false at the end of file."""
    head = _receive(frame.REQUEST_HEAD.size)
    if not head:
        return False
    size, operation, source_size = frame.REQUEST_HEAD.unpack(head)
    body = _receive(size)
    signal.setitimer(signal.ITIMER_REAL, alarm_s)
    kind, answer = _guarded(operations[operation], body[:source_size], body[source_size:])
    signal.setitimer(signal.ITIMER_REAL, 0)
    _send(frame.answer(kind, answer))
    operations[-1]()
    return True


def _guarded(evaluate: Callable[[str, bytes], Answer], source: bytes, data: bytes) -> Answer:
    try:
        return evaluate(source.decode(), data)
    except Exception as error:  # noqa: BLE001 (a worker answers every request; the pool decides what becomes of it)
        return failed(f"{type(error).__name__}: {error}"[:1000])


def _receive(size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = os.read(0, size)
        if not part:
            return b""
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _send(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(0, view) :]
