"""Metrics: what each change counts, how the text looks, and that nothing in it grows without end."""

from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from podium.model.status import COMPLETED, FAILED, IN_PROGRESS, SCHEDULED, TIMED_OUT
from podium.model.task import Task
from podium.model.transition import Transition
from podium.model.workflow import Head, Workflow
from podium.observability.metrics import LABEL_SETS_MAX, TABLE, Exposition, Metrics, Reading, Source, sparing

NOW_MS = 1_000_000


def change(*, expected_version: int = 1, tasks: Iterable[Task] = (), new: bool = False, **head: Any) -> Transition:
    """Return the change of one workflow at NOW_MS."""
    begun = {"created_ms": NOW_MS - 2_000, "updated_ms": NOW_MS} | head
    found = Transition(Workflow(Head("w", "order", 3, "h", **begun), None), expected_version)
    if new:
        found.inserted = list(tasks)
    else:
        found.updated = {task.seq: task for task in tasks}
    return found


def task(**fields: Any) -> Task:
    return Task(**({"seq": 1, "ref": "r", "type": "pick", "name": "pick", "scheduled_ms": NOW_MS - 1_500} | fields))


def samples(metrics: Metrics, *sources: Source) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return the values of the text that Prometheus would read."""
    text = Exposition(metrics, sources).text().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_start_is_counted_by_definition_and_version() -> None:
    metrics = Metrics()
    metrics.note(change(expected_version=-1, created_ms=NOW_MS, updated_ms=0))

    labels = (("ownerApp", "unknown"), ("version", "3"), ("workflowName", "order"))
    assert samples(metrics)["workflow_start_success_total", labels] == 1


def test_a_good_end_is_timed_and_a_bad_one_counted() -> None:
    metrics = Metrics()
    metrics.note(change(status=COMPLETED, ended_ms=NOW_MS))
    metrics.note(change(status=FAILED, ended_ms=NOW_MS))

    found = samples(metrics)
    by_name = (("ownerApp", "unknown"), ("workflowName", "order"))
    assert found["workflow_execution_seconds_count", by_name] == 1
    assert found["workflow_execution_seconds_sum", by_name] == 2.0
    assert found["workflow_execution_seconds_max", by_name] == 2.0
    assert found["workflow_execution_seconds", (*by_name[:1], ("quantile", "0.5"), *by_name[1:])] == pytest.approx(
        2, 0.13
    )
    assert found["workflow_failure_total", (by_name[0], ("status", "FAILED"), by_name[1])] == 1


def test_a_later_change_of_an_ended_workflow_is_no_second_end() -> None:
    metrics = Metrics()
    metrics.note(change(status=FAILED, ended_ms=NOW_MS - 1))

    assert metrics.counts["workflow_failure"] == {}


def test_a_hand_out_is_counted_and_its_wait_timed() -> None:
    metrics = Metrics()
    handed_out = task(status=IN_PROGRESS, started_ms=NOW_MS, start_delay_s=1, domain="eu")
    noted = change(tasks=[handed_out])
    noted.dequeued.add(handed_out.seq)
    metrics.note(noted)

    assert metrics.counts["task_poll_count"] == {("pick", "eu"): 1}
    assert metrics.timers["task_queue_wait"]["pick",].total_us == 500_000


def test_a_task_that_is_handed_out_again_waits_for_the_first_time_only() -> None:
    metrics = Metrics()
    noted = change(tasks=[task(status=IN_PROGRESS, started_ms=NOW_MS - 900)])
    noted.dequeued.add(1)
    metrics.note(noted)

    assert metrics.counts["task_poll_count"] == {("pick", "NO_DOMAIN"): 1}
    assert metrics.timers["task_queue_wait"] == {}


def test_a_longer_lease_is_no_hand_out() -> None:
    metrics = Metrics()
    metrics.note(change(tasks=[task(status=IN_PROGRESS, started_ms=NOW_MS - 900, updated_ms=NOW_MS)]))

    assert metrics.counts["task_poll_count"] == {}


def test_an_attempt_is_timed_when_it_ends() -> None:
    metrics = Metrics()
    metrics.note(change(tasks=[task(status=FAILED, started_ms=NOW_MS - 700, ended_ms=NOW_MS)]))

    assert metrics.timers["task_execution"]["pick", "false", FAILED].total_us == 700_000


def test_a_task_of_the_engine_is_timed_but_not_handed_out() -> None:
    metrics = Metrics()
    metrics.note(change(tasks=[task(status=COMPLETED, runs="engine", started_ms=NOW_MS, ended_ms=NOW_MS)], new=True))

    assert metrics.timers["task_execution"]["pick", "false", COMPLETED].count == 1
    assert metrics.counts["task_poll_count"] == {}


def test_a_task_that_is_marked_as_retried_later_is_not_counted_again() -> None:
    metrics = Metrics()
    metrics.note(change(tasks=[task(status=FAILED, started_ms=1, ended_ms=NOW_MS - 5, retried=True)]))

    assert metrics.timers["task_execution"] == {}


@pytest.mark.parametrize(
    ("reason", "silent"), [("responseTimeout: 5 exceeded for …", 1), ("Task timed out after 5", 0)]
)
def test_timeouts_are_counted_and_those_of_silent_workers_apart(reason: str, silent: int) -> None:
    metrics = Metrics()
    metrics.note(change(tasks=[task(status=TIMED_OUT, started_ms=1, ended_ms=NOW_MS, reason=reason)]))

    assert metrics.counts["task_timeout"] == {("pick",): 1}
    assert sum(metrics.counts["task_response_timeout"].values()) == silent


def test_a_new_task_that_waits_counts_for_nothing() -> None:
    metrics = Metrics()
    metrics.note(change(tasks=[task(status=SCHEDULED, scheduled_ms=NOW_MS)], new=True))

    assert not any(metrics.counts.values())
    assert not any(metrics.timers.values())


def test_answers_are_timed_by_route_and_status() -> None:
    metrics = Metrics()
    metrics.answered("GET", "/api/tasks/poll/{tasktype}", 200, 0.002)
    metrics.answered("BREW", "", 404, 0.001)
    metrics.answered("POST", "/api/workflow", 500, 0.001)

    assert metrics.timers["http_server_requests"]["GET", "/api/tasks/poll/{tasktype}", 200].total_us == 2_000
    assert ("", "unknown", 404) in metrics.timers["http_server_requests"]
    assert metrics.counts["workflow_server_error"] == {("rest", "POST /api/workflow"): 1}


def test_names_of_clients_can_not_fill_the_memory() -> None:
    metrics = Metrics()
    for number in range(2 * LABEL_SETS_MAX):
        metrics.count("task_timeout", f"{number}" + "x" * 10_000)
        metrics.observe("task_queue_wait", 1, f"{number}" + "x" * 10_000)

    assert len(metrics.counts["task_timeout"]) == LABEL_SETS_MAX + 1
    assert metrics.counts["task_timeout"]["other",] == LABEL_SETS_MAX
    assert len(metrics.timers["task_queue_wait"]) == LABEL_SETS_MAX + 1
    assert max(len(str(labels[0])) for labels in metrics.counts["task_timeout"]) == 200


def test_every_row_of_the_table_is_in_the_text() -> None:
    text = Exposition(Metrics(), []).text().decode()

    for metric in TABLE:
        assert f"# HELP {metric.name}" in text


@pytest.mark.anyio
async def test_readings_are_taken_beforehand_and_a_source_that_fails_hides_no_other() -> None:
    async def broken() -> Iterable[Reading]:
        raise OSError("away")

    async def whole() -> Iterable[Reading]:
        return [Reading("task_queue_depth", 7, ("pick", "unknown"))]

    exposition = Exposition(Metrics(), [broken, whole])
    await exposition.read()

    assert 'task_queue_depth{ownerApp="unknown",taskType="pick"} 7.0' in exposition.text().decode()


@pytest.mark.anyio
async def test_a_sparing_source_is_not_asked_again_at_once() -> None:
    asked = []

    async def source() -> Iterable[Reading]:
        asked.append(1)
        return [Reading("podium_stale", 1)]

    read = sparing(source, 60.0)

    assert list(await read()) == list(await read()) == [Reading("podium_stale", 1)]
    assert len(asked) == 1
