"""Pages for people: a start page, the OpenAPI document, and a page to try the calls; nothing comes from outside."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from podium.api.rest.openapi import document
from podium.api.rest.route import JSON, Answer, Reply, Route
from podium.model.wire import encode_json

_FOLDER = Path(__file__).with_name("page")
_HTML = Answer(200, "text/html; charset=utf-8")
_SCRIPT = Answer(200, "text/javascript; charset=utf-8")
_STYLE = Answer(200, "text/css; charset=utf-8")


def routes(others: Sequence[Route]) -> list[Route]:
    """Return the routes of the pages about *others* and themselves."""
    found = [
        _page("/", "index.html", _HTML, "The start page"),
        _page("/docs", "docs.html", _HTML, "A page to try the calls"),
        _page("/swagger-ui/", "docs.html", _HTML, "A page to try the calls"),
        _page("/swagger-ui/index.html", "docs.html", _HTML, "A page to try the calls"),
        _page("/docs/docs.js", "docs.js", _SCRIPT, "The script of that page"),
        _page("/context.js", "context.js", _SCRIPT, "What a user interface may show"),
        _page("/docs/docs.css", "docs.css", _STYLE, "The style of the pages"),
    ]
    api_docs = Route("GET", "/api-docs", _api_docs([*others, *found]), JSON, "The OpenAPI document")
    return [*found, api_docs]


def _page(path: str, name: str, answer: Answer, summary: str) -> Route:
    reply = Reply(answer.status, answer.content_type or "", (_FOLDER / name).read_bytes())

    async def page() -> Reply:
        return reply

    return Route("GET", path, page, answer, summary)


def _api_docs(listed: Sequence[Route]) -> Callable[[], Awaitable[bytes]]:
    made: list[bytes] = []

    async def api_docs() -> bytes:
        if not made:
            made.append(encode_json(document(listed)))
        return made[0]

    return api_docs
