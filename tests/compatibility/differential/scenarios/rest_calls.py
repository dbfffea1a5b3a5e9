"""Calls around workflows: bad ones, event handlers, queues, search, administration, schedules."""

from tests.compatibility.differential.call import Call, terminate
from tests.compatibility.differential.definition import task_def, workflow
from tests.compatibility.differential.flow import inline, simple, step
from tests.compatibility.differential.scenario import Poll, calls, registered

W = workflow("~w", simple("a"))
HANDLER = {
    "name": "~h",
    "event": "conductor:~w:ev",
    "active": True,
    "actions": [{"action": "start_workflow", "start_workflow": {"name": "~w", "input": {"k": "${x}"}}}],
}
START = Call("POST", "/workflow", {"name": "~w", "input": {"a": 1, "n": None}, "correlationId": "~c"}, keeps="w")
SCHEDULE = {
    "name": "~s",
    "cronExpression": "0 0 12 * * *",
    "zoneId": "UTC",
    "paused": True,
    "startWorkflowRequest": {"name": "~w", "version": 1, "input": {"k": 1}},
}


def get(*paths: str) -> list[Call]:
    return [Call("GET", path) for path in paths]


def search(name: str, *queries: str, path: str = "/workflow/search") -> object:
    begin = [*registered(W, task_def("~a")), START, Poll("~a")]
    return calls(f"search: {name}", "rest 5.2", *begin, *get(*(f"{path}?{query}" for query in queries)))


