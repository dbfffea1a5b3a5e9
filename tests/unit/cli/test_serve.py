"""`podium serve`: its options, what it refuses, how it says that it is ready, and how it ends."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from podium.cli import main
from podium.cli.failure import FAILED, USAGE
from podium.cli.serve import parser
from podium.settings import TABLE

STOP_S_MAX = 5

Out = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PODIUM_", "CONDUCTOR_"))]:
        monkeypatch.delenv(name)


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run a server and give its process and port when it says that it is ready."""
    words = [sys.executable, "-m", "podium", "serve", "--port", "0", "--database", f"sqlite:///{folder}/x.db", *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"podium \S+ ready at http://127\.0\.0\.1:(\d+), database sqlite:///\S+\n", line)
        assert found, line + process.stdout.read()
        yield process, int(found.group(1))
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()


# ---- without a server


def test_every_setting_is_an_option() -> None:
    given = parser().parse_args(["--no-metrics", "--insecure", "--cache-mb", "7"])

    assert vars(given) == {"metrics": False, "insecure": True, "cache_mb": "7"}
    for setting in TABLE.values():
        assert setting.option in parser().format_help()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port", "x"], "--port: expected whole number from 0 to 65535, not 'x'"),
        (["--host", "0.0.0.0"], "no authentication yet"),
        (["--config", "/nowhere.toml"], "can't be read"),
        (["--database", "mysql://x"], "expected sqlite:///FILE (relative)"),
    ],
)
def test_wrong_usage_says_what_was_expected(words: list[str], message: str, capsys: Out) -> None:
    assert main(["serve", *words]) == USAGE
    assert message in capsys.readouterr().err


def test_a_port_in_use_is_told_and_no_database_touched(capsys: Out, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        assert main(["serve", "--port", str(port), "--database", f"sqlite:///{tmp_path}/x.db"]) == FAILED

    assert f"port {port} of 127.0.0.1 is in use" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_can_not_be_opened_is_told(capsys: Out, tmp_path: Path) -> None:
    assert main(["serve", "--port", "0", "--database", f"sqlite:///{tmp_path}/no/x.db"]) == FAILED
    assert "can't be opened" in capsys.readouterr().err


def test_the_command_line_of_a_server_loads_neither_typer_nor_rich() -> None:
    code = (
        "import sys, podium.cli.serve, podium.cli\n"
        "print(sorted(name for name in sys.modules if name in ('typer', 'rich', 'httpx', 'starlette')))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


# ---- with one


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_answers_waiting_polls_and_ends_with_exit_code_0(tmp_path: Path, number: signal.Signals) -> None:
    answers: list[tuple[int, bytes]] = []
    with serving(tmp_path) as (process, port):
        path = "/api/tasks/poll/batch/pick?timeout=5000"
        poll = threading.Thread(target=lambda: answers.append(get(port, path)))
        poll.start()
        await_poll(port)

        process.send_signal(number)
        output, _ = process.communicate(timeout=STOP_S_MAX)
        poll.join()

    assert (process.returncode, answers) == (0, [(200, b"[]")])
    assert "Traceback" not in output


def await_poll(port: int) -> None:
    for _ in range(500):
        if b'"pick"' in get(port, "/api/tasks/queue/polldata/all")[1]:
            return
    pytest.fail("the poll did not arrive")


def test_a_second_server_on_the_same_database_is_refused_with_the_reason(tmp_path: Path, capsys: Out) -> None:
    with serving(tmp_path):
        assert main(["serve", "--port", "0", "--database", f"sqlite:///{tmp_path}/x.db"]) == FAILED
        assert "is in use by another podium server" in capsys.readouterr().err

        assert main(["db", "check", "--database", f"sqlite:///{tmp_path}/x.db"]) == FAILED
        assert "is in use" in capsys.readouterr().err


def test_a_stopped_database_can_be_checked(tmp_path: Path, capsys: Out) -> None:
    with serving(tmp_path) as (process, _):
        process.terminate()
        process.wait(STOP_S_MAX)

    assert main(["db", "check", "--database", f"sqlite:///{tmp_path}/x.db"]) == 0
    assert "all is well" in capsys.readouterr().out


def test_a_database_that_is_not_there_is_not_made_by_checking_it(tmp_path: Path, capsys: Out) -> None:
    assert main(["db", "check", "--database", f"sqlite:///{tmp_path}/x.db"]) == USAGE
    assert "There is no database" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_metrics_and_health_are_served(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, port):
        status, text = get(port, "/metrics")
        assert (status, b"podium_commits_total" in text, b"process_resident_memory_bytes" in text) == (200, True, True)
        assert get(port, "/actuator/prometheus")[0] == 200
        assert get(port, "/health") == (200, b'{"healthy":true,"healthResults":[],"suppressedHealthResults":[]}')


def test_metrics_can_be_switched_off(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-metrics") as (_, port):
        assert get(port, "/metrics")[0] == 404
