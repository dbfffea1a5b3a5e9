"""Routes of retention: how long ended workflows are kept."""

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, Route, json_of
from podium.model.retention import Retention
from podium.service import Services
from podium.service.janitor import PASS_S_MAX, RetentionResult
from podium.service.retention import RetentionRow

RETENTION = "/api/admin/retention"


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/admin/retention."""
    rules, one = services.retention, f"{RETENTION}/{{name}}"

    async def run(seconds: int) -> RetentionResult:
        return await services.janitor.run(min(max(seconds, 0), PASS_S_MAX))

    seconds = (Parameter("seconds", "integer", 5),)
    return [
        Route(
            "GET",
            RETENTION,
            rules.table,
            JSON,
            "What is kept for how long, and what of it is to go now",
            returns=list[RetentionRow],
        ),
        Route(
            "PUT",
            one,
            rules.put,
            EMPTY,
            "Set how long ended workflows of a definition are kept",
            body=json_of(Retention),
        ),
        Route("DELETE", one, rules.delete, EMPTY, "Remove the retention of a definition"),
        Route(
            "POST",
            f"{RETENTION}/run",
            run,
            JSON,
            "Remove what is to go, for some seconds",
            seconds,
            returns=RetentionResult,
        ),
    ]
