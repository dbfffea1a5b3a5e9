"""Evaluates JSON schemas inside a worker process.

Compiled schemas are kept. References to other documents are never fetched: a worker has neither files nor network.
Time and memory are limited by the process. Never used in the server process.
"""

import functools
import json
from itertools import islice

from podium.scripting import frame
from podium.scripting.answer import Answer, failed

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing would be a fifth of what the start of a worker costs
    from typing import Any

_SCHEMAS_MAX = 64
_FAULTS_MAX = 10
_TEXT_LENGTH_MAX = 200


class Evaluator:
    """JSON Schema, draft 4 to 2020-12."""

    def __init__(self, engine: "Any") -> None:
        self._engine = engine
        self._compiled = functools.lru_cache(_SCHEMAS_MAX)(self._validator)

    def evaluate(self, source: str, data: bytes) -> Answer:
        """Answer the list of faults of *data* (JSON) under the schema *source*, each with its path."""
        try:
            validator = self._compiled(source)
        except ValueError as error:
            return failed(str(error)[:_TEXT_LENGTH_MAX], frame.SYNTAX)
        faults = islice(validator.iter_errors(json.loads(data)), _FAULTS_MAX)
        return frame.OK, json.dumps(
            [[_path(one.instance_path), one.message[:_TEXT_LENGTH_MAX]] for one in faults]
        ).encode()

    def check(self, source: str) -> Answer:
        """Compile *source*; the answer is empty or says what is wrong."""
        try:
            self._compiled(source)
        except ValueError as error:
            return failed(str(error)[:_TEXT_LENGTH_MAX], frame.SYNTAX)
        return frame.OK, b""

    def _validator(self, source: str) -> "Any":
        return self._engine.validator_for(json.loads(source), offline=True)


def _path(parts: "list[Any]") -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
