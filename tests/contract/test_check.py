"""The check of a database: silent when all is well, one line for each broken rule."""

from typing import Any

import pytest

from podium.store import Store


async def faults(store: Store) -> list[str]:
    return [line async for line in store.check()]


def check(run: Any, *transitions: Any) -> list[str]:
    async def scenario(store: Store) -> list[str]:
        await store.put_definition("hash", b"{}")
        assert all(await store.commit(list(transitions)))
        return await faults(store)

    lines: list[str] = run(scenario)
    return lines


def test_an_empty_database_is_well(run: Any) -> None:
    assert check(run) == []


def test_workflows_that_something_will_move_on_are_well(run: Any, make: Any) -> None:
    queued, waking, leased, addressed, child, parent = (
        make.workflow(**fields) for fields in ({}, {"wake_ms": 9}, {}, {}, {}, {})
    )
    sub = make.task(type="SUB_WORKFLOW", runs="engine", status="IN_PROGRESS", sub_workflow_id=child.id)

    lines = check(
        run,
        make.start(queued, make.task(), enqueued=[make.queued(queued)]),
        make.start(waking, make.task(type="WAIT", runs="engine", status="IN_PROGRESS", due_ms=9)),
        make.start(
            leased, make.task(status="IN_PROGRESS"), make.task(2, type="JOIN", runs="engine", status="IN_PROGRESS")
        ),
        make.start(addressed, messages=[make.message(addressed.id)]),
        make.start(parent, sub),
        make.start(child, make.task(status="IN_PROGRESS")),
        make.start(make.workflow(status="COMPLETED", wake_ms=0), make.task(status="COMPLETED")),
        make.start(make.workflow(status="PAUSED"), make.task()),
        make.start(make.workflow(quarantine="broken"), make.task()),
    )

    assert lines == []


@pytest.mark.parametrize(
    ("fields", "task", "expected"),
    [
        ({}, None, "nothing will move it on"),
        ({}, {"type": "JOIN", "runs": "engine", "status": "IN_PROGRESS"}, "nothing will move it on"),
        ({"wake_ms": 9}, {}, "task 1 (step_1) is scheduled, but in no queue"),
        (
            {"wake_ms": 9},
            {"type": "WAIT", "runs": "engine", "status": "IN_PROGRESS", "due_ms": 8},
            "is due at 8, but the wake-up is at 9",
        ),
        (
            {},
            {"type": "WAIT", "runs": "engine", "status": "IN_PROGRESS", "due_ms": 8},
            "is due at 8, but the wake-up is at 0",
        ),
        ({"status": "COMPLETED"}, {}, "it is COMPLETED, but task 1 (step_1) is SCHEDULED"),
        ({"next_seq": 1}, {"status": "IN_PROGRESS"}, "task 1 exists, but the next one to be made is 1"),
        ({"version": 0}, {"status": "IN_PROGRESS"}, "its version is 0"),
        ({"status": "WRONG"}, None, "its status is WRONG, which does not exist"),
        (
            {},
            {"type": "SUB_WORKFLOW", "runs": "engine", "status": "IN_PROGRESS", "sub_workflow_id": "gone"},
            "waits for workflow gone, which does not exist",
        ),
    ],
)
def test_a_broken_rule_is_told(
    run: Any, make: Any, fields: dict[str, Any], task: dict[str, Any] | None, expected: str
) -> None:
    workflow = make.workflow(**fields)

    lines = check(run, make.start(workflow, *([] if task is None else [make.task(**task)])))

    assert len(lines) == 1
    assert expected in lines[0]
    assert workflow.id in lines[0]


def test_a_queue_row_without_an_open_task_is_told(run: Any, make: Any) -> None:
    workflow = make.workflow(status="COMPLETED")

    lines = check(run, make.start(workflow, make.task(status="COMPLETED"), enqueued=[make.queued(workflow)]))

    assert len(lines) == 1
    assert "queue pack holds task" in lines[0]


def test_a_parent_that_was_not_told_of_its_childs_end_is_told(run: Any, make: Any) -> None:
    parent, child = make.workflow(), make.workflow(status="COMPLETED")
    waiting = make.task(type="SUB_WORKFLOW", runs="engine", status="IN_PROGRESS", sub_workflow_id=child.id)

    (line,) = check(run, make.start(parent, waiting), make.start(child))

    assert f"waits for workflow {child.id}, which is COMPLETED already" in line
    parent.row = child.row = 0
    assert check(run, make.start(parent, waiting), make.start(child, messages=[make.message(parent.id)])) == []


def test_an_open_workflow_without_its_definition_is_told(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.commit([make.start(make.workflow(wake_ms=1)), make.start(make.workflow(status="FAILED"))])

        lines = await faults(store)
        assert len(lines) == 1
        assert "its definition hash is not stored" in lines[0]

    run(scenario)


def test_faults_of_many_workflows_are_all_told(run: Any, make: Any) -> None:
    assert len(check(run, *(make.start(make.workflow()) for _ in range(450)))) == 450
