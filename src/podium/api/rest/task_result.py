"""Reads a worker's result: fast when it is as the SDKs send it, lenient otherwise; the output is checked in full."""

import msgspec

from podium.model.errors import InvalidRequest
from podium.model.wire import convert, encode_json, parse_and_compact, parse_json
from podium.service.task_result import TaskResult

_decode = msgspec.json.Decoder(TaskResult, strict=False).decode
_NOTHING = msgspec.Raw(b"{}")


def decode_task_result(data: bytes) -> TaskResult:
    """Return the result in *data*, its output compact; raises InvalidRequest."""
    try:
        result = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_leniently(data)
    if result.outputData != b"{}":
        value, compact = parse_and_compact(bytes(result.outputData))
        result.outputData = msgspec.Raw(compact) if type(value) is dict else _output(value)
    return result


def _decode_leniently(data: bytes) -> TaskResult:
    value = parse_json(data)
    if value is None:
        raise InvalidRequest("Required request body is missing")
    output = value.pop("outputData", None) if isinstance(value, dict) else None
    result = convert(TaskResult, value)
    result.outputData = _output(output)
    return result


def _output(value: object) -> msgspec.Raw:
    if value is None:
        return _NOTHING
    if type(value) is not dict:
        raise InvalidRequest(f"JSON parse error: Expected `object`, got `{type(value).__name__}` - at `$.outputData`")
    return msgspec.Raw(encode_json(value))
