"""HTTP requests of tasks: bounded in time and size, and kept away from addresses that the operator does not allow.

The name is resolved once, every address is checked, and the connection goes to the address that was checked; each
redirect is a new request under the same rules. (A check of the name alone could be tricked by a second answer of the
name server.) httpx is imported by the first request, since it would take a fifth of the server's start.
"""

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING

from podium.engine.task_type import Request, Response

if TYPE_CHECKING:
    import httpx

REDIRECTS_MAX = 5
BODY_BYTES_MAX = 10 << 20
_REDIRECTS = (301, 302, 303, 307, 308)
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class HttpClient:
    """The `Io` of system tasks (engine.task_type)."""

    def __init__(self, *, allow_private: bool, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self._allow_private = allow_private
        self._body_bytes_max = body_bytes_max
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def http(self, request: Request) -> Response:
        """Make *request*, following redirects; raises `OSError` when there is no response."""
        import httpx

        method, body = request.method, request.body
        try:
            url = httpx.URL(request.url)
            for _ in range(REDIRECTS_MAX + 1):
                response = await self._send(method, url, request, body)
                location = _location(response)
                if location is None:
                    return response
                url = url.join(location)
                if response.status == 303 or (response.status in (301, 302) and method == "POST"):
                    method, body = "GET", None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError) as error:
            raise OSError(f"{type(error).__name__}: {error or request.url}") from error
        raise OSError(f"more than {REDIRECTS_MAX} redirects from {request.url}")

    async def _send(self, method: str, url: "httpx.URL", request: Request, body: bytes | None) -> Response:
        import httpx

        if url.scheme not in ("http", "https"):
            raise OSError(f"the scheme of {url} is not http or https")
        address = await self._address(url)
        headers = {"Host": url.netloc.decode(), **request.headers}
        timeout = httpx.Timeout(
            _seconds(request.read_timeout_ms), connect=_seconds(request.connect_timeout_ms), pool=None
        )
        client = await self._http()
        sent = client.build_request(
            method,
            url.copy_with(host=address),
            headers=headers,
            content=body,
            timeout=timeout,
            extensions={"timeout": timeout.as_dict(), "sni_hostname": url.host},
        )
        answer = await client.send(sent, stream=True)
        try:
            content = await self._content(answer)
        finally:
            await answer.aclose()
        found: dict[str, list[str]] = {}
        for name, value in answer.headers.raw:
            found.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        return Response(answer.status_code, answer.reason_phrase, found, content)

    async def _http(self) -> "httpx.AsyncClient":
        """Return the client; the first one is made in a thread, since reading the certificates takes a while."""
        if self._client is None:
            self._client = await asyncio.to_thread(_new_client)
        return self._client

    async def _content(self, answer: "httpx.Response") -> bytes:
        parts, size = [], 0
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > self._body_bytes_max:
                raise OSError(f"the response is larger than {self._body_bytes_max} bytes")
            parts.append(part)
        return b"".join(parts)

    async def _address(self, url: "httpx.URL") -> str:
        """Return an address of the URL's host that may be talked to."""
        port = url.port or (443 if url.scheme == "https" else 80)
        infos = await asyncio.get_running_loop().getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in infos]
        for address in addresses:
            if not self._is_allowed(address):
                hint = " (setting http_allow_private)" if address.is_private and not address.is_link_local else ""
                raise OSError(f"the address {address} of {url.host} is not allowed for tasks{hint}")
        if not addresses:
            raise OSError(f"{url.host} has no address")
        return str(addresses[0])

    def _is_allowed(self, address: _Address) -> bool:
        plain = _unwrapped(address)
        if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
            return False
        return self._allow_private or plain.is_global


def _new_client() -> "httpx.AsyncClient":
    import httpx

    return httpx.AsyncClient(follow_redirects=False, trust_env=False)


def _unwrapped(address: _Address) -> _Address:
    """Return the IPv4 address inside a mapped or translated IPv6 address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _location(response: Response) -> str | None:
    if response.status not in _REDIRECTS:
        return None
    for name, values in response.headers.items():
        if name.lower() == "location":
            return values[0]
    return None


def _seconds(timeout_ms: int) -> float | None:
    return timeout_ms / 1000 if timeout_ms > 0 else None
