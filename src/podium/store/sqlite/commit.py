"""One commit: transitions become batches of rows, and the batches part of one transaction, without the stale ones."""

from collections.abc import Sequence

import apsw

from podium.model.transition import Message, Transition
from podium.store.sqlite.rows import Batch, Mark

SEARCHED_MAX = 20_000


class Given:
    """What the adapter remembers between commits: the last keys given, and hashes of what the database holds."""

    def __init__(self, row: int, message_id: int) -> None:
        self.row = row  # of a workflow
        self.message_id = message_id
        self.searched: dict[int, Mark] = {}  # by workflow key; not of those on their way


class Commit:
    """A job for the writer; `write` may run again after a rollback."""

    def __init__(self, transitions: Sequence[Transition], given: Given) -> None:
        self._given = given
        self._transitions = transitions
        self._batches: list[tuple[Batch, list[int]]] = []  # with the places of its transitions
        self._rows: list[int] = []  # key of the workflow of each transition
        self._message_ids: list[int] = []  # of the first message of each transition
        self._gather()

    def _gather(self) -> None:
        batch, places, ids = self._batch(), list[int](), set[str]()
        for place, transition in enumerate(self._transitions):
            workflow_id = transition.workflow.head.id
            if workflow_id in ids:  # the second change of a workflow must find the first one written
                self._batches.append((batch, places))
                batch, places, ids = self._batch(), [], set()
            ids.add(workflow_id)
            places.append(place)
            self._add(batch, transition)
        self._batches.append((batch, places))

    def _batch(self) -> Batch:
        if len(self._given.searched) > SEARCHED_MAX:
            self._given.searched.clear()
        return Batch(self._given.searched)

    def _add(self, batch: Batch, transition: Transition) -> None:
        given = self._given
        row = transition.workflow.row
        if transition.expected_version < 0:
            given.row += 1
            row = given.row
        self._rows.append(row)
        self._message_ids.append(given.message_id + 1)
        batch.add(transition, row, given.message_id + 1)
        given.message_id += len(transition.messages)

    def write(self, connection: apsw.Connection) -> list[bool]:
        """Write what is not stale and say of each transition whether it was written."""
        held = [True] * len(self._rows)
        for batch, places in self._batches:
            batch.write(connection)
            if batch.stale:
                for place in places:
                    held[place] = self._rows[place] not in batch.stale
        return held

    def finish(self, held: Sequence[bool]) -> None:
        """Tell the new workflows their keys, and the messages their ids, and remember what is stored now."""
        for transition, row, first_id, is_held in zip(
            self._transitions, self._rows, self._message_ids, held, strict=True
        ):
            if is_held:
                transition.workflow.row = row
                if transition.messages:
                    transition.messages = [
                        Message(message.target, message.kind, message.body, number)
                        for number, message in enumerate(transition.messages, first_id)
                    ]
        for batch, _ in self._batches:
            self._given.searched.update(mark for mark in batch.marks if mark[0] not in batch.stale)
