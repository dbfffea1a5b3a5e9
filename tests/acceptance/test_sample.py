"""The sample order process: a new user's first command works, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.process import free_port

RUN = Path(__file__).parents[2] / "examples" / "order_process" / "run.py"
SECONDS_MAX = 100


@contextmanager
def sample(*options: str) -> Iterator[subprocess.Popen[str]]:
    """Run the sample; told to stop, it ends the processes that it has started."""
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    process = subprocess.Popen(
        [sys.executable, str(RUN), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=30)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_an_order_goes_through_all_of_it(tmp_path: Path) -> None:
    port = free_port()

    with sample("--exit", "--port", str(port), "--database", f"sqlite:///{tmp_path}/sample.db") as process:
        output = process.communicate(timeout=SECONDS_MAX)[0]

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
    database = f"sqlite:///{tmp_path}/sample.db"
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with sample("--port", str(taken), "--database", database) as process:
            output = read_until(process, "Ctrl-C")
            port = int(output.split(f"port {taken} is taken, using ")[1].split()[0])
            stayed = is_open(port)
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=SECONDS_MAX)[0]

    assert stayed
    assert rest == "stopped\n"
    assert process.returncode == 0
    assert not is_open(port)


def read_until(process: subprocess.Popen[str], beginning: str) -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(beginning):
            break
    return "".join(lines)
