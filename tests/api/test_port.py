"""How many connections a process may hold."""

import resource

import pytest

from podium.api.port import CONNECTIONS_MAX, FILES_OWN, connections_max


@pytest.mark.parametrize(
    ("files", "connections"),
    [(20_000, 20_000 - FILES_OWN), (600, 300), (resource.RLIM_INFINITY, CONNECTIONS_MAX), (1 << 20, CONNECTIONS_MAX)],
)
def test_as_many_as_the_system_allows(monkeypatch: pytest.MonkeyPatch, files: int, connections: int) -> None:
    limits = [(500, files)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, wanted: limits.append(wanted))

    assert connections_max() == connections

    assert limits[-1] == (files, files)
