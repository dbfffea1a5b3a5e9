"""`rateLimitConfig`: how many workflows with one key may be open at once."""

import asyncio
from typing import Any

from podium.store.memory import MemoryStore

from .conftest import Api, child

Json = Any


def limited(limit: int = 1, key: str = "${workflow.input.tenant}", **fields: Json) -> dict[str, Json]:
    return {"rateLimitKey": key, "concurrentExecLimit": limit, **fields}


def rejecting(limit: int) -> dict[str, Json]:
    return limited(limit, policy="REJECT")


def is_held(api: Api, workflow_id: str) -> bool:
    found = api.workflow(workflow_id)
    assert found["status"] in ("RUNNING", "PAUSED")
    assert found["rateLimited"] == (not found["tasks"])
    return bool(found["rateLimited"])


def settle(api: Api) -> None:
    """Let the wake-up of the next workflow, which a commit has caused, be done."""

    async def turn() -> None:
        await asyncio.sleep(0)
        await api.node.places.settle()
        while not api.node.committer.is_idle:  # noqa: ASYNC110 (a condition of the runtime, without an event)
            await asyncio.sleep(0.001)

    api.run(turn())


def test_a_start_over_the_limit_is_rejected(api: Api) -> None:
    api.define(rateLimitConfig=rejecting(2))

    for _ in range(2):
        api.start(given={"tenant": "t"})
    answer = api.call("POST", "/workflow", {"name": "w", "input": {"tenant": "t"}})

    assert answer.status_code == 409
    assert "rate limit key t" in answer.json()["message"]
    assert api.get("/workflow/search")["totalHits"] == 2
    assert api.workflow(api.start(given={"tenant": "other"}))["rateLimitKey"] == "other"
    api.finish()
    assert api.start(given={"tenant": "t"})


def test_what_ran_before_this_server_counts() -> None:
    store = MemoryStore()
    before = Api(store)
    before.define(rateLimitConfig=rejecting(1))
    before.start(given={"tenant": "t"})
    before.close()

    after = Api(store)
    answer = after.call("POST", "/workflow", {"name": "w", "input": {"tenant": "t"}})
    after.finish()
    started = after.call("POST", "/workflow", {"name": "w", "input": {"tenant": "t"}})
    after.close()

    assert (answer.status_code, started.status_code) == (409, 200)


def test_starts_over_the_limit_wait_for_their_turn(api: Api) -> None:
    api.define(rateLimitConfig=limited())
    ids = [api.start(given={"tenant": "t"}) for _ in range(3)]
    free = api.start(given={"tenant": "u"})
    assert [is_held(api, one) for one in [*ids, free]] == [False, True, True, False]

    api.call("DELETE", f"/workflow/{ids[0]}")
    settle(api)

    assert [is_held(api, one) for one in ids[1:]] == [False, True]
    api.call("DELETE", f"/workflow/{ids[1]}/remove?archiveWorkflow=false")
    settle(api)
    assert not is_held(api, ids[2])


def test_the_one_that_waits_goes_before_the_one_that_comes(api: Api) -> None:
    api.define(rateLimitConfig=limited())
    first, second = (api.start(given={"tenant": "t"}) for _ in range(2))

    async def end_and_start() -> str:
        await api.request("DELETE", f"/api/workflow/{first}")
        answer = await api.request("POST", "/api/workflow", json={"name": "w", "input": {"tenant": "t"}})
        return answer.text

    third = api.run(end_and_start())
    settle(api)

    assert [is_held(api, one) for one in (second, third)] == [False, True]


def test_one_that_waits_can_be_paused_resumed_and_terminated(api: Api) -> None:
    api.define(rateLimitConfig=limited())
    first, second, third = (api.start(given={"tenant": "t"}) for _ in range(3))

    api.call("PUT", f"/workflow/{second}/pause")
    api.call("DELETE", f"/workflow/{first}")
    settle(api)
    api.call("PUT", f"/workflow/{second}/resume")
    settle(api)

    assert [is_held(api, one) for one in (second, third)] == [True, True] or not is_held(api, third)
    api.call("DELETE", f"/workflow/{second}")
    assert api.workflow(second)["status"] == "TERMINATED"
    assert not api.workflow(second)["rateLimited"]


def test_those_that_wait_go_on_after_a_restart_of_the_server() -> None:
    store = MemoryStore()
    before = Api(store)
    before.define(rateLimitConfig=limited())
    first, second = (before.start(given={"tenant": "t"}) for _ in range(2))
    before.close()

    after = Api(store)
    assert is_held(after, second)
    after.call("DELETE", f"/workflow/{first}")
    settle(after)

    assert not is_held(after, second)
    after.close()


def test_a_sub_workflow_waits_too(api: Api) -> None:
    api.define(name="inner", rateLimitConfig=limited(key="k"))
    api.define(child("c", "inner"), name="outer")
    first = api.start("inner")

    outer = api.start("outer")
    api.run(api.node.settle())
    inner = api.workflow(outer)["tasks"][0]["subWorkflowId"]

    assert is_held(api, inner)
    api.call("DELETE", f"/workflow/{first}")
    settle(api)
    assert not is_held(api, inner)
    api.finish()
    api.run(api.node.settle())
    assert api.workflow(outer)["status"] == "COMPLETED"


def test_a_place_is_not_lost_with_a_start_that_fails(wire: Api) -> None:
    api = wire  # over a database that is shared, a place is taken by the commit
    api.define(rateLimitConfig=rejecting(1))
    places = api.node.places
    assert places.has_place("w", "t", 1, "a start of which nothing came")
    assert api.call("POST", "/workflow", {"name": "w", "input": {"tenant": "t"}}).status_code == 409

    now_ms = api.node.clock.now_ms
    places._now_ms = lambda: now_ms() + 61_000

    assert api.call("POST", "/workflow", {"name": "w", "input": {"tenant": "t"}}).status_code == 200
