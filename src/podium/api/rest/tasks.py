"""Routes of tasks: polls, results, logs, queues."""

from typing import Any

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, RAW_TEXT, TEXT, Body, Route, json_of
from podium.api.rest.shown import SignalResponse, Task, Workflow
from podium.api.rest.task_result import decode_task_result
from podium.api.rest.workflows import PAGE, location_routes
from podium.model.task import TaskLog
from podium.service import Services
from podium.service.queues import PollDataView, ShardSize
from podium.service.reading import Results
from podium.service.task_result import TaskResult

AT = "/api/tasks"
RESULT = Body(decode_task_result, TaskResult)
OUTPUT = json_of(dict[str, Any])


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/tasks."""
    return [
        *_polls(services),
        *_results(services),
        *_by_name(services),
        *_reads(services),
        *_queues(services),
        *location_routes(services, AT),
    ]


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
            returns=Task,
            waits=True,
        ),
        Route(
            "GET",
            f"{AT}/poll/batch/{{tasktype}}",
            tasks.poll_batch,
            JSON,
            "Take up to `count` tasks, waiting at most `timeout` ms for the first",
            (*worker, Parameter("count", "integer", 1), Parameter("timeout", "integer", 100)),
            returns=list[Task],
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
            returns=Task,
        ),
        Route("POST", f"{AT}/{{taskId}}/ack", tasks.acknowledge, TEXT, "Say whether a task is still the worker's"),
        Route("POST", f"{AT}/{{taskId}}/log", tasks.add_log, EMPTY, "Log a line about a task", body=RAW_TEXT),
    ]


def _by_name(services: Services) -> list[Route]:
    tasks, signals = services.tasks, services.signals
    worker = (Parameter("workerid"),)
    named, waiting = f"{AT}/{{workflowId}}/{{taskRefName}}/{{status}}", f"{AT}/{{workflowId}}/{{status}}/signal"
    return [
        Route("POST", named, tasks.update_by_ref, TEXT, "Update the open task of a reference name", worker, OUTPUT),
        Route(
            "POST",
            f"{named}/sync",
            tasks.update_by_ref_sync,
            JSON,
            "Update the open task of a reference name and return the workflow",
            worker,
            OUTPUT,
            Workflow,
        ),
        Route("POST", waiting, signals.signal, EMPTY, "Give the task that a workflow waits at its result", body=OUTPUT),
        Route(
            "POST",
            f"{waiting}/sync",
            signals.signal_sync,
            JSON,
            "The same, and wait until the workflow ends or blocks again",
            (Parameter("returnStrategy", default="TARGET_WORKFLOW"), Parameter("timeoutMillis", "integer", 5_000)),
            OUTPUT,
            SignalResponse,
            waits=True,
        ),
    ]


def _reads(services: Services) -> list[Route]:
    search = services.search
    return [
        Route("GET", f"{AT}/{{taskId}}", services.reading.task, JSON, "Return a task", returns=Task),
        Route("GET", f"{AT}/{{taskId}}/log", services.tasks.logs, JSON, "Return a task's log", returns=list[TaskLog]),
        Route("GET", f"{AT}/search", search.tasks, JSON, "Search for tasks", PAGE, returns=Results),
        Route(
            "GET",
            f"{AT}/search-v2",
            search.tasks_whole,
            JSON,
            "Search for tasks, and return them whole",
            PAGE,
            returns=Results,
        ),
    ]


def _queues(services: Services) -> list[Route]:
    queues, at = services.queues, f"{AT}/queue"
    one_type = Parameter("taskType", required=True)
    parts = (one_type, Parameter("domain"), Parameter("isolationGroupId"), Parameter("executionNamespace"))
    several = (Parameter("taskType", "list", required=True),)
    sizes = dict[str, int]
    polled = list[PollDataView]
    return [
        Route("GET", f"{at}/all", queues.all, JSON, "Return the sizes of all queues", returns=sizes),
        Route(
            "GET",
            f"{at}/all/verbose",
            queues.all_verbose,
            JSON,
            "Return the sizes of all queues, leased tasks apart",
            returns=dict[str, dict[str, ShardSize]],
        ),
        Route("GET", f"{at}/size", queues.size, JSON, "Return the size of a queue", parts, returns=int),
        Route("GET", f"{at}/sizes", queues.sizes, JSON, "Return the sizes of queues", several, returns=sizes),
        Route("GET", f"{at}/polldata", queues.poll_data, JSON, "Who polls a type", (one_type,), returns=polled),
        Route("GET", f"{at}/polldata/all", queues.poll_data_all, JSON, "Who polls", returns=polled),
        Route("POST", f"{at}/requeue/{{taskType}}", queues.requeue, TEXT, "Make waiting tasks visible"),
    ]
