"""Routes of environment values and secrets."""

from podium.api.rest.route import EMPTY, JSON, RAW_TEXT, TEXT, Route
from podium.service import Services
from podium.service.environment import EnvironmentVariable, SecretSummary

ENVIRONMENT = "/api/environment"
SECRETS = "/api/secrets"


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/environment and /api/secrets."""
    return [*_environment(services), *_secrets(services)]


def _environment(services: Services) -> list[Route]:
    environment, one = services.environment, f"{ENVIRONMENT}/{{key}}"
    listed = list[EnvironmentVariable]
    return [
        Route("GET", ENVIRONMENT, environment.listed, JSON, "Return all environment values", returns=listed),
        Route("GET", one, environment.value, TEXT, "Return an environment value"),
        Route("PUT", one, environment.put, EMPTY, "Set an environment value", body=RAW_TEXT),
        Route("DELETE", one, environment.delete, TEXT, "Delete an environment value, return what it was"),
    ]


def _secrets(services: Services) -> list[Route]:
    secrets, one = services.secret_store, f"{SECRETS}/{{key}}"
    names, summaries = list[str], list[SecretSummary]
    return [
        *(
            Route(method, path, secrets.names, JSON, "Return the names of all secrets", returns=names)
            for method, path in (("GET", SECRETS), ("POST", SECRETS), ("GET", "/api/secrets-v2"))
        ),
        Route("GET", f"{SECRETS}/v2", secrets.summaries, JSON, "Return names and parts", returns=summaries),
        Route("GET", one, secrets.value, TEXT, "Return a secret"),
        Route("GET", f"{one}/exists", secrets.exists, JSON, "Whether there is a secret", returns=bool),
        Route("PUT", one, secrets.put, EMPTY, "Set a secret", body=RAW_TEXT),
        Route("DELETE", one, secrets.delete, EMPTY, "Delete a secret"),
    ]
