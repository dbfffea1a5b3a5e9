"""What goes into an evaluation and what comes out of it.

Plain values, no behaviour. `input` and `value` are compact JSON and are only carried; nobody outside of a worker
process looks into them.
"""

from typing import Literal

import msgspec

Language = Literal["javascript", "jq", "python", "json_schema"]
KindOfWorker = Literal["scripts", "schemas"]
Kind = Literal["ok", "error", "timeout", "syntax"]


class ScriptRequest(msgspec.Struct, frozen=True):
    """One script and its input (compact JSON, bound to `$` in JavaScript, `.` in jq)."""

    language: Language
    source: str
    input: bytes
    is_function_body: bool = False
    """JavaScript only: *source* is the body of a function and gives its value by `return`."""


class ScriptResult(msgspec.Struct, frozen=True):
    """The value of a script as compact JSON (jq: the list of all results), or the text of its error."""

    kind: Kind
    value: bytes | None = None
    error: str | None = None


class ScriptLimits(msgspec.Struct, frozen=True):
    """What one evaluation may use."""

    time_ms: int = 4_000
    heap_bytes: int = 64 * 1024 * 1024
    stack_bytes: int = 1024 * 1024
    input_bytes: int = 16 * 1024 * 1024
    """Source and input together."""
    output_bytes: int = 1024 * 1024

    @property
    def timeout_text(self) -> str:
        """Conductor's text for a script that took too long."""
        return f"Script not evaluated within {self.time_ms / 1000:g} seconds, interrupted."
