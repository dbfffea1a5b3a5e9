"""Routes of tasks: polls and results."""

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import JSON, TEXT, Body, Route
from podium.api.rest.task_result import decode_task_result
from podium.engine.view import TaskView
from podium.service import Services
from podium.service.task_result import TaskResult

AT = "/api/tasks"
RESULT = Body(decode_task_result, TaskResult)


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/tasks."""
    return [*_polls(services), *_results(services)]


def _polls(services: Services) -> list[Route]:
    tasks = services.tasks
    worker = (Parameter("workerid"), Parameter("domain"))
    return [
        Route(
            "GET",
            f"{AT}/poll/{{tasktype}}",
            tasks.poll,
            JSON,
            "Take one task, waiting a tenth of a second for it",
            worker,
            returns=TaskView,
            waits=True,
        ),
        Route(
            "GET",
            f"{AT}/poll/batch/{{tasktype}}",
            tasks.poll_batch,
            JSON,
            "Take up to `count` tasks, waiting at most `timeout` ms for the first",
            (*worker, Parameter("count", "integer", 1), Parameter("timeout", "integer", 100)),
            returns=list[TaskView],
            waits=True,
        ),
    ]


def _results(services: Services) -> list[Route]:
    tasks = services.tasks
    return [
        Route("POST", AT, tasks.update, TEXT, "Report the result of a task", body=RESULT),
        Route(
            "POST",
            f"{AT}/update-v2",
            tasks.update_and_poll,
            JSON,
            "Report the result of a task and take the next one of its type",
            body=RESULT,
            returns=TaskView,
        ),
    ]
