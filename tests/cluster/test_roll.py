"""Who asks one node learns of all."""

import pytest

from podium.runtime import roll
from tests.cluster.conftest import Cluster, Run


def test_each_node_tells_of_all_with_their_counts(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define({"name": "a", "taskReferenceName": "a", "type": "SIMPLE"})
        for _ in range(3):
            await sites[1].start()

        for site in sites:
            found = {one.id: one for one in await site.services.admin.cluster()}
            assert found.keys() == {one.node.id for one in sites}
            assert [one.id for one in found.values() if one.isAsked] == [site.node.id]
            assert all(one.counts is not None and one.lastBeatMs >= one.startedMs > 0 for one in found.values())
            assert (found[sites[1].node.id].counts or {})["transitions"] == 3

    run(scenario)


def test_one_that_does_not_answer_is_shown_without_counts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll, "ANSWER_S_MAX", 0.2)

    async def scenario(cluster: Cluster) -> None:
        first, second = await cluster.add(2)
        second.node.bus._callbacks[roll.ASK] = []

        found = {one.id: one.counts for one in await first.services.admin.cluster()}
        assert found[first.node.id] is not None
        assert found[second.node.id] is None

    run(scenario)
