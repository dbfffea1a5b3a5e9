"""Build and run the load generator in bench/load, and describe the machine it ran on.

The generator is written in Go, so that it takes less of the machine than the server that it measures.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from server import CACHE, ROOT, Missing, Server

Report = dict[str, Any]


def build() -> Path:
    """Compile the generator; quick when nothing changed."""
    go = shutil.which("go")
    if go is None:
        raise Missing("the load generator needs Go 1.19 or newer: apt-get install golang-go")
    CACHE.mkdir(parents=True, exist_ok=True)
    program = CACHE / "load"
    subprocess.run([go, "build", "-o", str(program), "."], cwd=ROOT / "bench" / "load", check=True)
    return program


def run(program: Path, server: Server, options: dict[str, str]) -> Report:
    """Put load on *server*, show the generator's own lines meanwhile, and return its JSON report."""
    out = CACHE / f"{server.name}-report.json"
    out.unlink(missing_ok=True)
    fixed = {
        "url": server.url,
        "pids": ",".join(map(str, server.pids)),
        "disk": str(server.data),
        "label": server.name,
        "out": str(out),
    }
    arguments = [f"--{name}={value}" for name, value in (fixed | options).items()]
    subprocess.run([str(program), *arguments], check=True)
    report: Report = json.loads(out.read_text())
    return report


def short_load(seconds: float) -> dict[str, str]:
    """Return the generator's options for one task, and for ten in a row, for some seconds each."""
    return {
        "scenarios": "s1,s2",
        "n": "s1=1000000,s2=200000",
        "n-unloaded": "s1=200,s2=20",
        "max-seconds": str(seconds),
        "warmup": str(seconds / 2),
    }


def machine() -> Report:
    """What the figures depend on: processors, memory, and how busy others keep them."""
    return {
        "cpus": os.cpu_count(),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "kernel": os.uname().release,
        "loop_ms": _loop_ms(),
        "load_average": [round(value, 2) for value in os.getloadavg()],
    }


def _loop_ms() -> float:
    """CPU time of a fixed piece of work, to hold runs on machines of different speed against each other."""
    began = time.process_time()
    total = 0
    for number in range(2_000_000):
        total += number & 7
    return round((time.process_time() - began) * 1000, 1)


def _field(path: str, key: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return ""
