"""Run the sample order process: a server, workers, a local carrier, and one order from start to end.

Everything stays on this machine. Afterwards the server stays up for a look around, unless --exit is given or CI=true.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from carrier import start_carrier
from progress import Progress, coloured

HERE = Path(__file__).resolve().parent
DEFINITIONS = HERE / "definitions"
READY_S_MAX = 20
ORDER_S_MAX = 90
STOP_S_MAX = 10
LOOK_S = 0.15
ENDED = {"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"}


class Failed(Exception):
    """The sample can't go on; the message says why."""


def main() -> int:
    """Run the sample; the exit code is 0 when the order was COMPLETED."""
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    port = free_port(options.port)
    url = f"http://127.0.0.1:{port}"
    serve = [sys.executable, "-m", "podium", "serve", "--port", str(port), "--database", options.database]
    try:
        with running([*serve, "--host", "127.0.0.1", "--log-level", "warning"]) as server:
            wait_until_ready(server, url)
            register(url)
            quote_url = start_carrier()
            with running([sys.executable, str(HERE / "workers.py"), url]):
                status = run_order(url, quote_url)
                if not options.exit:
                    look_around(server, url, quote_url)
    except KeyboardInterrupt:
        print("stopped")
        return 130
    except Failed as failure:
        print(f"failed: {failure}", file=sys.stderr)
        return 1
    return 0 if status == "COMPLETED" else 1


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="port of the server (default 8080)")
    parser.add_argument("--database", default="sqlite:///podium.db", help="default: sqlite:///podium.db")
    parser.add_argument(
        "--exit", action="store_true", default=os.environ.get("CI") == "true", help="end with the order"
    )
    return parser.parse_args()


# ---- processes


def free_port(wanted: int) -> int:
    """Return *wanted*, or another port when that one is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
        if found != wanted:
            print(f"port {wanted} is taken, using {found}", flush=True)
        return found
    raise Failed("no port of 127.0.0.1 is free")


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program, in a session of its own so that Ctrl-C reaches it through us, in order."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until_ready(server: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + READY_S_MAX
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Failed(f"the server ended with exit code {server.returncode}; see its message above")
        try:
            call(url, "/health")
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise Failed(f"the server did not answer within {READY_S_MAX} s")


# ---- the order


def call(url: str, path: str, method: str = "GET", body: Any = None) -> Any:
    """Call the server; returns JSON, or text where the server answers with text."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
        return json.loads(text) if text[:1] in ("{", "[") else text


def register(url: str) -> None:
    tasks = read(DEFINITIONS / "tasks.json")
    workflows = [read(DEFINITIONS / f"{name}.json") for name in ("take_payment", "order_process")]
    call(url, "/api/metadata/taskdefs", "POST", tasks)
    call(url, "/api/metadata/workflow", "PUT", workflows)
    print(f"registered {len(tasks)} task definitions and {len(workflows)} workflow definitions", flush=True)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def run_order(url: str, quote_url: str) -> str:
    """Start the workflow, show what happens, and return the status in which it ends."""
    order = read(HERE / "order.json") | {"quoteUrl": quote_url}
    request = {"name": "order_process", "version": 1, "correlationId": order["orderId"], "input": order}
    workflow_id = call(url, "/api/workflow", "POST", request)
    print(f"started order_process {workflow_id}; the workers are starting, too", flush=True)
    progress = Progress(lambda path: call(url, path))
    deadline = time.monotonic() + ORDER_S_MAX
    while (found := progress.look(workflow_id))["status"] not in ENDED:
        if time.monotonic() > deadline:
            raise Failed(f"order_process {workflow_id} is {found['status']} after {ORDER_S_MAX} s")
        time.sleep(LOOK_S)
    print(f"output: {json.dumps(found['output'])}")
    if found.get("reasonForIncompletion"):
        print(f"reason: {found['reasonForIncompletion']}")
    print(f"order_process {workflow_id} {coloured(found['status'])}", flush=True)
    return str(found["status"])


def look_around(server: subprocess.Popen[bytes], url: str, quote_url: str) -> None:
    """Say where to look, and wait until the user has seen enough."""
    program = Path(sys.executable).parent / "podium"
    try:
        print(f"\nThe server and the workers stay up at {url}. In another terminal, for example:")
        print(f"  {program} workflow search --server {url}")
        print(f"  {program} workflow start order_process -f {HERE / 'order.json'} -p quoteUrl={quote_url} -w -s {url}")
        print("Ctrl-C ends all of it.", flush=True)
        server.wait()
    except KeyboardInterrupt:
        print("stopped")
        return
    raise Failed(f"the server ended with exit code {server.returncode}")


if __name__ == "__main__":
    sys.exit(main())
