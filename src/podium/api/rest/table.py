"""The table of all routes, from which both the router and the OpenAPI document are made."""

from collections.abc import Awaitable, Callable

from podium.api.rest import (
    admin,
    environment,
    events,
    metadata,
    pages,
    retention,
    schedules,
    schemas,
    tags,
    tasks,
    validation,
    workflows,
)
from podium.api.rest.route import Route
from podium.service import Services


def routes(services: Services, figures: Callable[[], Awaitable[bytes]] | None) -> list[Route]:
    """Return all routes over *services*; *figures* gives what /metrics shows."""
    found = [
        *workflows.routes(services),
        *tasks.routes(services),
        *metadata.routes(services),
        *validation.routes(services),
        *events.routes(services),
        *schedules.routes(services),
        *environment.routes(services),
        *schemas.routes(services),
        *tags.routes(services),
        *retention.routes(services),
        *admin.routes(services, figures),
    ]
    return [*found, *pages.routes(found)]
