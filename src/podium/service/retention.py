"""Which ended workflows are kept for how long, per definition and status: the rules, and what they hold for now.

A rule that was set for a definition wins over `metadata.retention` of its latest version, and that over the server's
setting, for each status apart. Rules are read from the store whenever they are needed, so all nodes agree.
"""
# ruff: noqa: N815 (wire names)

from collections.abc import Iterator

import msgspec

from podium.model import retention
from podium.model.errors import InvalidRequest, NotFound
from podium.model.retention import FOREVER, FOREVER_MS, METADATA, Retention
from podium.model.status import COMPLETED, FAILED, TERMINATED, TIMED_OUT
from podium.model.wire import decode, encode_json
from podium.runtime.node import Node
from podium.store.records import Document

RULE = "retention"
STATUSES = (COMPLETED, FAILED, TIMED_OUT, TERMINATED)
NAME_CHARS_MAX = 255
EVER_MS = 1 << 62


class RetentionRow(msgspec.Struct, kw_only=True):
    """What holds for the workflows of one definition and status; `source` says who set the time."""

    workflowName: str
    status: str
    keep: str
    source: str
    stored: int  # up to a million are counted
    expired: int
    oldestEndTime: int = 0


class Expiry(msgspec.Struct, frozen=True):
    """Workflows of a kind that ended before a time are to go."""

    name: str
    status: str
    before_ms: int


class Layer(msgspec.Struct, frozen=True):
    """A rule and who set it."""

    source: str
    rule: Retention


class RetentionRules:
    """Use cases around the rules; *default* is the server's setting."""

    def __init__(self, node: Node, default: Retention) -> None:
        self._node = node
        self._default = default

    async def put(self, name: str, rule: Retention) -> None:
        """Set the rule of a definition, which need not exist any more; a status that it leaves out is as before."""
        if not 0 < len(name) <= NAME_CHARS_MAX:
            raise InvalidRequest(f"The name of a workflow definition has 1 to {NAME_CHARS_MAX} characters")
        if rule == Retention():
            raise InvalidRequest("The rule sets no time: name one of completed, failed, timed_out and terminated")
        try:
            body = encode_json(retention.check(rule))
        except ValueError as error:
            raise InvalidRequest(str(error)) from None
        await self._node.store.put_document(Document(RULE, name, 0, body, self._node.clock.now_ms()))

    async def delete(self, name: str) -> None:
        """Remove the rule of a definition; `NotFound` when there is none."""
        if not await self._node.store.delete_document(RULE, name):
            raise NotFound(f"No retention is set for workflow {name[:NAME_CHARS_MAX]}")

    async def rules(self) -> dict[str, Retention]:
        """Return the rules that were set, by name of the definition."""
        return {one.name: decode(Retention, one.body) for one in await self._node.store.documents(RULE)}

    async def table(self) -> list[RetentionRow]:
        """Return what holds for everything that is stored or has a rule, by name and status."""
        rules, now_ms = await self.rules(), self._node.clock.now_ms()
        kinds = {*await self._node.store.ended_kinds(), *((name, COMPLETED) for name in rules)}
        kinds |= {(name, FAILED) for name in rules}
        return [await self._row(rules, name, status, now_ms) for name, status in sorted(kinds)]

    async def _row(self, rules: dict[str, Retention], name: str, status: str, now_ms: int) -> RetentionRow:
        keep, source = self._keep(rules, name, status)
        kept_ms = retention.keep_ms(keep)
        stored, oldest_ms = await self._node.store.count_ended(name, status, EVER_MS)
        expired = 0
        if kept_ms != FOREVER_MS:
            expired, _ = await self._node.store.count_ended(name, status, now_ms - kept_ms)
        return RetentionRow(
            workflowName=name,
            status=status,
            keep=keep,
            source=source,
            stored=stored,
            expired=expired,
            oldestEndTime=oldest_ms,
        )

    async def expiries(self) -> list[Expiry]:
        """Return what is stored and does not stay for ever, with the time before which it has ended too long ago."""
        rules, now_ms = await self.rules(), self._node.clock.now_ms()
        found = []
        for name, status in await self._node.store.ended_kinds():
            kept_ms = retention.keep_ms(self._keep(rules, name, status)[0])
            if kept_ms != FOREVER_MS:
                found.append(Expiry(name, status, now_ms - kept_ms))
        return found

    def _keep(self, rules: dict[str, Retention], name: str, status: str) -> tuple[str, str]:
        """Return how long workflows of a kind are kept, and who says so."""
        for layer in self._layers(rules, name):
            text = layer.rule.time_of(status)
            if text is not None:
                return text, layer.source
        return FOREVER, "default"

    def _layers(self, rules: dict[str, Retention], name: str) -> Iterator[Layer]:
        if name in rules:
            yield Layer("rule", rules[name])
        definition = self._node.catalog.workflow_def(name, None)
        given = definition.metadata.get(METADATA) if definition else None
        if given is not None:
            try:
                yield Layer("definition", retention.read(given))
            except ValueError:  # other systems may mean something else by the word
                yield Layer("definition (not understood)", Retention(completed=FOREVER, failed=FOREVER))
        yield Layer("setting", self._default)
