"""The messages between the pool and a worker process: a fixed head and raw bytes.

Used on both sides and therefore free of imports that cost time at the start of a worker. The pool trusts nothing
in an answer but its length, which it bounds.
"""

import struct

JAVASCRIPT, JAVASCRIPT_BODY, JAVASCRIPT_SYNTAX, JQ, JQ_SYNTAX = range(5)
SCHEMA, SCHEMA_SYNTAX = range(2)
"""Operations, of the two kinds of workers."""

KINDS = ("ok", "error", "timeout", "syntax", "ready")
OK, ERROR, TIMEOUT, SYNTAX, READY = range(5)

REQUEST_HEAD = struct.Struct("<IBI")
"""Bytes that follow, operation, bytes of the source (the input takes the rest)."""

ANSWER_HEAD = struct.Struct("<IB")
"""Bytes that follow, kind."""


def request(operation: int, source: bytes, data: bytes) -> bytes:
    """Encode one request."""
    return REQUEST_HEAD.pack(len(source) + len(data), operation, len(source)) + source + data


def answer(kind: int, body: bytes) -> bytes:
    """Encode one answer."""
    return ANSWER_HEAD.pack(len(body), kind) + body
