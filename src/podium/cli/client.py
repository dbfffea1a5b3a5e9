"""The server as the command line sees it: JSON in, JSON out, and failures that say what to do."""

import json
from typing import Any
from urllib.parse import quote

import httpx

from podium.cli.failure import FAILED, UNREACHABLE, USAGE, Failure
from podium.settings import is_loopback

DEFAULT_SERVER = "http://127.0.0.1:8080"
TIMEOUT = httpx.Timeout(60, connect=5)
VIOLATIONS_SHOWN_MAX = 20

_HINTS = {
    401: "The server asks for authentication, which this command line does not speak yet.",
    404: None,
    429: "The server has too much to do: try again in a moment.",
    503: "The server can't use its database now: look at its log and at /health.",
}


class Client:
    """Calls of one server; `url` may or may not end in /api."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/").removesuffix("/api")
        try:
            base = httpx.URL(f"{self.url}/api/")
        except httpx.InvalidURL as error:
            raise _bad_url(url) from error
        if base.scheme not in ("http", "https") or not base.host:
            raise _bad_url(url)
        self._http = httpx.Client(base_url=base, timeout=TIMEOUT, trust_env=not is_loopback(base.host))

    def get(self, *path: object, **query: Any) -> Any:
        """Return what GET of *path* answers; None when the answer is empty."""
        return self.call("GET", path, query)

    def post(self, *path: object, body: Any = None, **query: Any) -> Any:
        """Return what POST of *path* answers; a *body* that is text is sent as it is, any other as JSON."""
        return self.call("POST", path, query, body)

    def put(self, *path: object, body: Any = None, **query: Any) -> Any:
        """Return what PUT of *path* answers."""
        return self.call("PUT", path, query, body)

    def delete(self, *path: object, **query: Any) -> Any:
        """Return what DELETE of *path* answers."""
        return self.call("DELETE", path, query)

    def call(self, method: str, path: tuple[object, ...], query: dict[str, Any], body: Any = None) -> Any:
        """Send one request; None in *query* leaves a parameter out. Raises `Failure`."""
        target = "/".join(quote(str(part), safe="") for part in path)
        params = {name: value for name, value in query.items() if value is not None}
        is_text = isinstance(body, str)
        content = None if body is None else body.encode() if is_text else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": "text/plain" if is_text else "application/json"}
        try:
            response = self._http.request(method, target, params=params, content=content, headers=headers)
        except httpx.TimeoutException as error:
            raise Failure(f"{self.url} did not answer in time.", "Is the server overloaded?", UNREACHABLE) from error
        except httpx.TransportError as error:
            hint = "Start one with `podium serve`, or name another with --server URL (or PODIUM_SERVER)."
            raise Failure(f"No server answers at {self.url}: {error}", hint, UNREACHABLE) from error
        if response.status_code >= 400:
            raise _refused(response)
        return _content(response)


def _bad_url(url: str) -> Failure:
    return Failure(f"{url} is not the URL of a server.", f"Expected something like {DEFAULT_SERVER}.", USAGE)


def _content(response: httpx.Response) -> Any:
    if not response.content:
        return None
    if response.headers.get("content-type", "").startswith("application/json"):
        return response.json()
    return response.text


def _refused(response: httpx.Response) -> Failure:
    """Return the failure for an error answer; Conductor's body has `message` and, for broken rules, a list of them."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        text = f"The server answered {status}: {response.text[:500] or response.reason_phrase}"
        return Failure(
            text, "Is this the URL of a podium or Conductor server?" if status == 404 else _HINTS.get(status)
        )
    lines = [f"{body.get('message') or response.reason_phrase} (HTTP {status})"]
    violations = body.get("validationErrors") or []
    lines += [f"  {one.get('path')}: {one.get('message')}" for one in violations[:VIOLATIONS_SHOWN_MAX]]
    if len(violations) > VIOLATIONS_SHOWN_MAX:
        lines.append(f"  … and {len(violations) - VIOLATIONS_SHOWN_MAX} more")
    return Failure("\n".join(lines), _HINTS.get(status), FAILED)
