"""A program as users write it: workers of conductor-python in processes of a TaskHandler.

Run as `python worker_program.py URL PREFIX`; the task types begin with the prefix. It ends with its standard input.
"""

import os
import sys
import time
from typing import Any

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.context.task_context import get_task_context
from conductor.client.http.models import Task, TaskResult
from conductor.client.http.models.task_def import TaskDef
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.worker.worker_interface import WorkerInterface
from conductor.client.worker.worker_task import worker_task

PREFIX = sys.argv[2] if len(sys.argv) > 2 else "program"


@worker_task(task_definition_name=f"{PREFIX}_greet", poll_interval_millis=20, thread_count=2)
def greet(who: str) -> dict[str, Any]:
    """Say hello; runs in threads of a process of its own."""
    return {"text": f"hello {who}", "pid": os.getpid()}


@worker_task(
    task_definition_name=f"{PREFIX}_registered",
    poll_interval_millis=20,
    thread_count=4,
    register_task_def=True,
    task_def=TaskDef(name="overwritten by the SDK", retry_count=2, retry_delay_seconds=0, timeout_seconds=0),
)
async def registered(n: int) -> dict[str, Any]:
    """Fail once; runs as a coroutine, and registers its task definition at the start."""
    context = get_task_context()
    context.add_log(f"attempt {context.get_retry_count()}")
    if context.get_retry_count() == 0:
        raise ValueError("the first attempt fails")
    return {"n": n + 1, "pid": os.getpid()}


class Stamp(WorkerInterface):
    """A worker class."""

    def execute(self, task: Task) -> TaskResult:
        """Return what came in, with the time."""
        result = self.get_task_result_from_task(task)
        result.status = TaskResultStatus.COMPLETED
        result.output_data = {"input": task.input_data, "at": time.time()}
        return result


def main() -> None:
    """Work until standard input ends."""
    configuration = Configuration(server_api_url=f"{sys.argv[1]}/api")
    stamp = Stamp(f"{PREFIX}_stamp")
    stamp.poll_interval = 20
    with TaskHandler([stamp], configuration, scan_for_annotated_workers=True) as handler:
        handler.start_processes()
        print("started", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
