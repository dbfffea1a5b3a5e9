"""A worker program with the SDK's TaskHandler: one process per worker, found by its decorators."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from conductor.client.workflow.task.simple_task import simple_task

from tests.compatibility.eventually import eventually
from tests.process import Server

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

PROGRAM = Path(__file__).with_name("worker_program.py")
PREFIX = "program"
END_S = 20.0


@pytest.fixture(scope="module")
def program(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Run the program, and end it by ending its input; the file has what it logs."""
    path = tmp_path_factory.mktemp("program") / "log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), server.url, PREFIX],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield path
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(END_S) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # whatever is left of it
        process.wait()


def test_workers_in_processes_do_a_workflow(
    program: Path, executor: WorkflowExecutor, metadata: OrkesMetadataClient, tasks: OrkesTaskClient, name: str
) -> None:
    eventually(
        lambda: f"{PREFIX}_registered" in [one.name for one in metadata.get_all_task_defs()],
        "the worker registers its task definition",
        deadline_s=30,
    )
    workflow = ConductorWorkflow(executor, name, 1) >> simple_task(f"{PREFIX}_greet", "greet", {"who": "Ann"})
    workflow >> simple_task(f"{PREFIX}_stamp", "stamp", {"text": "${greet.output.text}"})
    workflow >> simple_task(f"{PREFIX}_registered", "registered", {"n": 41})
    workflow.output_parameters({"text": "${stamp.output.input.text}", "n": "${registered.output.n}"})
    workflow.output_parameter("pids", ["${greet.output.pid}", "${registered.output.pid}"])

    run = workflow.execute(wait_for_seconds=40)

    assert run.status == "COMPLETED", (run.tasks, program.read_text())
    assert (run.output["text"], run.output["n"]) == ("hello Ann", 42)
    assert len({*run.output["pids"], os.getpid()}) == 3, "each worker has a process of its own"
    assert [(task.reference_task_name, task.status) for task in run.tasks] == [
        ("greet", "COMPLETED"),
        ("stamp", "COMPLETED"),
        ("registered", "FAILED"),
        ("registered", "COMPLETED"),
    ]
    assert [entry.log for entry in tasks.get_task_logs(run.tasks[-1].task_id)] == ["attempt 1"]
    definition = metadata.get_task_def(f"{PREFIX}_registered")
    assert (definition.retry_count, definition.retry_delay_seconds) == (2, 0), "registered by the worker itself"


def test_workers_go_on_after_the_first_workflow(program: Path, executor: WorkflowExecutor, name: str) -> None:
    steps = [[simple_task(f"{PREFIX}_greet", f"g{n}", {"who": str(n)})] for n in range(20)]
    workflow = ConductorWorkflow(executor, name, 1) >> steps >> simple_task(f"{PREFIX}_stamp", "stamp", {})
    workflow.output_parameters({"first": "${g0.output.text}", "last": "${g19.output.text}"})

    run = workflow.execute(wait_for_seconds=40)

    assert run.status == "COMPLETED", program.read_text()
    assert run.output == {"first": "hello 0", "last": "hello 19"}
