"""An ordinary workflow with its worker, over and over, while something else goes on: it must never fail."""

import threading
import time

import httpx

NAME = "control"
TIMEOUT_S = 30.0


class Control(threading.Thread):
    """Starts a workflow, does its task, and looks that it is completed; keeps how long each one took."""

    def __init__(self, url: str) -> None:
        super().__init__(name=NAME)
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self._url = url
        self._is_over = threading.Event()
        self._is_warm = threading.Event()

    def begin(self) -> None:
        """Start, and wait until the first ten workflows are done."""
        with httpx.Client(base_url=self._url, timeout=TIMEOUT_S) as client:
            step = {"name": NAME, "taskReferenceName": "only", "type": "SIMPLE"}
            client.post("/api/metadata/workflow", json={"name": NAME, "tasks": [step]}).raise_for_status()
        self.start()
        self._is_warm.wait(TIMEOUT_S)

    def end(self) -> None:
        """Stop."""
        self._is_over.set()
        self.join(TIMEOUT_S)

    def run(self) -> None:
        """Work until the end."""
        with httpx.Client(base_url=self._url, timeout=TIMEOUT_S) as client:
            while not self._is_over.wait(0.005):
                begun = time.monotonic()
                try:
                    self._once(client)
                except Exception as error:  # noqa: BLE001 (whatever it is, the test must hear of it)
                    self.failures.append(repr(error))
                self.seconds.append(time.monotonic() - begun)
                if len(self.seconds) == 10:
                    self._is_warm.set()

    def _once(self, client: httpx.Client) -> None:
        workflow_id = client.post("/api/workflow", json={"name": NAME}).raise_for_status().text
        tasks = client.get(f"/api/tasks/poll/batch/{NAME}?timeout=5000").raise_for_status().json()
        result = {"workflowInstanceId": workflow_id, "taskId": tasks[0]["taskId"], "status": "COMPLETED"}
        client.post("/api/tasks", json=result).raise_for_status()
        found = client.get(f"/api/workflow/{workflow_id}").raise_for_status().json()
        assert found["status"] == "COMPLETED", found["status"]

    def quantile_ms(self, share: float) -> float:
        """Return the time that this share of the workflows did not exceed."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)]
