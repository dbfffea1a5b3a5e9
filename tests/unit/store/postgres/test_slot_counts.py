"""The check of the counts of slots, which the functions in the database keep."""

import pytest
from tests.contract.conftest import Make, empty_postgres, run_on

from podium.model.transition import Slot, SlotKind
from podium.store import Store
from podium.store.postgres import PostgresStore


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("UPDATE slot_scope SET taken = 5", "counts 5 slots as taken, but 1 are held"),
        ("DELETE FROM slot_scope", "counts 0 slots as taken, but 1 are held"),
        ("DELETE FROM slot", "counts 1 slots as taken, but 0 are held"),
    ],
)
def test_a_count_that_is_not_that_of_the_slots_is_told(
    request: pytest.FixtureRequest, change: str, expected: str
) -> None:
    make = Make()

    async def scenario(store: Store) -> None:
        assert isinstance(store, PostgresStore)
        await store.put_definition("hash", b"{}")
        start = make.start(make.workflow(), make.task(status="IN_PROGRESS"), slots=[Slot("s", SlotKind.TAKE, 1, 2)])
        assert await store.commit([start]) == [True]
        assert [line async for line in store.check()] == []

        await store._reader.change(change)

        assert [line async for line in store.check()] == [f"scope 's' {expected}"]

    run_on(empty_postgres(request), scenario)
