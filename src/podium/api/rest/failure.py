"""Errors on the wire: the body that every failed call gets."""
# ruff: noqa: N815 (wire names)

import msgspec

from podium.model.errors import OutcomeUnknown, Overloaded, PodiumError, ValidationFailed, Violation
from podium.model.wire import encode_json

_RETRY_LATER = frozenset({429, 503})


class ErrorBody(msgspec.Struct, kw_only=True):
    """Conductor's ErrorResponse; `instance` is missing on validation errors, as upstream has it."""

    status: int
    message: str
    instance: str | msgspec.UnsetType = msgspec.UNSET
    retryable: bool = False
    validationErrors: list[Violation] | msgspec.UnsetType = msgspec.UNSET


def error_body(error: PodiumError, instance: str) -> bytes:
    """Return the JSON for *error*; it holds nothing but what the error's author wrote for clients."""
    body = ErrorBody(status=error.status, message=error.message, retryable=error.retryable)
    if isinstance(error, ValidationFailed):
        body.validationErrors = error.violations
    else:
        body.instance = instance
    return encode_json(body)


def extra_headers(error: PodiumError) -> list[tuple[bytes, bytes]]:
    """Return when the call may be repeated, if it may."""
    if error.status not in _RETRY_LATER or isinstance(error, OutcomeUnknown):
        return []
    return [(b"retry-after", b"%d" % (error.retry_s if isinstance(error, Overloaded) else 1))]


class WrongMethod(PodiumError):
    """The path knows other methods."""

    status = 405


class WrongContentType(PodiumError):
    """The body has a type that the call does not take."""

    status = 415


class HeadTooLarge(PodiumError):
    """The request line and the headers are over their limit."""

    status = 431
