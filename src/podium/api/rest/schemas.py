"""Routes of the registry of schemas."""

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, Body, Route
from podium.model.schema_def import SchemaDef
from podium.model.wire import convert, parse_json
from podium.service import Services

AT = "/api/schema"


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/schema."""
    schemas, one = services.schemas, f"{AT}/{{name}}"
    new_version = (Parameter("newVersion", "boolean", False),)
    return [
        Route("POST", AT, schemas.save, EMPTY, "Store schemas", new_version, _SCHEMAS),
        Route("GET", AT, schemas.listed, JSON, "Return all schemas", returns=list[SchemaDef]),
        Route("GET", one, schemas.latest, JSON, "Return the latest version of a schema", returns=SchemaDef),
        Route("GET", f"{one}/{{version:integer}}", schemas.version, JSON, "Return a version", returns=SchemaDef),
        Route("DELETE", one, schemas.delete, EMPTY, "Delete all versions of a schema"),
        Route("DELETE", f"{one}/{{version:integer}}", schemas.delete_version, EMPTY, "Delete a version of a schema"),
    ]


def _read(data: bytes) -> list[SchemaDef]:
    """Read a list of schemas, or the one that some clients send bare."""
    value = parse_json(data)
    found: list[SchemaDef] = convert(list[SchemaDef], value if isinstance(value, list) else [value])
    return found


_SCHEMAS = Body(_read, list[SchemaDef])
