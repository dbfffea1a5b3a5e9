"""HTTP: a request to another server, made by the server's own runner.

The decision only queues the task; the runner sends the request and reports the outcome like a worker would. At least
once: a server that dies in between sends the request again.
"""

from typing import Any

from podium.engine.graph import Step
from podium.engine.session import Place, Plan, decode, encode
from podium.engine.task_type import Io, Outcome, Request, Response
from podium.expressions.java_text import java_text
from podium.model.status import COMPLETED, FAILED, IN_PROGRESS
from podium.tasks.kind import Kind

METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH")
FAILED_PREFIX = "Failed to invoke HTTP task due to: "
FORM = "application/x-www-form-urlencoded"
_FORM_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


class Http(Kind):
    """Queued for the runner, with the limits of its definition."""

    name = "HTTP"
    runs = "system"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Queue the task, after the step's start delay."""
        task_def = step.task_def
        given = plan.session.resolve(step, plan.next_seq)
        given.setdefault("asyncComplete", bool(step.definition.asyncComplete))
        plan.new(
            step,
            place,
            runs="system",
            input=encode(given),
            start_delay_s=step.definition.startDelay,
            callback_after_s=step.definition.startDelay,
            rate_limit=task_def.rateLimitPerFrequency or 0 if task_def else 0,
            rate_window_s=task_def.rateLimitFrequencyInSeconds or 1 if task_def else 0,
            namespace=task_def.executionNameSpace if task_def else None,
            isolation_group=task_def.isolationGroupId if task_def else None,
        )

    async def execute(self, given: dict[str, Any], io: Io) -> Outcome:
        """Make the request; any status from 200 to 299 is success."""
        wanted = given.get("http_request")
        wanted = given if wanted is None else wanted
        try:
            request = read_request(wanted)
        except ValueError as error:
            return Outcome(FAILED, reason=str(error))
        try:
            response = await io.http(request)
        except OSError as error:
            reason = f"{FAILED_PREFIX}{error}"
            return Outcome(FAILED, encode({"response": reason}), reason)
        output = encode({"response": response_map(response)})
        if not 200 <= response.status < 300:
            text = response.body.decode("utf-8", "replace")
            return Outcome(FAILED, output, text or "No response from the remote service")
        return Outcome(IN_PROGRESS if given.get("asyncComplete") is True else COMPLETED, output)


def read_request(wanted: Any) -> Request:
    """Return the request that the input describes; raises `ValueError` with the reason of the failure."""
    if not isinstance(wanted, dict) or not wanted.get("uri"):
        raise ValueError("Missing HTTP URI.  See documentation for HttpTask for required input parameters")
    if not wanted.get("method"):
        raise ValueError("No HTTP method specified")
    method = str(wanted["method"]).upper()
    if method not in METHODS:
        raise ValueError(f"{FAILED_PREFIX}Invalid HTTP method: {wanted['method']}")
    content_type = str(wanted.get("contentType") or "application/json")
    body = _body(wanted.get("body"), content_type)
    headers = {"Accept": _accept(wanted.get("accept"))}
    if body is not None:
        headers["Content-Type"] = content_type
    extra = wanted.get("headers")
    if isinstance(extra, dict):
        headers.update({str(key): java_text(value) for key, value in extra.items() if value is not None})
    connect_ms, read_ms = (_timeout_ms(wanted.get(key)) for key in ("connectionTimeOut", "readTimeOut"))
    return Request(method, str(wanted["uri"]), headers, body, connect_ms, read_ms)


def _accept(value: Any) -> str:
    if isinstance(value, list) and value:
        return ", ".join(str(one) for one in value)
    return str(value) if value else "application/json"


def _timeout_ms(value: Any) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return int(value)
    return int(value) if isinstance(value, str) and value.isdecimal() else 3000


def _body(value: Any, content_type: str) -> bytes | None:
    if value is None:
        return None
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, dict) and content_type.startswith(FORM):
        return "&".join(f"{_form_text(key)}={_form_text(java_text(one))}" for key, one in value.items()).encode()
    return encode(value)


def _form_text(text: str) -> str:
    return "".join(chr(byte) if byte in _FORM_BYTES else f"%{byte:02X}" for byte in text.encode()).replace("%20", "+")


def response_map(response: Response) -> dict[str, Any]:
    """Return what becomes `output.response`; a body that is JSON is parsed."""
    return {
        "statusCode": response.status,
        "reasonPhrase": response.phrase,
        "headers": response.headers,
        "body": _parsed(response.body),
    }


def _parsed(body: bytes) -> Any:
    if not body:
        return None
    try:
        return decode(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
