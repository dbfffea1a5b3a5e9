"""Tags of definitions and other named things: pairs of key and value by which people group and find them.

A tag of the type RATE_LIMIT on a workflow is more: its value is how many workflows of the definition run at once.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Literal

import msgspec

from podium.model.errors import InvalidRequest, NotFound
from podium.model.schedule import WorkflowSchedule
from podium.model.wire import Json, decode, encode_json
from podium.model.workflow_def import RateLimitConfig
from podium.runtime.node import Node
from podium.runtime.schedules import shown
from podium.service.metadata import Metadata
from podium.store.records import Document

Kind = Literal["workflow", "task", "schedule", "event", "secret", "environment"]

TAGS = "tags"
RATE_LIMIT = "RATE_LIMIT"
TAGS_MAX = 100
TEXT_CHARS_MAX = 255


class Tag(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tag; `value` is text, or a number for a rate limit."""

    key: str
    value: Json = None
    type: str | None = None


class Tags:
    """Use cases around tags; every change is in the store before it is answered."""

    def __init__(self, node: Node, metadata: Metadata) -> None:
        self._node = node
        self._metadata = metadata
        self._writing = asyncio.Lock()
        self._names: dict[Kind, Callable[[], Collection[str]]] = {
            "workflow": lambda: node.catalog.workflow_defs,
            "task": lambda: node.catalog.task_defs,
            "schedule": lambda: node.schedules.known,
            "event": lambda: node.catalog.event_handlers,
            "secret": node.variables.secret_names,
        }  # an environment value may have tags before it is there, as SDKs have it

    async def of(self, kind: Kind, name: str) -> list[Tag]:
        """Return the tags of a thing; `NotFound` when there is no such thing."""
        if kind in self._names and name not in self._names[kind]():
            raise NotFound(f"There is no {kind} {name[:100]}")
        found = await self._node.store.document(TAGS, f"{kind}/{name}", 0)
        return decode(list[Tag], found.body) if found else []

    async def put(self, kind: Kind, name: str, tags: list[Tag]) -> None:
        """Replace all tags."""
        async with self._writing:
            await self._write(kind, name, await self.of(kind, name), tags)

    async def add(self, kind: Kind, name: str, tags: list[Tag]) -> None:
        """Add tags; one of the same key and type is replaced."""
        async with self._writing:
            before = await self.of(kind, name)
            keys = {(tag.key, tag.type) for tag in tags}
            await self._write(kind, name, before, [tag for tag in before if (tag.key, tag.type) not in keys] + tags)

    async def delete(self, kind: Kind, name: str, tags: list[Tag]) -> None:
        """Delete tags by key and value; those that are not there are no error."""
        async with self._writing:
            before = await self.of(kind, name)
            gone = {(tag.key, str(tag.value)) for tag in tags}
            await self._write(kind, name, before, [tag for tag in before if (tag.key, str(tag.value)) not in gone])

    async def all(self) -> list[Tag]:
        """Return every tag that something has, once."""
        documents = await self._node.store.documents(TAGS)
        tags = [tag for document in documents for tag in decode(list[Tag], document.body)]
        return list({(tag.key, tag.type, str(tag.value)): tag for tag in tags}.values())

    async def by_name(self, kind: Kind) -> dict[str, list[Tag]]:
        """Return the tags of all things of a kind that have some."""
        head = f"{kind}/"
        documents = await self._node.store.documents(TAGS)
        return {
            document.name.removeprefix(head): decode(list[Tag], document.body)
            for document in documents
            if document.name.startswith(head)
        }

    async def schedules_with(self, wanted: str) -> list[WorkflowSchedule]:
        """Return the schedules that have the tag *wanted*, written `key:value`."""
        known = self._node.schedules.known
        tags = await self.by_name("schedule")
        names = [name for name, own in tags.items() if any(f"{tag.key}:{tag.value}" == wanted for tag in own)]
        return [shown(known[name]) for name in sorted(names) if name in known]

    async def _write(self, kind: Kind, name: str, before: list[Tag], tags: list[Tag]) -> None:
        check_tags(tags)
        limit = _limit(tags) if kind == "workflow" else None
        if kind == "workflow" and _limit(before) != limit:
            config = RateLimitConfig(rateLimitKey=name, concurrentExecLimit=limit) if limit else None
            await self._metadata.put_rate_limit(name, config)
        body = encode_json(tags)
        await self._node.store.put_document(Document(TAGS, f"{kind}/{name}", 0, body, self._node.clock.now_ms()))


def check_tags(tags: list[Tag]) -> None:
    """Refuse tags that can't be stored."""
    if len(tags) > TAGS_MAX:
        raise InvalidRequest(f"{len(tags)} tags are too many, at most {TAGS_MAX} are possible")
    for tag in tags:
        texts: list[Any] = [tag.key, tag.value if tag.value is not None else ""]
        if not tag.key or any(len(str(text)) > TEXT_CHARS_MAX for text in texts):
            raise InvalidRequest(
                f"key and value of a tag have at most {TEXT_CHARS_MAX} characters, and the key has one"
            )


def _limit(tags: list[Tag]) -> int:
    """Return the number of the rate limit tag, 0 without one."""
    for tag in tags:
        if tag.type == RATE_LIMIT:
            if not str(tag.value).isascii() or not str(tag.value).isdigit():
                raise InvalidRequest(
                    f"value: a tag of type {RATE_LIMIT} needs a whole number, not {str(tag.value)[:50]!r}"
                )
            return int(tag.value)
    return 0
