"""The sample order process: a new user's first command works, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "examples" / "order_process" / "run.py"
SECONDS_MAX = 100


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(*options: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    command = [sys.executable, str(RUN), *options]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, stdin=subprocess.DEVNULL
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Return all output; the sample's own children are ended by it when it is told to stop."""
    try:
        return process.communicate(timeout=SECONDS_MAX)[0]
    except subprocess.TimeoutExpired:
        process.terminate()
        output = process.communicate(timeout=30)[0]
        pytest.fail(f"the sample did not end in {SECONDS_MAX} s:\n{output}")


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_an_order_goes_through_all_of_it(tmp_path: Path) -> None:
    port = free_port()

    process = start("--exit", "--port", str(port), "--database", f"sqlite:///{tmp_path}/sample.db")
    output = finish(process)

    assert process.returncode == 0, output
    last = output.splitlines()[-1].split()
    assert (last[0], last[2]) == ("order_process", "COMPLETED")
    assert len(last[1]) == 36
    for event in (
        "reserve_item__2                FAILED",
        "reserve_item__2, attempt 2     COMPLETED",
        "authorize_card               TIMED_OUT",
        "authorize_card, attempt 2    COMPLETED",
        "quote_shipping                 COMPLETED",
        "book_courier                   COMPLETED",
    ):
        assert event in output
    assert "book_parcel" not in output
    assert not is_open(port)


def test_it_takes_another_port_says_so_and_stays_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        process = start("--port", str(taken), "--database", f"sqlite:///{tmp_path}/sample.db")
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if line.startswith("Ctrl-C"):
                process.send_signal(signal.SIGINT)
                break
        rest = finish(process)

    output = "".join(seen) + rest
    assert f"port {taken} is taken, using " in output
    assert output.endswith("stopped\n")
    assert process.returncode == 0
    port = int(output.split("is taken, using ")[1].split()[0])
    assert not is_open(port)
