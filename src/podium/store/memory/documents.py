"""Definitions, other documents, and the record of what event handlers have done."""

import itertools
from collections.abc import Sequence

import msgspec

from podium.store.memory.tables import Tables
from podium.store.records import Document, EventExecution


class Documents(Tables):
    """The port, as far as it is not of workflows."""

    async def put_document(self, document: Document, *, replace: bool = True) -> bool:
        """Store a document; False when it exists and *replace* is not set."""
        key = (document.kind, document.name, document.version)
        if key in self._documents and not replace:
            return False
        self._documents[key] = msgspec.structs.replace(document)
        return True

    async def swap_document(self, document: Document, before: bytes | None) -> bool:
        """Store a document if its body is still *before*, or if it does not exist where that is None."""
        found = self._documents.get((document.kind, document.name, document.version))
        return (found.body if found else None) == before and await self.put_document(document)

    async def document_stamps(self, kinds: Sequence[str]) -> dict[str, str]:
        """Return a text for each of *kinds* that changes with its documents."""
        found = {kind: [one for key, one in self._documents.items() if key[0] == kind] for kind in kinds}
        return {
            kind: f"{len(all_)} {sum(one.updated_ms for one in all_)} {sum(len(one.body) for one in all_)}"
            for kind, all_ in found.items()
            if all_
        }

    async def delete_document(self, kind: str, name: str, version: int = 0) -> bool:
        """Delete a document; False when there was none."""
        return self._documents.pop((kind, name, version), None) is not None

    async def document(self, kind: str, name: str, version: int = 0) -> Document | None:
        """Return one document."""
        found = self._documents.get((kind, name, version))
        return found and msgspec.structs.replace(found)

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by name and version."""
        return [msgspec.structs.replace(self._documents[key]) for key in sorted(self._documents) if key[0] == kind]

    async def put_definition(self, def_hash: str, body: bytes) -> None:
        """Keep a bound definition under its content hash."""
        self._definitions.setdefault(def_hash, body)

    async def definition(self, def_hash: str) -> bytes | None:
        """Return a bound definition."""
        return self._definitions.get(def_hash)

    # executions of event handlers
    async def add_event_execution(self, execution: EventExecution, *, replace: bool = False) -> bool:
        """Record the execution of an event action; False when it is recorded already and *replace* is not set."""
        if execution.id in self._event_executions and not replace:
            return False
        self._event_executions[execution.id] = msgspec.structs.replace(execution)
        return True

    async def event_execution(self, execution_id: str) -> EventExecution | None:
        """Return one execution."""
        found = self._event_executions.get(execution_id)
        return msgspec.structs.replace(found) if found else None

    async def event_executions(self, handler: str, limit: int) -> list[EventExecution]:
        """Return the newest executions of a handler, or of all handlers for an empty name."""
        newest = reversed(self._event_executions.values())
        return [msgspec.structs.replace(each) for each in newest if handler in {"", each.handler}][:limit]

    async def drop_event_executions(self, before_ms: int, limit: int) -> int:
        """Delete at most *limit* of the oldest executions, those before *before_ms*; returns how many those were."""
        oldest = itertools.islice(self._event_executions.values(), limit)
        old = [one.id for one in itertools.takewhile(lambda one: one.created_ms < before_ms, oldest)]
        for key in old:
            del self._event_executions[key]
        return len(old)
