"""What a script process can still do once it is jailed: compute, and talk on its one socket."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from podium import scripting

SOURCES = Path(scripting.__file__).parent

PROBES = """
import ctypes, json, mmap, os, resource, signal, socket, sys, threading
sys.path[:0] = [sys.argv[1]]
import jail
libc = ctypes.CDLL(None, use_errno=True)
parent = os.getppid()
opened = os.open("/etc/passwd", os.O_RDONLY)
os.environ["CANARY"] = "secret"

def called(name, *arguments):
    if getattr(libc, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)

probes = {
    "read an inherited descriptor": lambda: os.read(opened, 1),
    "open a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "open a file of its root": lambda: os.open("/0", os.O_RDONLY),
    "create a file": lambda: os.open("/tmp/canary", os.O_CREAT | os.O_WRONLY),
    "list a directory": lambda: os.listdir("/"),
    "look at a file": lambda: os.stat("/etc/passwd"),
    "leave its root": lambda: os.chroot("."),
    "change directory": lambda: os.chdir(".."),
    "open an internet socket": lambda: socket.socket(socket.AF_INET),
    "open a unix socket": lambda: socket.socket(socket.AF_UNIX),
    "make a pair of sockets": lambda: socket.socketpair(),
    "make a pipe": lambda: os.pipe(),
    "duplicate its socket": lambda: os.dup(0),
    "fork": lambda: os.fork() or os._exit(0),
    "start a thread": lambda: threading.Thread(target=int).start(),
    "execute": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    "signal its parent": lambda: os.kill(parent, 0),
    "kill itself": lambda: os.kill(os.getpid(), 0),
    "trace": lambda: called("ptrace", 16, parent, 0, 0),
    "read another's memory": lambda: called("process_vm_readv", parent, 0, 0, 0, 0, 0),
    "mount": lambda: called("mount", b"x", b"/", b"tmpfs", 0, 0),
    "become root": lambda: os.setuid(0),
    "raise a limit": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    "enter a namespace": lambda: called("unshare", 0x10000000),
    "map code": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "write to standard output": lambda: os.write(1, b"x"),
    "change the file system's times": lambda: os.utime("/"),
    "set the clock": lambda: __import__("time").clock_settime(0, 0),
}
if sys.argv[2:] == ["free"]:
    harmless = ("open a file", "list", "look", "open an internet", "open a unix", "make", "duplicate")
    probes = {name: probe for name, probe in probes.items() if name.startswith(harmless) and "of its root" not in name}
    walls = []
else:
    walls = jail.harden(64 << 20)
passed = []
for name, probe in probes.items():
    try:
        probe()
    except (OSError, RuntimeError, ValueError):
        continue
    passed.append(name)
try:
    large = bytearray(256 << 20)
except MemoryError:
    large = None
small = len(bytearray(1 << 20))
report = {"walls": walls, "passed": passed, "environment": dict(os.environ), "large": large is not None, "small": small}
os.write(0, json.dumps(report).encode())
os._exit(0)
"""


def probed(*arguments: str) -> dict[str, object]:
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", PROBES, str(SOURCES), *arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
            )
        text = ours.makefile().read()
        output, _ = child.communicate(timeout=60)
    assert output == b""
    answer = json.loads(text)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture(scope="module")
def report() -> dict[str, object]:
    return probed()


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the jail is Linux's")


@linux
def test_nothing_but_computing_is_left(report: dict[str, object]) -> None:
    assert report["passed"] == []


@linux
def test_the_probes_find_a_way_where_there_is_no_jail() -> None:
    passed = probed("free")["passed"]
    assert isinstance(passed, list)
    assert len(passed) == 8


@linux
def test_the_environment_is_empty(report: dict[str, object]) -> None:
    assert report["environment"] == {}


@linux
def test_memory_is_limited_but_not_gone(report: dict[str, object]) -> None:
    assert report["large"] is False
    assert report["small"] == 1 << 20


@linux
def test_each_wall_is_reported(report: dict[str, object]) -> None:
    walls = report["walls"]
    assert isinstance(walls, list)
    standing = {wall.partition(":")[0] for wall in walls if ": on" in wall}
    assert {"environment", "descriptors", "no new privileges", "resource limits", "system calls"} <= standing
    assert len(walls) == 10
