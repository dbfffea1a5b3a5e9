"""The port that a server listens on: taken, and told plainly when that fails. Light to import."""

import contextlib
import errno
import resource
import socket

BACKLOG = 2_048
CONNECTIONS_MAX = 100_000
FILES_OWN = 500  # of databases, scripts and calls of HTTP tasks


class PortTaken(Exception):
    """The port can't be had; the message says why and what to do."""


def listen(host: str, port: int) -> socket.socket:
    """Take a port and listen on it."""
    listener = _bound(host, port, is_shared=False)
    listener.listen(BACKLOG)
    return listener


def reserve(host: str, port: int) -> socket.socket:
    """Take a port for several processes, and do not listen; nobody else may listen on it."""
    _bound(host, port, is_shared=False).close()  # a socket that is not shared meets whoever listens there
    return _bound(host, port, is_shared=True)


def share(host: str, port: int) -> socket.socket:
    """Listen on a port that was reserved, beside others: the kernel gives each connection to one of them."""
    listener = _bound(host, port, is_shared=True)
    listener.listen(BACKLOG)
    return listener


def connections_max() -> int:
    """Have this process open as many files as the system allows, and return how many of them may be connections."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        files = most
    if files == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return min(max(files - FILES_OWN, files // 2), CONNECTIONS_MAX)


def url(host: str, port: int) -> str:
    """Return the address of a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bound(host: str, port: int, *, is_shared: bool) -> socket.socket:
    try:
        family, kind, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        made = socket.socket(family, kind)
    except OSError as error:
        raise PortTaken(f"host {host} is no address of this machine: {error.strerror}") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
    except OSError as error:
        made.close()
        raise PortTaken(_failure(host, port, error)) from error
    return made


def _failure(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use: stop the other program, or take another port (--port 0 finds one)."
    if error.errno == errno.EACCES:
        return f"port {port} may not be used without special rights: take one above 1023 with --port."
    return f"can't listen on {host} port {port}: {error.strerror}"
