"""Routes of tags."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, Body, Route
from podium.model.schedule import WorkflowSchedule
from podium.model.wire import convert, parse_json
from podium.service import Services
from podium.service.tags import Kind, Tag

AT: list[tuple[Kind, str]] = [
    ("workflow", "/api/metadata/workflow/{name}/tags"),
    ("workflow", "/api/metadata/tags/workflow/{name}"),  # how older clients of Python spell it
    ("task", "/api/metadata/task/{taskName}/tags"),
    ("schedule", "/api/scheduler/schedules/{name}/tags"),
    ("event", "/api/event/{name}/tags"),
    ("secret", "/api/secrets/{key}/tags"),
    ("environment", "/api/environment/{name}/tags"),
]


def routes(services: Services) -> list[Route]:
    """Return the routes of tags, the same for each kind of thing that has them."""
    tags = services.tags
    tag = (Parameter("tag", required=True),)
    found = list[WorkflowSchedule]
    return [
        *(route for kind, at in AT for route in _of(services, kind, at)),
        Route("GET", "/api/metadata/tags", tags.all, JSON, "Return every tag that something has", returns=list[Tag]),
        Route(
            "GET",
            "/api/scheduler/schedules/tags",
            tags.schedules_with,
            JSON,
            "Schedules with a tag",
            tag,
            returns=found,
        ),
    ]


def _of(services: Services, kind: Kind, at: str) -> list[Route]:
    tags = services.tags
    changes: list[tuple[str, Callable[..., Awaitable[Any]], str]] = [
        ("PUT", tags.put, f"Replace the tags of a {kind}"),
        ("POST", tags.add, f"Add tags to a {kind}"),
        ("DELETE", tags.delete, f"Delete tags of a {kind}"),
    ]
    return [
        Route("GET", at, partial(tags.of, kind), JSON, f"Return the tags of a {kind}", returns=list[Tag]),
        *(Route(method, at, partial(call, kind), EMPTY, text, body=_TAGS) for method, call, text in changes),
    ]


def _read(data: bytes) -> list[Tag]:
    """Read a list of tags, or the one that some clients send bare."""
    value = parse_json(data)
    found: list[Tag] = convert(list[Tag], value if isinstance(value, list) else [value])
    return found


_TAGS = Body(_read, list[Tag])
