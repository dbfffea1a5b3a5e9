"""Bytes on a socket, for requests that no HTTP client would send."""

import socket
from collections.abc import Iterable

TIMEOUT_S = 10.0


def exchange(port: int, parts: Iterable[bytes]) -> tuple[int, bytes]:
    """Send *parts* as long as the server takes them, and return the status and the body of its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass  # it has answered already, and closed
        return _answer(connection)


def _answer(connection: socket.socket) -> tuple[int, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        more = connection.recv(65_536)
        assert more, f"the connection was closed after {received!r}"
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65_536)
    return int(head.split(b" ", 2)[1]), body


def chunked(pieces: Iterable[bytes]) -> Iterable[bytes]:
    """Yield *pieces* in chunked encoding, without the end."""
    for piece in pieces:
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
