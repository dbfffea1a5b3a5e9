"""The registry of schemas: stored, all in memory, by name and version."""

from typing import Any

from podium.model.schema_def import SchemaDef
from podium.model.wire import decode, encode_json
from podium.store import Store
from podium.store.records import Document

SCHEMA = "schema"


class Schemas:
    """All registered schemas; `load` before use."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.known: dict[str, dict[int, SchemaDef]] = {}

    async def load(self) -> None:
        """Read what is stored."""
        for document in await self._store.documents(SCHEMA):
            self.known.setdefault(document.name, {})[document.version] = decode(SchemaDef, document.body)

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
        body = encode_json(schema)
        await self._store.put_document(Document(SCHEMA, schema.name, schema.version, body, now_ms))
        self.known.setdefault(schema.name, {})[schema.version] = schema

    async def delete(self, name: str, version: int) -> bool:
        """Delete a version; False when there is none."""
        found = await self._store.delete_document(SCHEMA, name, version)
        versions = self.known.get(name, {})
        versions.pop(version, None)
        if not versions:
            self.known.pop(name, None)
        return found