SCENARIOS = [
    calls(
        "bad paths",
        "rest 1.1",
        *get("/xyz", "/workflow/search/", "/workflow/a/b/c/d"),
        Call("PATCH", "/workflow"),
        Call("POST", "/workflow/nope/pause"),
        Call("POST", "/token", {}),
        *get("/token/userInfo"),
    ),
    calls(
        "bad parameters",
        "rest 1.2",
        *get(
            "/workflow/nope?includeTasks=maybe",
            "/tasks/queue/polldata",
            "/tasks/queue/size",
            "/tasks/poll/batch/~none?count=x",
            "/workflow/running/~w?version=abc",
            "/tasks/poll/batch/~none?timeout=abc",
        ),
    ),
    calls(
        "booleans",
        "rest 1.2",
        *registered(W),
        START,
        *get(
            "/workflow/@w?includeTasks=False",
            "/workflow/@w?includeTasks=0",
            "/workflow/@w?includeTasks=off",
            "/workflow/@w?includeTasks=",
            "/workflow/@w?includeTasks=NO",
        ),
    ),
    calls(
        "bad bodies",
        "rest 1.1",
        Call("POST", "/metadata/taskdefs", b"{", content_type="application/json"),
        Call("POST", "/workflow", b"{}", content_type="text/plain"),
        Call("POST", "/tasks", b"x"),
        Call("POST", "/tasks", b'{"status": 5}'),
        Call("POST", "/workflow/~none", b"[]"),
        Call("POST", "/workflow/~none", b"5"),
    ),
    calls(
        "lists of definitions",
        "rest 2.1",
        *registered(W),
        Call("GET", "/metadata/workflow/names-and-versions", is_shown=False),
        Call("GET", "/metadata/workflow/latest-versions", is_shown=False),
        Call("GET", "/metadata/workflow/names", is_shown=False),
    ),
    # ---- event handlers
    calls(
        "handler",
        "rest 2.5,definitions 8",
        Call("POST", "/event", HANDLER),
        Call("POST", "/event", HANDLER),
        *get("/event/conductor:~w:ev", "/event/conductor:~w:ev?activeOnly=false", "/event/conductor:~w:other"),
        Call("PUT", "/event", {**HANDLER, "active": False}),
        *get("/event/conductor:~w:ev", "/event/conductor:~w:ev?activeOnly=false"),
        Call("DELETE", "/event/~h"),
        Call("DELETE", "/event/~h"),
        Call("PUT", "/event", HANDLER),
    ),
    calls(
        "handler: refused",
        "definitions 8,rest 4",
        Call("POST", "/event", {}),
        Call("POST", "/event", {"name": "~h"}),
        Call("POST", "/event", {"name": "~h", "event": "conductor:x", "actions": []}),
        Call("PUT", "/event", {}),
        Call("POST", "/event", {"name": "~h", "event": "conductor:x", "actions": [{"action": "nope"}]}),
        Call("POST", "/event", {"name": "~h", "event": "", "actions": [{"action": "start_workflow"}]}),
    ),
    # ---- queues
    calls(
        "queue sizes",
        "queues 9",
        *registered(W),
        START,
        *get(
            "/tasks/queue/sizes?taskType=~a&taskType=~none",
            "/tasks/queue/size?taskType=~a",
            "/tasks/queue/size?taskType=~a&domain=d",
        ),
        Poll("~a"),
        *get("/tasks/queue/size?taskType=~a", "/tasks/queue/polldata?taskType=~a"),
    ),
    calls(
        "poll data by domain",
        "queues 8",
        Call("GET", "/tasks/poll/~a?workerid=me&domain=d"),
        Call("GET", "/tasks/poll/~a?workerid=you"),
        *get("/tasks/queue/polldata?taskType=~a", "/tasks/queue/polldata?taskType=~none"),
    ),
    calls(
        "requeue",
        "queues 9",
        *registered(W),
        START,
        Call("POST", "/tasks/queue/requeue/~a"),
        Call("POST", "/tasks/queue/requeue/~none"),
        *get("/admin/task/~a", "/admin/task/~none"),
        Call("POST", "/admin/sweep/requeue/@w"),
        Call("POST", "/admin/consistency/verifyAndRepair/@w"),
    ),
    calls(
        "batch poll",
        "queues 3.1",
        *registered(W),
        START,
        Call("POST", "/workflow", {"name": "~w"}, keeps="w2"),
        Call("GET", "/tasks/poll/batch/~a?count=2&timeout=2000&workerid=me"),
        Call("GET", "/tasks/poll/batch/~a?count=2&timeout=100"),
        *get("/tasks/poll/batch/~a?count=0", "/tasks/poll/batch/~a?count=-1"),
    ),
    # ---- search
    search(
        "by type",
        "query=workflowType=~w",
        'query=workflowType="~w"',
        "query=workflowType='~w'",
        "query=workflowType IN (~w)",
        "query=workflowType IN (~w,x)",
        "query=workflowType = ~w",
        "query=workflowType=~none",
    ),
    search(
        "by status",
        "query=workflowType=~w AND status=RUNNING",
        "query=workflowType=~w AND status IN (RUNNING,FAILED)",
        "query=workflowType=~w AND status=COMPLETED",
    ),
    search(
        "by other fields",
        "query=workflowId=@w",
        "query=correlationId=~c",
        "query=correlationId IN (~c)",
        "query=workflowType=~w AND startTime>1000",
        "query=workflowType=~w AND startTime<1000",
        'query=workflowType=~w AND parentWorkflowId=""',
    ),
    search(
        "pages",
        "query=workflowType=~w%26size=0",
        "query=workflowType=~w&size=0",
        "query=workflowType=~w&start=5",
        "query=workflowType=~w&size=1&sort=startTime:DESC",
        "query=workflowType=~w&size=5001",
    ),
    search("bad", "query=workflowType", "query=workflowType=~w AND nonsense"),
    search("free text", "freeText=~w", "freeText=*&query=workflowType=~w", "freeText=~nothing"),
    search(
        "of tasks",
        "query=taskType=~a",
        "query=taskType=~a AND status=IN_PROGRESS",
        "query=taskDefName IN (~a)",
        "query=taskId=@t.a",
        "query=taskType=~none",
        path="/tasks/search",
    ),
    search("version 2", "query=workflowType=~w", path="/workflow/search-v2"),
    search("tasks, version 2", "query=taskType=~a", path="/tasks/search-v2"),
    search("by tasks", "query=taskType=~a", path="/workflow/search-by-tasks"),
    calls(
        "search: ended",
        "rest 3.7",
        *registered(
            workflow(
                "~w", inline("i", "({a: 1, l: ['x', null]})"), outputParameters={"r": "${i.output.result}", "s": "text"}
            )
        ),
        START,
        *get("/workflow/search?query=workflowType=~w", "/tasks/search?query=taskId=@t.i"),
    ),
    calls(
        "search: failed",
        "rest 3.7",
        *registered(workflow("~w", inline("i", "throw 1"))),
        START,
        *get("/workflow/search?query=workflowType=~w"),
    ),
    calls(
        "search: terminated",
        "rest 3.7",
        *registered(W),
        START,
        terminate(),
        *get("/workflow/search?query=workflowType=~w", "/workflow/search?query=workflowType=~w AND endTime>1000"),
    ),
    # ---- schedules
    calls(
        "schedule",
        "rest 2.6",
        *registered(W),
        Call("POST", "/scheduler/schedules", SCHEDULE),
        *get("/scheduler/schedules/~s", "/scheduler/schedules?workflowName=~w"),
        Call("PUT", "/scheduler/schedules/~s/resume"),
        Call("PUT", "/scheduler/schedules/~s/pause?reason=r"),
        *get("/scheduler/schedules/~s", "/scheduler/schedules/~none", "/scheduler/schedules/search?workflowName=~w"),
        Call("PUT", "/scheduler/bulk/pause", ["~s", "~none"]),
        Call("PUT", "/scheduler/bulk/resume", ["~s"]),
        Call("DELETE", "/scheduler/schedules/~s"),
        Call("DELETE", "/scheduler/schedules/~s"),
        *get("/scheduler/schedules/~s", "/scheduler/search/executions?query=scheduleName=~s"),
    ),
    calls(
        "schedule: next times",
        "rest 2.6",
        *get(
            "/scheduler/nextFewSchedules?cronExpression=0 0 12 * * *&scheduleStartTime=4102444800000&limit=3",
            "/scheduler/nextFewSchedules?cronExpression=nope",
            "/scheduler/nextFewSchedules?cronExpression=0 0 12 * * MON-FRI&scheduleStartTime=4102444800000",
        ),
    ),
    # ---- payload locations, others
    calls(
        "payload locations",
        "rest 2.2",
        *get(
            "/workflow/externalstoragelocation?path=p&operation=NOPE&payloadType=WORKFLOW_INPUT",
            "/tasks/externalstoragelocation?path=p&operation=WRITE&payloadType=NOPE",
            "/workflow/externalstoragelocation?path=p",
        ),
    ),
    calls(
        "health",
        "rest 2.7",
        Call("GET", "//health"),
        Call("GET", "/health"),
        Call("GET", "/version", is_shown=False),
        Call("GET", "/queue/size"),
        Call("GET", "/queue/"),
        Call("GET", "/environment/~NOPE"),
        Call("GET", "/secrets/~NOPE/exists"),
        Call("GET", "/secrets/~NOPE"),
    ),
    calls(
        "queue updates",
        "rest 2.7",
        *registered(workflow("~w", step("p", "WAIT"))),
        START,
        Call("POST", "/queue/update/@w/p/COMPLETED", {"x": 1}),
    ),
]
