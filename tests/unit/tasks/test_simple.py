"""SIMPLE, and types that the server does not know."""

import pytest

from podium.testing import Rehearsal
from podium.testing.steps import simple, step, workflow


def test_a_workers_task_waits_in_the_queue_of_its_name(stage: Rehearsal):
    stage.register(workflow("w", simple("s", {"a": "${workflow.input.a}", "me": "${CPEWF_TASK_ID}"}, name="work")))

    key = stage.start("w", {"a": 1})

    task = stage.task(key, "s")
    assert (stage.lines(key), task.name) == (["1 s work SCHEDULED"], "work")
    assert stage.given(key, "s") == {"a": 1, "me": stage.view(key)["tasks"][0]["taskId"]}
    assert (task.response_timeout_s, task.rate_limit, task.rate_window_s) == (3600, 0, 1)
    assert [row.seq for row in stage.queue("work")] == [1]


@pytest.mark.parametrize("kind", ["simple", "MY_TYPE", "YIELD", ""])
def test_an_unknown_type_is_a_queue_of_that_name(stage: Rehearsal, kind: str):
    stage.register(workflow("w", step("s", kind, name="n")))

    key = stage.start("w")

    task = stage.task(key, "s")
    assert (task.type, task.name, task.response_timeout_s) == (kind, "n", 0)
    assert stage.poll(kind) is not None


def test_a_start_delay_hides_the_task(stage: Rehearsal):
    stage.register(workflow("w", simple("s", startDelay=5)))
    key = stage.start("w")
    assert (stage.task(key, "s").start_delay_s, stage.task(key, "s").callback_after_s) == (5, 5)

    assert stage.poll("s") is None
    stage.advance(5)
    assert stage.poll("s") is not None


def test_limits_come_from_the_definition(stage: Rehearsal):
    stage.register(
        {"name": "s", "rateLimitPerFrequency": 3, "rateLimitFrequencyInSeconds": 9, "responseTimeoutSeconds": 7}
    )
    stage.register(workflow("w", simple("s")))

    task = stage.task(stage.start("w"), "s")

    assert (task.rate_limit, task.rate_window_s, task.response_timeout_s) == (3, 9, 7)


def test_the_input_template_fills_what_is_missing_or_null(stage: Rehearsal):
    template = {"x": "${workflow.input.a}", "y": "raw ${workflow.input.a}", "z": 1}
    stage.register({"name": "s", "inputTemplate": template})
    stage.register(workflow("w", simple("s", {"y": "${workflow.input.missing}", "z": 2})))

    key = stage.start("w", {"a": 5})

    assert stage.given(key, "s") == {"x": 5, "y": "raw ${workflow.input.a}", "z": 2}


def test_secrets_stay_literal(stage: Rehearsal):
    stage.register(workflow("w", simple("s", {"k": "${workflow.secrets.KEY}"})))

    assert stage.given(stage.start("w"), "s") == {"k": "${workflow.secrets.KEY}"}


def test_the_environment_store_is_read(stage: Rehearsal):
    stage = Rehearsal(environment={"REGION": "eu", "MAP": '{"a":[1]}'})
    given = {"r": "${workflow.env.REGION}", "a": "${workflow.env.MAP.a[0]}", "n": "${workflow.env.NO}"}
    stage.register(workflow("w", simple("s", given)))

    assert stage.given(stage.start("w"), "s") == {"r": "eu", "a": 1, "n": None}
