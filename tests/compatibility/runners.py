"""Task runners of conductor-python in threads of the test process, one per worker."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from typing import Any

from conductor.client.automator.async_task_runner import AsyncTaskRunner
from conductor.client.automator.task_runner import TaskRunner
from conductor.client.configuration.configuration import Configuration
from conductor.client.worker.worker import Worker
from conductor.client.worker.worker_interface import WorkerInterface

STOP_S = 10.0


class Runners:
    """The workers of one test."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._running: list[tuple[TaskRunner | AsyncTaskRunner, threading.Thread]] = []

    def work(self, task_type: str, function: Callable[..., Any], **options: Any) -> TaskRunner | AsyncTaskRunner:
        """Run *function* for the tasks of a type; *options* are those of the SDK's Worker."""
        options.setdefault("poll_interval", 20)
        return self.run(Worker(task_type, function, **options), is_async=inspect.iscoroutinefunction(function))

    def run(self, worker: WorkerInterface, *, is_async: bool = False) -> TaskRunner | AsyncTaskRunner:
        """Run a worker, in the way that the SDK's TaskHandler chooses for it."""
        runner: TaskRunner | AsyncTaskRunner
        if is_async:
            runner = AsyncTaskRunner(worker, self._configuration)
            thread = threading.Thread(target=lambda: asyncio.run(runner.run()))
        else:
            runner = TaskRunner(worker, self._configuration)
            thread = threading.Thread(target=runner.run)
        thread.start()
        self._running.append((runner, thread))
        return runner

    def stop(self) -> None:
        """Have the runners finish, and wait for their threads."""
        for runner, _ in self._running:
            stopping = runner.stop()
            if stopping is not None:
                asyncio.run(stopping)
        for _, thread in self._running:
            thread.join(STOP_S)
            assert not thread.is_alive(), "a task runner did not end"
