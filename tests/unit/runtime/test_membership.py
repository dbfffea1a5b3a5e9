"""Who lives, and who looks after what."""

from collections import Counter

import pytest

from podium.model.ids import workflow_id
from podium.runtime.bus import Bus
from podium.runtime.clock import Clock
from podium.runtime.membership import DEAD_MS, Membership
from podium.store.memory import MemoryStore

pytestmark = pytest.mark.anyio
KEYS = [workflow_id(1_700_000_000_000 + number, number) for number in range(3_000)]


class Cluster:
    """Nodes over one store whose clock is turned by hand."""

    def __init__(self) -> None:
        self.now_ms = 1_700_000_000_000
        self.store = MemoryStore(lambda: self.now_ms, is_shared=True)

    def node(self, name: str) -> Membership:
        return Membership(self.store, Bus(self.store, name), Clock(), name)


async def test_a_single_node_looks_after_everything() -> None:
    node = Cluster().node("a")
    await node.join()

    assert node.is_alone
    assert all(node.is_mine(key) for key in KEYS)


async def test_every_workflow_has_one_node_and_the_shares_are_alike() -> None:
    cluster = Cluster()
    nodes = [cluster.node(name) for name in "abc"]
    for node in [*nodes, *nodes]:
        await node.beat()
    owners = Counter(owner for key in KEYS for owner in {node.owner(key) for node in nodes})

    assert sum(owners.values()) == len(KEYS)
    assert all(900 < count < 1_100 for count in owners.values())
    assert all(sum(node.is_mine(key) for node in nodes) == 1 for key in KEYS)


async def test_what_a_dead_node_looked_after_is_shared_by_the_others_and_nothing_else_moves() -> None:
    cluster = Cluster()
    a, b, c = (cluster.node(name) for name in "abc")
    for node in (a, b, c, a, b, c):
        await node.beat()
    before = {key: a.owner(key) for key in KEYS}
    changes: list[str] = []
    a.on_change.append(lambda: changes.append("changed"))
    cluster.now_ms += DEAD_MS
    await b.beat()
    await a.beat()

    assert changes == ["changed"]
    assert {before[key] for key in KEYS if a.owner(key) != before[key]} == {"c"}
    assert {a.owner(key) for key in KEYS if before[key] == "c"} == {"a", "b"}


async def test_a_node_that_leaves_is_gone_at_once() -> None:
    cluster = Cluster()
    a, b = cluster.node("a"), cluster.node("b")
    for node in (a, b, a):
        await node.beat()
    assert not a.is_alone
    await b.leave()
    await a.beat()

    assert a.is_alone


async def test_a_clock_follows_the_time_of_the_database() -> None:
    cluster = Cluster()
    clock = Clock()
    node = Membership(cluster.store, Bus(cluster.store, "a"), clock, "a")
    await node.beat()

    assert abs(clock.now_ms() - cluster.now_ms) < 1_000


def test_a_slow_answer_moves_a_clock_no_further_than_it_must() -> None:
    clock = Clock()
    clock.follow(1_000_000, 0, 2_000_000)
    known = clock._ahead_ns
    clock.follow(1_000_400, 0, 900_000_000)
    assert clock._ahead_ns == known
    clock.follow(1_000_400, 0, 100_000_000)

    assert clock._ahead_ns == 1_000_400_000_000 - 100_000_000
