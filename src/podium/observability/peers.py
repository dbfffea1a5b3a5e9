"""The metrics of the other processes behind the same port, asked for over Unix sockets in a folder that they share.

Whoever scrapes the port reaches any of the processes, so each answers for all. One that does not answer in time is
left out; its series go on when it does.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

ANSWER_S_MAX = 1.0
BYTES_MAX = 64 << 20
PEERS_MAX = 256
HEAD = "# HELP "


class Peers:
    """One process among its peers; *own* gives its metrics, each with a label that tells the process."""

    def __init__(self, folder: Path, name: str, own: Callable[[], bytes]) -> None:
        self._folder = folder
        self._path = folder / f"{name}.metrics"
        self._own = own
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to answer."""
        self._path.unlink(missing_ok=True)  # of a process that was killed
        self._server = await asyncio.start_unix_server(self._answer, self._path)

    async def stop(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(self._own())
            await writer.drain()
        writer.close()

    async def texts(self) -> list[bytes]:
        """Return the metrics of the others, in the order of their names."""
        others = [path for path in sorted(self._folder.glob("*.metrics")) if path != self._path]
        found = await asyncio.gather(*map(_asked, others[:PEERS_MAX]), return_exceptions=True)
        return [text for text in found if isinstance(text, bytes)]


async def _asked(path: Path) -> bytes:
    async with asyncio.timeout(ANSWER_S_MAX):
        reader, writer = await asyncio.open_unix_connection(path, limit=BYTES_MAX)
        try:
            return await reader.read(-1)
        finally:
            writer.close()


def merged(texts: list[bytes]) -> bytes:
    """Return texts in Prometheus' format as one, in which each metric has its head once."""
    heads: dict[str, str] = {}
    samples: dict[str, list[str]] = {}
    for text in texts:
        for block in text.decode().split(HEAD)[1:]:
            lines = block.splitlines(keepends=True)
            name = lines[0].partition(" ")[0]
            heads.setdefault(name, HEAD + "".join(lines[:2]))
            samples.setdefault(name, []).extend(lines[2:])
    return "".join(head + "".join(samples[name]) for name, head in heads.items()).encode()
