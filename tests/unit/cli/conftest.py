"""A stand-in for a server: it notes what it is asked, and answers what a test has told it to."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest


class Stub:
    """Answers by method and path; a list of answers is given one by one, the last one for ever."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, dict[str, list[str]], Any]] = []

    def answer(self, call: str, *bodies: Any, status: int = 200) -> None:
        """Answer *call* (`GET /api/x`) with *bodies*: text as text, all else as JSON."""
        self.answers.setdefault(call, []).extend((status, body) for body in bodies)

    def find(self, call: str) -> tuple[int, Any]:
        found = self.answers.get(call)
        if not found:
            return 404, {"status": 404, "message": f"nothing at {call}"}
        return found.pop(0) if len(found) > 1 else found[0]


@pytest.fixture
def server() -> Iterator[Stub]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            path = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            is_json = self.headers.get("content-type") == "application/json"
            call = f"{self.command} {path.path}"
            stub.asked.append((call, parse_qs(path.query), json.loads(body) if is_json else body.decode()))
            status, answer = stub.find(call)
            content = (
                b"" if answer is None else answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            )
            self.send_response(status)
            self.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 (names of http.server)

        def log_message(self, *arguments: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    stub = Stub(f"http://127.0.0.1:{httpd.server_port}")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stub
    httpd.shutdown()
    thread.join()
    httpd.server_close()
