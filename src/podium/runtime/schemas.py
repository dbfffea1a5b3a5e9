"""The registry of schemas: stored, all in memory, by name and version."""

from typing import Any

from podium.model.schema_def import SchemaDef
from podium.model.wire import decode, encode_json
from podium.runtime.documents import Documents
from podium.store.records import Document

SCHEMA = "schema"


class Schemas:
    """All registered schemas."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        documents.follow(SCHEMA, self._keep, self._forget)
        self.known: dict[str, dict[int, SchemaDef]] = {}

    def _keep(self, document: Document) -> None:
        self.known.setdefault(document.name, {})[document.version] = decode(SchemaDef, document.body)

    def _forget(self, name: str, version: int) -> None:
        versions = self.known.get(name, {})
        versions.pop(version, None)
        if not versions:
            self.known.pop(name, None)

    def find(self, name: str, version: int | None) -> SchemaDef | None:
        """Return a version of a schema, the latest without a number."""
        versions = self.known.get(name)
        if not versions:
            return None
        return versions.get(max(versions) if version is None else version)

    def data(self, schema: SchemaDef) -> dict[str, Any] | None:
        """Return the JSON schema that a definition brings along or names."""
        if schema.data is not None:
            return schema.data
        found = self.find(schema.name, schema.version)
        return found.data if found and found.type in (None, "JSON") else None

    async def put(self, schema: SchemaDef, now_ms: int) -> None:
        """Store a schema in place of one with the same name and version."""
        await self._documents.put(Document(SCHEMA, schema.name, schema.version, encode_json(schema), now_ms))

    async def delete(self, name: str, version: int) -> bool:
        """Delete a version; False when there is none."""
        return await self._documents.delete(SCHEMA, name, version)
