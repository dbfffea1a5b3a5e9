"""Environment values and secrets as clients list, read and change them."""

import re

from msgspec import Struct

from podium.model.errors import InvalidRequest, NotFound, TooLarge
from podium.runtime.variables import Variables

VALUE_CHARS_MAX = 65_536
COUNT_MAX = 10_000
SHOWN_CHARS = 4  # of a secret, at each end
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,255}", re.ASCII)  # what fits into `${workflow.env.NAME}`, and into paths


class EnvironmentVariable(Struct):
    """One value of the environment."""

    name: str
    value: str


class SecretSummary(Struct):
    """A secret's name, and as much of it as people need to tell it from another."""

    name: str
    partialValue: str  # noqa: N815 (wire name)


class Environment:
    """What `${workflow.env.NAME}` refers to."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    async def listed(self) -> list[EnvironmentVariable]:
        """Return all values by name."""
        names = self._variables.environment_names()
        return [EnvironmentVariable(name, self._variables.environment(name) or "") for name in names]

    async def value(self, name: str) -> str | None:
        """Return a value; an unknown one is no error, as upstream has it."""
        return self._variables.environment(name)

    async def put(self, name: str, value: str) -> None:
        """Set a value."""
        _check(name, value, len(self._variables.environment_names()))
        await self._variables.put_environment(name, value)

    async def delete(self, name: str) -> str | None:
        """Delete a value and return what it was; one that is not stored is no error."""
        before = await self.value(name)
        await self._variables.delete_environment(name)
        return before


class SecretStore:
    """What `${workflow.secrets.NAME}` refers to."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    async def names(self) -> list[str]:
        """Return the names of all secrets."""
        return self._variables.secret_names()

    async def summaries(self) -> list[SecretSummary]:
        """Return the names, each with a part of the secret."""
        names = self._variables.secret_names()
        return [SecretSummary(name, _part(self._variables.secret(name) or "")) for name in names]

    async def value(self, name: str) -> str:
        """Return a secret in the clear."""
        found = self._variables.secret(name)
        if found is None:
            raise NotFound(f"There is no secret {name[:100]}")
        return found

    async def exists(self, name: str) -> bool:
        """Whether there is a secret of that name."""
        return self._variables.secret(name) is not None

    async def put(self, name: str, value: str) -> None:
        """Set a secret."""
        _check(name, value, len(self._variables.secret_names()))
        await self._variables.put_secret(name, value)

    async def delete(self, name: str) -> None:
        """Delete a secret; one that is not there is no error."""
        await self._variables.delete_secret(name)


def _check(name: str, value: str, count: int) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"key: {name[:100]!r} has other characters than letters, digits, '_', '.', '@' and '-'")
    if len(value) > VALUE_CHARS_MAX:
        raise TooLarge(f"The value has {len(value)} characters, at most {VALUE_CHARS_MAX} are possible")
    if count >= COUNT_MAX:
        raise InvalidRequest(f"There are {COUNT_MAX} already; delete some first")


def _part(text: str) -> str:
    """Return both ends of a secret, at most a quarter of it: what is left must not be guessed."""
    count = min(len(text) // 8, SHOWN_CHARS)
    return f"{text[:count]}...{text[len(text) - count :]}"
