"""What the test suites of the SDKs expect around a server: definitions, a worker, running schedules, an HTTP service.

`python -m tests.compatibility.surroundings` starts podium over a fresh SQLite file with all of it, says by which
variables the suites find it, and stops on Ctrl-C. The suites themselves are at their makers'; docs/compatibility/suites.md
says which of their tests pass.
"""

import argparse
import json
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx

from tests.process import Server

KNOWN = re.compile(r"/(api|get|post|put|headers|anything)?([/?]|$)")
STATUS = re.compile(r"/status/(\d{3})\b")
DELAY = re.compile(r"/delay/(\d)\b")
WORKED = "x_test_worker_0"  # the task that the suite for Java leaves to a worker of its makers
DEFINITIONS = [
    {"name": "PopulationMinMax", "tasks": [{"name": "n", "taskReferenceName": "n", "type": "NOOP"}]},  # suite for Go
    {"name": "test-sdk-java-workflow", "tasks": [{"name": "n", "taskReferenceName": "n", "type": "SIMPLE"}]},
]
SCHEDULE = {
    "name": "of_others",
    "cronExpression": "*/5 * * * * *",
    "startWorkflowRequest": {"name": "PopulationMinMax"},
}


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; `/status/N` with that status, `/delay/N` after seconds, unknown paths with 404."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked, waits = STATUS.match(self.path), DELAY.match(self.path)
        time.sleep(int(waits[1]) if waits else 0)
        status = int(asked[1]) if asked else (200 if waits or KNOWN.match(self.path) else 404)
        seen = {"method": self.command, "url": self.path, "headers": dict(self.headers), "data": body.decode("latin-1")}
        text = json.dumps(seen).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 (names of the library)

    def log_message(self, *_: Any) -> None:
        """Say nothing: what was asked is in the answer."""


@contextmanager
def echo(port: int = 0) -> Iterator[str]:
    """Serve `Echo` on a free port, or the given one; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Echo)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def prepare(url: str) -> None:
    """Register what the suites take for granted."""
    with httpx.Client(base_url=f"{url}/api") as client:
        client.put("/metadata/workflow", json=DEFINITIONS).raise_for_status()
        client.post("/scheduler/schedules", json=SCHEDULE).raise_for_status()


def work(url: str, stopped: Event) -> None:
    """Complete the tasks that a suite leaves to others."""
    with httpx.Client(base_url=f"{url}/api") as client:
        while not stopped.is_set():
            for task in client.get(f"/tasks/poll/batch/{WORKED}", params={"count": 5, "timeout": 500}).json():
                result = {key: task[key] for key in ("workflowInstanceId", "taskId")}
                client.post(
                    "/tasks", json={**result, "status": "COMPLETED", "outputData": {"number": 1}}
                ).raise_for_status()


@contextmanager
def around(server: Server) -> Iterator[None]:
    """Put everything around a server that runs."""
    prepare(server.url)
    stopped = Event()
    worker = Thread(target=work, args=(server.url, stopped))
    worker.start()
    try:
        yield
    finally:
        stopped.set()
        worker.join()


def main() -> None:
    """Run until Ctrl-C, or SIGTERM, also as a job in the background."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.default_int_handler)
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--port", type=int, default=8080, help="of podium")
    options.add_argument("--echo-port", type=int, default=8081, help="of the HTTP service")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "podium.db", given.port, PODIUM_SECRET_KEY="suites", PODIUM_LOG_LEVEL="warning")
        server.start()
        try:
            with echo(given.echo_port) as echo_url, around(server):
                print(f"CONDUCTOR_SERVER_URL={server.url}/api SERVER_ROOT_URI={server.url}")
                print(f"the HTTP service is {echo_url}; Ctrl-C ends both", flush=True)
                Event().wait()
        except KeyboardInterrupt:
            pass
        finally:
            server.stop()


if __name__ == "__main__":
    main()
