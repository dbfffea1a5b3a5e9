"""The roll of the nodes: who lives, and what each counts.

Nodes are asked by notices when somebody wants to know, so it costs nothing otherwise.
"""

import asyncio
from collections.abc import Callable

import msgspec

from podium.runtime.bus import Bus
from podium.runtime.membership import Membership
from podium.store.records import NodeRow

ASK, ANSWER = "roll_call", "roll_answer"
ANSWER_S_MAX = 1.0

Counts = dict[str, int]


class Answer(msgspec.Struct, array_like=True):
    """What a node answers."""

    question: str
    node_id: str
    counts: Counts


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


class Roll:
    """One node among the others; *counts* are its own."""

    def __init__(self, bus: Bus, membership: Membership, counts: Callable[[], Counts]) -> None:
        self._bus = bus
        self._membership = membership
        self._counts = counts
        self._number = 0
        self._asked: dict[str, tuple[dict[str, Counts], asyncio.Event]] = {}
        bus.on(ASK, self._answer)
        bus.on(ANSWER, self._learn)

    async def call(self) -> list[tuple[NodeRow, Counts | None]]:
        """Return the living nodes with their counts; None for one that does not answer within a second."""
        own_id = self._membership.own.id
        others = {node.id for node in self._membership.nodes} - {own_id}
        found: dict[str, Counts] = {}
        if others:
            self._number += 1
            question, news = f"{own_id}/{self._number}", asyncio.Event()
            self._asked[question] = (found, news)
            self._bus.publish(ASK, question)
            try:
                async with asyncio.timeout(ANSWER_S_MAX):
                    while not others <= found.keys():
                        news.clear()
                        await news.wait()
            except TimeoutError:
                pass  # those who did not answer are seen
            finally:
                del self._asked[question]
        return [(node, {own_id: self._counts(), **found}.get(node.id)) for node in self._membership.nodes]

    def _answer(self, questions: frozenset[str]) -> None:
        for question in questions:
            self._bus.publish(ANSWER, _encode(Answer(question, self._membership.own.id, self._counts())).decode())

    def _learn(self, details: frozenset[str]) -> None:
        for answer in map(_decode, details):
            found, news = self._asked.get(answer.question, (None, None))
            if found is not None and news is not None:
                found[answer.node_id] = answer.counts
                news.set()
