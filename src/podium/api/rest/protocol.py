"""HTTP/1.1 on the wire: uvicorn's protocol, which bounds what is not a body.

The parser alone would take a head, or what stands between chunks and after them, without end, in time that grows with
the square of its size.
"""

import platform
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from podium.api.rest.failure import HeadTooLarge, error_body
from podium.model.errors import InvalidRequest, PodiumError

HEAD_BYTES_MAX = 65_536  # plus what one read brings


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _unseen_bytes = 0  # since the parser last reached the end of a head, a piece of a body, or the end of a message

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless it has been fed too much without a result."""
        self._unseen_bytes += len(data)
        super().data_received(data)
        if self._unseen_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(HeadTooLarge(f"The head of the request is larger than {HEAD_BYTES_MAX} bytes"))

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._unseen_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._unseen_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._unseen_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close the connection."""
        self._refuse(InvalidRequest(msg))

    def _refuse(self, error: PodiumError) -> None:
        body = error_body(error, platform.node())
        lines = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
        )
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.transport.close()
