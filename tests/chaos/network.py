"""A network of our own: each node in a network namespace, joined by a bridge, and packets that get lost on demand.

The machine has two addresses on the bridge, one for clients and one for the database, so that a node can be cut from the
one and not from the other. Only root may do this.
"""

import subprocess
from typing import Literal

BRIDGE = "podium-br"
NAMESPACE = "podium-{}"
NETWORK = "10.213.77.0/24"
CLIENTS, DATABASE, NODE = "10.213.77.1", "10.213.77.2", "10.213.77.{}"
FIRST_NODE = 11
PRIORITY = "100"
PROBE_S = 2

Way = Literal["both", "to database", "from database"]


class Network:
    """Namespaces with the numbers from 0 up to *count*, from `build` to `remove`."""

    def __init__(self, count: int) -> None:
        self._count = count

    def build(self) -> None:
        """Make the bridge and the namespaces."""
        self.remove()
        _ip("link", "add", BRIDGE, "type", "bridge")
        for address in (CLIENTS, DATABASE):
            _ip("address", "add", f"{address}/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for number in range(self._count):
            self._add(number)

    def _add(self, number: int) -> None:
        name, outer, inner = NAMESPACE.format(number), f"podium-o{number}", f"podium-i{number}"
        _ip("netns", "add", name)
        _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", name)
        _ip("link", "set", outer, "master", BRIDGE, "up")
        for words in (
            ("address", "add", f"{self.host(number)}/24", "dev", inner),
            ("link", "set", inner, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", name, *words)

    def host(self, number: int) -> str:
        """Return the address of a node."""
        return NODE.format(FIRST_NODE + number)

    def program(self, number: int) -> tuple[str, ...]:
        """Return what runs a program in a node's namespace."""
        return ("ip", "netns", "exec", NAMESPACE.format(number))

    def cut(self, number: int, way: Way) -> None:
        """Lose all packets between a node and the database, on one way or on both; nobody is told."""
        if way != "from database":
            _ip("-n", NAMESPACE.format(number), "route", "add", "blackhole", f"{DATABASE}/32")
        if way != "to database":
            _ip("rule", "add", "priority", PRIORITY, "from", DATABASE, "to", self.host(number), "blackhole")

    def heal(self, number: int, way: Way) -> None:
        """Let the packets through again."""
        if way != "from database":
            _ip("-n", NAMESPACE.format(number), "route", "del", "blackhole", f"{DATABASE}/32")
        if way != "to database":
            _ip("rule", "del", "priority", PRIORITY, "from", DATABASE, "to", self.host(number))

    def reaches(self, number: int, port: int) -> bool:
        """Whether a node gets a connection to the database."""
        connect = ("timeout", str(PROBE_S), "bash", "-c", f"exec 3<>/dev/tcp/{DATABASE}/{port}")
        return _try("netns", "exec", NAMESPACE.format(number), *connect)

    def remove(self) -> None:
        """Remove what there is."""
        while _try("rule", "del", "priority", PRIORITY):
            pass
        for number in range(self._count):
            _try("netns", "del", NAMESPACE.format(number))
            _try("link", "del", f"podium-o{number}")
        _try("link", "del", BRIDGE)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def _try(*words: str) -> bool:
    return subprocess.run(["ip", *words], check=False, capture_output=True).returncode == 0
