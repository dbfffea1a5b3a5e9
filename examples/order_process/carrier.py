"""A small local service that stands for a carrier: GET /quote?items=N answers with prices as JSON."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Quote(BaseHTTPRequestHandler):
    """Answers every request with a quote."""

    def do_GET(self) -> None:
        given = parse_qs(urlsplit(self.path).query).get("items", ["1"])[0]
        items = int(given) if given.isdecimal() else 1
        body = json.dumps({"standard": 2.5 + 0.5 * items, "express": 6.0 + items}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def start_carrier() -> str:
    """Serve on a free port of this machine until the process ends; returns the URL of quotes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Quote)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/quote"
