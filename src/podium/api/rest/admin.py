"""Routes of operators, and of clients that look who is there."""

from collections.abc import Awaitable, Callable

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import JSON, TEXT, Reply, Route
from podium.api.rest.shown import Task
from podium.model.errors import NotFound
from podium.model.wire import encode_json
from podium.service import Services
from podium.service.admin import Health, NodeStatus

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def routes(services: Services, figures: Callable[[], Awaitable[bytes]] | None) -> list[Route]:
    """Return the routes of /health, /metrics, /api/admin, /api/token and their like."""
    return [*_health(services, figures), *_admin(services), *_token()]


def _health(services: Services, figures: Callable[[], Awaitable[bytes]] | None) -> list[Route]:
    admin = services.admin

    async def health() -> Reply:
        found = await admin.health()
        return Reply(200 if found.healthy else 503, "application/json", encode_json(found))

    async def actuator_health() -> Reply:
        found = await admin.health()
        body = encode_json({"status": "UP" if found.healthy else "DOWN"})
        return Reply(200 if found.healthy else 503, "application/json", body)

    async def alive() -> str:
        return "OK"

    async def metrics() -> Reply:
        if figures is None:
            raise NotFound("Metrics are switched off.")
        return Reply(200, METRICS_TYPE, await figures())

    return [
        Route("GET", "/health", health, JSON, "Whether the server can work", returns=Health),
        Route("GET", "/api/health", health, JSON, "Whether the server can work", returns=Health),
        Route("GET", "/readyz", health, JSON, "Whether the server can work", returns=Health),
        Route("GET", "/livez", alive, TEXT, "Whether the process answers"),
        Route("GET", "/actuator/health", actuator_health, JSON, "Whether the server can work, in Spring's words"),
        Route("GET", "/metrics", metrics, TEXT, "Figures for Prometheus"),
        Route("GET", "/actuator/prometheus", metrics, TEXT, "Figures for Prometheus"),
        Route("GET", "/api/version", admin.version, TEXT, "The version of the server"),
    ]


def _admin(services: Services) -> list[Route]:
    admin, at = services.admin, "/api/admin"
    page = (Parameter("start", "integer", 0), Parameter("count", "integer", 100))
    return [
        Route("GET", f"{at}/config", admin.config, JSON, "The settings of the server"),
        Route("GET", f"{at}/cluster", admin.cluster, JSON, "The living nodes", returns=list[NodeStatus]),
        Route(
            "GET",
            f"{at}/task/{{tasktype}}",
            admin.waiting_tasks,
            JSON,
            "Waiting tasks of a type",
            page,
            returns=list[Task],
        ),
        Route("POST", f"{at}/sweep/requeue/{{workflowId}}", admin.sweep, TEXT, "Have a workflow looked at"),
        Route(
            "POST",
            f"{at}/consistency/verifyAndRepair/{{workflowId}}",
            admin.repair,
            TEXT,
            "Have a workflow looked at; says whether that changed anything",
        ),
        Route(
            "POST",
            f"{at}/workflow/{{workflowId}}/release",
            admin.release,
            TEXT,
            "End the quarantine of a workflow; says what it was for",
        ),
    ]


def _token() -> list[Route]:
    """Answer as upstream does: the SDKs take exactly this 404 for "no authentication here"."""

    async def token() -> None:
        raise NotFound("No static resource api/token.")

    async def user_info() -> None:
        raise NotFound("No static resource api/token/userInfo.")

    return [
        Route("POST", "/api/token", token, JSON, "Always 404: there is no authentication"),
        Route("GET", "/api/token/userInfo", user_info, JSON, "Always 404: there is no authentication"),
    ]
