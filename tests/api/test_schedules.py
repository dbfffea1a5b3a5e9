"""The scheduler: registration, time, pause, records; each slot once."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from podium.model.errors import Unavailable
from podium.runtime.schedules import SCHEDULE
from podium.store import Store
from podium.store.records import Document

from .conftest import STORES, Api

Json = Any
HOUR_MS = 3_600_000
BEGIN_MS = 1_800_000_000_000 // HOUR_MS * HOUR_MS + HOUR_MS // 2


class Timed:
    """A server whose clock is turned by hand; its schedules run when it is told so."""

    def __init__(self, store: Store, now_ms: int = BEGIN_MS) -> None:
        self.api = Api(store)
        self.now_ms = now_ms
        self.api.node.clock.now_ms = lambda: self.now_ms  # type: ignore[method-assign]
        for part in (self.api.node.schedules, self.api.node.committer, self.api.node.world.clock):
            if hasattr(part, "_now_ms"):
                part._now_ms = lambda: self.now_ms
        self.api.define(name="w")

    def advance(self, ms: int) -> None:
        self.now_ms += ms
        self.api.run(self.api.node.schedules.start_due())

    def save(self, name: str = "s", cron: str = "@hourly", **fields: Json) -> Json:
        body = {
            "name": name,
            "cronExpression": cron,
            "startWorkflowRequest": {"name": "w", "input": {"x": 1}},
            **fields,
        }
        answer = self.api.call("POST", "/scheduler/schedules", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def started(self) -> list[Json]:
        found = self.api.get("/workflow/search", params={"sort": "startTime:ASC", "query": "workflowType = w"})[
            "results"
        ]
        return sorted(
            (self.api.workflow(one["workflowId"])["input"] for one in found), key=lambda one: one["_scheduledTime"]
        )

    def slots(self) -> list[int]:
        return [one["_scheduledTime"] for one in self.started()]

    def runs(self, **query: str) -> list[Json]:
        found = self.api.get("/scheduler/search/executions", params={"sort": "scheduledTime:ASC", **query})
        assert found["totalHits"] == len(found["results"])
        results: list[Json] = found["results"]
        return results


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Store:
    return STORES[request.param](request)


@pytest.fixture
def timed(store: Store) -> Iterator[Timed]:
    found = Timed(store)
    yield found
    found.api.close()


FIRST = BEGIN_MS + HOUR_MS // 2


def test_a_schedule_starts_its_workflow_at_its_time(timed: Timed) -> None:
    saved = timed.save()
    assert (saved["createTime"], saved["nextRunTime"], saved["zoneId"]) == (BEGIN_MS, FIRST, "UTC")

    timed.advance(HOUR_MS // 2 - 1)
    assert timed.started() == []
    timed.advance(1)

    (given,) = timed.started()
    assert {key: given[key] for key in ("x", "_startedByScheduler", "_scheduledTime", "_executedTime", "_schedulerCron")} == {
        "x": 1, "_startedByScheduler": "s", "_scheduledTime": FIRST, "_executedTime": FIRST, "_schedulerCron": "@hourly UTC",
    }  # fmt: skip
    assert timed.api.get("/scheduler/schedules/s")["nextRunTime"] == FIRST + HOUR_MS
    (run,) = timed.runs()
    assert (run["state"], run["scheduleName"], run["workflowName"], run["startWorkflowRequest"]["name"]) == (
        "EXECUTED", "s", "w", "w",
    )  # fmt: skip
    assert timed.api.workflow(run["workflowId"])["input"] == given


def test_times_that_were_missed_are_run_once_together_or_each(timed: Timed) -> None:
    timed.save("late")
    timed.save("each", runCatchupScheduleInstances=True)

    timed.advance(3 * HOUR_MS)

    by_name = {
        name: [run["scheduledTime"] for run in timed.runs(query=f"scheduleName = {name}")] for name in ("late", "each")
    }
    assert by_name == {"late": [FIRST], "each": [FIRST, FIRST + HOUR_MS, FIRST + 2 * HOUR_MS]}


def test_a_slot_is_started_once_when_the_server_dies_before_it_is_noted(store: Store) -> None:
    before = Timed(store)
    before.save()
    stored = before.api.run(store.document(SCHEDULE, "s"))
    assert stored is not None
    earlier = bytes(stored.body)
    before.advance(HOUR_MS)
    before.api.run(store.put_document(Document(SCHEDULE, "s", 0, earlier)))  # as if the last write was lost
    before.api.close()

    after = Timed(store, before.now_ms)
    after.advance(0)

    assert after.slots() == [FIRST]
    (run,) = after.runs()
    assert (run["state"], run["workflowId"]) == ("EXECUTED", run["executionId"])
    after.api.close()


def test_a_store_that_is_away_loses_no_slot(timed: Timed, monkeypatch: pytest.MonkeyPatch) -> None:
    timed.save()

    async def refuse(*_: object) -> None:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(timed.api.node.schedules, "_submit", refuse)
        with pytest.raises(Unavailable):
            timed.advance(HOUR_MS)
    timed.advance(0)

    assert timed.slots() == [FIRST]


def test_a_start_that_is_refused_is_recorded_and_the_schedule_goes_on(timed: Timed) -> None:
    timed.save(startWorkflowRequest={"name": "unknown"})

    timed.advance(HOUR_MS)
    timed.advance(HOUR_MS)

    assert [(run["state"], run["reason"][:24]) for run in timed.runs()] == [("FAILED", "No such workflow defined")] * 2


@pytest.mark.parametrize("strategy", ["FAIL_ON_RUNNING", "FAIL", "RETURN_EXISTING"])
def test_a_run_may_wait_for_the_one_before_it(timed: Timed, strategy: str) -> None:
    keyed = {"name": "w", "idempotencyKey": "one", "idempotencyStrategy": strategy}
    timed.save(startWorkflowRequest=keyed)

    timed.advance(HOUR_MS)
    timed.advance(HOUR_MS)
    [first] = timed.api.get("/workflow/search", params={"query": "workflowType = w"})["results"]
    timed.api.call("DELETE", f"/workflow/{first['workflowId']}")
    timed.advance(HOUR_MS)

    states = [run["state"] for run in timed.runs()]
    if strategy == "RETURN_EXISTING":
        assert states == ["EXECUTED"] * 3
        assert {run["workflowId"] for run in timed.runs()} == {first["workflowId"]}
    else:
        assert states == ["EXECUTED", "FAILED", "EXECUTED" if strategy == "FAIL_ON_RUNNING" else "FAILED"]
        assert timed.runs()[1]["reason"].endswith(f"already exists: {first['workflowId']}")


def test_pause_and_resume(timed: Timed) -> None:
    timed.save()
    assert timed.api.call("PUT", "/scheduler/schedules/s/pause?reason=holidays").status_code == 200
    shown = timed.api.get("/scheduler/schedules/s")
    assert (shown["paused"], shown["pausedReason"]) == (True, "holidays")

    timed.advance(2 * HOUR_MS)
    assert timed.slots() == []
    assert timed.api.call("PUT", "/scheduler/schedules/s/resume").status_code == 200
    timed.advance(HOUR_MS)

    assert timed.slots() == [FIRST + 2 * HOUR_MS]
    assert timed.api.call("PUT", "/scheduler/schedules/s/resume").status_code == 404
    assert timed.api.call("PUT", "/scheduler/schedules/none/pause").status_code == 404


def test_all_schedules_can_be_paused(timed: Timed) -> None:
    timed.save()
    timed.api.get("/scheduler/admin/pause")
    timed.advance(HOUR_MS)
    assert timed.slots() == []

    timed.api.get("/scheduler/admin/resume")
    timed.advance(0)

    assert timed.slots() == [FIRST]
    assert timed.api.get("/scheduler/admin/requeue") == {"sampleIds": [], "recordIds.size": 0}


def test_several_expressions_and_bounds_of_time(timed: Timed) -> None:
    crons = [{"cronExpression": "@hourly"}, {"cronExpression": "0 45 * * * *", "zoneId": "Asia/Kolkata"}]
    timed.save("many", cronSchedules=crons, cronExpression=None, runCatchupScheduleInstances=True)
    timed.save("ends", scheduleEndTime=FIRST + HOUR_MS, runCatchupScheduleInstances=True)
    timed.save("begins", scheduleStartTime=FIRST + HOUR_MS, runCatchupScheduleInstances=True)

    timed.advance(2 * HOUR_MS)

    found = {
        name: [run["scheduledTime"] for run in timed.runs(query=f"scheduleName IN ({name})")]
        for name in ("many", "ends", "begins")
    }
    quarter = HOUR_MS // 4
    assert found == {
        "many": [FIRST, FIRST + quarter, FIRST + HOUR_MS, FIRST + HOUR_MS + quarter],
        "ends": [FIRST, FIRST + HOUR_MS],
        "begins": [FIRST + HOUR_MS],
    }
    assert "nextRunTime" not in timed.api.get("/scheduler/schedules/ends")


def test_a_replaced_schedule_keeps_its_birth_and_counts_from_now(timed: Timed) -> None:
    timed.save()
    timed.now_ms += 60_000

    saved = timed.save(cron="0 0 0 * * *")

    assert (saved["createTime"], saved["updatedTime"]) == (BEGIN_MS, BEGIN_MS + 60_000)
    assert saved["nextRunTime"] > FIRST
    timed.advance(HOUR_MS)
    assert timed.slots() == []


def test_reading_deleting_and_bulk(timed: Timed) -> None:
    for name in ("a", "b", "c"):
        timed.save(name)
    timed.save("d", startWorkflowRequest={"name": "other"})
    api = timed.api

    assert [one["name"] for one in api.get("/scheduler/schedules")] == ["a", "b", "c", "d"]
    assert [one["name"] for one in api.get("/scheduler/schedules?workflowName=other")] == ["d"]
    assert api.call("PUT", "/scheduler/bulk/pause", ["a", "x"]).json() == {
        "bulkErrorResults": {"x": "Schedule 'x' not found"}, "bulkSuccessfulResults": ["a"],
    }  # fmt: skip
    found = api.get("/scheduler/schedules/search?paused=true")
    assert (found["totalHits"], found["results"][0]["name"]) == (1, "a")
    assert api.get("/scheduler/schedules/search?size=2&start=1")["totalHits"] == 4
    assert api.call("PUT", "/scheduler/bulk/resume", ["a"]).json()["bulkSuccessfulResults"] == ["a"]
    assert [api.call("DELETE", "/scheduler/schedules/a").status_code for _ in range(2)] == [200, 200]
    assert api.call("GET", "/scheduler/schedules/a").status_code == 404


def test_the_next_times_of_an_expression(timed: Timed) -> None:
    params = {"cronExpression": "@hourly", "limit": 9}

    assert timed.api.get("/scheduler/nextFewSchedules", params=params) == [FIRST + n * HOUR_MS for n in range(5)]
    bounded = {**params, "scheduleStartTime": FIRST + HOUR_MS, "scheduleEndTime": FIRST + 2 * HOUR_MS}
    assert timed.api.get("/scheduler/nextFewSchedules", params=bounded) == [FIRST + HOUR_MS, FIRST + 2 * HOUR_MS]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"cronExpression": "0 9 * * *"}, "expected six fields"),
        ({"cronExpression": None}, "cronExpression"),
        ({"zoneId": "Mars/Base"}, "Unknown time zone: Mars/Base"),
        ({"name": ""}, "name"),
        ({"startWorkflowRequest": None}, "startWorkflowRequest"),
        ({"startWorkflowRequest": {"name": "w", "priority": "x"}}, "priority"),
        ({"cronSchedules": [{"cronExpression": "@hourly"}] * 101}, "at most 100"),
    ],
)
def test_a_bad_schedule_is_refused_and_not_kept(timed: Timed, fields: Json, said: str) -> None:
    body = {"name": "s", "cronExpression": "@hourly", "startWorkflowRequest": {"name": "w"}, **fields}

    answer = timed.api.call("POST", "/scheduler/schedules", body)

    assert (answer.status_code, said in answer.text) == (400, True), answer.text
    assert timed.api.get("/scheduler/schedules") == []
    assert timed.api.call("GET", "/scheduler/nextFewSchedules?cronExpression=bad").status_code == 400
    assert timed.api.call("GET", "/scheduler/search/executions?sort=secret").status_code == 400


def test_runs_in_an_order_alone(timed: Timed) -> None:
    """As the SDK of Java asks for it in its own tests."""
    timed.save(cron="0 * * * * *", runCatchupScheduleInstances=True)
    timed.advance(HOUR_MS)

    found = {order: timed.runs(sort=order) for order in ("ASC", "DESC", "desc")}

    assert len(found["ASC"]) > 1
    assert found["ASC"] == found["DESC"][::-1] == found["desc"][::-1]
    assert sorted(map(str, found["ASC"])) == sorted(map(str, timed.runs(sort="startTime:DESC")))


def test_the_record_keeps_the_newest(timed: Timed) -> None:
    timed.save(cron="0 * * * * *", runCatchupScheduleInstances=True)

    timed.advance(2 * HOUR_MS)

    times = [run["scheduledTime"] for run in timed.runs(size="1000")]
    assert (len(times), times[-1]) == (100, timed.now_ms)
    assert len(timed.runs(query=f"scheduledTime>{times[-3]} AND state IN (EXECUTED)")) == 2


def test_the_loop_sleeps_until_a_schedule_comes(timed: Timed) -> None:
    schedules = timed.api.node.schedules

    async def scenario() -> None:
        loop = asyncio.create_task(schedules.run())
        await asyncio.sleep(0)
        timed.now_ms = FIRST
        await timed.api.request(
            "POST",
            "/api/scheduler/schedules",
            json={"name": "s", "cronExpression": "* * * * * *", "startWorkflowRequest": {"name": "w"}},
        )
        timed.now_ms += 1_000
        schedules._changed.set()
        while not await schedules.runs():  # noqa: ASYNC110 (a condition of the runtime, without an event)
            await asyncio.sleep(0.001)
        loop.cancel()

    timed.api.run(asyncio.wait_for(scenario(), 10))
    assert timed.slots() == [FIRST + 1_000]
