"""`podium serve --workers N`: several processes behind one port, over a real PostgreSQL."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.postgres import Postgres

from podium.cli import main
from podium.cli.failure import FAILED, USAGE

WORKERS = 2
SECONDS_MAX = 60.0
STOP_S_MAX = 10.0

Out = pytest.CaptureFixture[str]


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    postgres.execute("CREATE DATABASE workers")
    yield postgres.url("workers")
    postgres.execute("DROP DATABASE workers WITH (FORCE)")


class Server:
    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url

    def workers(self) -> list[int]:
        """Return the processes of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return sorted(int(one) for one in children.split())

    def stop(self) -> tuple[int, float]:
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(SECONDS_MAX)
        return code, time.monotonic() - begun

    def get(self, path: str) -> httpx.Response:
        """Ask over a new connection, which any of the workers may take."""
        return httpx.get(self.url + path, timeout=20.0)


@contextmanager
def serving(database: str, *options: str) -> Iterator[Server]:
    words = [sys.executable, "-m", "podium", "serve", "--port", "0", "--database", database]
    words += ["--workers", str(WORKERS), *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"podium \S+ ready at (http://\S+), database postgresql://\S+, 2 workers\n", line)
        assert found, line + (process.stderr.read() if process.stderr else "")
        yield Server(process, found.group(1))
    finally:
        process.kill()
        process.communicate()


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def started(server: Server, count: int) -> list[str]:
    """Start workflows, each over a connection of its own."""
    definition = {"name": "w", "version": 1, "tasks": [{"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}]}
    bodies = [{"name": "w", "workflowDef": definition, "input": {"number": number}} for number in range(count)]
    answers = [httpx.post(f"{server.url}/api/workflow", json=body, timeout=20.0) for body in bodies]
    return [one.raise_for_status().text for one in answers]


def started_by(text: str) -> Counter[str]:
    found = re.findall(r'workflow_start_success_total\{.*worker="(\d)".*\} (\d+)', text)
    return Counter({worker: int(count) for worker, count in found})


def test_work_is_spread_and_each_process_shows_the_metrics_of_all(database: str) -> None:
    with serving(database) as server:
        ids = started(server, 40)

        texts = [server.get("/metrics").text for _ in range(6)]

        assert len(set(ids)) == 40
        for text in texts:
            assert sum(started_by(text).values()) == 40
            assert len(started_by(text)) == WORKERS  # 2 ** -39 that one has got none
            assert text.count("# TYPE podium_commits_total counter") == 1
            assert len(re.findall(r"^process_resident_memory_bytes\{", text, re.MULTILINE)) == WORKERS
        assert server.stop()[0] == 0


def test_a_worker_that_dies_is_replaced_and_the_others_serve_on(database: str) -> None:
    with serving(database) as server:
        before = server.workers()
        assert len(before) == WORKERS

        os.kill(before[0], signal.SIGKILL)
        until(lambda: is_gone(before[0]))
        assert server.get("/health").status_code == 200

        until(lambda: len(server.workers()) == WORKERS and before[0] not in server.workers())
        # its series are there again, begun anew
        until(lambda: len(re.findall(r"^podium_commits_total\{", server.get("/metrics").text, re.MULTILINE)) == WORKERS)
        assert before[1] in server.workers()
        assert server.stop()[0] == 0


def test_a_stop_answers_waiting_polls_and_ends_all_in_time(database: str) -> None:
    answers: list[int] = []
    with serving(database) as server:
        workers = server.workers()
        paths = [f"/api/tasks/poll/batch/pick{number}?timeout=5000" for number in range(8)]
        polls = [
            threading.Thread(target=lambda path=path: answers.append(server.get(path).status_code)) for path in paths
        ]
        for poll in polls:
            poll.start()
        until(lambda: waiting(server) >= 8)

        code, seconds = server.stop()
        for poll in polls:
            poll.join()

        assert (code, answers) == (0, [200] * 8)
        assert seconds < STOP_S_MAX
        assert all(is_gone(pid) for pid in workers)


def waiting(server: Server) -> float:
    return sum(
        float(one)
        for one in re.findall(r"^podium_waiting_polls\{.*\} (\S+)", server.get("/metrics").text, re.MULTILINE)
    )


def test_workers_end_with_their_parent(database: str) -> None:
    with serving(database) as server:
        workers = server.workers()

        server.process.kill()

        until(lambda: all(is_gone(pid) for pid in workers))


def test_a_second_server_on_the_port_is_refused(database: str, capsys: Out) -> None:
    with serving(database) as server:
        port = server.url.rpartition(":")[2]

        assert main(["serve", "--port", port, "--database", database, "--workers", "2"]) == FAILED
        assert "is in use" in capsys.readouterr().err
        assert server.stop()[0] == 0


def test_several_workers_need_a_database_that_they_can_share(tmp_path: Path, capsys: Out) -> None:
    words = ["serve", "--port", "0", "--database", f"sqlite:///{tmp_path}/x.db", "--workers", "2"]

    assert main(words) == USAGE
    assert "need a database that they can share, postgresql://" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_can_not_be_reached_is_told_once(postgres: Postgres) -> None:
    words = [sys.executable, "-m", "podium", "serve", "--port", "0", "--workers", "2"]
    done = subprocess.run([*words, "--database", postgres.url("nowhere")], capture_output=True, text=True, timeout=60)

    assert done.returncode == FAILED
    assert done.stderr.count("can't be opened") == 1
