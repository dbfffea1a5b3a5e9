"""The whole error tree of podium; each error carries its HTTP status.

    PodiumError                     500
    ├── InvalidRequest              400   the request can't be understood or breaks a rule
    │   └── ValidationFailed        400   with a list of violations, each naming its path
    ├── Forbidden                   403
    ├── NotFound                    404
    ├── Conflict                    409   the object is in a state that does not allow the call
    ├── TooLarge                    413
    ├── Overloaded                  429   try again later, nothing was done
    ├── Unavailable                 503   the store can't be reached; nothing was done
    │   └── OutcomeUnknown          503   it was lost in the middle; whether anything was done is not known
    ├── QueueUnavailable            503   an event queue can't be reached; the message waits
    ├── Quarantined                 500   the engine failed on this workflow; it is held for inspection
    └── InternalError               500   a fault that nobody foresaw; the log tells of it

Raised by every layer above `model`; only the api turns them into answers.
"""

import msgspec


class Violation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One broken rule: `path` is Conductor's dotted path (`registerTaskDef.arg0[0].name`)."""

    path: str
    message: str
    invalidValue: str | None = None  # noqa: N815 (wire name)


class PodiumError(Exception):
    """The root: an error with a message for the client."""

    status = 500
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InternalError(PodiumError):
    """A fault that nobody foresaw, of which the client is told no more than that."""

    def __init__(self) -> None:
        super().__init__("Internal server error")


class InvalidRequest(PodiumError):
    """The request can't be understood or breaks a rule."""

    status = 400


class ValidationFailed(InvalidRequest):
    """One or more fields break their rules; `violations` lists all of them."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("Validation failed, check below errors for detail.")
        self.violations = violations


class Forbidden(PodiumError):
    """The caller may not do this."""

    status = 403


class NotFound(PodiumError):
    """The object that the request names does not exist."""

    status = 404


class Conflict(PodiumError):
    """The object is in a state that does not allow the call."""

    status = 409


class TooLarge(PodiumError):
    """A body or a payload is over its limit."""

    status = 413


class Overloaded(PodiumError):
    """Too much work is waiting; nothing was done and the call may be repeated."""

    status = 429
    retryable = True

    def __init__(self, message: str, retry_s: int = 1) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class NotSupported(PodiumError):
    """This server is not set up for what the call wants."""

    status = 501


class Unavailable(PodiumError):
    """The store can't be reached; nothing was done and the call may be repeated."""

    status = 503
    retryable = True


class OutcomeUnknown(Unavailable):
    """The store was lost while it wrote, and for long: a repetition may do the same a second time."""


class QueueUnavailable(PodiumError):
    """An event queue outside of podium can't be reached; what is for it waits."""

    status = 503
    retryable = True


class Quarantined(PodiumError):
    """The engine failed on this workflow; it is held unchanged for inspection."""
