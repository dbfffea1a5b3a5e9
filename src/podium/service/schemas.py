"""The registry of schemas as clients see it."""

from msgspec.structs import replace

from podium.model.errors import InvalidRequest, NotFound, ValidationFailed, Violation
from podium.model.schema_def import SchemaDef
from podium.runtime.node import Node

NAME_CHARS_MAX = 255
COUNT_MAX = 10_000


class Schemas:
    """Use cases around schemas; every change is in the store before it is answered."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._schemas = node.schemas

    async def save(self, new_version: bool, schemas: list[SchemaDef]) -> None:
        """Store schemas; with *new_version* each as the version after its latest.

        Data that is no JSON schema is kept as well, as SDKs expect; what is held against it says so.
        """
        for place, schema in enumerate(schemas):
            self._check(schema, f"save.schemaDefs[{place}]")
        now_ms = self._node.clock.now_ms()
        for schema in schemas:
            latest = self._schemas.find(schema.name, None)
            version = latest.version + 1 if new_version and latest else schema.version
            known = self._schemas.find(schema.name, version)
            created_ms = known.createTime if known else now_ms
            await self._schemas.put(replace(schema, version=version, createTime=created_ms, updateTime=now_ms), now_ms)

    def _check(self, schema: SchemaDef, at: str) -> None:
        if not schema.name.strip() or len(schema.name) > NAME_CHARS_MAX:
            raise ValidationFailed([Violation(f"{at}.name", f"A schema's name has 1 to {NAME_CHARS_MAX} characters")])
        if len(self._schemas.known) >= COUNT_MAX and schema.name not in self._schemas.known:
            raise InvalidRequest(f"There are {COUNT_MAX} schemas already; delete some first")

    async def listed(self) -> list[SchemaDef]:
        """Return all versions of all schemas."""
        known = self._schemas.known
        return [known[name][version] for name in sorted(known) for version in sorted(known[name])]

    async def latest(self, name: str) -> SchemaDef:
        """Return the latest version of a schema."""
        return self._found(name, None)

    async def version(self, name: str, version: int) -> SchemaDef:
        """Return one version of a schema."""
        return self._found(name, version)

    def _found(self, name: str, version: int | None) -> SchemaDef:
        found = self._schemas.find(name, version)
        if found is None:
            shown = "" if version is None else f", version {version}"
            raise NotFound(f"There is no schema {name[:100]}{shown}")
        return found

    async def delete(self, name: str) -> None:
        """Delete all versions of a schema."""
        self._found(name, None)
        for version in list(self._schemas.known.get(name, {})):
            await self._schemas.delete(name, version)

    async def delete_version(self, name: str, version: int) -> None:
        """Delete one version of a schema."""
        self._found(name, version)
        await self._schemas.delete(name, version)
