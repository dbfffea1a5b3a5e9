"""Environment values and secrets that definitions may refer to: stored ones, and variables of the process.

A stored value wins over a variable of the process. Of these only names with the two prefixes are ever looked at.
Secrets are encrypted in the store and in memory, and decrypted when they are used.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from podium.model.errors import NotSupported
from podium.runtime.cipher import Cipher
from podium.runtime.documents import Documents
from podium.store.records import Document

ENVIRONMENT_PREFIX = "CONDUCTOR_ENV_"
SECRET_PREFIX = "CONDUCTOR_SECRET_"  # noqa: S105 (a prefix)
ENVIRONMENT, SECRET = "environment", "secret"
READ_ONLY = (
    "env-backed secrets are read-only: to store secrets in the database, start the server with the setting secret_key "
    "(PODIUM_SECRET_KEY), the text that they are encrypted with"
)

log = logging.getLogger(__name__)


class Variables:
    """The values of one server."""

    def __init__(
        self, documents: Documents, process: Mapping[str, str], cipher: Cipher | None, now_ms: Callable[[], int]
    ) -> None:
        self._documents = documents
        self._process = process
        self._cipher = cipher
        self._now_ms = now_ms
        self._stored: dict[str, dict[str, str]] = {ENVIRONMENT: {}, SECRET: {}}
        for kind in self._stored:
            documents.follow(kind, self._keep, partial(self._forget, kind))

    def _keep(self, document: Document) -> None:
        self._stored[document.kind][document.name] = document.body.decode()

    def _forget(self, kind: str, name: str, _: int) -> None:
        self._stored[kind].pop(name, None)

    def check(self) -> None:
        """Warn of secrets that can't be decrypted."""
        locked = [name for name, body in self._stored[SECRET].items() if self._opened(body) is None]
        if locked:
            log.warning("%d stored secrets can't be decrypted with the present secret_key: %s", len(locked), locked[:5])

    # ---- lookups

    def system(self, name: str) -> str | None:
        """Return a variable of the process; the caller knows that it may be given away."""
        return self._process.get(name)

    def environment(self, name: str) -> str | None:
        """Return a value of the environment."""
        stored = self._stored[ENVIRONMENT].get(name)
        return stored if stored is not None else self._process.get(ENVIRONMENT_PREFIX + name)

    def secret(self, name: str) -> str | None:
        """Return a secret in the clear; 30 µs for a stored one."""
        stored = self._stored[SECRET].get(name)
        if stored is not None:
            return self._opened(stored)
        return self._process.get(SECRET_PREFIX + name)

    def environment_names(self) -> list[str]:
        """Return the names of all environment values."""
        return self._names(ENVIRONMENT, ENVIRONMENT_PREFIX)

    def secret_names(self) -> list[str]:
        """Return the names of all secrets."""
        return self._names(SECRET, SECRET_PREFIX)

    def _names(self, kind: str, prefix: str) -> list[str]:
        given = {name.removeprefix(prefix) for name in self._process if name.startswith(prefix)}
        return sorted((given - {""}) | self._stored[kind].keys())

    def _opened(self, stored: str) -> str | None:
        return self._cipher.decrypted(stored) if self._cipher else None

    # ---- changes

    async def put_environment(self, name: str, value: str) -> None:
        """Store an environment value."""
        await self._put(ENVIRONMENT, name, value)

    async def put_secret(self, name: str, value: str) -> None:
        """Store a secret, encrypted; `NotSupported` without a key."""
        if self._cipher is None:
            raise NotSupported(READ_ONLY)
        await self._put(SECRET, name, self._cipher.encrypted(value))

    async def delete_environment(self, name: str) -> None:
        """Delete a stored environment value; one of the process stays."""
        await self._delete(ENVIRONMENT, name)

    async def delete_secret(self, name: str) -> None:
        """Delete a stored secret; `NotSupported` for one of the process."""
        if name not in self._stored[SECRET] and SECRET_PREFIX + name in self._process:
            raise NotSupported(f"{name} is a variable of the server's process, {SECRET_PREFIX}{name}: remove it there")
        await self._delete(SECRET, name)

    async def _put(self, kind: str, name: str, body: str) -> None:
        await self._documents.put(Document(kind, name, 0, body.encode(), self._now_ms()))

    async def _delete(self, kind: str, name: str) -> None:
        await self._documents.delete(kind, name)
