"""Clients that start workflows, a process of its own, as what they take is not to be taken from the others.

Reads a line of JSON from its input, `[per_s, seconds, connections]`, and has that many starts a second arrive, whatever
becomes of those before; or as many as answers come, if that is 0. An arrival takes a free connection, or opens one;
when there are too many it is held back and only counted, so that the server fails and not its clients. A call is timed
from when it was due. Then it writes a line with counts and times, and appends the workflows to a file.

    python -m tests.chaos.arrivals HOST PORT WORKFLOW FILE
"""

import asyncio
import json
import statistics
import sys
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import uvloop

TICK_S = 0.002
LAST_ANSWERS_S = 60.0
FAULTS_MAX = 20


class Connection(asyncio.Protocol):
    """One call at a time."""

    def __init__(self, arrivals: "Arrivals") -> None:
        self._arrivals = arrivals
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self.due_s = 0.0  # of the call that is on its way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def send(self, due_s: float) -> None:
        """Send the request."""
        assert self._transport is not None
        self.due_s = due_s
        self._transport.write(self._arrivals.request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, is_whole, body = self._data.partition(b"\r\n\r\n")
        if not is_whole:
            return
        head = head.lower()
        if len(body) < int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0):
            return
        self._data = b""
        took_s, self.due_s = time.monotonic() - self.due_s, 0.0
        self._arrivals.answered(self, int(head[9:12]), head, body, took_s)

    def connection_lost(self, error: Exception | None) -> None:
        self._arrivals.gone(self)

    def close(self) -> None:
        """End it."""
        assert self._transport is not None
        self._transport.abort()


class Arrivals:
    """All clients."""

    def __init__(self, address: tuple[str, int], name: str, connections_max: int) -> None:
        self._address = address
        self._connections_max = connections_max
        body = json.dumps({"name": name, "input": {"k": 1}}).encode()
        head = f"POST /api/workflow HTTP/1.1\r\nhost: {address[0]}\r\ncontent-type: application/json\r\n"
        self.request = head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body
        self._free: deque[Connection] = deque()
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._is_closed_loop = False
        self.counts: Counter[str] = Counter(offered=0, held_back=0, taken=0, refused=0, lost=0)
        self.seconds: dict[str, list[float]] = {"taken": [], "refused": []}
        self.ids: list[bytes] = []
        self.faults: list[str] = []

    async def run(self, per_s: float, seconds: float) -> None:
        """Let clients arrive for some time, and wait for the last answers."""
        begun_s, number = time.monotonic(), 0
        self._is_closed_loop = not per_s
        while (elapsed_s := time.monotonic() - begun_s) < seconds:
            due = int(elapsed_s * per_s) if per_s else self._connections_max
            while number < due:
                self._arrive(begun_s + number / per_s if per_s else time.monotonic())
                number += 1
            await asyncio.sleep(TICK_S)
        self._is_closed_loop = False
        async with asyncio.timeout(LAST_ANSWERS_S):
            while self._opening or any(one.due_s for one in self._connections):  # noqa: ASYNC110
                await asyncio.sleep(TICK_S)

    def _arrive(self, due_s: float) -> None:
        self.counts["offered"] += 1
        if self._free:
            self._free.pop().send(due_s)
        elif len(self._connections) + len(self._opening) < self._connections_max:
            opening = asyncio.create_task(self._open(due_s))
            self._opening.add(opening)
            opening.add_done_callback(self._opening.discard)
        else:
            self.counts["held_back"] += 1

    async def _open(self, due_s: float) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(self), *self._address)
        except OSError:
            self.counts["lost"] += 1
            return
        self._connections.add(connection)
        connection.send(due_s)

    def answered(self, connection: Connection, status: int, head: bytes, body: bytes, took_s: float) -> None:
        """Take an answer."""
        if status == 200:
            self.ids.append(body)
        elif status not in (429, 503) or b"retry-after: " not in head:
            self.faults = [*self.faults, f"{status} {head!r}"][:FAULTS_MAX]
        kind = "taken" if status == 200 else "refused"
        self.counts[kind] += 1
        self.seconds[kind].append(took_s)
        self._free.append(connection)
        if self._is_closed_loop:
            self._arrive(time.monotonic())

    def gone(self, connection: Connection) -> None:
        """A connection has ended."""
        self._connections.discard(connection)
        if connection.due_s:
            self.counts["lost"] += 1
            connection.due_s = 0.0
        elif connection in self._free:
            self._free.remove(connection)

    def keep(self, file: Path) -> None:
        """Append the workflows that were started."""
        with file.open("ab") as ids:
            ids.writelines(one + b"\n" for one in self.ids)

    def close(self) -> None:
        """End all connections."""
        for connection in self._connections:
            connection.close()

    def report(self) -> dict[str, Any]:
        """Return what became of the calls."""
        found: dict[str, Any] = {**self.counts, "faults": self.faults}
        for kind, seconds in self.seconds.items():
            cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [0.0] * 99
            found |= {f"{kind}_p50_ms": cuts[49] * 1000, f"{kind}_p99_ms": cuts[98] * 1000}
        return found


async def _main(host: str, port: str, name: str, file: str) -> None:
    for line in iter(sys.stdin.readline, ""):
        per_s, seconds, connections_max = json.loads(line)
        arrivals = Arrivals((host, int(port)), name, connections_max)
        await arrivals.run(per_s, seconds)
        arrivals.keep(Path(file))
        print(json.dumps(arrivals.report()), flush=True)
        arrivals.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(*sys.argv[1:]))
