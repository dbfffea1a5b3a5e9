"""Routes of the scheduler."""

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, Route, json_of
from podium.model.schedule import WorkflowSchedule
from podium.service import Services
from podium.service.bulk_response import BulkResponse
from podium.service.reading import Results

AT = "/api/scheduler"
ONE = f"{AT}/schedules/{{name}}"
PAGE = (Parameter("start", "integer", 0), Parameter("size", "integer", 100), Parameter("sort"))
NEXT = (
    Parameter("cronExpression", required=True),
    Parameter("scheduleStartTime", "long"),
    Parameter("scheduleEndTime", "long"),
    Parameter("limit", "integer", 5),
)
FOUND = (Parameter("workflowName"), Parameter("scheduleName"), Parameter("paused", "boolean"), Parameter("freeText"))
RUNS = (Parameter("query"), Parameter("freeText"))


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/scheduler; older clients pause and resume with GET."""
    schedules, names = services.schedules, json_of(list[str])
    listed, name = list[WorkflowSchedule], (Parameter("workflowName"),)
    reason = (Parameter("reason"),)
    return [
        Route(
            "POST",
            f"{AT}/schedules",
            schedules.save,
            JSON,
            "Create or replace a schedule",
            body=json_of(WorkflowSchedule),
            returns=WorkflowSchedule,
        ),
        Route("GET", f"{AT}/schedules", schedules.listed, JSON, "Return all schedules", name, returns=listed),
        Route(
            "GET",
            f"{AT}/schedules/search",
            schedules.search,
            JSON,
            "Search schedules",
            (*FOUND, *PAGE),
            returns=Results,
        ),
        Route("GET", ONE, schedules.get, JSON, "Return a schedule", returns=WorkflowSchedule),
        Route("DELETE", ONE, schedules.delete, EMPTY, "Delete a schedule"),
        *(
            Route(method, f"{ONE}/pause", schedules.pause, EMPTY, "Pause a schedule", reason)
            for method in ("PUT", "GET")
        ),
        *(Route(method, f"{ONE}/resume", schedules.resume, EMPTY, "Resume a schedule") for method in ("PUT", "GET")),
        Route(
            "GET", f"{AT}/nextFewSchedules", schedules.next_runs, JSON, "Return the next times", NEXT, returns=list[int]
        ),
        Route(
            "PUT", f"{AT}/bulk/pause", schedules.bulk_pause, JSON, "Pause schedules", body=names, returns=BulkResponse
        ),
        Route(
            "PUT",
            f"{AT}/bulk/resume",
            schedules.bulk_resume,
            JSON,
            "Resume schedules",
            body=names,
            returns=BulkResponse,
        ),
        Route("GET", f"{AT}/search/executions", schedules.runs, JSON, "Search runs", (*RUNS, *PAGE), returns=Results),
        Route("GET", f"{AT}/admin/requeue", schedules.requeue, JSON, "Has no effect: records are in no queue"),
        Route("GET", f"{AT}/admin/pause", schedules.pause_all, JSON, "Run no schedules, on any node"),
        Route("GET", f"{AT}/admin/resume", schedules.resume_all, JSON, "Run schedules again"),
    ]
