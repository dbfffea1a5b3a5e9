"""One commit: transitions become batches of rows, and the batches part of one transaction, without the stale ones."""

from collections.abc import Sequence

import apsw

from podium.model.transition import Transition
from podium.store.sqlite.rows import Batch


class Counters:
    """The last keys given; their values after opening come from the database."""

    def __init__(self, row: int, message_id: int) -> None:
        self.row = row  # of a workflow
        self.message_id = message_id


class Commit:
    """A job for the writer; `write` may run again after a rollback."""

    def __init__(self, transitions: Sequence[Transition], counters: Counters) -> None:
        self._counters = counters
        self._transitions = transitions
        self._batches: list[tuple[Batch, list[int]]] = []  # with the places of its transitions
        self._gather()

    def _gather(self) -> None:
        batch, places, ids = Batch(), list[int](), set[str]()
        for place, transition in enumerate(self._transitions):
            workflow_id = transition.workflow.head.id
            if workflow_id in ids:  # the second change of a workflow must find the first one written
                self._batches.append((batch, places))
                batch, places, ids = Batch(), [], set()
            ids.add(workflow_id)
            places.append(place)
            self._add(batch, transition)
        self._batches.append((batch, places))

    def _add(self, batch: Batch, transition: Transition) -> None:
        counters = self._counters
        if transition.expected_version < 0:
            counters.row += 1
            transition.workflow.row = counters.row
        batch.add(transition, transition.workflow.row, counters.message_id + 1)
        counters.message_id += len(transition.messages)

    def write(self, connection: apsw.Connection) -> list[bool]:
        """Write what is not stale and say of each transition whether it was written."""
        held = [True] * len(self._transitions)
        for batch, places in self._batches:
            batch.write(connection)
            if batch.stale:
                for place in places:
                    held[place] = self._transitions[place].workflow.row not in batch.stale
        return held
