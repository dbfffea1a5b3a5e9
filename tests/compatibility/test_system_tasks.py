"""Tasks that the server does itself, written with conductor-python's ConductorWorkflow."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.task.dynamic_task import DynamicTask
from conductor.client.workflow.task.event_task import ConductorEventTask
from conductor.client.workflow.task.http_task import HttpInput, HttpMethod, HttpTask
from conductor.client.workflow.task.inline import InlineTask
from conductor.client.workflow.task.javascript_task import JavascriptTask
from conductor.client.workflow.task.json_jq_task import JsonJQTask
from conductor.client.workflow.task.set_variable_task import SetVariableTask
from conductor.client.workflow.task.terminate_task import TerminateTask, WorkflowStatus

from tests.compatibility.runners import Runners
from tests.compatibility.runs import completed, js, refs, task_of

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


class Page(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self) -> None:
        self._answer(404 if self.path == "/none" else 200, {"path": self.path, "token": self.headers.get("X-Token")})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(201, {"got": json.loads(body), "type": self.headers["Content-Type"]})

    def _answer(self, status: int, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_tasks_call_a_server(workflow: ConductorWorkflow, page: str) -> None:
    read = HttpTask("read", {"uri": f"{page}/a?b=${{workflow.input.b}}", "headers": {"X-Token": "t1"}})
    body = {"n": "${workflow.input.b}", "deep": {"list": [1, None]}}
    write = HttpTask("write", HttpInput(HttpMethod.POST, f"{page}/c", body=body))
    workflow >> read >> write
    workflow.output_parameters({"read": read.body(), "code": write.status_code(), "got": write.body("got")})
    workflow.output_parameter("type", "${write.output.response.headers['Content-Type'][0]}")

    output = completed(workflow(b=5))

    assert output["read"] == {"path": "/a?b=5", "token": "t1"}
    assert (output["code"], output["type"]) == (201, "application/json")
    assert output["got"] == {"n": 5, "deep": {"list": [1, None]}}


def test_an_http_task_fails_with_its_response(workflow: ConductorWorkflow, page: str) -> None:
    run = (workflow >> HttpTask("read", {"uri": f"{page}/none"}))()

    assert run.status == "FAILED"
    assert task_of(run, "read").output_data["response"]["statusCode"] == 404


def test_javascript_is_evaluated_on_the_server(workflow: ConductorWorkflow) -> None:
    script = "(function () { return {sum: $.list.reduce((a, b) => a + b, 0), text: $.list.length + ' items'}; })()"
    (
        workflow
        >> InlineTask("a", script, {"list": workflow.input("list")})
        >> js("b", "$.x * 2", x="${a.output.result.sum}")
    )
    workflow.output_parameters({"a": "${a.output.result}", "b": JavascriptTask("b", "").output()})

    assert completed(workflow(list=[1, 2, 3])) == {"a": {"sum": 6, "text": "3 items"}, "b": 12}


def test_a_broken_script_fails_the_workflow(workflow: ConductorWorkflow) -> None:
    run = (workflow >> js("a", "$.x.y.z", x=None))()

    assert (run.status, task_of(run, "a").status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "TypeError" in task_of(run, "a").reason_for_incompletion


def test_json_is_transformed_with_jq(workflow: ConductorWorkflow) -> None:
    query = JsonJQTask("jq", "{names: [.people[] | select(.age > 30) | .name], count: (.people | length)}")
    query.input_parameter("people", workflow.input("people"))
    workflow >> query
    workflow.output_parameters({"found": "${jq.output.result}", "all": "${jq.output.resultList}"})
    people = [{"name": "Ann", "age": 40}, {"name": "Bob", "age": 20}]

    found = {"names": ["Ann"], "count": 2}
    assert completed(workflow(people=people)) == {"found": found, "all": [found]}


def test_variables_are_set_and_read(workflow: ConductorWorkflow) -> None:
    workflow.variables({"a": 1, "b": 1})
    workflow >> SetVariableTask("s").input_parameter("b", workflow.input("x")).input_parameter("c", {"d": [2]})
    workflow.output_parameters({"all": "${workflow.variables}", "d": "${workflow.variables.c.d[0]}"})

    run = workflow(x="new")

    assert completed(run) == {"all": {"a": 1, "b": "new", "c": {"d": [2]}}, "d": 2}
    assert run.variables == {"a": 1, "b": "new", "c": {"d": [2]}}


@pytest.mark.parametrize("status", [WorkflowStatus.COMPLETED, WorkflowStatus.FAILED, WorkflowStatus.TERMINATED])
def test_a_terminate_task_ends_the_workflow(
    workflow: ConductorWorkflow, workflows: OrkesWorkflowClient, status: WorkflowStatus
) -> None:
    end = TerminateTask("end", status, "enough")
    end.input_parameter("workflowOutput", {"x": workflow.input("x")})
    workflow >> end >> js("never", "1")

    run = workflow(x=1)

    assert (run.status, run.output) == (status.value, {"x": 1})
    assert refs(run) == ["end"]
    assert workflows.get_workflow(run.workflow_id).reason_for_incompletion == "enough"


def test_an_event_is_published(workflow: ConductorWorkflow, name: str) -> None:
    told = ConductorEventTask("told", "happened")
    told.input_parameter("x", workflow.input("x"))
    workflow >> told
    workflow.output_parameters({"x": "${told.output.x}", "to": "${told.output.event_produced}"})

    assert completed(workflow(x=1)) == {"x": 1, "to": f"conductor:{name}:happened"}


def test_a_dynamic_task_is_what_its_input_says(workflow: ConductorWorkflow, runners: Runners, name: str) -> None:
    def work(x: int) -> int:
        return x + 1

    runners.work(f"{name}_worker", work)
    dynamic = DynamicTask(workflow.input("what"), "dynamic")
    dynamic.input_parameter("x", 1)
    workflow >> dynamic

    run = workflow(what=f"{name}_worker")

    assert completed(run) == {"result": 2}
    assert task_of(run, "dynamic").task_type == f"{name}_worker"


def test_an_optional_task_may_fail(workflow: ConductorWorkflow) -> None:
    broken = js("broken", "throw new Error('no')")
    broken.optional = True

    run = (workflow >> broken >> js("after", "1"))()

    assert completed(run) == {"result": 1}
    assert task_of(run, "broken").status == "COMPLETED_WITH_ERRORS"
