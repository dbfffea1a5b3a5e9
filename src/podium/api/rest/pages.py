"""Pages for people: a start page, the OpenAPI document, and a page to try the calls; nothing comes from outside."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from podium.api.rest.openapi import document
from podium.api.rest.route import JSON, TEXT, Reply, Route
from podium.model.wire import encode_json

_FOLDER = Path(__file__).with_name("page")
_HTML, _SCRIPT, _STYLE = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"


def routes(others: Sequence[Route]) -> list[Route]:
    """Return the routes of the pages about *others* and themselves."""
    found = [
        Route("GET", "/", _file("index.html", _HTML), TEXT, "The start page"),
        Route("GET", "/docs", _file("docs.html", _HTML), TEXT, "A page to try the calls"),
        Route("GET", "/swagger-ui/", _file("docs.html", _HTML), TEXT, "A page to try the calls"),
        Route("GET", "/swagger-ui/index.html", _file("docs.html", _HTML), TEXT, "A page to try the calls"),
        Route("GET", "/docs/docs.js", _file("docs.js", _SCRIPT), TEXT, "The script of that page"),
        Route("GET", "/docs/docs.css", _file("docs.css", _STYLE), TEXT, "The style of the pages"),
    ]
    api_docs = Route("GET", "/api-docs", _api_docs([*others, *found]), JSON, "The OpenAPI document")
    return [*found, api_docs]


def _file(name: str, content_type: str) -> Callable[[], Awaitable[Reply]]:
    reply = Reply(200, content_type, (_FOLDER / name).read_bytes())

    async def file() -> Reply:
        return reply

    return file


def _api_docs(listed: Sequence[Route]) -> Callable[[], Awaitable[bytes]]:
    made: list[bytes] = []

    async def api_docs() -> bytes:
        if not made:
            made.append(encode_json(document(listed)))
        return made[0]

    return api_docs
