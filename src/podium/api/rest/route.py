"""One row of the route table: which call, how it is read, which method of the service it means, how it is answered."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from podium.api.rest.parameter import Parameter
from podium.model.errors import InvalidRequest
from podium.model.wire import convert, decode, parse_json


class Answer(NamedTuple):
    """How a result is sent; None as a result is 204 for JSON, and an empty 200 otherwise."""

    status: int
    content_type: str | None


JSON = Answer(200, "application/json")
TEXT = Answer(200, "text/plain;charset=UTF-8")
EMPTY = Answer(200, None)
NO_CONTENT = Answer(204, None)


class Reply(NamedTuple):
    """A result that brings its own status and content type."""

    status: int
    content_type: str
    body: bytes


class Body(NamedTuple):
    """How a request body is read; *wire_type* is for the documentation."""

    decode: Callable[[bytes], Any]
    wire_type: Any
    is_json: bool = True
    required: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """A call. The handler gets the path's variables, the values of parameters and headers, and the body, in this order.

    A variable is written `{name}`, or `{name:integer}`.
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    answer: Answer
    summary: str
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    returns: Any = None
    headers: tuple[Parameter, ...] = ()
    waits: bool = False  # may take long on purpose, and is given up when the client goes

    @property
    def variables(self) -> list[Parameter]:
        """The variables of the path."""
        parts = [part[1:-1].partition(":") for part in self.path.split("/") if part.startswith("{")]
        return [Parameter(name, "integer" if kind else "text", required=True) for name, _, kind in parts]


def json_of(wire_type: Any) -> Body:
    """Read a required JSON body of *wire_type*."""
    return Body(lambda data: decode(wire_type, data), wire_type)


def optional_json_of(wire_type: Any) -> Body:
    """Read a JSON body of *wire_type*, which may be missing or null."""

    def read(data: bytes) -> Any:
        value = parse_json(data)
        return None if value is None else convert(wire_type, value)

    return Body(read, wire_type, required=False)


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The text is not valid UTF-8: {error.reason}") from None


RAW_TEXT = Body(_text, str, is_json=False)
"""Any bytes that are UTF-8, taken as they are, whatever content type they claim."""
